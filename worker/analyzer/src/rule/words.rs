//! Words without which a rule can't match in a text, read off the rule itself: a file that has none of them needs no look. Says
//! nothing where it can't be sure.

use aho_corasick::AhoCorasick;
use regex_syntax::hir::literal::{ExtractKind, Extractor};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// The shortest word that tells files apart.
const SHORTEST: usize = 3;
/// The most alternatives that are looked for.
const MOST: usize = 64;

/// A rule's document, as far as it says what must be there.
#[derive(Deserialize)]
pub(super) struct Document {
    pub(super) id: String,
    rule: Shape,
}

/// A matcher of the engine's: all of its members hold of a match.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Shape {
    pattern: Option<Pattern>,
    regex: Option<String>,
    has: Option<Box<Shape>>,
    inside: Option<Box<Shape>>,
    precedes: Option<Box<Shape>>,
    follows: Option<Box<Shape>>,
    all: Vec<Shape>,
    any: Vec<Shape>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Pattern {
    Text(String),
    /// With a context: not read.
    Other(IgnoredAny),
}

impl Document {
    /// One of these stands in every text that the rule matches in; `None`: nothing is known.
    pub(super) fn words(&self) -> Option<Vec<String>> {
        self.rule.words()
    }
}

/// The same of a rule that is read as a value.
pub(crate) fn words_of(rule: &Value) -> Option<Vec<String>> {
    Document::deserialize(rule).ok()?.words()
}

impl Shape {
    fn words(&self) -> Option<Vec<String>> {
        let mut known: Vec<Vec<String>> = Vec::new();
        if let Some(Pattern::Text(pattern)) = &self.pattern {
            known.extend(of_pattern(pattern));
        }
        known.extend(self.regex.as_deref().and_then(of_regex));
        for relative in [&self.has, &self.inside, &self.precedes, &self.follows].into_iter().flatten() {
            known.extend(relative.words());
        }
        known.extend(self.all.iter().filter_map(Self::words));
        if !self.any.is_empty() {
            let each: Option<Vec<Vec<String>>> = self.any.iter().map(Self::words).collect();
            known.extend(each.map(|each| each.concat()).filter(|all| all.len() <= MOST));
        }
        // The longer, the rarer.
        known.into_iter().max_by_key(|words| words.iter().map(String::len).min())
    }
}

/// The longest name in a pattern that stands for itself.
fn of_pattern(pattern: &str) -> Option<Vec<String>> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    let words = pattern.split(|c| !is_word(c)).filter(|word| !word.contains('$') && word.len() >= SHORTEST);
    words.max_by_key(|word| word.len()).map(|word| vec![word.to_owned()])
}

/// What every match of the expression begins with, or ends with.
fn of_regex(regex: &str) -> Option<Vec<String>> {
    let hir = regex_syntax::parse(regex).ok()?;
    let literals = [ExtractKind::Prefix, ExtractKind::Suffix].into_iter().filter_map(|kind| {
        let found = Extractor::new().kind(kind).extract(&hir);
        let texts = found.literals()?.iter().map(|literal| String::from_utf8(literal.as_bytes().to_vec()).ok());
        let texts: Vec<String> = texts.collect::<Option<_>>()?;
        let useful = (1..=MOST).contains(&texts.len()) && texts.iter().all(|text| text.len() >= SHORTEST);
        useful.then_some(texts)
    });
    literals.max_by_key(|words| words.iter().map(String::len).min())
}

/// Which of a language's rules can match in a text.
pub(super) struct Prefilter {
    words: Option<AhoCorasick>,
    /// Of each word, the rules that it wakes.
    wakes: Vec<Vec<usize>>,
    /// Rules that no word is known of.
    always: Vec<bool>,
}

impl Prefilter {
    /// Of rules in order, each with its words.
    pub(super) fn new(rules: Vec<Option<Vec<String>>>) -> Self {
        let always = rules.iter().map(Option::is_none).collect();
        let mut words: Vec<String> = Vec::new();
        let mut wakes: Vec<Vec<usize>> = Vec::new();
        for (rule, its) in rules.into_iter().enumerate() {
            for word in its.into_iter().flatten() {
                let at = words.iter().position(|known| *known == word).unwrap_or_else(|| {
                    words.push(word);
                    wakes.push(Vec::new());
                    words.len() - 1
                });
                wakes[at].push(rule);
            }
        }
        // One that can't be built wakes everybody.
        let words = AhoCorasick::new(words).ok();
        Self { words, wakes, always }
    }

    /// By the rule's place: can it match here?
    pub(super) fn awake(&self, text: &str) -> Vec<bool> {
        let Some(words) = &self.words else { return vec![true; self.always.len()] };
        let mut awake = self.always.clone();
        for found in words.find_overlapping_iter(text) {
            for &rule in &self.wakes[found.pattern().as_usize()] {
                awake[rule] = true;
            }
        }
        awake
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(yaml: &str) -> Option<Vec<String>> {
        let shape: Shape = ast_grep_config::from_str(yaml).unwrap();
        shape.words()
    }

    #[test]
    fn words_are_read_where_one_of_them_must_be_there() {
        for (yaml, expected) in [
            ("pattern: cursor.execute($SQL, $$$REST)", Some(vec!["execute"])),
            ("regex: '^(inner|outer)HTML$'", Some(vec!["innerHTML", "outerHTML"])),
            (r"regex: '^\w+\.fetchall$'", Some(vec![".fetchall"])),
            ("kind: call\nhas: {field: function, regex: '^re\\.compile$'}", Some(vec!["re.compile"])),
            ("any: [{pattern: eval($X)}, {pattern: exec($X)}]", Some(vec!["eval", "exec"])),
            ("all: [{kind: call}, {has: {pattern: GC.Collect()}}]", Some(vec!["Collect"])),
            // Of these nothing is sure.
            ("any: [{pattern: eval($X)}, {kind: call}]", None),
            ("kind: call\nnot: {pattern: eval($X)}", None),
            ("regex: '^[^=]*='", None),
            ("matches: loop", None),
            ("pattern: {context: 'class A { $X }', selector: method}", None),
        ] {
            let expected = expected.map(|words| words.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(words(yaml), expected, "{yaml}");
        }
    }

    #[test]
    fn a_rule_sleeps_where_none_of_its_words_is() {
        let filter = Prefilter::new(vec![Some(vec!["eval".into(), "exec".into()]), None, Some(vec!["execute".into()])]);
        assert_eq!(filter.awake("x = 1"), [false, true, false]);
        assert_eq!(filter.awake("exec(x)"), [true, true, false]);
        assert_eq!(filter.awake("c.execute(x)"), [true, true, true]);
    }
}
