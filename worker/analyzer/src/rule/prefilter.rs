//! Which of a language's rules can match in a text, told from the words in it: one search for all words of all rules.
//! Where a rule's words come from is `words.rs`.

use std::cell::{LazyCell, OnceCell};

use aho_corasick::AhoCorasick;

use super::behind::{Behind, Next};
use super::hidden::Hidden;
use crate::language::Language;

/// Letters that an expression in any case takes for `s` and `k`: with one of them in the text, every rule is awake.
const ODD: [&str; 2] = ["\u{17f}", "\u{212a}"];

/// How much of a word is searched for, in bytes: the rest is compared where that is found. The search is built whenever a
/// process starts; this halves it, and finds hardly more.
const HEAD: usize = 8;

/// A word, in lower case, as `words.rs` has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Word {
    pub(super) text: &'static str,
    pub(super) whole: bool,
    pub(super) then: &'static [&'static str],
    pub(super) code: bool,
}

/// The words of a language's rules.
pub(super) struct Prefilter {
    language: Language,
    /// The beginnings of words.
    heads: Option<AhoCorasick>,
    /// Of each, what words that begin so are asked for, and how.
    asked: Vec<Vec<Asked>>,
    /// Of each rule, the clauses that a text must satisfy.
    needs: Vec<Vec<usize>>,
    clauses: usize,
}

/// A way in which a word may be asked for, and the clauses that it satisfies then.
struct Asked {
    word: Word,
    /// What `word` has as text.
    then: Vec<Next>,
    clauses: Vec<usize>,
}

impl Prefilter {
    /// Of a language's rules in order, each with its clauses.
    pub(super) fn new(language: Language, rules: impl Iterator<Item = &'static [&'static [Word]]>) -> Self {
        let mut clauses: Vec<&'static [Word]> = Vec::new();
        let mut needs = Vec::new();
        for rule in rules {
            let mut its = Vec::with_capacity(rule.len());
            for clause in rule {
                its.push(clauses.iter().position(|known| known == clause).unwrap_or_else(|| {
                    clauses.push(clause);
                    clauses.len() - 1
                }));
            }
            needs.push(its);
        }
        let mut pairs: Vec<(Word, usize)> = Vec::new();
        for (index, clause) in clauses.iter().enumerate() {
            pairs.extend(clause.iter().map(|&word| (word, index)));
        }
        pairs.sort_unstable();
        let mut heads: Vec<&'static str> = Vec::new();
        let mut asked: Vec<Vec<Asked>> = Vec::new();
        for (word, clause) in pairs {
            let head = &word.text[..word.text.floor_char_boundary(HEAD)];
            if heads.last() != Some(&head) {
                heads.push(head);
                asked.push(Vec::new());
            }
            let Some(ways) = asked.last_mut() else { continue };
            if let Some(way) = ways.last_mut().filter(|way| way.word == word) {
                way.clauses.push(clause);
            } else {
                let then = word.then.iter().map(|token| Next::of(token)).collect();
                ways.push(Asked { word, then, clauses: vec![clause] });
            }
        }
        heads.extend(ODD);
        // One that can't be built wakes everybody.
        let heads = AhoCorasick::new(heads).ok();
        Self { language, heads, asked, needs, clauses: clauses.len() }
    }

    /// By the rule's place: can it match here?
    pub(super) fn awake(&self, text: &str) -> Vec<bool> {
        let everybody = || vec![true; self.needs.len()];
        let Some(heads) = &self.heads else { return everybody() };
        let bytes = text.as_bytes();
        let hidden = OnceCell::new();
        let mut behind = Behind::new(bytes);
        let mut satisfied = vec![false; self.clauses];
        let mut open: Vec<Vec<&Asked>> = self.asked.iter().map(|ways| ways.iter().collect()).collect();
        // In lower case, as the words are: a search that knew both cases would be twice as large.
        for found in heads.find_overlapping_iter(&text.to_ascii_lowercase()) {
            let Some(ways) = open.get_mut(found.pattern().as_usize()) else { return everybody() };
            let start = found.start();
            let is_code = LazyCell::new(|| !hidden.get_or_init(|| Hidden::of(self.language, bytes)).has(start));
            // Ways to ask for the same word come one after the other.
            let mut last = ("", None);
            ways.retain(|Asked { word, then, clauses }| {
                if last.0 != word.text {
                    last = (word.text, stands(word.text, start, bytes));
                }
                let here = last.1.is_some_and(|is_token| is_token || !word.whole)
                    && (!word.code || *is_code)
                    && behind.follow(start + word.text.len(), then);
                if here {
                    for &clause in clauses {
                        satisfied[clause] = true;
                    }
                }
                !here
            });
        }
        self.needs.iter().map(|clauses| clauses.iter().all(|&clause| satisfied[clause])).collect()
    }
}

/// Whether a word stands somewhere as a token; `None` if it doesn't stand there.
fn stands(word: &str, start: usize, text: &[u8]) -> Option<bool> {
    let end = start + word.len();
    let here = text.get(start..end).is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes()));
    here.then(|| is_token(text, start, end))
}

/// Whether a word ends where it ends, and no letter stands before it. A digit may: `1if x` is two tokens in Python.
fn is_token(text: &[u8], start: usize, end: usize) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let before = start.checked_sub(1).and_then(|at| text.get(at)).is_some_and(|&byte| letter(byte));
    let behind = text.get(end).is_some_and(|&byte| letter(byte) || byte.is_ascii_digit());
    !before && !behind
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn word(text: &'static str, whole: bool, then: &'static [&'static str]) -> Word {
        Word { text, whole, then, code: false }
    }

    #[test]
    fn a_rule_sleeps_where_a_clause_has_none_of_its_words() {
        const RULES: [&[&[Word]]; 4] = [
            &[&[word("eval", true, &[]), word("exec", true, &[])]],
            &[],
            &[&[word("execute", false, &[])], &[word("for", true, &[]), word("while", true, &[])]],
            &[&[word("exec", false, &[])]],
        ];
        let filter = Prefilter::new(Language::Python, RULES.into_iter());
        for (text, awake) in [
            ("x = 1", [false, true, false, false]),
            ("exec(x)", [true, true, false, true]),
            ("EXEC(x)", [true, true, false, true]),
            ("c.execute(x)", [false, true, false, true]),
            ("before.execute(x)", [false, true, false, true]),
            ("for x in y: c.execute(x)", [false, true, true, true]),
            ("1while execute", [false, true, true, true]),
            ("éexecé", [true, true, false, true]),
            ("x = 'ſ'", [true; 4]),
        ] {
            assert_eq!(filter.awake(text), awake, "{text}");
        }
    }

    #[test]
    fn words_that_begin_alike_are_told_apart() {
        const RULES: [&[&[Word]]; 4] = [
            &[&[word("connection", true, &[])]],
            &[&[word("connection.close", false, &[])]],
            &[&[word("connection.close", false, &["("])]],
            &[&[word("connectö", false, &[])]],
        ];
        let filter = Prefilter::new(Language::Python, RULES.into_iter());
        for (text, awake) in [
            ("connect", [false; 4]),
            ("Connection", [true, false, false, false]),
            ("connections", [false; 4]),
            ("CONNECTION.close", [true, true, false, false]),
            ("connection.close (", [true, true, true, false]),
            ("my_connection.close(", [false, true, true, false]),
            ("Connectö", [false, false, false, true]),
            ("connecté", [false; 4]),
        ] {
            assert_eq!(filter.awake(text), awake, "{text}");
        }
    }

    #[test]
    fn each_place_of_a_word_is_looked_at() {
        const RULES: [&[&[Word]]; 2] =
            [&[&[word("set", true, &["(", "["])]], &[&[word("set", true, &["("]), word("=", false, &["["])]]];
        let filter = Prefilter::new(Language::Python, RULES.into_iter());
        for (text, awake) in [
            ("set = set(x)", [false, true]),
            ("set(x); set([y])", [true, true]),
            ("reset([y])", [false, false]),
            ("x = []", [false, true]),
        ] {
            assert_eq!(filter.awake(text), awake, "{text}");
        }
    }

    #[test]
    fn a_word_of_code_is_none_in_a_comment_or_a_string() {
        const RULES: [&[&[Word]]; 1] = [&[&[Word { code: true, ..word("eval", true, &["("]) }]]];
        for (language, text, awake) in [
            (Language::Python, "# eval(x)\n", false),
            (Language::Python, "\"\"\"\neval(x)\"\"\"; eval(x)", true),
            (Language::JavaScript, "// eval(x)\n", true),
        ] {
            assert_eq!(Prefilter::new(language, RULES.into_iter()).awake(text), [awake], "{text}");
        }
    }
}
