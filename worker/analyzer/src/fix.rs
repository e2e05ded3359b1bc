//! Mends: what a rule's `fix:` makes of a finding, as whole lines to put in place of others, the form of a suggestion on
//! GitHub. Offered only if the mended text parses as well as before and the finding is gone. Never writes a file; what it
//! makes is a piece of the source, so it is never serialised and never shown by `Debug`.

mod edit;
mod rewrite;
mod template;
mod verify;

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

pub(crate) use self::rewrite::{FixFile, Rewrite};
use self::verify::Claim;
use crate::file::Limits;
use crate::finding::Finding;
use crate::lines::LineSet;
use crate::parse::Deadline;
use crate::scan::{Hit, Scope};
use crate::tree::{Node, Tree};

/// Lines `start_line..=end_line` (from 1, inclusive) are to be replaced by the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Fix {
    pub start_line: u32,
    /// Not before `start_line`, not beyond the end of the file.
    pub end_line: u32,
    /// With the file's own line endings, and without one at its end. Empty: the lines are removed.
    pub replacement: String,
}

impl fmt::Debug for Fix {
    /// The place alone: the text is source.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fix({}..={}, {} bytes)", self.start_line, self.end_line, self.replacement.len())
    }
}

impl Fix {
    /// The text with the lines replaced; `None` if it doesn't have them.
    pub fn apply(&self, text: &str) -> Option<String> {
        let lines = self.bytes(text)?;
        let old = &text[lines.clone()];
        let ending = match old.strip_suffix('\n') {
            _ if self.replacement.is_empty() => "",
            Some(rest) if rest.ends_with('\r') => "\r\n",
            Some(_) => "\n",
            None => "",
        };
        Some([&text[..lines.start], &self.replacement, ending, &text[lines.end..]].concat())
    }

    /// Where the lines stand, the line break of the last one included.
    fn bytes(&self, text: &str) -> Option<Range<usize>> {
        let mut at = 0;
        let mut start = None;
        for (number, line) in (1..).zip(text.split_inclusive('\n')) {
            if number == self.start_line {
                start = Some(at);
            }
            at += line.len();
            if number == self.end_line {
                return start.map(|start| start..at);
            }
        }
        None
    }
}

/// Applies fixes of one text, from its top, each that doesn't meet one before it. Says which were applied.
pub fn apply_fixes(text: &str, fixes: &[&Fix]) -> (String, Vec<bool>) {
    let mut order: Vec<usize> = (0..fixes.len()).collect();
    order.sort_by_key(|&at| (fixes[at].start_line, fixes[at].end_line));
    let mut last = 0;
    order.retain(|&at| {
        let free = fixes[at].start_line > last;
        if free {
            last = fixes[at].end_line;
        }
        free
    });
    let mut mended = text.to_owned();
    let mut applied = vec![false; fixes.len()];
    // From below, so that the lines above keep their numbers.
    for &at in order.iter().rev() {
        if let Some(next) = fixes[at].apply(&mended) {
            mended = next;
            applied[at] = true;
        }
    }
    (mended, applied)
}

/// A file that was analysed.
pub(crate) struct Source<'a> {
    pub(crate) text: &'a str,
    pub(crate) tree: &'a Tree,
    pub(crate) scope: &'a Scope<'a>,
    pub(crate) deadline: &'a Deadline,
    pub(crate) limits: &'a Limits,
}

/// Gives each finding the fix that its rule has for it, as far as time and bounds allow. Returns how many had one that
/// was refused: the mended text didn't parse, or still had a fault.
pub(crate) fn attach(
    findings: &mut [Finding],
    hits: &[Hit<'_>],
    source: &Source<'_>,
    changed: Option<&LineSet>,
) -> u32 {
    let limits = source.limits;
    if source.text.len() > limits.max_fixable_bytes {
        return 0;
    }
    let mut places: HashMap<(&str, u32), Vec<&Hit<'_>>> = HashMap::new();
    for hit in hits.iter().filter(|hit| !hit.rule.rewrites.is_empty()) {
        let place = places.entry((&hit.rule.info.id, hit.lines.0)).or_default();
        // What lies within another match of the rule is mended with it, or not at all.
        if place.iter().all(|outer| hit.bytes.start >= outer.bytes.end) {
            place.push(hit);
        }
    }
    let (mut tried, mut refused) = (0, 0);
    for finding in findings {
        let Some(place) = places.get(&(finding.rule_id.as_str(), finding.start_line)) else { continue };
        if tried >= limits.max_fixes_per_file || source.deadline.has_passed() {
            break;
        }
        let Some(fix) = propose(place, source) else { continue };
        if changed.is_some_and(|set| (fix.start_line..=fix.end_line).any(|line| !set.contains(line))) {
            continue;
        }
        tried += 1;
        if verify::holds(&Claim { place, fix: &fix, severity: finding.severity }, source) {
            finding.fixable = true;
            finding.fix = Some(fix);
        } else {
            refused += 1;
        }
    }
    refused
}

/// All matches of the rule that are one finding, mended together.
fn propose(place: &[&Hit<'_>], source: &Source<'_>) -> Option<Fix> {
    let mut edits = Vec::new();
    for hit in place {
        let found = nodes_at(source.tree, &hit.bytes).into_iter().find_map(|node| hit.rule.found(&node))?;
        edits.extend(hit.rule.rewrites.iter().find_map(|rewrite| rewrite.edits(&found, source.text))?);
    }
    edit::as_lines(source.text, edits)
}

/// The nodes that are exactly these bytes, outermost first.
fn nodes_at<'t>(tree: &'t Tree, bytes: &Range<usize>) -> Vec<Node<'t>> {
    let root = tree.root().get_inner_node();
    let Some(innermost) = root.descendant_for_byte_range(bytes.start, bytes.end) else { return Vec::new() };
    let innermost = tree.adopt(innermost);
    let mut nodes: Vec<Node<'t>> =
        innermost.ancestors().take_while(|node| node.range() == *bytes).collect::<Vec<_>>().into_iter().rev().collect();
    if innermost.range() == *bytes {
        nodes.push(innermost);
    }
    nodes
}

#[cfg(test)]
mod tests;
