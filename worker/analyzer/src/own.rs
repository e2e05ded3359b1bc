//! A repository's own rules: the same YAML as ours, but written by somebody else. Data only, and bounded: what is too large, or
//! could take too long, is refused with a reason, and the other rules stay.

mod bounds;
mod examples;

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use self::examples::Example;
pub use self::examples::Failure;
use crate::language::Language;
use crate::rule::{Rule, RuleFile, RuleInfo};

/// The most rules of a repository's own.
pub const MAX_OWN_RULES: usize = 100;
/// The longest file of own rules, bytes.
pub const MAX_OWN_FILE: usize = 64 << 10;
/// The longest source file that own rules are asked about, bytes: it bounds what one look of a nested matcher costs.
pub(crate) const MAX_OWN_SOURCE: usize = 512 << 10;
/// The longest title, characters.
const MAX_TITLE: usize = 80;
/// The longest of a rule's other texts, characters.
const MAX_TEXT: usize = 600;

/// Rules of a repository's own, compiled.
pub struct OwnRules {
    rules: Vec<(Language, Vec<Rule>)>,
    infos: Vec<RuleInfo>,
    examples: Vec<Example>,
}

impl OwnRules {
    /// Compiles the rules of some files, each a name and a text. Says what can't be used, and why; the rest can.
    pub fn read(files: &[(String, String)]) -> (Self, Vec<String>) {
        let mut reading = Reading::default();
        for (name, text) in files {
            if text.len() > MAX_OWN_FILE {
                reading.problems.push(format!("{name}: over {} kB long: divide it", MAX_OWN_FILE >> 10));
                continue;
            }
            // Two readings of one text: what it says, and how it says it.
            match (documents::<RuleFile>(text), documents::<Value>(text)) {
                (Ok(files), Ok(shapes)) if files.len() == shapes.len() => {
                    for (file, shape) in files.iter().zip(&shapes) {
                        if let Err(why) = reading.add(file, shape) {
                            reading.problems.push(format!("{name}: {}: {why}", shown(file.id())));
                        }
                    }
                }
                (Err(why), _) | (_, Err(why)) => reading.problems.push(format!("{name}: not a rule file: {why}")),
                _ => reading.problems.push(format!("{name}: not a rule file: its documents can't be told apart")),
            }
        }
        reading.done()
    }

    /// What the rules say of themselves.
    pub fn infos(&self) -> &[RuleInfo] {
        &self.infos
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.infos.is_empty()
    }

    pub(crate) fn of(&self, language: Language) -> &[Rule] {
        self.rules.iter().find(|(known, _)| *known == language).map_or(&[], |(_, rules)| rules)
    }
}

impl fmt::Debug for OwnRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.infos.iter().map(|info| &info.id)).finish()
    }
}

#[derive(Default)]
struct Reading {
    compiled: HashMap<Language, Vec<Rule>>,
    infos: Vec<RuleInfo>,
    examples: Vec<Example>,
    ids: BTreeSet<String>,
    problems: Vec<String>,
}

impl Reading {
    fn add(&mut self, file: &RuleFile, shape: &Value) -> Result<(), String> {
        if self.infos.len() == MAX_OWN_RULES {
            return Err(format!("there are {MAX_OWN_RULES} rules already, the most that are used"));
        }
        let info = file.info();
        well_formed(&info)?;
        if self.ids.contains(&info.id.to_ascii_uppercase()) {
            return Err("its id is used twice".to_owned());
        }
        bounds::check(shape)?;
        let compile = |language: &Language| {
            let rule = Rule::compile(file, *language).map_err(|error| error.to_string())?;
            Ok::<_, String>((*language, rule))
        };
        let rules: Vec<(Language, Rule)> = file.languages().iter().map(compile).collect::<Result<_, _>>()?;
        for (language, rule) in rules {
            self.compiled.entry(language).or_default().push(rule);
        }
        self.ids.insert(info.id.to_ascii_uppercase());
        self.examples.extend(Example::of(file));
        self.infos.push(info);
        Ok(())
    }

    fn done(self) -> (OwnRules, Vec<String>) {
        let rules = self.compiled.into_iter().collect();
        (OwnRules { rules, infos: self.infos, examples: self.examples }, self.problems)
    }
}

fn documents<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, String> {
    ast_grep_config::from_multiple(text).map_err(|error| shown(&error.to_string()))
}

/// What a rule says of itself is shown in comments.
fn well_formed(info: &RuleInfo) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if info.id.len() < 3 || info.id.len() > 40 || !info.id.chars().all(legal) {
        return Err("an id is 3 to 40 letters, digits, '-' and '_'".to_owned());
    }
    if info.id.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("EC-")) {
        return Err("ids that begin with EC- are Eco-Coder's: choose another beginning".to_owned());
    }
    if info.languages.is_empty() {
        return Err("it names no language".to_owned());
    }
    let lengths = [("title", &info.title, MAX_TITLE)].into_iter().chain(
        [("description", &info.description), ("recommendation", &info.recommendation)]
            .map(|(name, text)| (name, text, MAX_TEXT)),
    );
    for (name, text, most) in lengths {
        if text.is_empty() || text.chars().count() > most {
            return Err(format!("its {name} has 1 to {most} characters"));
        }
    }
    let texts = [&info.title, &info.description, &info.recommendation].into_iter().chain(&info.evidence);
    if texts.chain(&info.aliases).any(|text| text.chars().any(char::is_control)) {
        return Err("its texts have control characters in them".to_owned());
    }
    if info.evidence.as_ref().is_some_and(|text| text.chars().count() > MAX_TEXT) {
        return Err(format!("its evidence has at most {MAX_TEXT} characters"));
    }
    if info.aliases.len() > 8 || info.aliases.iter().any(|alias| alias.len() > 40) {
        return Err("it has at most 8 aliases of at most 40 characters".to_owned());
    }
    if info.link.as_ref().is_some_and(|link| !link.starts_with("https://") || link.len() > 300) {
        return Err("its link begins with https:// and has at most 300 characters".to_owned());
    }
    Ok(())
}

/// Somebody else's words in a message of ours.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(200).collect();
    short.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
