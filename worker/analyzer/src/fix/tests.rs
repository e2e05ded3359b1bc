//! Every rule's fix against its examples, and what is offered of them where.

use std::time::Duration;

use super::*;
use crate::choice::Options;
use crate::file::FileAnalysis;
use crate::language::Language;
use crate::parse::parse;
use crate::rule::{Examples, RuleInfo, documents};
use crate::scan::analyze;

fn path(language: Language) -> String {
    format!("src/app.{}", language.extension())
}

fn all(path: &str, text: &str, changed: Option<&LineSet>) -> FileAnalysis {
    let options = Options { include_low_confidence: true, ..Options::default() };
    analyze(path, text, changed, &options, &Limits::default()).unwrap()
}

/// What the rule's fixes make of the text; `None` if it has none.
fn mended(rule: &str, path: &str, text: &str) -> Option<String> {
    let findings = all(path, text, None).findings;
    let fixes: Vec<&Fix> = findings.iter().filter(|f| f.rule_id == rule).filter_map(|f| f.fix.as_ref()).collect();
    let (mended, applied) = apply_fixes(text, &fixes);
    (!fixes.is_empty() && applied.contains(&true)).then_some(mended)
}

fn with_examples() -> impl Iterator<Item = (RuleInfo, Examples)> {
    documents().map(Result::unwrap).map(|file| (file.info(), file.examples().clone()))
}

fn fixable() -> impl Iterator<Item = (RuleInfo, Examples)> {
    with_examples().filter(|(rule, _)| rule.fixable)
}

fn has_fault(language: Language, text: &str) -> bool {
    parse(language, text, &Deadline::after(Duration::MAX)).unwrap().root().get_inner_node().has_error()
}

#[test]
fn every_fix_makes_of_each_bad_example_what_the_rule_says() {
    let mut wrong = Vec::new();
    for (rule, examples) in with_examples() {
        let (fixable, language) = (rule.fixable, rule.languages[0]);
        let expected = &examples.fixed;
        let counts = if fixable { examples.bad.len() } else { 0 };
        if expected.len() != counts || (fixable && expected.iter().all(Option::is_none)) {
            wrong.push(format!(
                "{}: needs `fixed` for each of {counts} bad examples, one of them at least a text",
                rule.id
            ));
        }
        for (number, code) in examples.bad.iter().enumerate().take(counts) {
            let made = mended(&rule.id, &path(language), code);
            if made.as_ref() != expected.get(number).and_then(Option::as_ref) {
                wrong.push(format!("{} makes of\n{code}\nthis:\n{}", rule.id, made.unwrap_or("nothing".to_owned())));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn what_a_fix_made_parses_and_has_nothing_left_to_fix() {
    for (rule, examples) in fixable() {
        for &language in &rule.languages {
            for code in &examples.bad {
                let Some(made) = mended(&rule.id, &path(language), code) else { continue };
                assert!(!has_fault(language, &made) || has_fault(language, code), "{} {language:?}:\n{made}", rule.id);
                let left = all(&path(language), &made, None).findings;
                assert!(left.iter().all(|f| f.rule_id != rule.id), "{} {language:?} still speaks:\n{made}", rule.id);
                assert_eq!(mended(&rule.id, &path(language), &made), None);
            }
        }
    }
}

#[test]
fn line_endings_and_indentation_of_the_file_stay() {
    for (rule, examples) in fixable() {
        let path = &path(rule.languages[0]);
        for (code, made) in examples.bad.iter().zip(&examples.fixed) {
            let windows = |text: &str| text.replace('\n', "\r\n");
            assert_eq!(mended(&rule.id, path, &windows(code)), made.as_deref().map(windows), "{}", rule.id);
        }
    }
}

const SORTED: &str = "first = 0\nsmallest = sorted(\n    xs\n)[0]\nlast = 0\n";

fn only_fix(analysis: &FileAnalysis) -> Option<&Fix> {
    let [finding] = analysis.findings.as_slice() else { panic!("{:?}", analysis.findings) };
    assert_eq!(finding.fixable, finding.fix.is_some());
    finding.fix.as_ref()
}

#[test]
fn a_fix_is_offered_where_all_of_its_lines_changed() {
    let of = |lines: &[u32]| {
        let changed: LineSet = lines.iter().copied().collect();
        only_fix(&all("a.py", SORTED, Some(&changed))).cloned()
    };
    let fix = Fix { start_line: 2, end_line: 4, replacement: "smallest = min(xs)".to_owned() };
    assert_eq!([of(&[2, 3, 4]), of(&[1, 2, 3, 4, 5])], [Some(fix.clone()), Some(fix.clone())]);
    // The finding stays, and has nothing to click on.
    assert_eq!([of(&[2, 3]), of(&[4])], [None, None]);
    assert_eq!(fix.apply(SORTED).unwrap(), "first = 0\nsmallest = min(xs)\nlast = 0\n");
    assert_eq!(fix.apply("one line\n"), None);
}

#[test]
fn source_is_neither_stored_nor_shown_with_a_finding() {
    let analysis = all("a.py", "INJECTED = sorted(xs)[0]\n", None);
    assert!(only_fix(&analysis).unwrap().replacement.contains("INJECTED"));
    let stored = serde_json::to_string(&analysis).unwrap();
    assert!(stored.contains("\"fixable\":true") && !stored.contains("INJECTED"));
    assert!(!format!("{analysis:?}").contains("INJECTED"));
    let read: FileAnalysis = serde_json::from_str(&stored).unwrap();
    assert!(read.findings[0].fixable && read.findings[0].fix.is_none());
    let older = stored.replace("\"fixable\":true", "\"x\":0");
    assert!(!serde_json::from_str::<FileAnalysis>(&older).unwrap().findings[0].fixable);
}

#[test]
fn two_matches_on_a_line_are_one_finding_and_mended_together() {
    let text = "a = [sorted(xs)[0], sorted(ys)[0]]\n";
    assert_eq!(only_fix(&all("a.py", text, None)).unwrap().replacement, "a = [min(xs), min(ys)]");
    // Of one of them it isn't known how: then the finding would stay.
    let text = "a = [sorted(xs)[0], sorted(ys, key=f)[-1]]\n";
    assert_eq!(only_fix(&all("a.py", text, None)), None);
}

#[test]
fn a_fix_that_would_lose_a_comment_or_break_the_code_is_not_offered() {
    assert_eq!(mended("EC-PY-123", "a.py", "a = sorted(  # by name\n    xs,\n)[0]\n"), None);
    // In an f-string the braces would be text.
    assert_eq!(mended("EC-PY-130", "a.py", "a = f\"{set([x for x in xs])}\"\n"), None);
    // A body on the line of its `def` has no room for a statement.
    let one_line = "def add(item, items=[]): items.append(item)\n";
    assert_eq!(mended("EC-PY-201", "a.py", one_line), None);
    assert_eq!(all("a.py", one_line, None).refused_fixes, 1);
}

#[test]
fn code_that_is_broken_elsewhere_is_mended_and_does_not_get_worse() {
    let text = format!("def f(:\n\n{SORTED}");
    assert!(mended("EC-PY-123", "a.py", &text).unwrap().contains("smallest = min(xs)"));
}

#[test]
fn a_fix_that_brings_another_finding_is_not_offered() {
    // The await would be under the lock.
    let text = "use tokio::fs;\nasync fn f(m: &Mutex<u8>) {\n    let held = m.lock().unwrap();\n    \
                std::thread::sleep(PAUSE);\n    drop(held);\n}\n";
    assert_eq!(mended("EC-RS-102", "src/a.rs", text), None);
    assert!(all("src/a.rs", text, None).refused_fixes == 1);
}

#[test]
fn what_is_tried_for_a_file_is_bounded() {
    let text = "a = sorted(xs)[0]\n".repeat(25);
    let count = |limits: &Limits| {
        let analysis = analyze("a.py", &text, None, &Options::default(), limits).unwrap();
        assert_eq!(analysis.findings.len(), 25);
        analysis.findings.iter().filter(|finding| finding.fixable).count()
    };
    let limits = Limits::default();
    assert_eq!(count(&limits), 20);
    assert_eq!(count(&Limits { max_fixes_per_file: 0, ..limits.clone() }), 0);
    assert_eq!(count(&Limits { max_fixable_bytes: text.len(), ..limits.clone() }), 20);
    assert_eq!(count(&Limits { max_fixable_bytes: text.len() - 1, ..limits }), 0);
}

#[test]
fn fixes_that_meet_are_applied_one_at_a_time() {
    let fix =
        |start_line, end_line, replacement: &str| Fix { start_line, end_line, replacement: replacement.to_owned() };
    let (first, meets, later) = (fix(1, 2, "x"), fix(2, 3, "y"), fix(3, 3, ""));
    let (text, applied) = apply_fixes("a\nb\nc\nd\n", &[&later, &meets, &first]);
    assert_eq!((text.as_str(), applied), ("x\nd\n", vec![true, false, true]));
}

#[test]
fn no_white_space_is_left_before_a_line_break() {
    let text =
        "package a\nfunc f(w io.Writer) {\n\tfor {\n\t\tw.Write([]byte(fmt.Sprintf(\n\t\t\t\"%d\", 1)))\n\t}\n}\n";
    assert!(mended("EC-GO-116", "a.go", text).unwrap().contains("\t\tfmt.Fprintf(w,\n\t\t\t\"%d\", 1)\n"));
}
