//! A rule's examples, tried: does it speak of what it says is bad, and of nothing that it says is good?

use std::sync::Arc;

use super::OwnRules;
use crate::choice::{Choice, Options, Selector};
use crate::file::Limits;
use crate::fix::{Fix, apply_fixes};
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
    fixed: Fixed,
}

/// What the rule's fix should make of an example.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fixed {
    /// The rule doesn't say.
    Unsaid,
    /// Nothing.
    Not,
    To(String),
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
    /// What went wrong, if it isn't that the rule speaks or is silent.
    pub why: Option<String>,
}

impl Example {
    pub(super) fn of(file: &RuleFile) -> Vec<Self> {
        let examples = file.examples();
        let fixed = examples
            .fixed
            .iter()
            .map(|text| text.clone().map_or(Fixed::Not, Fixed::To))
            .chain(std::iter::repeat(Fixed::Unsaid));
        let bad = examples.bad.iter().zip(fixed).map(|(code, fixed)| (code, true, fixed));
        let good = examples.good.iter().map(|code| (code, false, Fixed::Unsaid));
        let mut all = Vec::new();
        for (code, bad, fixed) in bad.chain(good) {
            all.extend(file.languages().iter().map(|&language| {
                let (rule, code, fixed) = (file.id().to_owned(), code.clone(), fixed.clone());
                Self { rule, language, code, bad, fixed }
            }));
        }
        all
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
            Err(skipped) => Some(format!("it is not looked at: {skipped}")),
            Ok(analysis) if analysis.findings.is_empty() == example.bad => {
                analysis.partial.map(|partial| format!("it is not looked at whole: {partial}"))
            }
            Ok(analysis) => {
                let fixes: Vec<&Fix> = analysis.findings.iter().filter_map(|finding| finding.fix.as_ref()).collect();
                let made = match fixes.as_slice() {
                    [] => Fixed::Not,
                    fixes => Fixed::To(apply_fixes(&example.code, fixes).0),
                };
                if example.fixed == Fixed::Unsaid || example.fixed == made {
                    return None;
                }
                Some("its fix makes something else of it".to_owned())
            }
        };
        let Example { rule, language, code, bad, .. } = example.clone();
        Some(Failure { rule, language, bad, code, why })
    }
}
