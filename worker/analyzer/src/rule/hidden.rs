//! Where a text is no code: comments and plain strings, read without a parser. What is in doubt counts as code.

use std::ops::Range;

use crate::language::Language;

/// The comments and strings of a text, in order.
pub(super) struct Hidden(Vec<Range<usize>>);

impl Hidden {
    /// Of a language whose strings can't be told this way there are none.
    pub(super) fn of(language: Language, text: &[u8]) -> Self {
        Self(if language == Language::Python { in_python(text) } else { Vec::new() })
    }

    pub(super) fn has(&self, at: usize) -> bool {
        let behind = self.0.partition_point(|range| range.start <= at);
        behind.checked_sub(1).is_some_and(|last| self.0[last].contains(&at))
    }
}

fn in_python(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'#' => {
                let end = text[at..].iter().position(|b| *b == b'\n').map_or(text.len(), |length| at + length);
                found.push(at..end);
                at = end;
            }
            b'"' | b'\'' => {
                let end = string_end(text, at);
                // There is code within one that is formatted.
                if !is_formatted(text, at) {
                    found.push(at + 1..end);
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    found
}

/// Behind a string that begins at a quote.
fn string_end(text: &[u8], quote: usize) -> usize {
    let sign = text[quote];
    let is_triple = text[quote..].starts_with(&[sign; 3]);
    let mut at = quote + if is_triple { 3 } else { 1 };
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' => at += 2,
            b'\n' if !is_triple => return at,
            _ if byte == sign && !is_triple => return at + 1,
            _ if byte == sign && text[at..].starts_with(&[sign; 3]) => return at + 3,
            _ => at += 1,
        }
    }
    text.len()
}

/// Whether the letters before a quote make the string a template.
fn is_formatted(text: &[u8], quote: usize) -> bool {
    let letters = text[..quote].iter().rev().take(2).take_while(|b| b.is_ascii_alphabetic());
    letters.map(u8::to_ascii_lowercase).any(|letter| matches!(letter, b'f' | b't'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_plain_strings_are_hidden_and_code_is_not() {
        // What is hidden is in capitals.
        for text in [
            "x = 1 # IS 'A\ny # \"B",
            "x = 'A # B' + y",
            "\"\"\"A 'B' \"C\"\n# D \\\"\"\"\nE\"\"\"\ny = 'A\\' + B'",
            "x = 'A\ny = 'B'",
            "x = f'{y} # z' + rb\"A\" + u'B'",
            "x = f\"{y[\"a\"]}\" + 'B'",
            "x = '''A",
            "x = 'A\\",
            "x = ''; y = \"\"; '''A'''; z",
        ] {
            let hidden = Hidden::of(Language::Python, text.as_bytes());
            for (at, c) in text.char_indices().filter(|(_, c)| c.is_ascii_alphabetic()) {
                assert_eq!(hidden.has(at), c.is_ascii_uppercase(), "{c} at {at} of {text}");
            }
        }
    }

    #[test]
    fn where_strings_cannot_be_told_everything_is_code() {
        assert!(!Hidden::of(Language::JavaScript, b"x = 'a' // b").has(5));
    }
}
