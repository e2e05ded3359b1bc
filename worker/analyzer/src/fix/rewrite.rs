//! The `fix:` of a rule file: cases, each with what it needs of the match and what it puts where. Never decides whether the
//! outcome is good.

use std::collections::{BTreeMap, HashMap};

use ast_grep_config::{DeserializeEnv, RuleCore, SerializableRule, SerializableRuleCore};
use ast_grep_core::matcher::MatcherExt;
use serde::Deserialize;

use super::edit::{Edit, indentation, newline};
use super::template::{Template, several};
use crate::language::Language;
use crate::rule::chain;
use crate::tree::{Match, Node};

/// As it stands in a rule file: a text for the whole match, or cases of which the first that applies is taken.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum FixFile {
    Whole(String),
    Cases(Vec<CaseFile>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseFile {
    /// What the match must be as well, and whose names are used. Without it: the rule's own.
    rule: Option<SerializableRule>,
    constraints: Option<HashMap<String, SerializableRule>>,
    /// Without it: all of the rule's.
    languages: Option<Vec<Language>>,
    replace: Replace,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Replace {
    /// A text for the match.
    Whole(String),
    /// A text for each of these pieces.
    Parts(BTreeMap<String, String>),
}

/// One case, ready.
pub(crate) struct Rewrite {
    /// `None`: the rule's own match.
    matcher: Option<RuleCore>,
    /// What is replaced, the match itself if it has no name.
    parts: Vec<(Option<String>, Template)>,
}

impl Rewrite {
    /// The cases of a `fix:`.
    ///
    /// # Errors
    /// In words: a rule that the engine refuses, or a name that the rule doesn't bind.
    pub(crate) fn compile(
        file: &FixFile,
        own: &RuleCore,
        language: Language,
        utils: Option<&HashMap<String, SerializableRule>>,
    ) -> Result<Vec<Self>, String> {
        let cases = match file {
            FixFile::Whole(text) => return Ok(vec![Self::new(None, vec![(None, Template::parse(text))], own)?]),
            FixFile::Cases(cases) => cases,
        };
        let compile = |case: &CaseFile| {
            let matcher = case.rule.as_ref().map(|rule| {
                let core = SerializableRuleCore {
                    rule: rule.clone(),
                    constraints: case.constraints.clone(),
                    utils: utils.cloned(),
                    transform: None,
                };
                core.get_matcher(DeserializeEnv::new(language.grammar())).map_err(|error| chain(&error))
            });
            let parts = match &case.replace {
                Replace::Whole(text) => vec![(None, Template::parse(text))],
                Replace::Parts(parts) => {
                    parts.iter().map(|(name, text)| (Some(name.clone()), Template::parse(text))).collect()
                }
            };
            Self::new(matcher.transpose()?, parts, own)
        };
        let spoken = |case: &&CaseFile| case.languages.as_ref().is_none_or(|languages| languages.contains(&language));
        cases.iter().filter(spoken).map(compile).collect()
    }

    fn new(matcher: Option<RuleCore>, parts: Vec<(Option<String>, Template)>, own: &RuleCore) -> Result<Self, String> {
        let bound = matcher.as_ref().unwrap_or(own).defined_vars();
        let names = parts.iter().flat_map(|(target, template)| target.as_deref().into_iter().chain(template.names()));
        if let Some(unknown) = names.into_iter().find(|name| !bound.contains(name)) {
            return Err(format!("the fix uses ${unknown}, which its rule doesn't bind"));
        }
        Ok(Self { matcher, parts })
    }

    /// What is put where for this match; `None` if the case doesn't apply, or if a comment would be lost.
    pub(super) fn edits(&self, found: &Match<'_>, text: &str) -> Option<Vec<Edit>> {
        let whole = found.range();
        let own;
        let found = match &self.matcher {
            None => found,
            Some(matcher) => {
                own = matcher.match_node(found.get_node().clone())?;
                &own
            }
        };
        let mut edits = Vec::new();
        for (target, template) in &self.parts {
            let range = match target {
                None => whole.clone(),
                Some(name) => {
                    let one = found.get_env().get_match(name).map(Node::range);
                    one.or_else(|| several(found, name))?
                }
            };
            let indent = indentation(text, range.start);
            edits.push(Edit { text: template.render(found, text, newline(text, range.start), indent)?, range });
        }
        let root = found.get_node().ancestors().last().unwrap_or_else(|| found.get_node().clone());
        let keeps_comments = edits.iter().all(|edit| {
            let inner = root.get_inner_node().descendant_for_byte_range(edit.range.start, edit.range.end);
            inner.is_none_or(|inner| {
                let around = found.get_node().root().adopt(inner);
                let mut comments = around.dfs().filter(|node| node.kind().contains("comment"));
                comments.all(|comment| {
                    let range = comment.range();
                    let outside = range.end <= edit.range.start || range.start >= edit.range.end;
                    outside || edit.text.contains(&text[range])
                })
            })
        });
        keeps_comments.then_some(edits)
    }
}
