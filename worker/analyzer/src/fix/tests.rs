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
    documents().flat_map(Result::unwrap).map(|file| (file.info(), file.examples().clone()))
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
