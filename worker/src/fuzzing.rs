//! The fuzz targets of this package, for tests/fuzz: each takes any bytes and asserts what must hold. Never part of a
//! release build.

use eco_coder_analyzer::{Finding, Limits, LineSet, Options, STACK_BYTES};
use eco_coder_shared::fuzzing::SettingsFile;

use crate::config::WorkerConfig;

pub use crate::backends::codeguru_profiler::fuzzing::call_graph;
pub use crate::backends::pprof::fuzzing::{bounded, folded, most_bytes_held, pprof};
pub use crate::publish::body::fuzzing::body;
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

/// A source file: its first byte chooses the language and, above that, the changed lines. Findings lie in the file, on
/// the lines that were asked for, and those of some lines are among those of all. So do fixes.
pub fn analyze(bytes: &[u8]) {
    const PATHS: [&str; 9] = ["a.py", "A.java", "a.js", "a.ts", "a.tsx", "a.go", "a.rs", "A.cs", "a.php"];
    let Some((choice, text)) = bytes.split_first() else { return };
    let (path, first) = (PATHS[usize::from(*choice) % PATHS.len()], u32::from(*choice) / 9 + 1);
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
            let same =
                |other: &Finding| (&other.fingerprint, other.start_line) == (&finding.fingerprint, finding.start_line);
            assert!(all.findings.iter().any(same), "{finding:?}");
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

#[cfg(test)]
mod tests {
    use eco_coder_shared::fuzzing::over_corpus;

    use super::*;

    #[test]
    fn the_corpora_of_profiles_hold() {
        over_corpus("pprof", pprof);
        over_corpus("folded", folded);
        over_corpus("call_graph", call_graph);
    }

    #[test]
    fn the_corpora_of_comments_hold() {
        over_corpus("sanitize", sanitize);
        over_corpus("body", body);
        over_corpus("comment", comment);
    }

    #[test]
    fn the_corpus_of_sources_holds() {
        over_corpus("analyze", analyze);
    }

    #[test]
    fn the_corpus_of_settings_holds() {
        over_corpus("config", config);
    }
}
