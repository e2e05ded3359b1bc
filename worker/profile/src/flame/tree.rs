//! What a flame graph shows: stacks by function, the widest frames, to a depth that can be looked at. Cuts frames and never
//! values: what is cut off counts for the frame that it was in.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt::Write;

use foldhash::fast::RandomState;

use crate::Profile;

/// Frames that are drawn, the widest of them.
const MAX_FRAMES: usize = 5_000;
/// Frames of a stack, from the root.
const MAX_DEPTH: u32 = 100;
/// Share of the whole below which a frame isn't drawn: half a pixel.
const NARROWEST: f64 = 0.000_4;
/// Characters of a name.
const MAX_NAME: usize = 80;

/// Whose values are added.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    Base = 0,
    Head = 1,
}

#[derive(Clone, Copy)]
struct Node {
    parent: u32,
    label: u32,
    depth: u32,
    /// Of the node itself, then with what it calls: base and head.
    values: [f64; 2],
}

/// Both sides' stacks.
pub(super) struct FlameTree {
    nodes: Vec<Node>,
    index: HashMap<(u32, u32), u32, RandomState>,
    labels: Vec<String>,
    known: HashMap<String, u32, RandomState>,
}

impl FlameTree {
    pub(super) fn new() -> Self {
        let root = Node { parent: 0, label: 0, depth: 0, values: [0.0; 2] };
        Self { nodes: vec![root], index: HashMap::default(), labels: Vec::new(), known: HashMap::default() }
    }

    /// Adds a profile's values, multiplied.
    pub(super) fn add(&mut self, profile: &Profile, sample_type: usize, side: Side, factor: f64) {
        let cumulative = profile.cumulative(sample_type);
        let narrowest = profile.total(sample_type) * NARROWEST;
        let labels: Vec<u32> = profile.functions().iter().map(|function| self.label(&function.name)).collect();
        let mut placed = vec![0_u32; profile.nodes().len()];
        for (number, node) in profile.nodes().iter().enumerate() {
            let parent = placed[node.parent as usize];
            let is_drawn =
                number > 0 && self.nodes[parent as usize].depth < MAX_DEPTH && cumulative[number] >= narrowest;
            let here =
                if is_drawn { self.child(parent, labels[profile.frame(number).function as usize]) } else { parent };
            placed[number] = here;
            self.nodes[here as usize].values[side as usize] += profile.weight(sample_type, number) * factor;
        }
    }

    /// Folded stacks, as inferno takes them: with one value, the head's, or with both.
    pub(super) fn lines(mut self, both: bool) -> Vec<String> {
        for number in (1..self.nodes.len()).rev() {
            let Node { parent, values, .. } = self.nodes[number];
            for (sum, value) in self.nodes[parent as usize].values.iter_mut().zip(values) {
                *sum += value;
            }
        }
        let widest = |number: &u32| {
            let node = &self.nodes[*number as usize];
            // A caller is at least as wide as what it calls, and nearer to the root.
            (Reverse(ordered(node.values[0].max(node.values[1]))), node.depth, *number)
        };
        let mut drawn: Vec<u32> = (1..).take(self.nodes.len() - 1).collect();
        drawn.sort_unstable_by_key(widest);
        drawn.truncate(MAX_FRAMES);
        // What is left of each frame when those that are drawn in it are taken off.
        let mut rest: HashMap<u32, [f64; 2], RandomState> = HashMap::default();
        for number in &drawn {
            let Node { parent, values, .. } = self.nodes[*number as usize];
            for (side, value) in values.into_iter().enumerate() {
                rest.entry(*number).or_default()[side] += value;
                rest.entry(parent).or_default()[side] -= value;
            }
        }
        let mut lines: Vec<String> =
            drawn.iter().filter_map(|number| self.line(*number, rest.get(number)?, both)).collect();
        lines.sort_unstable();
        lines
    }

    fn line(&self, number: u32, values: &[f64; 2], both: bool) -> Option<String> {
        let [base, head] = values.map(|value| value.round().max(0.0));
        if head == 0.0 && (!both || base == 0.0) {
            return None;
        }
        let mut stack = Vec::new();
        let mut at = number;
        while at > 0 {
            let node = self.nodes[at as usize];
            stack.push(self.labels[node.label as usize].as_str());
            at = node.parent;
        }
        stack.reverse();
        let mut line = stack.join(";");
        let _ = if both { write!(line, " {base} {head}") } else { write!(line, " {head}") };
        Some(line)
    }

    fn label(&mut self, name: &str) -> u32 {
        // What separates frames and values must not stand in a name.
        let mut label: String = name
            .chars()
            .take(MAX_NAME)
            .map(|c| match c {
                ';' => '\u{ff1b}',
                c if c.is_whitespace() => '\u{a0}',
                c => c,
            })
            .collect();
        if name.chars().nth(MAX_NAME).is_some() {
            label.push('\u{2026}');
        }
        let next = u32::try_from(self.labels.len()).unwrap_or(u32::MAX);
        *self.known.entry(label).or_insert_with_key(|label| {
            self.labels.push(label.clone());
            next
        })
    }

    fn child(&mut self, parent: u32, label: u32) -> u32 {
        let next = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        *self.index.entry((parent, label)).or_insert_with(|| {
            let depth = self.nodes[parent as usize].depth + 1;
            self.nodes.push(Node { parent, label, depth, values: [0.0; 2] });
            next
        })
    }
}

/// A float that isn't negative, as a number that is ordered alike.
fn ordered(value: f64) -> u64 {
    value.max(0.0).to_bits()
}
