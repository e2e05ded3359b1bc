use proptest::prelude::*;

use super::view::{Relevance, Shown, shown, tokens, view};
use super::*;

const PATCH: &str = "@@ -1,4 +1,5 @@ def f():\n a = 1\n-b = 2\n+b = 3\n+c = 4\n d = 5\n last = 6\n@@ -40,2 +41,1 @@\n-gone = 1\n e = 6\n\\ No newline at end of file\n";

fn diff(files: &[(&str, &str)]) -> Diff {
    let mut diff = Diff::new();
    for (path, patch) in files {
        diff.add(path, Some(patch));
    }
    diff
}

struct Nothing;

impl Relevance for Nothing {
    fn heaviest(&self, _: &str) -> Option<eco_coder_analyzer::Severity> {
        None
    }

    fn is_known(&self, _: &Patch) -> bool {
        false
    }
}

/// What a patch adds.
fn added(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |all, line| all + "+" + line + "\n")
}

fn part(text: &str, next: Option<u32>) -> Shown {
    Shown { text: text.to_owned(), next }
}

#[test]
fn hunks_are_shown_with_the_lines_of_the_head() {
    let diff = diff(&[("a.py", PATCH)]);
    let all = "=== a.py (+2)\n@\n1 a = 1\n-b = 2\n2+b = 3\n3+c = 4\n4 d = 5\n5 last = 6\n@\n-gone = 1\n41 e = 6\n";
    let patch = &diff.patches()[0];
    assert_eq!(shown(patch, 1, 1_000), part(all, None));
    assert_eq!(shown(patch, 41, 1_000), part("=== a.py (+2)\n@\n-gone = 1\n41 e = 6\n", None));
    assert_eq!(shown(patch, 42, 1_000), part("", None));
    assert_eq!(shown(patch, 1, 13), part("=== a.py (+2)\n@\n1 a = 1\n-b = 2\n", Some(2)));
    assert_eq!(shown(patch, 2, 13), part("=== a.py (+2)\n@\n-b = 2\n2+b = 3\n", Some(3)));
    assert_eq!(shown(patch, 1, 0), part("", Some(1)));
}

#[test]
fn of_a_long_run_of_removed_lines_the_rest_is_counted_and_what_came_instead_can_be_read() {
    let removed: Vec<String> = (0..500).map(|n| format!("-old line {n}\n")).collect();
    let diff = diff(&[("a.py", &format!("@@ -1,500 +1,2 @@\n{}+new = 1\n+more = 2\n", removed.concat()))]);
    let Shown { text, next } = shown(&diff.patches()[0], 1, 1_000);
    assert!(text.contains("-old line 19\n-... 480 more lines removed\n1+new = 1\n2+more = 2\n"), "{text}");
    assert_eq!(next, None);
}

#[test]
fn a_quotation_stands_in_what_was_changed_near_the_line() {
    let diff = diff(&[("a.py", PATCH)]);
    assert_eq!(diff.stands("a.py", 2, "b = 3"), Some(2), "a whole line");
    assert_eq!(diff.stands("a.py", 2, "b ="), None, "a piece of one shows nothing");
    assert_eq!(diff.stands("a.py", 2, "b = 3\n  c=4\nd = 5"), Some(2), "white space is no difference");
    assert_eq!(diff.stands("a.py", 7, "b = 3\nc = 4\nd = 5"), Some(2));
    assert_eq!(diff.stands("a.py", 8, "b = 3\nc = 4\nd = 5"), None, "too far away");
    assert_eq!(diff.stands("a.py", 2, "b = 2"), None, "removed");
    assert_eq!(diff.stands("a.py", 5, "last = 6"), None, "it was there before");
    assert_eq!(diff.stands("a.py", 41, "e = 6"), Some(41), "beside what was removed");
    assert_eq!(diff.stands("a.py", 4, "c = 4\nd = 5\nlast = 6e = 6"), None, "two hunks don't touch");
    assert_eq!(diff.stands("b.py", 2, "b = 3"), None);
    assert_eq!(diff.stands("a.py", 2, ""), None);
    assert_eq!(diff.stands("a.py", 2, &"x".repeat(1 << 20)), None);
}

#[test]
fn of_equal_places_the_nearest_is_taken() {
    let body: String = (0..6).map(|_| "+same()\n").collect();
    let diff = diff(&[("a.py", &format!("@@ -0,0 +1,6 @@\n{body}"))]);
    assert_eq!(diff.stands("a.py", 4, "same()"), Some(4));
    assert_eq!(diff.stands("a.py", 9, "same()"), Some(6));
}

#[test]
fn what_is_kept_of_a_file_and_of_all_is_bounded_and_the_rest_is_named() {
    let patch = |bytes: usize| {
        let head = "@@ -0,0 +1,1 @@\n+";
        format!("{head}{}", "x".repeat(bytes - head.len()))
    };
    let most = patch(MAX_PATCH);
    assert!(Patch::pack("a.py", &most).is_ok());
    assert_eq!(Patch::pack("a.py", &patch(MAX_PATCH + 1)), Err(Unshown::TooLarge));
    let fit = MAX_DIFF / MAX_PATCH;
    let mut all = Diff::new();
    (0..=fit).for_each(|n| all.add(&format!("{n}.py"), Some(&most)));
    assert_eq!((all.patches().len(), all.unshown(Unshown::TooLarge).len()), (fit, 1));
    let mut smaller = diff(&[("a.py", &patch(MAX_PATCH / 2))]);
    (0..fit).for_each(|n| smaller.add(&format!("{n}.py"), Some(&most)));
    smaller.add("last.py", Some(PATCH));
    assert!(smaller.patch("last.py").is_some(), "what is refused takes no room");
    for (nothing, path, why) in [
        ("", "a.py", Unshown::TooLarge),
        ("nonsense", "a.py", Unshown::TooLarge),
        ("@@ -1 +1,9 @@\n+x", "a.py", Unshown::TooLarge),
        (PATCH, "dist/a.js", Unshown::Program),
        (PATCH, "Cargo.lock", Unshown::Program),
    ] {
        assert_eq!(Patch::pack(path, nothing), Err(why), "{path} {nothing}");
    }
    assert!(Patch::pack("a.py", "@@ -1,2 +1,1 @@\n-check()\n x").is_ok(), "what is only removed can matter, too");
}

#[test]
fn long_lines_are_cut_and_odd_names_are_quoted() {
    let diff = diff(&[("a\n=== b.py.md", &format!("@@ -0,0 +1 @@\n+{}", "é".repeat(500)))]);
    let text = view(&diff, &Nothing, 10_000).text;
    assert!(text.starts_with("=== \"a\\n=== b.py.md\" (+1)\n@\n1+é"), "{text}");
    assert!(text.ends_with("é... (cut)\n") && text.chars().count() < 360, "{text}");
}

proptest! {
    /// Whatever the patches, the view keeps to its budget, and names or shows every file.
    #[test]
    fn a_view_keeps_to_its_budget(
        files in prop::collection::btree_map("[a-z]{1,8}(\\.py|\\.md|_test\\.go|\\.lock)", prop::collection::vec("[ -~é]{0,40}", 1..30), 1..12),
        budget in 0_u64..400,
    ) {
        let mut diff = Diff::new();
        for (path, lines) in &files {
            let body = added(lines);
            diff.add(path, Some(&format!("@@ -0,0 +1,{} @@\n{body}", lines.len())));
        }
        let view = view(&diff, &Nothing, budget);
        prop_assert!(tokens(&view.text) <= budget, "{} of {budget}", tokens(&view.text));
        for path in files.keys() {
            let is_shown = view.shown.iter().any(|(shown, _)| shown == path);
            prop_assert!(is_shown || view.left_out.contains(path.as_str()), "{path}: {}", view.left_out);
        }
    }

    /// Reading on from where it says there is more comes to an end, and shows every added line once.
    #[test]
    fn a_file_can_be_read_to_its_end(lines in prop::collection::vec("[ -~]{0,30}", 1..40), budget in 24_u64..80) {
        let body = added(&lines);
        let diff = diff(&[("a.py", &format!("@@ -0,0 +1,{} @@\n{body}", lines.len()))]);
        let (mut from, mut seen) = (1, Vec::new());
        for _ in 0..=lines.len() {
            let Shown { text, next } = shown(&diff.patches()[0], from, budget);
            seen.extend(text.lines().skip(2).map(str::to_owned));
            match next {
                Some(next) => from = next,
                None => break,
            }
        }
        let all: Vec<String> = lines.iter().zip(1..).map(|(line, n)| format!("{n}+{line}")).collect();
        prop_assert_eq!(seen, all);
    }

    #[test]
    fn every_added_line_stands_where_it_was_added(lines in prop::collection::vec("[a-z]{4,12}[ -~]{0,20}", 1..20), at in 0_usize..20) {
        let body = added(&lines);
        let diff = diff(&[("a.py", &format!("@@ -0,0 +1,{} @@\n{body}", lines.len()))]);
        let at = at % lines.len();
        let found = diff.stands("a.py", u32::try_from(at).unwrap() + 1, &lines[at]);
        prop_assert_eq!(found, Some(u32::try_from(at).unwrap() + 1));
    }
}
