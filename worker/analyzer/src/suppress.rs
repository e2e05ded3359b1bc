//! `eco-coder-ignore RULE-ID: reason` in a comment mutes a rule on its line, or, when the comment has the line to
//! itself, on the next. Without a reason it mutes nothing: whoever reads the code later should learn why.

use std::collections::BTreeMap;

use crate::tree::Tree;

const MARK: &str = "eco-coder-ignore";

/// Which rules are muted where.
#[derive(Debug, Default)]
pub(crate) struct Suppressions {
    /// Line (from 1) to the names given there, upper case.
    by_line: BTreeMap<u32, Vec<String>>,
}

impl Suppressions {
    /// Reads the comments of a parsed file.
    pub(crate) fn read(text: &str, tree: &Tree) -> Self {
        let mut by_line: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        if !text.contains(MARK) {
            return Self::default();
        }
        let root = tree.root().get_inner_node();
        let mut offset = 0;
        for (number, line) in (1_u32..).zip(text.split_inclusive('\n')) {
            let start = offset;
            offset += line.len();
            let Some(at) = line.find(MARK) else { continue };
            let Some(comment) = root.descendant_for_byte_range(start + at, start + at + MARK.len()) else {
                continue;
            };
            if !comment.kind().contains("comment") {
                continue;
            }
            let rules = named_rules(&line[at + MARK.len()..]);
            if rules.is_empty() {
                continue;
            }
            let before = &text[start.min(comment.start_byte())..comment.start_byte()];
            let alone = comment.start_byte() <= start || before.trim().is_empty();
            let target = if alone { number.saturating_add(1) } else { number };
            by_line.entry(target).or_default().extend(rules);
        }
        Self { by_line }
    }

    /// Whether a rule, by any of its names, is muted on one of the lines.
    pub(crate) fn mute<'a>(
        &self,
        lines: std::ops::RangeInclusive<u32>,
        mut names: impl Iterator<Item = &'a str>,
    ) -> bool {
        let muted: Vec<&String> = self.by_line.range(lines).flat_map(|(_, rules)| rules).collect();
        !muted.is_empty() && names.any(|name| muted.iter().any(|rule| rule.eq_ignore_ascii_case(name)))
    }
}

/// The rules named between the mark and the colon, if a reason follows the colon.
fn named_rules(rest: &str) -> Vec<String> {
    let Some((rules, reason)) = rest.split_once(':') else {
        return Vec::new();
    };
    let reason = reason.trim().trim_end_matches("*/").trim();
    if !rules.starts_with([' ', '\t']) || !reason.chars().any(char::is_alphanumeric) {
        return Vec::new();
    }
    rules.split([',', ' ', '\t']).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::language::Language;
    use crate::parse::{Deadline, parse};

    fn read(text: &str) -> Suppressions {
        Suppressions::read(text, &parse(Language::Python, text, &Deadline::after(Duration::MAX)).unwrap())
    }

    fn muted(text: &str, line: u32) -> bool {
        read(text).mute(line..=line, ["EC-PY-072", "GCI72"].into_iter())
    }

    #[test]
    fn a_comment_with_a_reason_mutes_its_own_line() {
        let text = "x = 1\ny = 2  # eco-coder-ignore EC-PY-072: three rows at most\nz = 3\n";
        assert_eq!([1, 2, 3].map(|line| muted(text, line)), [false, true, false]);
    }

    #[test]
    fn a_comment_alone_on_its_line_mutes_the_next() {
        let text = "x = 1\n    # eco-coder-ignore gci72, EC-PY-001: small\ny = 2\nz = 3\n";
        assert_eq!([1, 2, 3, 4].map(|line| muted(text, line)), [false, false, true, false]);
    }

    #[test]
    fn no_reason_no_muting() {
        for comment in ["EC-PY-072", "EC-PY-072:", "EC-PY-072:  --", ": reason", "EC-PY-999: reason"] {
            assert!(!muted(&format!("y = 2  # eco-coder-ignore {comment}\n"), 1), "{comment}");
        }
    }

    #[test]
    fn a_string_is_not_a_comment() {
        assert!(!muted("y = 'eco-coder-ignore EC-PY-072: reason'\n", 1));
    }
}
