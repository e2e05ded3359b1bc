//! The text that a fix puts in place of a node: words of the rule, and pieces of the source by the names under which the
//! match holds them. Never looks at what it is put in place of.

use std::ops::Range;

use crate::tree::Match;

/// A text with names in it: `$NAME` is what the name stands for, `$$$NAME` all of several, `$<NAME>` what stands between
/// the first and the last character of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    One(String),
    Many(String),
    Inside(String),
}

impl Template {
    /// Reads a template. What isn't a name stands for itself.
    pub(super) fn parse(source: &str) -> Self {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = source;
        while let Some(at) = rest.find('$') {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            let Some((piece, length)) = name_at(rest) else {
                text.push('$');
                rest = &rest[1..];
                continue;
            };
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            pieces.push(piece);
            rest = &rest[length..];
        }
        text.push_str(rest);
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Self(pieces)
    }

    /// The names it needs.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::One(name) | Piece::Many(name) | Piece::Inside(name) => Some(name.as_str()),
        })
    }

    /// The text for a match; `None` if the match has none of that name. Line breaks of the template become `newline` and
    /// `indent`; pieces of the source stay as they are.
    pub(super) fn render(&self, found: &Match<'_>, text: &str, newline: &str, indent: &str) -> Option<String> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(words) => {
                    for (number, line) in words.split('\n').enumerate() {
                        if number > 0 {
                            out.extend([newline, indent]);
                        }
                        out.push_str(line);
                    }
                }
                Piece::One(name) => out.push_str(&text[found.get_env().get_match(name)?.range()]),
                Piece::Inside(name) => {
                    let range = found.get_env().get_match(name)?.range();
                    let inside = text.get(range.start + 1..range.end.checked_sub(1)?)?;
                    if inside.starts_with(['\n', '\r']) {
                        // No white space before a line break of the source's.
                        out.truncate(out.trim_end().len());
                    }
                    out.push_str(inside);
                }
                Piece::Many(name) => {
                    if let Some(range) = several(found, name) {
                        out.push_str(&text[range]);
                    } else {
                        // Nothing there: nor is the comma before it.
                        let kept = out.trim_end_matches([' ', ',']).len();
                        out.truncate(kept);
                    }
                }
            }
        }
        Some(out)
    }
}

/// Where all that a name of several stands for is, from its first to its last, without a comma that ends it.
pub(super) fn several(found: &Match<'_>, name: &str) -> Option<Range<usize>> {
    let mut nodes = found.get_env().get_multiple_matches(name);
    while nodes.last().is_some_and(|node| node.kind() == ",") {
        nodes.pop();
    }
    Some(nodes.first()?.range().start..nodes.last()?.range().end)
}

/// A name at the start of the text, which begins with a dollar sign, and its length.
fn name_at(text: &str) -> Option<(Piece, usize)> {
    let name = |text: &str| {
        let length = text.bytes().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_').count();
        text.starts_with(|c: char| c.is_ascii_uppercase()).then(|| text[..length].to_owned())
    };
    if let Some(rest) = text.strip_prefix("$$$") {
        return name(rest).map(|name| (name.len() + 3, name)).map(|(length, name)| (Piece::Many(name), length));
    }
    if let Some(rest) = text.strip_prefix("$<") {
        let name = name(rest).filter(|name| rest[name.len()..].starts_with('>'))?;
        let length = name.len() + 3;
        return Some((Piece::Inside(name), length));
    }
    name(&text[1..]).map(|name| (name.len() + 1, name)).map(|(length, name)| (Piece::One(name), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_what_only_looks_like_them() {
        use Piece::{Inside, Many, One, Text};
        for (source, pieces) in [
            ("min($XS)", vec![Text("min(".into()), One("XS".into()), Text(")".into())]),
            ("$$$ARGS", vec![Many("ARGS".into())]),
            ("($<LIST>)", vec![Text("(".into()), Inside("LIST".into()), Text(")".into())]),
            ("$n = $A2$", vec![Text("$n = ".into()), One("A2".into()), Text("$".into())]),
            ("$<A $$B", vec![Text("$<A $".into()), One("B".into())]),
            ("", vec![]),
        ] {
            assert_eq!(Template::parse(source), Template(pieces), "{source}");
        }
    }
}
