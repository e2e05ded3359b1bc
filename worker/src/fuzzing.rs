//! The fuzz targets of this package, for tests/fuzz: each takes any bytes and asserts what must hold. Never part of a
//! release build.

use eco_coder_analyzer::{Base, Finding, Limits, LineSet, MAX_OWN_RULES, NoteTaker, Options, STACK_BYTES};
use eco_coder_shared::fuzzing::SettingsFile;

use crate::config::WorkerConfig;
use crate::repository::RepositorySettings;

pub use crate::agentcore::fuzzing::invocation;
pub use crate::backends::artifacts::fuzzing::archive;
pub use crate::backends::codeguru_profiler::fuzzing::call_graph;
pub use crate::backends::sarif::fuzzing::sarif;
pub use crate::model::bedrock::fuzzing::bedrock;
pub use crate::model::openai::fuzzing::openai;
pub use crate::publish::body::fuzzing::{body, marker};
pub use crate::publish::sanitize::fuzzing::sanitize;
pub use crate::report::markdown::fuzzing::comment;

/// A settings file, as the worker takes it.
pub fn config(bytes: &[u8]) {
    let Some(file) = SettingsFile::new(bytes) else { return };
    let Some(settings) = file.settings() else { return };
    let Some(config) = file.of(WorkerConfig::from_settings(&settings)) else { return };
    let worker = &config.worker;
    assert!((1..=10_000).contains(&worker.jobs) && worker.cpu_threads <= 1024 && worker.max_attempts >= 1);
    let write = crate::config::write_time(&config.github).as_secs();
    assert!(worker.lease_seconds > write, "a write outlasts its lease");
    assert!(worker.retry_seconds <= worker.retry_cap_seconds);
    for seconds in [worker.shutdown_grace_seconds, worker.cooldown_seconds, worker.retry_cap_seconds] {
        assert!(seconds <= 12 * 3600, "{seconds} s would overflow a clock");
    }
    assert!(config.analysis.max_file_bytes <= worker.source_bytes);
    assert!(config.profiles.folded_sample_ms.is_none_or(|ms| ms.is_finite() && ms > 0.0));
    assert!(eco_coder_carbon::footprint(&config.carbon).is_ok_and(|footprint| footprint.co2e_grams.is_finite()));
}

/// A repository's settings, and behind a line `---` rules of its own: what is used keeps within its bounds, and every problem is
/// one line that can be shown.
pub fn repository(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (file, rules) = text.split_once("\n---\n").unwrap_or((&text, ""));
    let mut settings = RepositorySettings::of(file);
    settings.add_rules("own.yml".to_owned(), rules.to_owned());
    let compiled = settings.compile();
    for problem in &compiled.problems {
        assert!(problem.starts_with(".eco-coder.toml: ") && !problem.chars().any(char::is_control), "{problem:?}");
    }
    let options = compiled.options("a/b.py", &Options::default());
    assert!(options.own_rules.as_ref().is_none_or(|own| own.infos().len() <= MAX_OWN_RULES));
    let code = "def f(xs):\n    for x in xs:\n        print(x)\n";
    let look = || eco_coder_analyzer::analyze("a/b.py", code, None, &options, &Limits::default()).map(drop);
    std::thread::scope(|scope| {
        let spawned = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, look);
        assert!(spawned.is_ok_and(|thread| thread.join().is_ok()));
    });
}

/// A file in each of the languages.
const PATHS: [&str; 9] = ["a.py", "A.java", "a.js", "a.ts", "a.tsx", "a.go", "a.rs", "A.cs", "a.php"];

/// A source file: its first byte chooses the language and, above that, the changed lines. Findings lie in the file, on
/// the lines that were asked for, and those of some lines are among those of all. So do fixes.
pub fn analyze(bytes: &[u8]) {
    analyze_as(None, bytes);
}

/// The same in the language of this path, whatever the first byte says.
pub fn analyze_as(path: Option<&str>, bytes: &[u8]) {
    let Some((choice, text)) = bytes.split_first() else { return };
    let path = path.unwrap_or(PATHS[usize::from(*choice) % PATHS.len()]);
    let first = u32::from(*choice) / 9 + 1;
    let text = String::from_utf8_lossy(text);
    let look = || {
        let options = Options { include_low_confidence: true, ..Options::default() };
        let Ok(all) = eco_coder_analyzer::analyze(path, &text, None, &options, &Limits::default()) else { return };
        let lines = text.split('\n').count();
        for finding in &all.findings {
            assert!((1..=finding.end_line).contains(&finding.start_line) && finding.end_line as usize <= lines);
        }
        let changed = LineSet::from_ranges([first..=first + 2]);
        let some = eco_coder_analyzer::analyze(path, &text, Some(&changed), &options, &Limits::default());
        for finding in some.iter().flat_map(|some| &some.findings) {
            assert!(changed.intersects(finding.start_line..=finding.end_line), "{finding:?}");
            let is_it =
                |other: &Finding| (&other.fingerprint, other.start_line) == (&finding.fingerprint, finding.start_line);
            assert!(all.findings.iter().any(is_it), "{finding:?}");
            if let Some(fix) = &finding.fix {
                assert!((fix.start_line..=fix.end_line).all(|line| changed.contains(line)), "{finding:?}");
            }
        }
        for finding in &all.findings {
            let applies = finding.fix.as_ref().is_none_or(|fix| fix.apply(&text).is_some());
            assert!(applies && finding.fixable == finding.fix.is_some(), "{finding:?}");
        }
    };
    std::thread::scope(|scope| {
        let spawned = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, look);
        assert!(spawned.is_ok_and(|thread| thread.join().is_ok()), "{path}");
    });
}

/// A source file, chosen as for [`analyze`], beside the same with its first half left out: their shapes lie within the
/// text, the findings are those of an analysis by itself, and the notes speak of changed lines and don't depend on the
/// order of files.
pub fn shape(bytes: &[u8]) {
    let Some((choice, text)) = bytes.split_first() else { return };
    let (path, first) = (PATHS[usize::from(*choice) % PATHS.len()], u32::from(*choice) / 9 + 1);
    let text = String::from_utf8_lossy(text);
    let look = || {
        let (options, limits) = (Options::default(), Limits::default());
        let Ok((analysis, shape)) = eco_coder_analyzer::inspect(path, &text, None, &options, &limits) else { return };
        // Alone it doesn't parse what wakes no rule, and so doesn't say that it can't be parsed.
        let alike = eco_coder_analyzer::analyze(path, &text, None, &options, &limits).map(|alike| alike.findings);
        assert_eq!(Ok(analysis.findings), alike);
        let lines = text.split('\n').count();
        for f in shape.functions() {
            assert!((1..=f.last_line).contains(&f.first_line) && f.last_line as usize <= lines, "{f:?}");
            assert!((1..=f.last_line - f.first_line + 1).contains(&f.code_lines) && f.cyclomatic >= 1, "{f:?}");
            assert!(f.own_cognitive <= f.cognitive && !f.name.contains(char::is_control), "{f:?}");
        }
        let half = text.char_indices().nth(text.chars().count() / 2).map_or("", |(at, _)| &text[at..]);
        let other = eco_coder_analyzer::shape(path, half, &limits).unwrap_or_default();
        let changed = LineSet::from_ranges([first..=first + 9]);
        let other_path = format!("other/{path}");
        let notes = |other_first: bool| {
            let mut taker = NoteTaker::default();
            if other_first {
                taker.file(&other_path, other.clone(), Base::Absent, None);
            }
            taker.file(path, shape.clone(), Base::Known(&other), Some(&changed));
            if !other_first {
                taker.file(&other_path, other.clone(), Base::Absent, None);
            }
            taker.finish()
        };
        let one = notes(false);
        assert_eq!(one, notes(true), "the order of files");
        for duplicate in &one.duplicates.found {
            assert!(duplicate.places.len() > 1 && duplicate.places.iter().any(|place| place.is_changed));
            assert!(duplicate.places.iter().all(|p| 1 <= p.first_line && p.last_line as usize <= lines));
        }
        assert!(one.todo_places.iter().all(|place| place.file_path != path || changed.contains(place.line)));
    };
    std::thread::scope(|scope| {
        let spawned = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, look);
        assert!(spawned.is_ok_and(|thread| thread.join().is_ok()), "{path}");
    });
}

#[cfg(test)]
mod tests {
    use eco_coder_shared::fuzzing::over_corpus;

    use super::*;

    #[test]
    fn the_corpora_of_profiles_hold() {
        over_corpus("call_graph", call_graph);
    }

    #[test]
    fn the_corpora_of_comments_hold() {
        over_corpus("sanitize", sanitize);
        over_corpus("body", body);
        over_corpus("comment", comment);
        over_corpus("marker", marker);
    }

    #[test]
    fn the_corpora_of_models_and_invocations_hold() {
        over_corpus("openai", openai);
        over_corpus("bedrock", bedrock);
        over_corpus("invocation", invocation);
    }

    #[test]
    fn the_corpus_of_archives_holds() {
        over_corpus("archive", archive);
    }

    #[test]
    fn the_corpus_of_sources_holds() {
        over_corpus("analyze", analyze);
        over_corpus("shape", shape);
    }

    #[test]
    fn the_corpora_of_repositories_and_linters_hold() {
        over_corpus("repository", repository);
        over_corpus("sarif", sarif);
    }

    #[test]
    fn the_corpus_of_settings_holds() {
        over_corpus("config", config);
    }
}
