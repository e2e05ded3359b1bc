//! Told from a text alone, before it is parsed: whether a name that grows in it also begins there as what grows.

/// The most that is read back for the name that an annotation is of.
const LONGEST_LINE: usize = 300;

/// `x += ...`, and somewhere `x = "..."`.
pub(super) fn python_string(text: &str) -> bool {
    let grown = text.match_indices("+=").filter_map(|(at, _)| last_name(&text[..at]));
    begins(text, grown.collect(), |value| {
        value.trim_start_matches(|c: char| c.is_ascii_alphabetic()).starts_with(['"', '\''])
    })
}

/// `xs.append(...)`, and somewhere `xs = []` or `xs = list()`.
pub(super) fn python_list(text: &str) -> bool {
    let grown = text
        .match_indices("append")
        .filter_map(|(at, _)| last_name(text[..at].trim_end_matches(is_gap).strip_suffix('.')?));
    begins(text, grown.collect(), |value| value.starts_with("[]") || value.starts_with("list()"))
}

/// Whether one of the names stands before a `=` with such a value behind.
fn begins(text: &str, mut names: Vec<&str>, is_beginning: impl Fn(&str) -> bool) -> bool {
    names.sort_unstable();
    names.dedup();
    let is_one = |before: &str| last_name(before).is_some_and(|name| names.binary_search(&name).is_ok());
    !names.is_empty()
        && text.match_indices('=').any(|(at, _)| {
            is_beginning(text[at + 1..].trim_start_matches(is_gap))
                && (is_one(&text[..at]) || is_annotated(&text[..at], is_one))
        })
}

/// The name that a text ends with, of an attribute its own.
fn last_name(text: &str) -> Option<&str> {
    let text = text.trim_end_matches(is_gap);
    let rest = text.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
    Some(&text[rest.len()..]).filter(|name| !name.is_empty())
}

/// Whether the text's last line, or what is near of it, has one of them before a colon, as `x: str` has.
fn is_annotated(text: &str, is_one: impl Fn(&str) -> bool) -> bool {
    let near = &text[text.floor_char_boundary(text.len().saturating_sub(LONGEST_LINE))..];
    let line = near.rsplit('\n').next().unwrap_or_default();
    line.match_indices(':').any(|(at, _)| is_one(&line[..at]))
}

/// What may stand between two tokens of a statement.
fn is_gap(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '\\' | '\u{c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_that_grows_has_one_name_at_both_places() {
        for (text, expected) in [
            ("out = ''\nout += x", true),
            ("self.out = f\"a\"\npage.out  +=x", true),
            ("out = \\\n  rb''\nout \\\n += x", true),
            ("out: str = ''\nout += x", true),
            ("class A: out: Dict[str, int] = ''\nout += x", true),
            ("größe = ''\ngröße += x", true),
            ("out = 0\nout += x", false),
            ("out = ''\nother += x", false),
            ("out == ''\nout += x", false),
            ("x['out'] = ''\nout += x", false),
            ("out = ''", false),
            ("+= ''", false),
            ("", false),
        ] {
            assert_eq!(python_string(text), expected, "{text}");
        }
    }

    #[test]
    fn so_has_a_list() {
        for (text, expected) in [
            ("xs = []\nxs.append(x)", true),
            ("self.xs = list()\nself.xs. append (x)", true),
            ("xs: list[int] = []\nxs.append(x)", true),
            ("xs = [1]\nxs.append(x)", false),
            ("xs = []\nys.append(x)", false),
            ("xs = []\nappend(xs)", false),
        ] {
            assert_eq!(python_list(text), expected, "{text}");
        }
    }
}
