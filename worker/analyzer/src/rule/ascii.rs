//! Expressions of our own rules, made cheap to compile when the library is built: what `\w`, `\d`, `\s` and `\b` mean beyond
//! ASCII costs twenty times the rest, and a search for how matches could begin, in upper and lower case, ten times. What such
//! an expression says of ASCII stays as it was written, and so does which texts have a match; where that begins, it doesn't.

use std::iter::Peekable;
use std::str::Chars;

use regex_syntax::hir::{Hir, Look};
use serde_json::Value;

/// Rewrites every `regex` of a rule's document.
pub(crate) fn simplify(document: &mut Value) {
    match document {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(regex) if name == "regex" => *regex = from_the_start(ascii(regex)),
                    _ => simplify(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(simplify),
        _ => {}
    }
}

/// The same expression, in which classes and word boundaries know ASCII alone.
pub(crate) fn ascii(regex: &str) -> String {
    // Fails if it could match half a character, as `.` and `[^a]` could.
    let all = format!("(?-u){regex}");
    if regex_syntax::parse(&all).is_ok() { all } else { by_parts(regex) }
}

/// The same expression, if letters are meant in any case and it may match anywhere, as one that matches from the start. One
/// that is bound to the end is read from there, which is quicker by all the text before, and stays.
fn from_the_start(regex: String) -> String {
    let is_bound = |hir: Hir| {
        let properties = hir.properties();
        properties.look_set_prefix().contains(Look::Start) || properties.look_set_suffix().contains(Look::End)
    };
    if !regex.contains("(?i") || regex_syntax::parse(&regex).map_or(true, is_bound) {
        return regex;
    }
    format!("^(?s:.*)(?:{regex})")
}

/// Class by class: what can match any character stays as it is.
fn by_parts(regex: &str) -> String {
    let mut out = String::with_capacity(2 * regex.len());
    let mut rest = regex.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '[' => bracket(&mut rest, &mut out),
            '\\' => match rest.next() {
                Some(class @ ('w' | 'd' | 's' | 'b')) => {
                    out.push_str("(?-u:\\");
                    out.push(class);
                    out.push(')');
                }
                escaped => {
                    out.push('\\');
                    out.extend(escaped);
                }
            },
            _ => out.push(c),
        }
    }
    out
}

/// What is between brackets; the first of them is read.
fn bracket(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    out.push('[');
    out.extend(rest.next_if_eq(&'^'));
    // A bracket that comes first closes nothing.
    out.extend(rest.next_if_eq(&']'));
    while let Some(c) = rest.next() {
        match c {
            ']' => break,
            '[' => bracket(rest, out),
            '\\' => match rest.next() {
                Some('w') => out.push_str("0-9A-Za-z_"),
                Some('d') => out.push_str("0-9"),
                Some('s') => out.push_str(r"\t\n\v\f\r\x20"),
                escaped => {
                    out.push('\\');
                    out.extend(escaped);
                }
            },
            _ => out.push(c),
        }
    }
    out.push(']');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    #[test]
    fn what_may_match_any_character_keeps_its_characters() {
        for (written, expected) in [
            (r"^(\w+\.)*get\b", r"(?-u)^(\w+\.)*get\b"),
            (r"(?i)^k\d$", r"(?-u)(?i)^k\d$"),
            (r"\bf\(.*\)", r"(?-u:\b)f\(.*\)"),
            (r"[^\w.]\w", r"[^0-9A-Za-z_.](?-u:\w)"),
            (r"[]\s-][^]\d[a\w]\\]", r"[]\t\n\v\f\r\x20-][^]0-9[a0-9A-Za-z_]\\]"),
            (r"\\w.\S", r"\\w.\S"),
        ] {
            assert_eq!(ascii(written), expected);
            assert!(Regex::new(expected).is_ok(), "{expected}");
        }
    }

    #[test]
    fn an_expression_bound_to_an_end_is_read_from_there() {
        for bound in ["(?i)(repo|dao)$", "(?i)^repo", "(?-u)(?i)^repo$", "repo"] {
            assert_eq!(from_the_start(bound.to_owned()), bound);
        }
    }

    #[test]
    fn every_expression_of_a_document_is_rewritten_and_nothing_else() {
        let mut rule = serde_json::json!(
            {"title": r"\w", "any": [{"regex": r"^\w$"}, {"has": {"regex": r"\d."}}, {"regex": "(?i)a|b$"}]}
        );
        simplify(&mut rule);
        let expected = serde_json::json!(
            {"title": r"\w", "any": [{"regex": r"(?-u)^\w$"}, {"has": {"regex": r"(?-u:\d)."}}, {"regex": "^(?s:.*)(?:(?-u)(?i)a|b$)"}]}
        );
        assert_eq!(rule, expected);
    }

    /// Pieces of expressions as rules have them.
    fn expression() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            r"\w+", r"\b", r"\d", r"\s*", "a", r"\.", ".", "[^a]", r"[\w.]", r"[^\s]", "(?:b|c)", r"\W", "^", "$", "x?",
        ]);
        prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn the_same_texts_have_a_match_from_the_start(
            flags in prop::sample::select(vec!["(?i)", "(?im)", "(?is)", "(?i)^"]),
            written in expression(),
            text in r"[abcxÄé .(_19\n]{0,12}",
        ) {
            let written = format!("{flags}{written}");
            let bound = from_the_start(written.clone());
            prop_assert_eq!(Regex::new(&written).unwrap().is_match(&text), Regex::new(&bound).unwrap().is_match(&text), "{}", bound);
        }

        #[test]
        fn on_ascii_nothing_changes(written in expression(), text in r"[abcx .(_19\n]{0,12}") {
            let (before, after) = (Regex::new(&written).unwrap(), Regex::new(&ascii(&written)).unwrap());
            prop_assert_eq!(before.find(&text), after.find(&text), "{} and {} on {:?}", written, ascii(&written), text);
        }
    }
}
