//! The summary of a check run: a few lines that say what was found and what was not looked at, and lead to the comment.

use super::{MAX_NAME, failures, numbers, verdict, words};
use crate::publish::sanitize;
use crate::report::Report;

/// Files that were not looked at, by name.
const MAX_NAMED: usize = 5;

/// What was found, what failed, what was not looked at, where the comment is. Names and reasons are inert.
pub fn check_summary(report: &Report, comment: Option<&str>) -> String {
    let found = verdict::parts(report);
    let mut parts: Vec<String> = (!found.is_empty()).then(|| found.join(" ")).into_iter().collect();
    parts.extend(failures(report));
    parts.extend(not_looked_at(report));
    if let Some(url) = comment.filter(|url| is_plain_url(url)) {
        parts.push(format!("[The comment]({url}) has the rest."));
    }
    parts.join("\n\n")
}

fn not_looked_at(report: &Report) -> Option<String> {
    let mut skipped: Vec<_> = report.quality.present()?.skipped.iter().collect();
    if skipped.is_empty() {
        return None;
    }
    skipped.sort_by_key(|file| !file.gap);
    let named = skipped.iter().take(MAX_NAMED);
    let mut named: Vec<String> =
        named.map(|file| format!("{} ({})", sanitize::code(&file.path, MAX_NAME), words(&file.reason))).collect();
    if skipped.len() > MAX_NAMED {
        named.push(format!("{} more", numbers::grouped((skipped.len() - MAX_NAMED) as u64)));
    }
    Some(format!("Not looked at: {}: {}.", numbers::count(skipped.len(), "file", "files"), named.join(", ")))
}

/// A web address that nothing breaks out of a link with.
pub fn is_plain_url(url: &str) -> bool {
    let web = url.starts_with("https://") || url.starts_with("http://");
    web && url.len() <= 500 && url.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~/%#?=&+:,".contains(&b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fuzzing::{analysis, clean, finding, named, structure};
    use super::*;
    use crate::publish::sanitize::fuzzing::harm;
    use crate::report::Section;
    use crate::results::SkippedFile;

    const URL: &str = "https://github.test/o/r/pull/1#issuecomment-2";

    fn skipping(files: usize) -> String {
        let mut report = clean();
        let mut quality = analysis(vec![finding(1, eco_coder_analyzer::Severity::High)]);
        let skipped = |n| SkippedFile { path: format!("f{n}.py"), reason: "over 2 MB".to_owned(), gap: n == 3 };
        quality.skipped = (0..files).map(skipped).collect();
        report.quality = Section::Present(quality);
        check_summary(&report, Some(URL))
    }

    #[test]
    fn a_check_run_s_summary_names_files_up_to_the_bound_and_counts_the_rest() {
        let at = skipping(MAX_NAMED);
        assert!(at.starts_with("14 files at `3f2a9c1`: 1 high on the changed lines."), "{at}");
        assert!(at.contains("Not looked at: 5 files: `f3.py` (over 2 MB), `f0.py` (over 2 MB), "), "{at}");
        assert!(at.contains("`f4.py`") && at.ends_with(&format!("\n\n[The comment]({URL}) has the rest.")), "{at}");
        let past = skipping(MAX_NAMED + 1);
        assert!(past.contains("Not looked at: 6 files:") && past.contains(", 1 more."), "{past}");
        assert!(!skipping(0).contains("Not looked at"));
    }

    #[test]
    fn a_link_leads_to_a_plain_web_address_or_nowhere() {
        for url in ["javascript:alert(1)", "https://a.test/)[x](https://evil.test", "https://a.test/<x>", "x"] {
            assert!(!check_summary(&clean(), Some(url)).contains("The comment"), "{url}");
        }
        assert!(!check_summary(&clean(), None).contains("The comment"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_name_does_anything_in_a_check_run(name in any::<String>()) {
            let summary = |name: &str| check_summary(&named(name), Some(URL));
            prop_assert_eq!(structure(&summary(&name)), structure(&summary("plain")));
            prop_assert_eq!(harm(&summary(&name)), harm(&summary("plain")));
        }
    }
}
