//! Which of a language's rules can match in a text, told from the words in it: one search for all words of all rules.
//! Where a rule's words come from is `words.rs`.

use std::cell::{LazyCell, OnceCell};

use aho_corasick::AhoCorasick;

use super::hidden::Hidden;
use crate::language::Language;

/// Letters that an expression in any case takes for `s` and `k`: with one of them in the text, every rule is awake.
const ODD: [&str; 2] = ["\u{17f}", "\u{212a}"];

/// The most of blanks and comments that are read between two tokens: with more, what follows is believed to be there.
const LONGEST_GAP: usize = 1000;

/// The most that is passed over in search of the tokens behind `..`.
const LONGEST_REST: usize = 300;

/// The most that is read behind words, for each byte of a text: a text that wants more wakes the rules it makes hard to tell.
const READS_PER_BYTE: usize = 32;

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

/// What must come behind a word.
enum Next {
    OneOf(Vec<&'static str>),
    Name,
    Number,
    /// The beginning of a string.
    Text,
    /// What comes next may be a little farther away.
    Near,
    /// What comes next begins a statement of the block behind the colon.
    InBlock,
}

impl Next {
    /// As `words.rs` writes it.
    fn of(token: &'static str) -> Self {
        match token {
            "NAME" => Self::Name,
            "NUMBER" => Self::Number,
            "STRING" => Self::Text,
            ".." => Self::Near,
            ">>" => Self::InBlock,
            tokens => Self::OneOf(tokens.split('|').collect()),
        }
    }

    /// The length of this if the text begins with it.
    fn length_in(&self, text: &[u8]) -> Option<usize> {
        let first = *text.first()?;
        match self {
            Self::OneOf(tokens) => tokens.iter().find_map(|token| begins_with(text, token).then_some(token.len())),
            Self::Name => {
                let length = text.iter().take_while(|b| goes_on(**b) || !b.is_ascii()).count();
                (length > 0 && !first.is_ascii_digit()).then_some(length)
            }
            Self::Number => Some(text.iter().take_while(|b| b.is_ascii_digit()).count()).filter(|length| *length > 0),
            Self::Text => {
                let prefix = text.iter().take(2).take_while(|b| b.is_ascii_alphabetic()).count();
                matches!(text.get(prefix), Some(b'"' | b'\'')).then_some(prefix + 1)
            }
            // Says where, not what. A rule's row never begins a piece with it.
            Self::Near | Self::InBlock => None,
        }
    }
}

/// Whether a text begins with a token, in whatever case, and a token that is a name ends there.
fn begins_with(text: &[u8], token: &str) -> bool {
    let token = token.as_bytes();
    let (Some(first), Some(last)) = (token.first(), token.last()) else { return true };
    text[0].eq_ignore_ascii_case(first)
        && text.get(..token.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(token))
        && !(goes_on(*last) && text.get(token.len()).is_some_and(|byte| goes_on(*byte)))
}

/// Whether a byte stands between tokens, with the sign that joins lines.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'\\' | 0x0c)
}

/// Whether a byte of ASCII can stand in a name.
fn goes_on(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
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

/// Reads what stands behind a word, as long as that is not too dear: then whatever is asked for is believed to be there.
struct Behind<'t> {
    text: &'t [u8],
    /// Bytes that may still be read.
    left: usize,
}

impl<'t> Behind<'t> {
    fn new(text: &'t [u8]) -> Self {
        Self { text, left: READS_PER_BYTE * text.len() + LONGEST_GAP }
    }

    /// Whether these come next, with blanks and comments alone between them.
    fn follow(&mut self, mut at: usize, then: &[Next]) -> bool {
        for (place, next) in then.iter().enumerate() {
            self.spend(1);
            let rest = &then[place + 1..];
            if self.left == 0 {
                return true;
            }
            match next {
                Next::Near => return self.follow_nearby(at, rest),
                Next::InBlock => return self.follow_in_block(at, rest),
                _ => {}
            }
            let Some(start) = self.gap_end(at) else { return true };
            match next.length_in(self.text.get(start..).unwrap_or_default()) {
                Some(length) => {
                    self.spend(length);
                    at = start + length;
                }
                None => return false,
            }
        }
        true
    }

    /// Whether these come next at one of the places that are not far away.
    fn follow_nearby(&mut self, from: usize, then: &[Next]) -> bool {
        let end = self.text.len().min(from + LONGEST_REST);
        let Some((next, rest)) = then.split_first() else { return true };
        for at in from..end {
            self.spend(1);
            let found = match self.text[at] {
                // What is behind a gap is looked at from its last blank.
                byte if is_blank(byte) && at + 1 < end => false,
                byte if is_blank(byte) || matches!(byte, b'#' | b'/') => self.follow(at, then),
                _ => next.length_in(&self.text[at..]).is_some_and(|length| {
                    self.spend(length);
                    self.follow(at + length, rest)
                }),
            };
            if found || self.left == 0 {
                return true;
            }
        }
        false
    }

    /// Whether a statement of the block behind a colon of Python's begins with these; one of a deeper block counts as
    /// well. Text at the margin ends the block, in a string, too.
    fn follow_in_block(&mut self, colon: usize, then: &[Next]) -> bool {
        let mut depth = None;
        let mut at = colon;
        for (number, line) in self.text.get(colon..).unwrap_or_default().split_inclusive(|b| *b == b'\n').enumerate() {
            self.spend(line.len());
            let indent = line.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
            let start = at;
            at += line.len();
            if matches!(line.get(indent), None | Some(b'\n' | b'\r' | b'#')) {
                continue;
            }
            // What stands on the colon's own line is all of the block.
            if number > 0 && indent < *depth.get_or_insert(indent) {
                return false;
            }
            let behind_semicolons =
                line.iter().enumerate().filter(|(_, byte)| **byte == b';').map(|(place, _)| place + 1);
            if std::iter::once(indent).chain(behind_semicolons).any(|place| self.follow(start + place, then)) {
                return true;
            }
            if number == 0 {
                return false;
            }
        }
        false
    }

    /// Where blanks and comments, of whatever language, end; `None` if they are too long to be read here.
    fn gap_end(&mut self, from: usize) -> Option<usize> {
        let end = self.text.len().min(from + LONGEST_GAP);
        let mut at = from;
        while at < end {
            let rest = &self.text[at..end];
            let until =
                |sign: &[u8]| rest.windows(sign.len()).skip(1).position(|w| w == sign).map(|n| at + 1 + n + sign.len());
            at = match rest {
                [byte, ..] if is_blank(*byte) => at + 1,
                [b'#', ..] | [b'/', b'/', ..] => until(b"\n").unwrap_or(end),
                [b'/', b'*', ..] => until(b"*/").unwrap_or(end),
                _ => break,
            };
        }
        self.spend(at - from);
        (at < end || end == self.text.len()).then_some(at)
    }

    fn spend(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
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

    fn next(tokens: &[&'static str]) -> Vec<Next> {
        tokens.iter().map(|token| Next::of(token)).collect()
    }

    fn follow(text: &[u8], at: usize, tokens: &[&'static str]) -> bool {
        Behind::new(text).follow(at, &next(tokens))
    }

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
    fn what_must_follow_a_word_does_so_behind_blanks_and_comments() {
        for (tokens, text, expected) in [
            (&["(", "["][..], "([x])", true),
            (&["(", "["], " (  # a (\n\t[ ])", true),
            (&["(", "["], " \\\n/* ] */ ( // no\n[", true),
            (&["(", "["], "(x, [", false),
            (&["(", "["], "(", false),
            (&[":", "pass|..."], ":\n    pass\n", true),
            (&[":", "pass|..."], ": ...", true),
            (&[":", "pass|..."], ": passed", false),
            (&[":", ">>", "return|break"], ": # a\n\n  x\n  return 1", true),
            (&[":", ">>", "return|break"], ": break\n", true),
            (&[":", ">>", "return|break"], ":\n  x\n# a\n\n  break", true),
            (&[":", ">>", "return|break"], ":\n  x\n\ny\nreturn 1", false),
            (&[":", ">>", "return|break"], ": x\nreturn 1", false),
            (&[":", ">>", "return|break"], ":", false),
            (&[":", ">>", "return|break"], ": x(); return 1\n", true),
            (&[":", ">>", "return|break"], ":\n  x(); break\n", true),
            (&["NUMBER", "in"], "12 in", true),
            (&["NUMBER", "in"], " in", false),
            (&["=", "STRING"], " = rb'x'", true),
            (&["=", "STRING"], " = abc'x'", false),
            (&["NAME", ",", "_"], " größe, _", true),
            (&["NAME", ",", "_"], " 1, _", false),
            (&["NAME", ",", "_"], " a, _b", false),
            (&[".", "Append"], ".append", true),
            (&["..", ":", "pass"], " x[1:]:\n pass", true),
            (&["..", ":", "pass"], " x: passed", false),
            (&[], "", true),
        ] {
            assert_eq!(follow(text.as_bytes(), 0, tokens), expected, "{tokens:?} in {text:?}");
        }
    }

    #[test]
    fn what_is_too_far_away_to_be_seen_is_believed() {
        assert!(!follow(" ".repeat(LONGEST_GAP - 1).as_bytes(), 0, &["("]));
        assert!(follow(format!("{}x", " ".repeat(LONGEST_GAP)).as_bytes(), 0, &["("]));
        assert!(follow(format!("/*{}", "x".repeat(LONGEST_GAP)).as_bytes(), 0, &["("]));
    }

    #[test]
    fn what_is_too_dear_to_be_read_is_believed() {
        const BLOCK: &[&str] = &["..", ":", ">>", "return"];
        const NEAR: &[&str] = &["NAME", "..", "("];
        for (then, piece) in [
            (BLOCK, "finally:\n"),
            (BLOCK, "finally:\n\n"),
            (NEAR, "finally x"),
            (NEAR, "finally x# \n"),
            (&["NAME", "("], "finallyé"),
        ] {
            let believed = |times: usize| {
                let text = piece.repeat(times);
                let mut behind = Behind::new(text.as_bytes());
                let then = next(then);
                let found =
                    (0..times).map(|n| n * piece.len() + "finally".len()).filter(|at| behind.follow(*at, &then));
                (found.count(), behind.left)
            };
            assert_eq!(believed(3).0, 0, "{piece}");
            let (found, left) = believed(10_000);
            assert!(found > 0 && left == 0, "{piece}: {found}, {left}");
        }
    }

    #[test]
    fn tokens_near_each_other_are_so_up_to_the_bound_and_not_one_past_it() {
        let near = |between| follow(format!("{}]", "x".repeat(between)).as_bytes(), 0, &["..", "]"]);
        assert!(near(0) && near(LONGEST_REST - 1) && !near(LONGEST_REST));
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
