//! Rules: data files compiled into the library, read and checked once per language when a file of that language first
//! comes along. Never decides what is done with a match.

mod words;

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::OnceLock;

use ast_grep_config::{DeserializeEnv, RuleCore, SerializableRule, SerializableRuleCore};
use ast_grep_core::Matcher;
use ast_grep_core::matcher::MatcherExt;
use serde::{Deserialize, Serialize};

pub(crate) use self::words::words_of;
use self::words::{Document, Prefilter};
use crate::checks::{self, Check};
use crate::finding::{Category, Confidence, Severity};
use crate::fix::{FixFile, Rewrite};
use crate::language::Language;
use crate::tree::{Match, Node};

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/rules.rs"));
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
    #[error("{file}: not a rule file: {reason}")]
    Yaml { file: &'static str, reason: String },
    #[error("{id}: the engine refuses the rule: {reason}")]
    Engine { id: String, reason: String },
    #[error("{id}: there is no check named {name:?}")]
    NoSuchCheck { id: String, name: String },
    #[error("{id}: must name the kinds of node it matches")]
    NoKinds { id: String },
    #[error("{id}: can't use its fix: {reason}")]
    Fix { id: String, reason: String },
}

/// A rule ready to match one language.
pub(crate) struct Rule {
    pub(crate) info: RuleInfo,
    matcher: RuleCore,
    checks: Vec<Check>,
    /// The cases of its fix, in order.
    pub(crate) rewrites: Vec<Rewrite>,
}

impl Rule {
    pub(crate) fn compile(
        file: &RuleFile,
        language: Language,
        shared: &HashMap<String, SerializableRule>,
    ) -> Result<Self, RuleError> {
        let engine = |error: &dyn std::error::Error| RuleError::Engine { id: file.id.clone(), reason: chain(error) };
        let mut utils = shared.clone();
        utils.extend(file.utils.clone().unwrap_or_default());
        let core = SerializableRuleCore {
            rule: file.rule.clone(),
            constraints: file.constraints.clone(),
            utils: Some(utils.clone()),
            transform: None,
        };
        let matcher = core.get_matcher(DeserializeEnv::new(language.grammar())).map_err(|e| engine(&e))?;
        if matcher.potential_kinds().is_none() {
            return Err(RuleError::NoKinds { id: file.id.clone() });
        }
        let checks = file
            .checks
            .iter()
            .map(|name| {
                checks::named(name).ok_or_else(|| RuleError::NoSuchCheck { id: file.id.clone(), name: name.clone() })
            })
            .collect::<Result<_, _>>()?;
        let rewrites = file.fix.as_ref().map(|fix| Rewrite::compile(fix, &matcher, language, &utils));
        let rewrites = rewrites.transpose().map_err(|reason| RuleError::Fix { id: file.id.clone(), reason })?;
        Ok(Self { info: file.info(), matcher, checks, rewrites: rewrites.unwrap_or_default() })
    }

    /// Whether the rule matches at exactly this node.
    pub(crate) fn matches(&self, node: &Node<'_>) -> bool {
        self.found(node).is_some()
    }

    /// The match at exactly this node, with the pieces that the rule names.
    pub(crate) fn found<'t>(&self, node: &Node<'t>) -> Option<Match<'t>> {
        self.matcher.match_node(node.clone()).filter(|found| self.checks.iter().all(|check| check(found)))
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

/// The rules of one language, and which of them can match a node of a given kind.
pub(crate) struct RuleSet {
    rules: Vec<Rule>,
    by_kind: Vec<Vec<usize>>,
    prefilter: Prefilter,
}

impl RuleSet {
    /// The rules of a language, compiled on first use and kept.
    pub(crate) fn of(language: Language) -> &'static Self {
        static SETS: [OnceLock<RuleSet>; Language::ALL.len()] = [const { OnceLock::new() }; Language::ALL.len()];
        // A rule that doesn't compile is left out here and fails the tests below.
        SETS[language.index()].get_or_init(|| Self::compile(language).0)
    }

    pub(crate) fn compile(language: Language) -> (Self, Vec<RuleError>) {
        let mut rules = Vec::new();
        let mut errors = Vec::new();
        let folder = folder(language);
        let mut shared = HashMap::new();
        let mut words: HashMap<String, Option<Vec<String>>> = HashMap::new();
        for &(name, text) in embedded::FILES.iter().filter(|(name, _)| in_folder(name, folder) && is_shared(name)) {
            match ast_grep_config::from_str(text) {
                Ok(utils) => shared = utils,
                Err(error) => errors.push(RuleError::Yaml { file: name, reason: error.to_string() }),
            }
        }
        for &(name, text) in embedded::FILES.iter().filter(|(name, _)| in_folder(name, folder) && !is_shared(name)) {
            let documents: Vec<Document> = ast_grep_config::from_multiple(text).unwrap_or_default();
            words.extend(documents.into_iter().map(|document| (document.id.clone(), document.words())));
            match read(name, text) {
                Ok(files) => {
                    for file in files.iter().filter(|file| file.languages.contains(&language)) {
                        match Rule::compile(file, language, &shared) {
                            Ok(rule) => rules.push((rule, words.remove(&file.id).flatten())),
                            Err(error) => errors.push(error),
                        }
                    }
                }
                Err(error) => errors.push(error),
            }
        }
        (Self::new(rules), errors)
    }

    /// Of rules with the words that must be there for them to match, if any are known.
    pub(crate) fn new(rules: Vec<(Rule, Option<Vec<String>>)>) -> Self {
        let (rules, words): (Vec<Rule>, Vec<_>) = rules.into_iter().unzip();
        let mut by_kind: Vec<Vec<usize>> = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            for kind in rule.matcher.potential_kinds().iter().flatten() {
                if by_kind.len() <= kind {
                    by_kind.resize_with(kind + 1, Vec::new);
                }
                by_kind[kind].push(index);
            }
        }
        Self { prefilter: Prefilter::new(words), rules, by_kind }
    }

    /// By index: can the rule match anywhere in this text?
    pub(crate) fn awake(&self, text: &str) -> Vec<bool> {
        self.prefilter.awake(text)
    }

    /// The rules, by index, that can match a node of this kind.
    pub(crate) fn for_kind(&self, kind: u16) -> &[usize] {
        self.by_kind.get(usize::from(kind)).map_or(&[], Vec::as_slice)
    }
}

impl Deref for RuleSet {
    type Target = [Rule];

    fn deref(&self) -> &[Rule] {
        &self.rules
    }
}

/// Every rule there is, by id.
pub fn rules() -> Vec<RuleInfo> {
    let mut all: Vec<RuleInfo> = documents().filter_map(Result::ok).flatten().map(|file| file.info()).collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}

/// Changes whenever findings could: with any rule, check, engine or grammar. 16 hex digits, for cache keys.
pub fn rules_digest() -> String {
    embedded::DIGEST.to_owned()
}

/// The rule files, read but not compiled.
pub(crate) fn documents() -> impl Iterator<Item = Result<Vec<RuleFile>, RuleError>> {
    embedded::FILES.iter().filter(|(name, _)| !is_shared(name)).map(|&(name, text)| read(name, text))
}

fn read(file: &'static str, text: &str) -> Result<Vec<RuleFile>, RuleError> {
    ast_grep_config::from_multiple(text).map_err(|error| RuleError::Yaml { file, reason: error.to_string() })
}

/// `utils.yml` of a folder holds matchers that its rules share, by name.
fn is_shared(name: &str) -> bool {
    name.ends_with("/utils.yml")
}

fn in_folder(name: &str, folder: &str) -> bool {
    name.split('/').nth(1) == Some(folder)
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
