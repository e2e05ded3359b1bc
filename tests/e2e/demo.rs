//! The demo: the main job on this machine alone.

use serde_json::Value;

use crate::world::{run_in, stdout};

#[test]
fn the_demo_ends_by_itself_with_the_comment() {
    let here = tempfile::tempdir().unwrap();
    let output = run_in(here.path(), &[], &["demo"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = stdout(&output);
    assert!(text.contains("### Eco-Coder:") && text.contains("things to mend"), "{text}");
    assert!(text.contains("CO2e"), "{text}");
    assert!(!text.contains('\u{1b}'), "colours where there is no terminal");
    assert_eq!(std::fs::read_dir(here.path()).unwrap().count(), 0, "the demo leaves nothing behind");
}

#[test]
fn the_demo_prints_json() {
    let here = tempfile::tempdir().unwrap();
    let output = run_in(here.path(), &[], &["demo", "--format", "json"]);
    let out: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(out["comment_url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    let findings = out["findings"].as_array().unwrap();
    assert!(findings.len() >= 5, "{findings:?}");
    let markdown = out["comment_markdown"].as_str().unwrap();
    for finding in findings.iter().filter(|f| f["severity"] == "High" || f["severity"] == "Critical") {
        assert!(markdown.contains(finding["title"].as_str().unwrap()), "{finding}");
    }
    assert!(out["timings_ms"]["comment_posted"].as_f64().unwrap() > 0.0);
}

#[test]
fn the_demo_says_why_there_is_no_comment() {
    let here = tempfile::tempdir().unwrap();
    let output = run_in(here.path(), &[], &["demo", "--repo", ".", "--base", "main"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!output.stderr.is_empty());
}
