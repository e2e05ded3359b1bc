//! The functions that are open during the walk, and how their figures add up when they close. Knows no node.

use super::Function;

/// A function that the walk is in.
#[derive(Debug)]
pub(super) struct Frame {
    /// Its place in the list of functions; `None` if there is no more room in it.
    pub(super) index: Option<usize>,
    /// Its name by itself.
    pub(super) simple: String,
    /// Whether it is called through its object.
    pub(super) is_method: bool,
    /// In Go, the name of the receiver.
    pub(super) receiver: String,
    pub(super) parameters: u32,
    /// How deep a function within the one around it stands, itself included.
    pub(super) nesting: u32,
    pub(super) cyclomatic: u32,
    /// Cognitive complexity of all but named functions within.
    own: u32,
    /// How many of its increments grow with nesting.
    nested_increments: u32,
    /// The same two of the named functions within, at the depth where they stand.
    inner: u32,
    inner_increments: u32,
    calls_itself: bool,
}

/// Functions from the outermost inwards.
#[derive(Debug, Default)]
pub(super) struct Open {
    frames: Vec<Frame>,
}

impl Frame {
    pub(super) fn new(index: Option<usize>, nesting: u32) -> Self {
        Self {
            index,
            simple: String::new(),
            is_method: false,
            receiver: String::new(),
            parameters: 0,
            nesting,
            cyclomatic: 1,
            own: 0,
            nested_increments: 0,
            inner: 0,
            inner_increments: 0,
            calls_itself: false,
        }
    }

    /// Notes a call of itself.
    pub(super) fn recurse(&mut self) {
        self.calls_itself = true;
    }
}

impl Open {
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(super) fn last(&self) -> Option<&Frame> {
        self.frames.last()
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut Frame> {
        self.frames.last_mut()
    }

    pub(super) fn push(&mut self, frame: Frame) {
        self.frames.push(frame);
    }

    /// A decision of the innermost function.
    pub(super) fn decide(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.cyclomatic = frame.cyclomatic.saturating_add(1);
        }
    }

    /// An increment that nesting doesn't change.
    pub(super) fn flat(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.own = frame.own.saturating_add(1);
        }
    }

    /// An increment that is worth one more for each level around it.
    pub(super) fn structural(&mut self, nesting: u32) {
        if let Some(frame) = self.frames.last_mut() {
            frame.own = frame.own.saturating_add(nesting).saturating_add(1);
            frame.nested_increments = frame.nested_increments.saturating_add(1);
        }
    }

    /// Closes the innermost function: its figures go into the list, and what it costs whoever reads the one around it
    /// goes there.
    pub(super) fn close(&mut self, functions: &mut [Function]) {
        let Some(frame) = self.frames.pop() else { return };
        let own = frame.own.saturating_add(u32::from(frame.calls_itself));
        let all = own.saturating_add(frame.inner);
        if let Some(function) = frame.index.and_then(|index| functions.get_mut(index)) {
            function.cyclomatic = frame.cyclomatic;
            function.own_cognitive = own;
            function.cognitive = if own == 0 { 0 } else { all };
        }
        if let Some(around) = self.frames.last_mut() {
            let increments = frame.nested_increments.saturating_add(frame.inner_increments);
            let deeper = increments.saturating_mul(frame.nesting);
            around.inner = around.inner.saturating_add(all).saturating_add(deeper);
            around.inner_increments = around.inner_increments.saturating_add(increments);
        }
    }
}
