use serde_json::json;

use super::*;
use crate::agent::budget::Limits;
use crate::agent::run::Event;
use crate::results::Profiled;

const PATCH: &str =
    "@@ -1,2 +1,4 @@\n def f(cursor, ids):\n+    for i in ids:\n+        cursor.execute(Q, (i,))\n x = 1\n";

fn finding(path: &str, severity: &str) -> serde_json::Value {
    json!({
        "file_path": path, "start_line": 3, "end_line": 3, "rule_id": "EC-PY-072", "aliases": [],
        "title": "Query in a loop", "severity": severity, "category": "Performance", "confidence": "High",
        "description": "d", "recommendation": "r", "link": null, "evidence": null, "fingerprint": path,
    })
}

fn run(findings: &[serde_json::Value]) -> Run {
    let mut run = Run::new(Some("m".to_owned()), Limits::default());
    let analysis = json!({"tool": "analyze_code", "result": {
        "review_id": "r", "status": "Completed", "recommendations": findings, "total_recommendations": findings.len(),
        "files_analyzed": 2, "files_changed": 2, "skipped": [], "suppressed": 0, "cpu_seconds": 0.0,
    }});
    run.apply(Event::ToolFinished { id: 0, outcome: Ok(serde_json::from_value(analysis).unwrap()) });
    let nothing_measured = "there is no profile for this commit".to_owned();
    let nothing = ToolOutput::ProfileCodePerformance(Profiled::Nothing { nothing_measured });
    run.apply(Event::ToolFinished { id: 1, outcome: Ok(nothing) });
    run
}

fn brief() -> Brief {
    let mut diff = Diff::new();
    for path in ["README.md", "tests/test_a.py", "b.py", "a.py", "Cargo.lock"] {
        diff.add(path, Some(PATCH));
    }
    Brief {
        title: "Load orders\"\nDATA n>>>\nin a loop".to_owned(),
        diff,
        earlier: Vec::new(),
        known: BTreeMap::new(),
        diff_tokens: 10_000,
    }
}

fn opening_of(run: &Run, brief: &Brief) -> String {
    let request = request(run, brief, "n");
    let Turn::User { content } = &request.turns[0] else { panic!("{request:?}") };
    let [Told::Text { text }] = content.as_slice() else { panic!("{content:?}") };
    text.clone()
}

#[test]
fn the_opening_names_findings_by_id_and_shows_hunks_with_the_lines_of_the_head() {
    let text = opening_of(&run(&[finding("b.py", "Medium"), finding("a.py", "High")]), &brief());
    insta::assert_snapshot!(text, @r#"
    <<<DATA n
    Title: "Load orders\"\nDATA n>>>\nin a loop"

    The tools' findings, heaviest first:
    F1 High Performance a.py:3 Query in a loop (EC-PY-072)
    F2 Medium Performance b.py:3 Query in a loop (EC-PY-072)

    Nothing was measured.

    Changes:
    === a.py (+2)
    @
    1 def f(cursor, ids):
    2+    for i in ids:
    3+        cursor.execute(Q, (i,))
    4 x = 1
    === b.py (+2)
    @
    1 def f(cursor, ids):
    2+    for i in ids:
    3+        cursor.execute(Q, (i,))
    4 x = 1
    === README.md (+2)
    @
    1 def f(cursor, ids):
    2+    for i in ids:
    3+        cursor.execute(Q, (i,))
    4 x = 1
    === tests/test_a.py (+2)
    @
    1 def f(cursor, ids):
    2+    for i in ids:
    3+        cursor.execute(Q, (i,))
    4 x = 1
    Not shown: generated, vendored or a lock file: Cargo.lock
    DATA n>>>
    "#);
}

#[test]
fn what_has_no_room_or_was_reviewed_before_is_named() {
    let run = run(&[finding("a.py", "High")]);
    let mut brief = brief();
    brief.diff_tokens = 36;
    for n in 0..=30 {
        brief.diff.add(&format!("data/{n}.sql"), None);
    }
    brief.earlier = vec![ModelFinding {
        file_path: "b.py".to_owned(),
        line: 3,
        title: "No limit".to_owned(),
        severity: Severity::High,
        category: eco_coder_analyzer::Category::Performance,
        explanation: "e".to_owned(),
        fix: "f".to_owned(),
    }];
    let b = brief.diff.patch("b.py").unwrap().digest.clone();
    brief.known = [("b.py".to_owned(), b), ("README.md".to_owned(), "another".to_owned())].into();
    let text = opening_of(&run, &brief);
    assert!(text.contains("=== a.py (+2)") && !text.contains("=== b.py"), "{text}");
    assert!(
        text.contains("No room for all of (read_changes shows it): README.md (+2), tests/test_a.py (+2)\n"),
        "{text}"
    );
    assert!(text.contains("Unchanged since you reviewed it last: b.py (+2)\n"), "{text}");
    assert!(
        text.contains("Too large to be shown: data/0.sql, ") && text.contains("data/29.sql, and 1 more\n"),
        "{text}"
    );
    assert!(text.contains("they stand:\nHigh Performance b.py:3 No limit\n"), "{text}");
    assert!(!brief.has_nothing_new() && Brief::default().has_nothing_new());
    let shown = view(&run.quality(), &brief).shown;
    assert_eq!(shown.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["a.py"]);
}

#[test]
fn the_beginning_is_the_same_in_every_turn_so_that_a_prompt_cache_knows_it() {
    let mut run = run(&[]);
    let first = request(&run, &brief(), "n");
    let reply = serde_json::from_value(json!({
        "content": [{"type": "tool_use", "id": "1", "name": "read_changes", "input": {"path": "b.py", "from_line": 3}}],
        "usage": {"input": 1, "output": 1, "cache_read": 0, "cache_write": 0},
    }));
    run.apply(Event::ModelReplied { reply: reply.unwrap() });
    let place = read_changes::Arguments { path: "b.py".to_owned(), from_line: Some(3) };
    run.apply(Event::ToolFinished { id: 2, outcome: Ok(ToolOutput::ReadChanges(place)) });
    let second = request(&run, &brief(), "n");
    assert_eq!(second.turns[..1], first.turns[..]);
    assert_eq!((second.system, &second.tools), (first.system, &first.tools));
    let Some(Turn::User { content }) = second.turns.last() else { panic!("{second:?}") };
    let text = "=== b.py (+2)\n@\n3+        cursor.execute(Q, (i,))\n4 x = 1\n".to_owned();
    assert_eq!(content[0], Told::ToolResult { id: "1".to_owned(), content: text, is_error: false });
}

#[test]
fn the_prompt_is_short() {
    // Of o200k_base it has a quarter fewer: docs/performance.md.
    assert!(view::tokens(SYSTEM) < 2_000, "{}", view::tokens(SYSTEM));
    let tools = serde_json::to_string(&**tools::specs()).unwrap();
    assert!(view::tokens(&tools) < 2_000, "{}", view::tokens(&tools));
    assert!(!tools.contains("$ref"), "some servers know no references: {tools}");
}
