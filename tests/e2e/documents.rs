//! Documents that are made from the code say what the code says. `REMAKE_DOCUMENTS=1 cargo test documents` remakes them.

use std::path::{Path, PathBuf};

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

fn holds(name: &str, table: &str) {
    let path = docs(name);
    if std::env::var_os("REMAKE_DOCUMENTS").is_some() {
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once("<!-- table -->").unwrap();
        let (_, after) = rest.split_once("<!-- end of table -->").unwrap();
        let made = format!("{before}<!-- table -->\n{table}<!-- end of table -->{after}");
        std::fs::write(&path, made).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(table), "docs/{name} is not what the code says: run REMAKE_DOCUMENTS=1 cargo test documents");
}

#[test]
fn the_table_of_settings_is_whole() {
    holds("configuration.md", &eco_coder_shared::config::reference_table());
}

#[test]
fn the_table_of_metrics_is_whole() {
    holds("metrics.md", &eco_coder_shared::telemetry::metrics::reference_table());
}

#[test]
fn the_rules_are_whole() {
    let remake = std::env::var_os("REMAKE_DOCUMENTS").is_some();
    let pages = eco_coder::commands::rules::pages();
    for (name, made) in &pages {
        let path = docs("rules").join(name);
        if remake {
            std::fs::create_dir_all(docs("rules")).unwrap();
            std::fs::write(&path, made).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text == *made, "docs/rules/{name} is old: run REMAKE_DOCUMENTS=1 cargo test documents");
    }
    assert_eq!(
        std::fs::read_dir(docs("rules")).unwrap().count(),
        pages.len(),
        "a page of docs/rules that nobody makes"
    );
}

/// Every function of the repository's sources that is a test.
fn tests_of(folder: &Path, found: &mut std::collections::BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") && !entry.file_name().to_string_lossy().starts_with('.') {
            tests_of(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let functions = text.lines().filter_map(|line| line.trim_start().split_once("fn ")?.1.split_once('('));
            found.extend(functions.map(|(name, _)| name.to_owned()));
        }
    }
}

#[test]
fn the_tests_that_the_limits_name_exist() {
    let mut tests = std::collections::BTreeSet::new();
    tests_of(Path::new(env!("CARGO_MANIFEST_DIR")), &mut tests);
    let text = std::fs::read_to_string(docs("limits.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.contains("---"));
    let mut named = 0;
    for row in rows {
        let last = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for name in last.split('`').filter(|part| part.contains('_') && !part.contains(' ')) {
            assert!(tests.contains(name), "docs/limits.md names {name}, which is no test");
            named += 1;
        }
    }
    assert!(named > 100, "{named}");
}

/// What stands in backticks and is a test: `path/of/file.rs::name`, or `path/of/file.rs::module::name`.
fn named_tests(text: &str) -> Vec<(&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2).filter_map(|quoted| quoted.split_once("::"));
    quoted
        .filter(|(path, _)| Path::new(path).extension().is_some_and(|extension| extension == "rs"))
        .map(|(path, test)| (path, test.rsplit("::").next().unwrap_or(test)))
        .collect()
}

fn is_test(path: &str, name: &str) -> bool {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_default();
    text.contains(&format!("fn {name}("))
}

#[test]
fn the_tests_that_speak_of_reliability_and_security_exist() {
    for (name, least) in [("reliability.md", 29), ("../SECURITY.md", 10)] {
        let text = std::fs::read_to_string(docs(name)).unwrap();
        let named = named_tests(&text);
        assert!(named.len() >= least, "{name} names {} tests", named.len());
        for (path, test) in named {
            assert!(is_test(path, test), "docs/{name} names {path}::{test}, which is no test");
        }
    }
    // Each case has a row, and each row a test.
    let text = std::fs::read_to_string(docs("reliability.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let rows = rows.filter_map(|(number, rest)| Some((number.trim().parse::<usize>().ok()?, rest)));
    let numbers: Vec<usize> = rows
        .map(|(number, rest)| {
            assert!(!named_tests(rest).is_empty(), "case {number} of docs/reliability.md has no test");
            number
        })
        .collect();
    assert_eq!(numbers, (1..=29).collect::<Vec<_>>());
}
