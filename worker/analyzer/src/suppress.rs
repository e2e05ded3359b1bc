//! `eco-coder-ignore RULE-ID: reason` in a comment mutes a rule on its line, or, when the comment has the line to
//! itself, on the next. Without a reason it mutes nothing: whoever reads the code later should learn why.

use std::collections::BTreeMap;
use std::ops::Range;

use tree_sitter::TreeCursor;

use crate::parse::Deadline;
use crate::tree::Tree;

/// How many nodes go by between two looks at the clock.
const NODES_PER_CLOCK: usize = 256;

const MARK: &str = "eco-coder-ignore";

/// Which rules are muted where.
#[derive(Debug, Default)]
pub(crate) struct Suppressions {
    /// Line (from 1) to the names given there, upper case.
    by_line: BTreeMap<u32, Vec<String>>,
}

impl Suppressions {
    /// Reads the comments of a parsed file, as far as the time allows: `None` once it is over.
    ///
    /// One walk over the tree: asking the root for the node at each mark costs as much as the file has children, every
    /// time.
    pub(crate) fn read(text: &str, tree: &Tree, deadline: &Deadline) -> Option<Self> {
        let mut by_line: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        if !text.contains(MARK) {
            return Some(Self::default());
        }
        let mut comments = Comments::of(tree);
        let mut offset = 0;
        for (number, line) in (1_u32..).zip(text.split_inclusive('\n')) {
            let start = offset;
            offset += line.len();
            let Some(at) = line.find(MARK) else { continue };
            if deadline.has_passed() {
                return None;
            }
            let rules = named_rules(&line[at + MARK.len()..]);
            if rules.is_empty() {
                continue;
            }
            let Some(comment) = comments.around(start + at..start + at + MARK.len(), deadline) else { continue };
            let before = &text[start.min(comment.start)..comment.start];
            let alone = comment.start <= start || before.trim().is_empty();
            let target = if alone { number.saturating_add(1) } else { number };
            by_line.entry(target).or_default().extend(rules);
        }
        Some(Self { by_line })
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

/// The comments of a tree in document order, found as they are asked for.
struct Comments<'t> {
    cursor: TreeCursor<'t>,
    /// Whether the walk is over.
    ended: bool,
    visited: usize,
}

impl<'t> Comments<'t> {
    fn of(tree: &'t Tree) -> Self {
        Self { cursor: tree.root().get_inner_node().walk(), ended: false, visited: 0 }
    }

    /// The comment that `bytes` lie in. Never goes back: each question must lie behind the one before.
    fn around(&mut self, bytes: Range<usize>, deadline: &Deadline) -> Option<Range<usize>> {
        while !self.ended {
            let node = self.cursor.node();
            self.visited += 1;
            if self.visited.is_multiple_of(NODES_PER_CLOCK) && deadline.has_passed() {
                self.ended = true;
                break;
            }
            if node.start_byte() >= bytes.end {
                return None;
            }
            let reaches = node.end_byte() >= bytes.end;
            if reaches && node.start_byte() <= bytes.start && node.kind().contains("comment") {
                return Some(node.byte_range());
            }
            if !(reaches && self.cursor.goto_first_child()) {
                self.go_on();
            }
        }
        None
    }

    /// To the node behind this one and all below it.
    fn go_on(&mut self) {
        while !self.cursor.goto_next_sibling() {
            if !self.cursor.goto_parent() {
                self.ended = true;
                return;
            }
        }
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
    use crate::parse::parse;

    fn read(text: &str) -> Suppressions {
        let deadline = Deadline::after(Duration::MAX);
        Suppressions::read(text, &parse(Language::Python, text, &deadline).unwrap(), &deadline).unwrap()
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
    #[test]
    fn every_node_is_visited_once_however_many_marks_there_are() {
        let comment = "# eco-coder-ignore E: r\n";
        let text = comment.repeat(10_000);
        let deadline = Deadline::after(Duration::MAX);
        let tree = parse(Language::Python, &text, &deadline).unwrap();
        let mut comments = Comments::of(&tree);
        let found = (0..10_000)
            .filter(|n| comments.around(n * comment.len() + 2..n * comment.len() + 18, &deadline).is_some())
            .count();
        assert_eq!(found, 10_000);
        assert!(comments.visited <= 20_002, "{}", comments.visited);
        assert!(Suppressions::read(&text, &tree, &Deadline::after(Duration::ZERO)).is_none());
    }

    #[test]
    fn marks_that_share_a_comment_and_marks_in_strings_are_told_apart() {
        let text = "/* eco-coder-ignore E-1: r\n eco-coder-ignore E-2: r */\nlet a = \"eco-coder-ignore E-3: r\";\nf(); // eco-coder-ignore E-4: r\n";
        let deadline = Deadline::after(Duration::MAX);
        let tree = parse(Language::JavaScript, text, &deadline).unwrap();
        let all = Suppressions::read(text, &tree, &deadline).unwrap();
        let muted = |line, rule| all.mute(line..=line, [rule].into_iter());
        assert!(muted(2, "E-1") && muted(3, "E-2") && muted(4, "E-4"));
        assert!(!muted(3, "E-3") && !muted(4, "E-3"));
    }
}
