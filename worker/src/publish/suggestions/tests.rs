//! Suggestions: what is written, and what becomes of it from push to push.

use super::*;
use serde_json::json;

const ME: u64 = 7;

fn finding(fingerprint: &str, line: u32) -> Finding {
    serde_json::from_value(json!({
        "file_path": "a.py", "start_line": line, "end_line": line, "rule_id": "EC-PY-123", "aliases": [],
        "title": "Sorted to take one", "severity": "Low", "category": "Performance", "confidence": "High",
        "description": "d", "recommendation": "Use min. @everyone", "link": null, "evidence": null,
        "fingerprint": fingerprint,
    }))
    .unwrap()
}

fn suggestion(fingerprint: &str, replacement: &str) -> Suggestion {
    let fix = Fix { start_line: 3, end_line: 3, replacement: replacement.to_owned() };
    Suggestion::new("eco-coder", &finding(fingerprint, 3), &fix).unwrap()
}

fn standing(id: u64, suggestion: &Suggestion) -> ReviewComment {
    ReviewComment {
        id,
        author_id: ME,
        body: suggestion.comment.body.clone(),
        path: "a.py".to_owned(),
        line: Some(3),
        answers: None,
    }
}

fn plan(standing: &[ReviewComment], wanted: &[Suggestion]) -> (Vec<u64>, usize) {
    let changes = changes("eco-coder", ME, standing, wanted);
    (changes.delete, changes.create.len())
}

#[test]
fn the_block_holds_any_text_and_the_words_are_inert() {
    let body = suggestion("f1", "x = '```'\n````").comment.body;
    assert!(body.ends_with("\n`````suggestion\nx = '```'\n````\n`````"), "{body}");
    assert!(body.starts_with(
        "<!-- eco-coder:suggestion v=1 deployment=eco-coder finding=f1 -->\n**Sorted to take one** - Low"
    ));
    assert!(!body.contains(" @everyone"), "{body}");
    let long = Fix { start_line: 1, end_line: 1, replacement: "x".repeat(MAX_REPLACEMENT + 1) };
    assert_eq!(Suggestion::new("eco-coder", &finding("f1", 1), &long), None);
}

#[test]
fn lines_are_those_of_the_mend() {
    let fix = |start_line, end_line| Fix { start_line, end_line, replacement: "x".to_owned() };
    let of = |fix| Suggestion::new("eco-coder", &finding("f1", 3), &fix).unwrap().comment;
    assert_eq!((of(fix(3, 3)).start_line, of(fix(3, 3)).line), (None, 3));
    assert_eq!((of(fix(3, 5)).start_line, of(fix(3, 5)).line), (Some(3), 5));
}

#[test]
fn a_suggestion_is_written_once_stays_and_goes_with_its_finding() {
    let (one, two) = (suggestion("f1", "a"), suggestion("f2", "b"));
    assert_eq!(plan(&[], &[one.clone(), two.clone()]), (vec![], 2));
    let there = [standing(1, &one), standing(2, &two)];
    assert_eq!(plan(&there, &[one.clone(), two]), (vec![], 0));
    assert_eq!(plan(&there, &[one]), (vec![2], 0));
    assert_eq!(plan(&there, &[]), (vec![1, 2], 0));
}

#[test]
fn doubles_go_and_what_says_something_else_is_written_anew() {
    let one = suggestion("f1", "a");
    assert_eq!(plan(&[standing(1, &one), standing(2, &one)], std::slice::from_ref(&one)), (vec![2], 0));
    assert_eq!(plan(&[standing(1, &one)], &[suggestion("f1", "b")]), (vec![1], 1));
    let outdated = ReviewComment { line: None, ..standing(1, &one) };
    assert_eq!(plan(&[outdated], &[one]), (vec![1], 1));
}

#[test]
fn what_somebody_answered_stays() {
    let one = suggestion("f1", "a");
    let answer = ReviewComment { id: 9, author_id: 3, body: "No".to_owned(), answers: Some(1), ..standing(1, &one) };
    assert_eq!(plan(&[standing(1, &one), answer.clone()], &[]), (vec![], 0));
    // And it isn't said again beside it.
    let outdated = ReviewComment { line: None, ..standing(1, &one) };
    assert_eq!(plan(&[outdated, answer], &[one]), (vec![], 0));
}

#[test]
fn others_comments_are_not_touched() {
    let one = suggestion("f1", "a");
    let theirs = ReviewComment { author_id: 8, ..standing(1, &one) };
    let ours_elsewhere = ReviewComment {
        body: one.comment.body.replace("deployment=eco-coder ", "deployment=other "),
        ..standing(2, &one)
    };
    let longer = ReviewComment {
        body: one.comment.body.replace("deployment=eco-coder ", "deployment=eco-coder-2 "),
        ..standing(3, &one)
    };
    assert_eq!(plan(&[theirs, ours_elsewhere, longer], &[]), (vec![], 0));
}

#[test]
fn a_listed_body_may_be_cut_and_have_other_line_ends() {
    let one = suggestion("f1", &"x".repeat(3_900));
    let mut there = standing(1, &one);
    there.body = there.body[..3_000].replace('\n', "\r\n");
    assert_eq!(plan(&[there], &[one]), (vec![], 0));
}
