//! Which of a language's rules can match in a text, told from the words in it: one search for all words of all rules.
//! Where a rule's words come from is `words.rs`.

use std::cell::OnceCell;

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
    words: Option<AhoCorasick>,
    /// Of each word, how it may be asked for.
    asked: Vec<Vec<Asked>>,
    /// Of each rule, the clauses that a text must satisfy.
    needs: Vec<Vec<usize>>,
    clauses: usize,
}

/// A way in which a word may be asked for, and the clauses that it satisfies then.
struct Asked {
    word: Word,
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
        let mut words: Vec<&'static str> = Vec::new();
        let mut asked: Vec<Vec<Asked>> = Vec::new();
        for (word, clause) in pairs {
            if words.last() != Some(&word.text) {
                words.push(word.text);
                asked.push(Vec::new());
            }
            let Some(ways) = asked.last_mut() else { continue };
            match ways.last_mut().filter(|way| way.word == word) {
                Some(way) => way.clauses.push(clause),
                None => ways.push(Asked { word, clauses: vec![clause] }),
            }
        }
        words.extend(ODD);
        // One that can't be built wakes everybody.
        let words = AhoCorasick::builder().ascii_case_insensitive(true).build(words).ok();
        Self { language, words, asked, needs, clauses: clauses.len() }
    }

    /// By the rule's place: can it match here?
    pub(super) fn awake(&self, text: &str) -> Vec<bool> {
        let everybody = || vec![true; self.needs.len()];
        let Some(words) = &self.words else { return everybody() };
        let bytes = text.as_bytes();
        let hidden = OnceCell::new();
        let mut behind = Behind::new(bytes);
        let mut satisfied = vec![false; self.clauses];
        let mut open: Vec<Vec<&Asked>> = self.asked.iter().map(|ways| ways.iter().collect()).collect();
        for found in words.find_overlapping_iter(text) {
            let Some(ways) = open.get_mut(found.pattern().as_usize()) else { return everybody() };
            if ways.is_empty() {
                continue;
            }
            let is_token = is_token(bytes, found.start(), found.end());
            let is_code = || !hidden.get_or_init(|| Hidden::of(self.language, bytes)).has(found.start());
            ways.retain(|Asked { word, clauses }| {
                let here =
                    (is_token || !word.whole) && behind.follow(found.end(), word.then) && (!word.code || is_code());
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

    /// Whether these tokens come next, with blanks and comments alone between them.
    fn follow(&mut self, mut at: usize, tokens: &[&str]) -> bool {
        for (place, token) in tokens.iter().enumerate() {
            self.spend(1);
            let rest = &tokens[place + 1..];
            if self.left == 0 {
                return true;
            }
            if *token == ".." {
                let end = self.text.len().min(at + LONGEST_REST);
                return (at..end).any(|at| self.follow(at, rest));
            }
            if *token == ">>" {
                return self.follow_in_block(at, rest);
            }
            let Some(start) = self.gap_end(at) else { return true };
            match length_of(token, self.text.get(start..).unwrap_or_default()) {
                Some(length) => at = start + length,
                None => return false,
            }
        }
        true
    }

    /// Whether a statement of the block behind a colon of Python's begins with these tokens; one of a deeper block counts as
    /// well. Text at the margin ends the block, in a string, too.
    fn follow_in_block(&mut self, colon: usize, tokens: &[&str]) -> bool {
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
            if std::iter::once(indent).chain(behind_semicolons).any(|place| self.follow(start + place, tokens)) {
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
                [b' ' | b'\t' | b'\r' | b'\n' | b'\\' | 0x0c, ..] => at + 1,
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

/// The length of a token if the text begins with it.
fn length_of(token: &str, text: &[u8]) -> Option<usize> {
    match token {
        "NAME" => {
            let length = text.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_' || !b.is_ascii()).count();
            (length > 0 && !text[0].is_ascii_digit()).then_some(length)
        }
        "NUMBER" => Some(text.iter().take_while(|b| b.is_ascii_digit()).count()).filter(|length| *length > 0),
        "STRING" => {
            let prefix = text.iter().take(2).take_while(|b| b.is_ascii_alphabetic()).count();
            matches!(text.get(prefix), Some(b'"' | b'\'')).then_some(prefix + 1)
        }
        _ => token.split('|').find_map(|token| {
            let begins = text.get(..token.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(token.as_bytes()));
            let goes_on = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            let ends = !token.bytes().all(|b| goes_on(&b)) || !text.get(token.len()).is_some_and(goes_on);
            (begins && ends).then_some(token.len())
        }),
    }
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

    fn follow(text: &[u8], at: usize, tokens: &[&str]) -> bool {
        Behind::new(text).follow(at, tokens)
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
        for (then, piece) in
            [(BLOCK, "finally:\n"), (BLOCK, "finally:\n\n"), (NEAR, "finally x"), (NEAR, "finally x# \n")]
        {
            let believed = |times: usize| {
                let text = piece.repeat(times);
                let mut behind = Behind::new(text.as_bytes());
                let found = (0..times).map(|n| n * piece.len() + "finally".len()).filter(|at| behind.follow(*at, then));
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
