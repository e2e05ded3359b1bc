//! The decisions behind the one living comment: a pure state machine that is told what was seen on GitHub and says what
//! to do next. GitHub has no idempotency key for comments, so it converges: the oldest comment of ours stays, others of
//! ours go; a create of unknown outcome is looked for before it is repeated.

use std::time::Duration;

use eco_coder_shared::env::Timestamp;

use crate::claim::CommentState;

/// How many comments one publishing may create, at most: the first, and one more if the first can't be found.
const MAX_CREATES: u8 = 2;

/// How often one publishing may find its comment deleted under its hands.
const MAX_GONE: u8 = 2;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Another worker's create may still arrive: come back then.
    Wait {
        /// Until then.
        until: Timestamp,
    },
    /// Change the comment with this id.
    Update(u64),
    /// List all comments, all pages, and pick ours.
    List,
    /// Record that a create begins, then create, once.
    Create,
    /// Remove these comments of ours.
    Delete(Vec<u64>),
    /// Done: this comment stands, or none is wanted.
    Settled(Option<u64>),
    /// It can't be done now: comments that we make can't be found.
    GiveUp,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The update was made.
    Updated,
    /// There is no such comment any more: a user deleted it.
    Gone,
    /// These comments are ours: our author, our deployment's marker at the start. Ids.
    Listed(Vec<u64>),
    /// The comment was created with this id.
    Created(u64),
    /// The create may have happened or not.
    Unknown,
    /// The comments are removed, or were gone already.
    Deleted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Updating; `then_list`: nobody has looked for other comments of ours yet.
    Updating {
        id: u64,
    },
    /// Looking for a comment to adopt, before creating one.
    Looking,
    Creating,
    /// Looking for doubles, after creating `created` (or after a create of unknown outcome).
    Checking {
        created: Option<u64>,
    },
    /// Removing doubles; `id` stays.
    Deleting {
        id: u64,
    },
}

/// One publishing.
#[derive(Debug, Clone)]
pub struct Plan {
    stage: Stage,
    /// With no comment there yet, none is made.
    silent: bool,
    creates: u8,
    gone: u8,
    doubles: Vec<u64>,
}

impl Plan {
    /// Begins from what the row knows. `request` is the longest a request takes: a create of an earlier holder may still
    /// arrive for that long.
    pub fn start(comment: &CommentState, now: Timestamp, request: Duration, silent: bool) -> (Self, Step) {
        let plan = |stage| Self { stage, silent, creates: 0, gone: 0, doubles: Vec::new() };
        match comment {
            CommentState::Known { id } => (plan(Stage::Updating { id: *id }), Step::Update(*id)),
            CommentState::Creating { since, .. } if *since + request > now => {
                (plan(Stage::Looking), Step::Wait { until: *since + request })
            }
            CommentState::Creating { .. } | CommentState::None => (plan(Stage::Looking), Step::List),
        }
    }

    /// Takes what was seen, and says what to do next.
    pub fn next(&mut self, seen: Seen) -> Step {
        match (self.stage, seen) {
            (Stage::Updating { id }, Seen::Updated) if self.doubles.is_empty() => Step::Settled(Some(id)),
            (Stage::Updating { id }, Seen::Updated) => {
                self.stage = Stage::Deleting { id };
                Step::Delete(std::mem::take(&mut self.doubles))
            }
            (Stage::Updating { .. }, Seen::Gone) => {
                self.gone += 1;
                self.doubles.clear();
                self.stage = Stage::Looking;
                if self.gone > MAX_GONE { Step::GiveUp } else { Step::List }
            }
            (Stage::Looking, Seen::Listed(ours)) => match oldest(ours) {
                Some((id, doubles)) => self.adopt(id, doubles),
                None if self.silent => Step::Settled(None),
                None => self.create(),
            },
            (Stage::Creating, Seen::Created(id)) => {
                self.stage = Stage::Checking { created: Some(id) };
                Step::List
            }
            (Stage::Creating, Seen::Unknown) => {
                self.stage = Stage::Checking { created: None };
                Step::List
            }
            (Stage::Checking { created }, Seen::Listed(mut ours)) => {
                // A list can be stale: what was created stands in it, seen or not.
                ours.extend(created);
                match oldest(ours) {
                    Some((id, doubles)) if created == Some(id) && doubles.is_empty() => Step::Settled(Some(id)),
                    Some((id, doubles)) if created == Some(id) => {
                        self.stage = Stage::Deleting { id };
                        Step::Delete(doubles)
                    }
                    Some((id, doubles)) => self.adopt(id, doubles),
                    None => self.create(),
                }
            }
            (Stage::Deleting { id }, Seen::Deleted) => Step::Settled(Some(id)),
            // The applier answers each step with what that step can see.
            (_, _) => Step::GiveUp,
        }
    }

    fn adopt(&mut self, id: u64, doubles: Vec<u64>) -> Step {
        self.stage = Stage::Updating { id };
        self.doubles = doubles;
        Step::Update(id)
    }

    fn create(&mut self) -> Step {
        if self.creates == MAX_CREATES {
            return Step::GiveUp;
        }
        self.creates += 1;
        self.stage = Stage::Creating;
        Step::Create
    }
}

/// The oldest stays; GitHub counts ids upwards.
fn oldest(mut ours: Vec<u64>) -> Option<(u64, Vec<u64>)> {
    ours.sort_unstable();
    ours.dedup();
    let first = *ours.first()?;
    Some((first, ours.split_off(1)))
}

#[cfg(test)]
mod tests;
