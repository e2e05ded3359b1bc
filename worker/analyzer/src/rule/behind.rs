//! What stands behind a word: blanks and comments passed over, as far as a rule asks and as long as that is not too dear.
//! Knows no words, and no rules.

/// The most of blanks and comments that are read between two tokens: with more, what follows is believed to be there.
const LONGEST_GAP: usize = 1000;

/// The most that is passed over in search of the tokens behind `..`.
const LONGEST_REST: usize = 300;

/// The most that is read behind words, for each byte of a text: a text that wants more wakes the rules it makes hard to tell.
const READS_PER_BYTE: usize = 32;

/// What must come behind a word.
pub(super) enum Next {
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
    pub(super) fn of(token: &'static str) -> Self {
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

/// Reads what stands behind a word, as long as that is not too dear: then whatever is asked for is believed to be there.
pub(super) struct Behind<'t> {
    text: &'t [u8],
    /// Bytes that may still be read.
    left: usize,
}

impl<'t> Behind<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { text, left: READS_PER_BYTE * text.len() + LONGEST_GAP }
    }

    /// Whether these come next, with blanks and comments alone between them.
    pub(super) fn follow(&mut self, mut at: usize, then: &[Next]) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn next(tokens: &[&'static str]) -> Vec<Next> {
        tokens.iter().map(|token| Next::of(token)).collect()
    }

    fn follow(text: &[u8], at: usize, tokens: &[&'static str]) -> bool {
        Behind::new(text).follow(at, &next(tokens))
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
}
