//! Rules: data files compiled into the library. What a rule needs to have to match is known when the library is built;
//! the rule itself is read and compiled when a file first has that. Never decides what is done with a match.

#[cfg(test)]
mod ascii;
mod behind;
mod hidden;
#[cfg(test)]
mod literals;
mod prefilter;
#[cfg(test)]
mod words;

use std::collections::HashMap;
use std::sync::OnceLock;

use ast_grep_config::{DeserializeEnv, RuleCore, SerializableRule, SerializableRuleCore};
use ast_grep_core::Matcher;
use ast_grep_core::matcher::MatcherExt;
use regex::Regex;
use serde::{Deserialize, Serialize};

use self::prefilter::{Prefilter, Word};
use crate::checks::{self, Check};
use crate::choice::{Named, Options};
use crate::cost;
use crate::finding::{Category, Confidence, Severity};
use crate::fix::{FixFile, Rewrite};
use crate::language::Language;
use crate::own::MAX_OWN_SOURCE;
use crate::tree::{Match, Node};

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/rules.rs"));
}

/// A document of the rule files, with what is asked of it before it is read.
pub(crate) struct Embedded {
    file: &'static str,
    /// Below `rules/`.
    folder: &'static str,
    id: &'static str,
    aliases: &'static [&'static str],
    category: Category,
    confidence: Confidence,
    languages: &'static [Language],
    in_tests: bool,
    /// A text that the rule matches in has one word of each.
    clauses: &'static [&'static [Word]],
    /// Such a text matches this as well.
    glance: Option<&'static str>,
    /// Names of [`crate::checks`], as in the document.
    checks: &'static [&'static str],
    /// The whole, as JSON.
    document: &'static str,
}

impl Embedded {
    fn read(&self) -> Result<RuleFile, RuleError> {
        serde_json::from_str(self.document).map_err(|error| RuleError::Document {
            file: self.file,
            id: self.id,
            reason: error.to_string(),
        })
    }

    /// Whether the caller wants to hear this rule.
    fn is_on(&self, options: &Options, in_tests: bool) -> bool {
        let (id, category, confidence) = (self.id, self.category, self.confidence);
        let aliases = self.aliases.iter().copied();
        (self.in_tests || !in_tests) && options.wants_named(|| Named::new(id, aliases, category), confidence)
    }
}

/// What a rule says about itself: the text behind every finding, and the row of the rule table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleInfo {
    /// `EC-<LANG>-<nnn>`, unique and never reused.
    pub id: String,
    /// Names of the same thing elsewhere.
    pub aliases: Vec<String>,
    pub title: String,
    pub severity: Severity,
    pub category: Category,
    /// Low: off unless asked for.
    pub confidence: Confidence,
    pub languages: Vec<Language>,
    /// What it is and why it matters.
    pub description: String,
    /// What to do instead.
    pub recommendation: String,
    /// The effect as published or measured, with its source.
    pub evidence: Option<String>,
    /// Where to read more.
    pub link: Option<String>,
    /// Whether the rule speaks in test code too.
    pub in_tests: bool,
    /// Whether the rule has a mechanical fix, for some of what it finds at least.
    pub fixable: bool,
}

impl RuleInfo {
    /// The id and the aliases.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.id.as_str()).chain(self.aliases.iter().map(String::as_str))
    }
}

/// One document of a rule file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleFile {
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    title: String,
    severity: Severity,
    category: Category,
    confidence: Confidence,
    languages: Vec<Language>,
    description: String,
    recommendation: String,
    evidence: Option<String>,
    link: Option<String>,
    #[serde(default)]
    in_tests: bool,
    /// What the engine matches.
    rule: SerializableRule,
    constraints: Option<HashMap<String, SerializableRule>>,
    utils: Option<HashMap<String, SerializableRule>>,
    /// Names of [`crate::checks`] that a match must pass as well.
    #[serde(default)]
    checks: Vec<String>,
    /// What a match is to become, where that is mechanical.
    fix: Option<FixFile>,
    /// Read by the tests, and by `OwnRules::failures`.
    #[serde(default)]
    examples: Examples,
}

/// Code that a rule must speak of, and code on which it must be silent.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Examples {
    #[serde(default)]
    pub(crate) bad: Vec<String>,
    #[serde(default)]
    pub(crate) good: Vec<String>,
    /// Of a rule with a fix: what it makes of each bad example, null if nothing.
    #[serde(default)]
    pub(crate) fixed: Vec<Option<String>>,
}

/// Why a rule file can't be used. A test keeps this from ever leaving the house.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RuleError {
    #[error("{file}: {id} is no rule: {reason}")]
    Document { file: &'static str, id: &'static str, reason: String },
    #[error("{id}: the engine refuses the rule: {reason}")]
    Engine { id: String, reason: String },
    #[error("{id}: there is no check named {name:?}")]
    NoSuchCheck { id: String, name: String },
    #[error("{id}: can't use its fix: {reason}")]
    Fix { id: String, reason: String },
    #[error("{id}: must name the kinds of node it matches")]
    NoKinds { id: String },
}

/// A rule ready to match one language.
pub(crate) struct Rule {
    pub(crate) info: RuleInfo,
    matcher: RuleCore,
    /// The kinds of node that it can match.
    kinds: Vec<u16>,
    /// With their names.
    checks: Vec<(String, Check)>,
    /// The cases of its fix, in order.
    pub(crate) rewrites: Vec<Rewrite>,
}

impl Rule {
    pub(crate) fn compile(file: &RuleFile, language: Language) -> Result<Self, RuleError> {
        let engine = |error: &dyn std::error::Error| RuleError::Engine { id: file.id.clone(), reason: chain(error) };
        let core = SerializableRuleCore {
            rule: file.rule.clone(),
            constraints: file.constraints.clone(),
            utils: file.utils.clone(),
            transform: None,
        };
        let matcher = core.get_matcher(DeserializeEnv::new(language.grammar())).map_err(|e| engine(&e))?;
        let Some(kinds) = matcher.potential_kinds() else { return Err(RuleError::NoKinds { id: file.id.clone() }) };
        let kinds = kinds.iter().filter_map(|kind| u16::try_from(kind).ok()).collect();
        let checks = file
            .checks
            .iter()
            .map(|name| {
                let check = checks::named(name);
                check
                    .map(|check| (name.clone(), check))
                    .ok_or_else(|| RuleError::NoSuchCheck { id: file.id.clone(), name: name.clone() })
            })
            .collect::<Result<_, _>>()?;
        let rewrites = file.fix.as_ref().map(|fix| Rewrite::compile(fix, &matcher, language, file.utils.as_ref()));
        let rewrites = rewrites.transpose().map_err(|reason| RuleError::Fix { id: file.id.clone(), reason })?;
        Ok(Self { info: file.info(), matcher, kinds, checks, rewrites: rewrites.unwrap_or_default() })
    }

    /// Whether the rule matches at exactly this node.
    pub(crate) fn matches(&self, node: &Node<'_>) -> bool {
        self.found(node).is_some()
    }

    /// The match at exactly this node, with the pieces that the rule names.
    pub(crate) fn found<'t>(&self, node: &Node<'t>) -> Option<Match<'t>> {
        let found = cost::of(&self.info.id, || self.matcher.match_node(node.clone()));
        found.filter(|found| self.checks.iter().all(|(name, check)| cost::of(name, || check(found))))
    }
}

impl RuleFile {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn languages(&self) -> &[Language] {
        &self.languages
    }

    pub(crate) fn examples(&self) -> &Examples {
        &self.examples
    }

    pub(crate) fn info(&self) -> RuleInfo {
        let flat = |text: &String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        RuleInfo {
            id: self.id.clone(),
            aliases: self.aliases.clone(),
            title: flat(&self.title),
            severity: self.severity,
            category: self.category,
            confidence: self.confidence,
            languages: self.languages.clone(),
            description: flat(&self.description),
            recommendation: flat(&self.recommendation),
            evidence: self.evidence.as_ref().map(flat),
            link: self.link.clone(),
            in_tests: self.in_tests,
            fixable: self.fix.is_some(),
        }
    }
}

/// The rules of one language, and the words that wake them.
pub(crate) struct RuleSet {
    language: Language,
    slots: Vec<Slot>,
    prefilter: Prefilter,
}

/// A rule, compiled when it is first awake.
struct Slot {
    source: &'static Embedded,
    glance: OnceLock<Option<Regex>>,
    rule: OnceLock<Result<Rule, RuleError>>,
}

impl RuleSet {
    /// The rules of a language.
    pub(crate) fn of(language: Language) -> &'static Self {
        static SETS: [OnceLock<RuleSet>; Language::ALL.len()] = [const { OnceLock::new() }; Language::ALL.len()];
        SETS[language.index()].get_or_init(|| Self::new(language))
    }

    fn new(language: Language) -> Self {
        let folder = folder(language);
        let ours = |source: &&Embedded| source.folder == folder && source.languages.contains(&language);
        let slots: Vec<Slot> = (embedded::DOCUMENTS.iter().filter(ours))
            .map(|source| Slot { source, glance: OnceLock::new(), rule: OnceLock::new() })
            .collect();
        let prefilter = Prefilter::new(language, slots.iter().map(|slot| slot.source.clauses));
        Self { language, slots, prefilter }
    }

    /// The rules that can match in a text and that the caller wants to hear, compiled.
    ///
    /// A rule that doesn't compile is left out here and fails a test.
    fn awake(&'static self, text: &str, options: &Options, in_tests: bool) -> impl Iterator<Item = &'static Rule> {
        let awake = self.prefilter.awake(text);
        let slots = self
            .slots
            .iter()
            .zip(awake)
            .filter(move |(slot, awake)| *awake && slot.source.is_on(options, in_tests) && slot.may_match(text));
        slots.filter_map(|(slot, _)| slot.rule(self.language).as_ref().ok())
    }

    /// Every rule, compiled or not.
    #[cfg(test)]
    pub(crate) fn all(&'static self) -> impl Iterator<Item = &'static Result<Rule, RuleError>> {
        self.slots.iter().map(|slot| slot.rule(self.language))
    }
}

impl Slot {
    /// What words don't tell and the text does.
    fn may_match(&self, text: &str) -> bool {
        self.glance().is_none_or(|glance| glance.is_match(text))
            && self.source.checks.iter().filter_map(|name| checks::glance(name)).all(|glance| glance(text))
    }

    fn glance(&self) -> Option<&Regex> {
        self.glance.get_or_init(|| self.source.glance.and_then(|regex| Regex::new(regex).ok())).as_ref()
    }

    fn rule(&self, language: Language) -> &Result<Rule, RuleError> {
        self.rule.get_or_init(|| cost::of("step compile", || Rule::compile(&self.source.read()?, language)))
    }
}

/// The rules that are awake in a file, and which of them can match a node of a given kind.
pub(crate) struct Awake<'a> {
    rules: Vec<&'a Rule>,
    /// Places in `rules`, by kind.
    by_kind: Vec<u16>,
    /// Where each kind begins in `by_kind`; one more at the end.
    starts: Vec<u16>,
}

impl<'a> Awake<'a> {
    /// Of ours those that the words of the text wake, and the repository's own if it is short enough for them.
    pub(crate) fn of(language: Language, text: &str, options: &'a Options, in_tests: bool) -> Self {
        let own = options.own_rules.iter().filter(|_| text.len() <= MAX_OWN_SOURCE).flat_map(|own| own.of(language));
        let own = own.filter(|rule| (rule.info.in_tests || !in_tests) && options.wants(&rule.info));
        let mut rules: Vec<&'a Rule> = RuleSet::of(language).awake(text, options, in_tests).collect();
        rules.extend(own);
        Self::new(rules)
    }

    pub(crate) fn new(rules: Vec<&'a Rule>) -> Self {
        let pairs = (0_u16..).zip(&rules).flat_map(|(index, rule)| rule.kinds.iter().map(move |&kind| (kind, index)));
        let mut pairs: Vec<(u16, u16)> = pairs.collect();
        pairs.sort_unstable();
        let kinds = pairs.last().map_or(0, |&(kind, _)| usize::from(kind) + 1);
        let mut starts = vec![0_u16; kinds + 1];
        for &(kind, _) in &pairs {
            starts[usize::from(kind) + 1] += 1;
        }
        for kind in 0..kinds {
            starts[kind + 1] += starts[kind];
        }
        Self { rules, by_kind: pairs.into_iter().map(|(_, index)| index).collect(), starts }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether a rule can match a node of this kind.
    pub(crate) fn want(&self, kind: u16) -> bool {
        let kind = usize::from(kind);
        kind + 1 < self.starts.len() && self.starts[kind] < self.starts[kind + 1]
    }

    /// The rules that can match a node of this kind, in the order of their files.
    pub(crate) fn for_kind(&self, kind: u16) -> impl Iterator<Item = &'a Rule> {
        let kind = usize::from(kind);
        let bounds = self.starts.get(kind).zip(self.starts.get(kind + 1));
        let places = bounds.map_or(&[][..], |(&from, &to)| &self.by_kind[usize::from(from)..usize::from(to)]);
        places.iter().map(|&index| self.rules[usize::from(index)])
    }
}

/// Every rule there is, by id.
pub fn rules() -> Vec<RuleInfo> {
    let mut all: Vec<RuleInfo> = documents().filter_map(Result::ok).map(|file| file.info()).collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}

/// Changes whenever findings could: with any rule, check, engine or grammar. 16 hex digits, for cache keys.
pub fn rules_digest() -> String {
    embedded::DIGEST.to_owned()
}

/// The rules, read but not compiled.
pub(crate) fn documents() -> impl Iterator<Item = Result<RuleFile, RuleError>> {
    embedded::DOCUMENTS.iter().map(Embedded::read)
}

fn folder(language: Language) -> &'static str {
    match language {
        Language::Python => "python",
        Language::Java => "java",
        Language::JavaScript | Language::TypeScript | Language::Tsx => "javascript",
        Language::Go => "go",
        Language::Rust => "rust",
        Language::CSharp => "csharp",
        Language::Php => "php",
    }
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests;
