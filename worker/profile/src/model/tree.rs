//! The tree of calls, built stack by stack. Knows numbers of frames and no names.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::Node;
use crate::ProfileError;

pub(crate) struct Tree {
    nodes: Vec<Node>,
    index: HashMap<(u32, u32), u32, RandomState>,
    /// The last stack's frames and nodes, root first: the next one mostly begins alike.
    last: Vec<(u32, u32)>,
    /// Whole stacks and their nodes, until there are frames enough: most come again, and one look beats one a frame.
    whole: HashMap<Box<[u32]>, u32, RandomState>,
    held: usize,
    max: usize,
}

/// Frames of whole stacks that are remembered, for each node that may be.
const HELD_PER_NODE: usize = 2;

impl Tree {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            nodes: vec![Node { parent: 0, frame: 0 }],
            index: HashMap::default(),
            last: Vec::new(),
            whole: HashMap::default(),
            held: 0,
            max,
        }
    }

    /// The node of a stack, given leaf first. That of an empty one is the root.
    pub(crate) fn stack(&mut self, leaf_first: &[u32]) -> Result<u32, ProfileError> {
        if let Some(known) = self.whole.get(leaf_first) {
            return Ok(*known);
        }
        let alike = leaf_first.iter().rev().zip(&self.last).take_while(|(frame, (last, _))| *frame == last).count();
        self.last.truncate(alike);
        let mut node = self.last.last().map_or(0, |(_, node)| *node);
        for frame in leaf_first.iter().rev().skip(alike) {
            node = self.child(node, *frame)?;
            self.last.push((*frame, node));
        }
        if self.held + leaf_first.len() <= self.max.saturating_mul(HELD_PER_NODE) {
            self.held += leaf_first.len() + 4;
            self.whole.insert(leaf_first.into(), node);
        }
        Ok(node)
    }

    /// The node of a frame that `parent` calls.
    pub(crate) fn child(&mut self, parent: u32, frame: u32) -> Result<u32, ProfileError> {
        if let Some(known) = self.index.get(&(parent, frame)) {
            return Ok(*known);
        }
        let next = u32::try_from(self.nodes.len()).ok().filter(|_| self.nodes.len() <= self.max);
        let next = next.ok_or(ProfileError::TooMany { what: "different calls", limit: self.max })?;
        self.nodes.push(Node { parent, frame });
        self.index.insert((parent, frame), next);
        Ok(next)
    }

    pub(crate) fn finish(self) -> Vec<Node> {
        self.nodes
    }
}
