//! Logs of real linters (of `tests/fixtures/sarif/orders.py`), and logs that nobody should have written.

use proptest::prelude::*;

use super::*;

fn fixture(name: &str) -> Vec<Linted> {
    let path = format!("{}/../tests/fixtures/sarif/{name}.sarif", env!("CARGO_MANIFEST_DIR"));
    let (found, more) = read(&std::fs::read(path).unwrap()).unwrap();
    assert!(!more);
    found
}

fn log(results: &str) -> String {
    format!(
        r#"{{"version": "2.1.0", "runs": [{{"tool": {{"driver": {{"name": "t", "rules": [{{"id": "R1", "messageStrings":
        {{"plain": {{"text": "Plain."}}, "holes": {{"text": "{{0}}!"}}}}}}]}}}}, "results": {results}}}]}}"#
    )
}

fn result(more: &str) -> String {
    format!(
        r#"[{{"ruleId": "R1", "message": {{"text": "m"}}, "locations": [{{"physicalLocation": {{"artifactLocation":
        {{"uri": "a.py"}}, "region": {{"startLine": 3}}}}}}]{more}}}]"#
    )
}

fn found(text: &str) -> Vec<Linted> {
    read(text.as_bytes()).unwrap().0
}

#[test]
fn logs_of_real_linters_are_read() {
    let ruff = fixture("ruff");
    let perf = ruff.iter().find(|one| one.rule == "PERF402").unwrap();
    assert_eq!((perf.tool.as_str(), perf.start_line, perf.severity), ("ruff", 11, Severity::Low));
    assert_eq!(perf.path, "/home/runner/work/shop/shop/app/orders.py");
    assert!(perf.link.as_ref().unwrap().starts_with("https://docs.astral.sh/"), "{perf:?}");
    let shell = fixture("bandit").into_iter().find(|one| one.rule == "B602").unwrap();
    assert_eq!((shell.category, shell.severity, shell.start_line), (Category::Security, Severity::Medium, 12));
    assert_eq!((shell.path.as_str(), shell.aliases.as_slice()), ("app/orders.py", &["CWE-78".to_owned()][..]));
    let semgrep = fixture("semgrep");
    assert_eq!((semgrep[0].tool.as_str(), semgrep[0].title.as_str()), ("Semgrep OSS", ""));
    assert_eq!(semgrep[0].confidence, Confidence::High);
    let eslint = fixture("eslint");
    assert_eq!(eslint.len(), 3);
    assert_eq!(eslint[0].title, "Disallow unused variables");
}

#[test]
fn what_is_passed_suppressed_or_gone_is_left_out() {
    assert_eq!(found(&log(&result(""))).len(), 1);
    for more in [
        r#", "kind": "pass""#,
        r#", "baselineState": "absent""#,
        r#", "suppressions": [{"kind": "inSource"}]"#,
        r#", "suppressions": [{"kind": "external", "status": "accepted"}]"#,
    ] {
        assert_eq!(found(&log(&result(more))), [], "{more}");
    }
    assert_eq!(found(&log(&result(r#", "suppressions": [{"kind": "external", "status": "rejected"}]"#))).len(), 1);
    assert_eq!(found(&log(&result(r#", "suppressions": null"#))).len(), 1);
}

#[test]
fn a_message_by_its_name_is_the_rules_unless_it_has_holes() {
    let text = |id: &str| log(&result("")).replace(r#"{"text": "m"}"#, &format!(r#"{{"id": "{id}"}}"#));
    assert_eq!(found(&text("plain"))[0].message, "Plain.");
    assert_eq!(found(&text("holes")), []);
}

#[test]
fn paths_are_decoded_and_those_that_lead_elsewhere_are_left_out() {
    for (uri, path) in [
        ("src/a%20b.py", Some("src/a b.py")),
        ("./a.py", Some("a.py")),
        ("file:///home/x/a.py", Some("/home/x/a.py")),
        ("file://localhost/x/a.py", Some("/x/a.py")),
        ("file:///D:/a/shop/shop/a.py", Some("/D:/a/shop/shop/a.py")),
        ("D:\\\\a\\\\a.py", Some("/D:/a/a.py")),
        ("../a.py", None),
        ("a/%2e%2e/b.py", None),
        ("a%0Ab.py", None),
        ("a%ff.py", None),
        ("https://example.org/a.py", None),
        ("", None),
    ] {
        let text = log(&result("")).replace("\"a.py\"", &format!("\"{uri}\""));
        assert_eq!(found(&text).first().map(|one| one.path.as_str()), path, "{uri}");
    }
}

#[test]
fn what_is_no_log_says_so() {
    assert_eq!(read(b"{}").unwrap_err(), SarifError::NotSarif { line: 1 });
    assert_eq!(read(b"\n\n[").unwrap_err(), SarifError::NotSarif { line: 3 });
    assert_eq!(read(br#"{"version": "1.0.0", "runs": []}"#).unwrap_err(), SarifError::Version);
    assert_eq!(read(&vec![b' '; MAX_BYTES + 1]).unwrap_err(), SarifError::TooLarge);
    assert!(matches!(read("[".repeat(100_000).as_bytes()), Err(SarifError::NotSarif { .. })));
    assert_eq!(read(b"\xef\xbb\xbf{\"version\": \"2.1.0\", \"runs\": []}").unwrap().0, []);
}

#[test]
fn results_are_read_up_to_the_bound_and_the_rest_is_said() {
    let one = result("");
    let one = &one[1..one.len() - 1];
    let results = |n: usize| log(&format!("[{}]", vec![one; n].join(",")));
    let (found, more) = read(results(MAX_RESULTS).as_bytes()).unwrap();
    assert_eq!((found.len(), more), (MAX_RESULTS, false));
    let (found, more) = read(results(MAX_RESULTS + 1).as_bytes()).unwrap();
    assert_eq!((found.len(), more), (MAX_RESULTS, true));
}

#[test]
fn long_and_strange_texts_are_cut_and_cleaned() {
    let text = log(&result("")).replace("\"m\"", &format!("\"a\\u0000\\u001b[31m\\n{}\"", "x".repeat(10_000)));
    let message = &found(&text)[0].message;
    assert_eq!(message.chars().count(), MAX_TEXT);
    assert!(message.starts_with("a[31m x") && message.ends_with('\u{2026}'), "{message}");
}

proptest! {
    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
    }

    #[test]
    fn no_cut_of_a_real_log_breaks_the_reader(at in 0..1_600_usize, with in any::<u8>()) {
        let path = format!("{}/../tests/fixtures/sarif/semgrep.sarif", env!("CARGO_MANIFEST_DIR"));
        let mut bytes = std::fs::read(path).unwrap();
        let at = at.min(bytes.len() - 1);
        bytes[at] = with;
        let _ = read(&bytes);
        let _ = read(&bytes[..at]);
    }
}
