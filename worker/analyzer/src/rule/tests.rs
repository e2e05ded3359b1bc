//! Every rule against its own examples, and the rules as a set.

use std::collections::BTreeSet;

use super::*;
use crate::choice::Options;
use crate::file::Limits;
use crate::scan::analyze;

/// The rules that speak of an example.
fn heard(language: Language, code: &str) -> BTreeSet<String> {
    let path = format!("src/app.{}", language.extension());
    let options = Options { include_low_confidence: true, ..Options::default() };
    let analysis = analyze(&path, code, None, &options, &Limits::default()).unwrap();
    analysis.findings.into_iter().map(|finding| finding.rule_id).collect()
}

#[test]
fn every_rule_compiles() {
    let mut wrong = Vec::new();
    for language in Language::ALL {
        let all: Vec<_> = RuleSet::of(language).all().collect();
        let errors = all.iter().filter_map(|rule| rule.as_ref().err());
        wrong.extend(errors.map(|error| format!("{language:?}: {error}")));
        assert!(!all.is_empty(), "{language:?} has no rules");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_speaks_of_its_bad_examples_and_of_no_good_one() {
    let mut wrong = Vec::new();
    for file in documents().map(Result::unwrap) {
        for &language in &file.languages {
            for code in &file.examples.bad {
                if !heard(language, code).contains(&file.id) {
                    wrong.push(format!("{} is silent on {language:?}:\n{code}", file.id));
                }
            }
            for code in &file.examples.good {
                if heard(language, code).contains(&file.id) {
                    wrong.push(format!("{} speaks on {language:?}:\n{code}", file.id));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_bad_example_is_about_one_thing() {
    let mut wrong = Vec::new();
    for file in documents().map(Result::unwrap) {
        for code in &file.examples.bad {
            let mut others = heard(file.languages[0], code);
            others.remove(&file.id);
            if !others.is_empty() {
                wrong.push(format!("{}: {others:?} on\n{code}", file.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rules_are_well_formed() {
    let mut ids = BTreeSet::new();
    for file in documents().map(Result::unwrap) {
        let id = &file.id;
        assert!(ids.insert(id.clone()), "{id} twice");
        assert!(file.examples.bad.len() >= 2 && file.examples.good.len() >= 2, "{id}: two examples of each at least");
        let prefix = match file.languages[0] {
            Language::Python => "EC-PY-",
            Language::Java => "EC-JV-",
            Language::Go => "EC-GO-",
            Language::Rust => "EC-RS-",
            Language::CSharp => "EC-CS-",
            Language::Php => "EC-PHP-",
            _ => "EC-JS-",
        };
        let number = id.strip_prefix(prefix).unwrap_or_else(|| panic!("{id}: starts with {prefix}"));
        assert!(number.len() == 3 && number.bytes().all(|b| b.is_ascii_digit()), "{id}");
        let info = file.info();
        assert!(info.title.len() <= 60 && !info.title.ends_with('.'), "{id}: title");
        for sentence in
            [Some(&info.description), Some(&info.recommendation), info.evidence.as_ref()].into_iter().flatten()
        {
            assert!(sentence.ends_with(['.', '"']) && sentence.len() > 20, "{id}: {sentence}");
        }
        assert!(info.link.as_ref().is_none_or(|link| link.starts_with("https://")), "{id}: link");
    }
    assert!(ids.len() >= 25, "{} rules", ids.len());
}

#[test]
fn the_table_lists_every_rule_in_order() {
    let table = rules();
    assert_eq!(table.len(), documents().map(Result::unwrap).count());
    assert!(table.is_sorted_by(|a, b| a.id < b.id));
    assert_eq!(rules_digest().len(), 16);
}
