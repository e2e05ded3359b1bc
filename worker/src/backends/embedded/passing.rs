//! What is said in passing: notes of a pull request's files, taken while they are analysed. What the notes hold of all reviews
//! together is bounded; a review that finds no room says nothing of copies.

use std::sync::Arc;

use eco_coder_analyzer::{Base, LineSet, NoteTaker, Notes, Shape};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Tokens that all reviews together hold, of twelve bytes each: 48 MB.
const ALL_TOKENS: usize = 4_000_000;
/// Tokens that one review holds at most: 6 MB. A pull request of 300 files has about as many.
const MAX_TOKENS: usize = 500_000;
/// Tokens that are set aside for each file: 60 kB of source.
const TOKENS_PER_FILE: usize = 15_000;

/// Room for tokens, over all reviews.
pub(super) struct Room(Arc<Semaphore>);

impl Room {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ALL_TOKENS)))
    }

    /// Notes of so many files.
    pub(super) fn notes(&self, files: usize) -> Taking {
        let wanted = files.saturating_mul(TOKENS_PER_FILE).min(MAX_TOKENS);
        let permits = u32::try_from(wanted).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.0).try_acquire_many_owned(permits).ok();
        Taking { taker: NoteTaker::new(if room.is_some() { wanted } else { 0 }), room }
    }
}

/// Notes being taken, with the room for them.
pub(super) struct Taking {
    taker: NoteTaker,
    room: Option<OwnedSemaphorePermit>,
}

impl Taking {
    pub(super) fn file(&mut self, seen: Seen) {
        let base = match &seen.base {
            Before::Absent => Base::Absent,
            Before::Unknown => Base::Unknown,
            Before::Known(shape) => Base::Known(shape),
        };
        self.taker.file(&seen.path, seen.shape, base, Some(&seen.changed));
    }

    /// Compares the files: work for a thread.
    pub(super) fn finish(self) -> Notes {
        let notes = self.taker.finish();
        drop(self.room);
        notes
    }
}

/// A file as it was seen: without its text.
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) shape: Shape,
    pub(super) changed: LineSet,
    pub(super) base: Before,
}

/// The file before the change.
pub(super) enum Before {
    Absent,
    Unknown,
    Known(Box<Shape>),
}
