//! A rule's examples, tried: does it speak of what it says is bad, and of nothing that it says is good?

use std::sync::Arc;

use super::OwnRules;
use crate::choice::{Choice, Options, Selector};
use crate::file::Limits;
use crate::language::Language;
use crate::rule::RuleFile;
use crate::scan::analyze;

/// Code with what a rule should say of it.
#[derive(Debug, Clone)]
pub(super) struct Example {
    rule: String,
    language: Language,
    code: String,
    bad: bool,
}

/// An example that says something else than its rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The rule's id.
    pub rule: String,
    /// In which language it was tried.
    pub language: Language,
    /// Was it an example of what is bad?
    pub bad: bool,
    /// The example.
    pub code: String,
    /// What went wrong, if it could not be looked at.
    pub why: Option<String>,
}

impl Example {
    pub(super) fn of(file: &RuleFile) -> Vec<Self> {
        let examples = file.examples();
        let all = examples.bad.iter().map(|code| (code, true)).chain(examples.good.iter().map(|code| (code, false)));
        let of = |(code, bad): (&String, bool)| {
            let each =
                move |&language: &Language| Self { rule: file.id().to_owned(), language, code: code.clone(), bad };
            file.languages().iter().map(each).collect::<Vec<_>>()
        };
        all.flat_map(of).collect()
    }
}

impl OwnRules {
    /// How many examples there are, each counted in each of its rule's languages.
    pub fn examples(&self) -> usize {
        self.examples.len()
    }

    /// Tries every example. Call it on a thread with [`STACK_BYTES`](crate::STACK_BYTES) of stack.
    pub fn failures(self: &Arc<Self>) -> Vec<Failure> {
        self.examples.iter().filter_map(|example| self.fails(example)).collect()
    }

    fn fails(self: &Arc<Self>, example: &Example) -> Option<Failure> {
        let only = vec![Selector::Name(example.rule.clone())];
        let choices = vec![Choice { only, ..Choice::default() }];
        let options = Options { choices, own_rules: Some(Arc::clone(self)), ..Options::default() };
        let path = format!("src/example.{}", example.language.extension());
        let analysis = analyze(&path, &example.code, None, &options, &Limits::default());
        let why = match analysis {
            Ok(analysis) if analysis.findings.is_empty() != example.bad => return None,
            Ok(analysis) => analysis.partial,
            Err(skipped) => Some(skipped.to_string()),
        };
        let Example { rule, language, code, bad } = example.clone();
        Some(Failure { rule, language, bad, code, why })
    }
}
