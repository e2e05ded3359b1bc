//! Whether a fix holds: the text that it makes parses as well as before, the finding is gone, and no other of its weight has
//! come. Looks at the function around the fix alone. Never changes the fix.

use std::collections::HashMap;
use std::ops::Range;

use super::{Fix, Source, nodes_at};
use crate::finding::Severity;
use crate::parse::parse;
use crate::scan::Hit;
use crate::tree::{Tree, depth_exceeds, enclosing_function, field_id, is_crowded};

/// What is to be shown.
pub(super) struct Claim<'a> {
    /// The matches that are the finding.
    pub(super) place: &'a [&'a Hit<'a>],
    pub(super) fix: &'a Fix,
    /// The finding's.
    pub(super) severity: Severity,
}

/// Whether the fix may be offered.
pub(super) fn holds(claim: &Claim<'_>, source: &Source<'_>) -> bool {
    let Some(lines) = claim.fix.bytes(source.text) else { return false };
    let Some(text) = claim.fix.apply(source.text) else { return false };
    let Ok(tree) = parse(source.scope.language, &text, source.deadline) else { return false };
    if depth_exceeds(&tree, source.limits.max_depth) || faults(&tree) > faults(source.tree) {
        return false;
    }
    let (mut start, mut end) = (lines.start, lines.end);
    for hit in claim.place {
        // What a fix breaks may be found elsewhere in the function, as a lock that is held across a new await.
        let node = nodes_at(source.tree, &hit.bytes).pop();
        let around = node.and_then(|node| enclosing_function(&node)).map_or(hit.bytes.clone(), |node| node.range());
        (start, end) = (start.min(around.start), end.max(around.end));
    }
    let from_end = source.text.len() - end;
    let Some(new_end) = text.len().checked_sub(from_end) else { return false };
    let (Some(before), Some(after)) = (
        spoken_of(source.tree, source.text, &(start..end), source),
        spoken_of(&tree, &text, &(start..new_end), source),
    ) else {
        return false;
    };
    let mended = claim.place.first().map(|hit| hit.rule.info.id.as_str());
    after.iter().all(|(rule, (severity, places))| {
        let known = before.get(rule).map_or(&[][..], |(_, places)| places);
        if Some(*rule) == mended {
            // Of its own rule only what was there beside the finding may stay.
            let within = |place: &&Range<usize>| {
                claim.place.iter().any(|hit| hit.bytes.start <= place.start && place.end <= hit.bytes.end)
            };
            places.len() + known.iter().filter(within).count() <= known.len()
        } else {
            *severity < claim.severity || places.len() <= known.len()
        }
    })
}

type Spoken<'a> = HashMap<&'a str, (Severity, Vec<Range<usize>>)>;

/// Of each rule, by its id, how much it weighs and its matches that meet these bytes; `None` once the time is over.
fn spoken_of<'a>(tree: &Tree, text: &str, bytes: &Range<usize>, source: &Source<'a>) -> Option<Spoken<'a>> {
    let awake = source.scope.awake(text);
    let arguments = field_id(source.scope.language, "arguments");
    let mut found = Spoken::new();
    let mut open = vec![tree.root()];
    while let Some(node) = open.pop() {
        if source.deadline.has_passed() {
            return None;
        }
        let is_wanted = awake.want(node.kind_id()) && !is_crowded(&node.get_inner_node(), arguments);
        for rule in awake.for_kind(node.kind_id()).filter(|_| is_wanted) {
            if source.scope.speaks(rule, &node) {
                let weight = source.scope.severity(rule);
                found.entry(&rule.info.id).or_insert_with(|| (weight, Vec::new())).1.push(node.range());
            }
        }
        open.extend(node.children().filter(|child| {
            let range = child.range();
            range.start <= bytes.end && range.end >= bytes.start
        }));
    }
    Some(found)
}

/// How many nodes the grammar could make nothing of, or had to invent.
fn faults(tree: &Tree) -> usize {
    let root = tree.root();
    if !root.get_inner_node().has_error() {
        return 0;
    }
    root.dfs().filter(|node| node.is_error() || node.is_missing()).count()
}
