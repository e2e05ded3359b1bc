//! Input that nobody should have committed: too large, too long, not text, cut off anywhere. Each ends in findings that
//! lie in the file, or in a reason, on the stack that the contract asks for. Deep nesting is in `deep.rs`.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::{Path, PathBuf};
use std::{fs, thread};

use eco_coder_analyzer::{Language, Limits, Options, STACK_BYTES, Skipped, analyze};

const PATHS: [&str; 9] = ["a.py", "A.java", "a.js", "a.ts", "a.tsx", "a.go", "a.rs", "A.cs", "a.php"];

/// Cuts of a file in a run of all tests. Every byte of all files takes minutes in release: see `each_byte`.
const CUTS: usize = 8;

fn on_contract_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap().join().unwrap()
}

fn why(path: &str, text: &str) -> Skipped {
    analyze(path, text, None, &Options::default(), &Limits::default()).unwrap_err()
}

#[test]
fn ten_megabytes_a_line_of_five_and_what_is_not_text_are_refused_with_the_reason() {
    let large = "x = 1;\n".repeat(1_500_000);
    let long = format!("x = '{}';\n", "a".repeat(5_000_000));
    let longest = "y".repeat((64 << 10) + 1);
    for path in PATHS {
        assert_eq!(why(path, &large).to_string(), "over 2 MB", "{path}");
        assert_eq!(why(path, &long).to_string(), "over 2 MB", "{path}");
        assert!(matches!(why(path, &longest), Skipped::LineTooLong { line: 1, .. } | Skipped::Generated(_)), "{path}");
        assert_eq!(why(path, "x = 1;\n\0\u{1}\u{2}ELF").to_string(), "not text", "{path}");
    }
    // With limits that let it through, a line of five megabytes costs time and nothing else.
    let limits = Limits { max_bytes: 10 << 20, max_line_bytes: 10 << 20, ..Limits::default() };
    let answer = on_contract_stack(move || analyze("a.py", &long, None, &Options::default(), &limits));
    assert!(answer.is_ok(), "{answer:?}");
}

/// Fifty files of this repository: rules' own measurements in each language, and sources.
fn files() -> Vec<(PathBuf, String)> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in [
        "evidence",
        "src",
        "src/checks",
        "src/rule",
        "tests",
        "examples",
        "../../tests/load",
        "../../tests/support",
        "../../src/commands",
    ] {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(package.join(folder)).unwrap().map(|e| e.unwrap().path()).collect();
        entries.sort();
        found.extend(entries.into_iter().filter(|path| Language::of_path(&path.to_string_lossy()).is_some()));
    }
    found.truncate(50);
    assert_eq!(found.len(), 50);
    found.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// Analyses what is left of a text when it is cut at each of the places.
fn cut(path: &Path, text: &str, places: impl Iterator<Item = usize>) {
    // By its name alone: in `tests/` most rules would sleep.
    let name = path.file_name().unwrap().to_string_lossy();
    let options = Options { include_low_confidence: true, ..Options::default() };
    for place in places.filter(|&place| text.is_char_boundary(place)) {
        let rest = &text[..place];
        let Ok(analysis) = analyze(&name, rest, None, &options, &Limits::default()) else { continue };
        let lines = u32::try_from(rest.split('\n').count()).unwrap();
        for finding in analysis.findings {
            assert!(1 <= finding.start_line && finding.start_line <= finding.end_line, "{name} cut at {place}");
            assert!(finding.end_line <= lines, "{name} cut at {place}");
        }
    }
}

#[test]
fn fifty_files_cut_at_several_places_get_an_answer() {
    on_contract_stack(|| {
        for (path, text) in files() {
            let step = (text.len() / CUTS).max(1);
            // Odd steps: a cut in the middle of a word, of a string, of a line break.
            cut(&path, &text, (0..CUTS).map(|n| n * step + n * 7 % 5));
        }
    });
}

/// `cargo test --release -p eco-coder-analyzer --test input -- --ignored`
#[test]
#[ignore = "every byte of fifty files takes minutes in release and hours without"]
fn fifty_files_cut_at_each_byte_get_an_answer() {
    for (path, text) in files() {
        on_contract_stack(move || {
            // Of the longest files the last 8,000 bytes.
            let from = text.len().saturating_sub(8_000);
            cut(&path, &text, from..=text.len());
        });
    }
}
