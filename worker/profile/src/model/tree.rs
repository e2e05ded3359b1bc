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
    max: usize,
}

impl Tree {
    pub(crate) fn new(max: usize) -> Self {
        Self { nodes: vec![Node { parent: 0, frame: 0 }], index: HashMap::default(), last: Vec::new(), max }
    }

    /// The node of a stack, root first. That of an empty one is the root.
    pub(crate) fn stack(&mut self, root_first: impl IntoIterator<Item = u32>) -> Result<u32, ProfileError> {
        let (mut node, mut depth, mut alike) = (0, 0, true);
        for frame in root_first {
            alike = alike && self.last.get(depth).is_some_and(|(last, _)| *last == frame);
            if alike {
                node = self.last[depth].1;
            } else {
                self.last.truncate(depth);
                node = self.child(node, frame)?;
                self.last.push((frame, node));
            }
            depth += 1;
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
