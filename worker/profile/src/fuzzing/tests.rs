use std::path::Path;

use super::*;

/// Runs a target over its committed corpus.
fn over_corpus(name: &str, target: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus").join(name);
    let mut files = 0;
    for entry in std::fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let outcome = std::panic::catch_unwind(|| target(&bytes));
        assert!(outcome.is_ok(), "{} fails; the reason stands above", path.display());
        files += 1;
    }
    assert!((1..=80).contains(&files), "{files} files in {}", directory.display());
}

#[test]
fn the_corpora_hold() {
    for (name, target) in [
        ("pprof", pprof as fn(&[u8])),
        ("folded", folded),
        ("perf", perf),
        ("cpuprofile", cpuprofile),
        ("speedscope", speedscope),
    ] {
        over_corpus(name, target);
    }
}
