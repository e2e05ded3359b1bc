//! How many tokens a text could leave open, told from the text alone and never too low: what closes is believed only
//! where nothing can hide it. Says which texts are parsed under [`crate::stack`]'s watch. Knows no grammar but its key
//! words.
//!
//! Brackets stay open until they close, and operators until their operand is complete: so each counts. A bracket that
//! closes on the line it opened on takes with it whatever was counted between, if the line has no character that could
//! begin or end a string or a comment: either all of the line is code or none of it is. Nothing carries over from line
//! to line but the last token. Names and numbers next to each other are a fault and stay nowhere; key words do.

use std::sync::OnceLock;

use ast_grep_core::tree_sitter::LanguageExt;

use crate::language::Language;

/// What the token before was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    KeyWord,
    Closer,
    Dot,
    Other,
}

/// Whether more tokens than `limit` could be open at once in a text.
pub(crate) fn opens_more_than(language: Language, text: &str, limit: usize) -> bool {
    let words = key_words(language);
    let mut count = Count { open: 0, most: 0, before: Before::Other };
    text.split('\n').any(|line| {
        count.read(line.as_bytes(), words);
        count.most > limit
    })
}

/// Whether brackets nest deeper than `limit`, as far as one can tell without reading strings and comments: too low a count
/// is harmless where it only spares a text the parser.
pub(crate) fn nests_more_than(text: &str, limit: usize) -> bool {
    let mut depth = 0_usize;
    text.bytes().any(|byte| {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > limit
    })
}

/// How many tokens are open where a text was read up to.
struct Count {
    open: usize,
    /// The most there were anywhere.
    most: usize,
    before: Before,
}

impl Count {
    /// Reads a line.
    fn read(&mut self, line: &[u8], words: &KeyWords) {
        let Self { mut open, mut most, mut before } = *self;
        let plain = is_plain(line);
        // Brackets of this line, with what was open when they opened.
        let mut brackets: Vec<(u8, usize)> = Vec::new();
        let mut at = 0;
        while let Some(&byte) = line.get(at) {
            at += 1;
            match byte {
                b' ' | b'\t' | b'\r' => {}
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | 0x80.. => {
                    let start = at - 1;
                    let length = line[at..].iter().take_while(|b| is_word(**b)).count();
                    at += length;
                    let key_word = words.has(&line[start..at]);
                    if before == Before::KeyWord || (before == Before::Closer && key_word) {
                        open += 1;
                    }
                    before = if key_word { Before::KeyWord } else { Before::Other };
                }
                b'(' | b'[' | b'{' => {
                    if before == Before::Closer {
                        open += 1;
                    }
                    if plain {
                        brackets.push((byte, open));
                    }
                    open += 1;
                    before = Before::Other;
                }
                b')' | b']' | b'}' => {
                    if let Some(&(opener, then)) = brackets.last()
                        && matches!((opener, byte), (b'(', b')') | (b'[', b']') | (b'{', b'}'))
                    {
                        open = then;
                        brackets.pop();
                    }
                    before = Before::Closer;
                }
                b',' | b';' | b'\'' | b'"' => before = Before::Other,
                b'.' => {
                    // Ranges and what spreads a list are operators.
                    open += usize::from(before == Before::Dot);
                    before = Before::Dot;
                }
                // In Python a colon ends what it belongs to, unless that is a key word alone: no label, no choice of two.
                b':' | b'#' if words.colons_end && before != Before::KeyWord => before = Before::Other,
                _ => {
                    open += 1;
                    before = Before::Other;
                }
            }
            most = most.max(open);
        }
        *self = Self { open, most, before };
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Whether a line has no character that could begin or end a string, a comment or a piece of code within one.
fn is_plain(line: &[u8]) -> bool {
    let hides = |byte: &u8| matches!(byte, b'\'' | b'"' | b'`' | b'\\' | b'#' | b'$' | b'@');
    !line.iter().any(hides)
        && !line.windows(2).any(|pair| {
            matches!(pair, [b'/', b'/' | b'*'] | [b'*', b'/'] | [b'?', b'>'] | [b'<', b'?' | b'!' | b'<' | b'/'])
        })
}

/// The key words of a grammar, in lower case.
struct KeyWords {
    by_letter: [Vec<Box<str>>; 26],
    /// Whether a colon leaves nothing open.
    colons_end: bool,
}

impl KeyWords {
    fn of(language: Language) -> Self {
        let grammar = language.grammar().get_ts_language();
        let mut by_letter = [const { Vec::new() }; 26];
        for id in (0..grammar.node_kind_count()).filter_map(|id| u16::try_from(id).ok()) {
            let Some(kind) = grammar.node_kind_for_id(id).filter(|_| !grammar.node_kind_is_named(id)) else { continue };
            if let Some(words) = kind.bytes().next().and_then(|first| by_letter.get_mut(letter(first)?))
                && kind.bytes().all(|b| b.is_ascii_alphabetic())
            {
                words.push(kind.into());
            }
        }
        Self { by_letter, colons_end: language == Language::Python }
    }

    fn has(&self, word: &[u8]) -> bool {
        let words = word.first().and_then(|&first| self.by_letter.get(letter(first)?));
        words.is_some_and(|words| words.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(word)))
    }
}

fn letter(byte: u8) -> Option<usize> {
    byte.is_ascii_alphabetic().then(|| usize::from(byte.to_ascii_lowercase() - b'a'))
}

fn key_words(language: Language) -> &'static KeyWords {
    static WORDS: [OnceLock<KeyWords>; Language::ALL.len()] = [const { OnceLock::new() }; Language::ALL.len()];
    WORDS[language.index()].get_or_init(|| KeyWords::of(language))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(language: Language, text: &str) -> usize {
        let mut count = Count { open: 0, most: 0, before: Before::Other };
        text.split('\n').for_each(|line| count.read(line.as_bytes(), key_words(language)));
        count.open
    }

    #[test]
    fn what_closes_on_its_line_is_closed_and_nothing_else_is() {
        for (language, text, expected) in [
            (Language::Python, "f(a, -b, [c, {d: 1}])\n", 0),
            (Language::Python, "x = f(a, b)\n", 1),
            (Language::Python, "f(a,\n  b)\n", 1),
            // A closer in a string, or in a string that began before.
            (Language::Python, "f('a)', ')')\n", 1),
            (Language::Python, "(((\n)))\n", 3),
            (Language::Python, "(]\n", 1),
            (Language::Java, "f(a /* ) */\n", 5),
            (Language::JavaScript, "f(`a)`)\n", 3),
            (Language::Php, "( ?> ) <?php\n", 5),
            // Operators and key words wait for what follows, on whatever line.
            (Language::Python, "not not\nnot x\n", 3),
            (Language::Python, "lambda: lambda x: x\n", 2),
            (Language::Python, "a if b else c\n", 2),
            (Language::Java, "(A)\n(B) (C)\nx\n", 2),
            (Language::Java, "if (a) if (b) c(); else d();", 2),
            (Language::TypeScript, "a<a<a", 2),
            (Language::Rust, "x = .. .. y", 4),
            (Language::JavaScript, "a ? b : c", 2),
        ] {
            assert_eq!(open(language, text), expected, "{text}");
        }
    }

    #[test]
    fn the_limit_is_kept_at_the_bound_and_one_past_it() {
        assert!(!opens_more_than(Language::Python, &"(\n".repeat(100), 100));
        assert!(opens_more_than(Language::Python, &"(\n".repeat(101), 100));
        assert!(!nests_more_than(&"()".repeat(200), 1) && nests_more_than("(])[{", 1));
        let closed = format!("{}{}", "(".repeat(101), ")".repeat(101));
        assert!(opens_more_than(Language::Python, &closed, 100) && !opens_more_than(Language::Python, &closed, 101));
    }
}
