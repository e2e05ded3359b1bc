use serde_json::{Value, json};

use super::*;

fn report(head: char, findings: &[&str], status: &str, muted: u32) -> Report {
    let findings: Vec<Value> = findings
        .iter()
        .map(|print| {
            json!({
                "file_path": "a.py", "start_line": 1, "end_line": 1, "rule_id": "EC-PY-072", "aliases": [], "title": "t",
                "severity": "High", "category": "Performance", "confidence": "High", "description": "d",
                "recommendation": "r", "link": null, "evidence": null, "fingerprint": print,
            })
        })
        .collect();
    serde_json::from_value(json!({
        "schema": SCHEMA,
        "target": {
            "repository": "o/r", "repository_id": 1, "pull_request": 2, "head_sha": head.to_string().repeat(40),
            "merge_base_sha": "f".repeat(40),
        },
        "quality": {
            "outcome": "present", "review_id": "r", "status": status, "recommendations": findings,
            "total_recommendations": findings.len(), "files_analyzed": 1, "files_changed": 1, "skipped": [],
            "suppressed": muted, "cpu_seconds": 0.0,
        },
        "performance": {"outcome": "absent", "why": ""},
        "carbon": {"outcome": "absent", "why": ""},
        "model": {"status": "not_configured"},
        "ledger": {
            "seconds": 1.0, "analyser_cpu_seconds": 0.0, "co2e_grams": null, "input_tokens": 0, "cached_tokens": 0,
            "output_tokens": 0, "dollars": null, "freshness": "fresh",
        },
    }))
    .unwrap()
}

fn complete(head: char, findings: &[&str]) -> Report {
    report(head, findings, "Completed", 0)
}

/// (head, fixed, remaining, new)
fn since(memory: Option<&Memory>, report: &Report) -> Option<(char, usize, usize, usize)> {
    let since = memory?.since(report)?;
    Some((since.head.as_str().chars().next()?, since.fixed, since.remaining, since.new.len()))
}

#[test]
fn each_push_is_compared_with_the_one_before_it_a_clean_one_too() {
    let first = Memory::after(None, &complete('a', &["1", "2"]), None);
    let second = complete('b', &[]);
    assert_eq!(since(first.as_ref(), &second), Some(('a', 2, 0, 0)));
    let memory = Memory::after(first.as_ref(), &second, None);
    assert_eq!(since(memory.as_ref(), &complete('c', &["1"])), Some(('b', 0, 0, 1)));
    assert_eq!(Memory::after(None, &second, None), None, "nothing to remember");
}

#[test]
fn the_same_head_again_is_compared_with_what_was_before_it() {
    let first = Memory::after(None, &complete('a', &["1", "2"]), None);
    let second = complete('b', &["2", "3"]);
    let memory = Memory::after(first.as_ref(), &second, None);
    assert_eq!(since(memory.as_ref(), &second), Some(('a', 1, 1, 1)));
    let again = Memory::after(memory.as_ref(), &second, None);
    assert_eq!(since(again.as_ref(), &second), Some(('a', 1, 1, 1)));
    assert_eq!(since(first.as_ref(), &complete('a', &["1"])), None, "there is nothing before it");
}

#[test]
fn what_was_not_all_seen_is_compared_with_nothing_and_changes_nothing() {
    let first = Memory::after(None, &complete('a', &["1", "2"]), None);
    let partial = report('b', &["2"], "Partial", 0);
    assert_eq!(since(first.as_ref(), &partial), None);
    let memory = Memory::after(first.as_ref(), &partial, None);
    assert_eq!(since(memory.as_ref(), &complete('c', &["2"])), Some(('a', 1, 1, 0)));
}

#[test]
fn what_is_muted_is_not_fixed() {
    let first = Memory::after(None, &complete('a', &["1", "2"]), None);
    assert_eq!(since(first.as_ref(), &report('b', &[], "Completed", 1)), Some(('a', 1, 0, 0)));
}

fn part(verdict: Advice, further: &[(&str, Severity)]) -> ModelPart {
    let further = further.iter().map(|(path, severity)| ModelFinding {
        file_path: (*path).to_owned(),
        line: 1,
        title: "t".to_owned(),
        severity: *severity,
        category: eco_coder_analyzer::Category::Security,
        explanation: "e".to_owned(),
        fix: "f".to_owned(),
    });
    ModelPart {
        model: "m".to_owned(),
        verdict,
        summary: "All of it.".to_owned(),
        important: Vec::new(),
        further: further.collect(),
        dropped: 0,
        suggestions: vec!["s".to_owned()],
    }
}

fn remark(part: ModelPart) -> Remark {
    let patches = ["a.py", "b.py"].map(|path| (path.to_owned(), "d".to_owned()));
    Remark { asked: "m".to_owned(), part, patches: patches.into() }
}

#[test]
fn words_about_a_file_that_has_changed_do_not_stand_and_its_findings_neither() {
    let said = remark(part(Advice::Mend, &[("a.py", Severity::High), ("b.py", Severity::Low)]));
    let all = said.standing(|_| true, &complete('a', &[])).unwrap();
    assert_eq!(all, said.part);
    let rest = said.standing(|path| path == "b.py", &complete('a', &[])).unwrap();
    assert_eq!((rest.further.len(), rest.verdict, rest.summary.as_str()), (1, Advice::Consider, ""));
    let fine = remark(part(Advice::Mend, &[("a.py", Severity::High)]));
    assert_eq!(fine.standing(|path| path == "b.py", &complete('a', &[])), None, "nothing of it holds");
}

#[test]
fn what_stands_keeps_a_new_verdict_from_being_lighter_than_it() {
    let old = part(Advice::Mend, &[("a.py", Severity::High)]);
    let new = part(Advice::Fine, &[("b.py", Severity::Low)]);
    let both = joined(new, old.clone());
    assert_eq!((both.verdict, both.further.len(), both.further[0].severity), (Advice::Mend, 2, Severity::High));
    let same = joined(old.clone(), old);
    assert_eq!(same.further.len(), 1);
}
