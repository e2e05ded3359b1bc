//! The decisions behind the one living comment: a pure state machine that is told what was seen on GitHub and says what
//! to do next. GitHub has no idempotency key for comments, so it converges: the oldest comment of ours stays, others of
//! ours go; a create of unknown outcome is looked for before it is repeated.

use std::time::Duration;

use eco_coder_shared::env::Timestamp;

use crate::claim::CommentState;

/// How often one publishing may find its comment deleted under its hands.
const MAX_GONE: u8 = 2;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A create may still arrive, another worker's or ours: come back then, and list before anything is created.
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
    /// Changing this comment.
    Updating(u64),
    /// Looking for a comment to adopt, before creating one.
    Looking,
    Creating,
    /// Looking for doubles; this one stands.
    Checking(u64),
    /// Looking for a create of unknown outcome.
    Searching,
    /// Removing doubles; this one stays.
    Deleting(u64),
}

/// One publishing.
#[derive(Debug, Clone)]
pub struct Plan {
    stage: Stage,
    /// With no comment there yet, none is made.
    silent: bool,
    gone: u8,
    /// Until then a create of unknown outcome may still arrive.
    arrives_until: Timestamp,
}

impl Plan {
    /// Begins from what the row knows. `request` is the longest a request takes: a create of an earlier holder may still
    /// arrive for that long.
    pub fn start(comment: &CommentState, now: Timestamp, request: Duration, silent: bool) -> (Self, Step) {
        let plan = |stage| Self { stage, silent, gone: 0, arrives_until: now + request };
        match comment {
            CommentState::Known { id } => (plan(Stage::Updating(*id)), Step::Update(*id)),
            // A time ahead of the clock was written before the clock was put back.
            CommentState::Creating { since, .. } if *since + request > now && *since <= now => {
                (plan(Stage::Looking), Step::Wait { until: *since + request })
            }
            CommentState::Creating { .. } | CommentState::None => (plan(Stage::Looking), Step::List),
        }
    }

    /// Takes what was seen, and says what to do next.
    pub fn next(&mut self, seen: Seen) -> Step {
        match (self.stage, seen) {
            // Whoever wrote late, or twice, is found by the next publishing: after every write it looks.
            (Stage::Updating(id), Seen::Updated) | (Stage::Creating, Seen::Created(id)) => {
                self.stage = Stage::Checking(id);
                Step::List
            }
            (Stage::Updating(_), Seen::Gone) => {
                self.gone += 1;
                self.stage = Stage::Looking;
                if self.gone > MAX_GONE { Step::GiveUp } else { Step::List }
            }
            (Stage::Creating, Seen::Unknown) => {
                self.stage = Stage::Searching;
                Step::List
            }
            (Stage::Looking, Seen::Listed(ours)) => match oldest(ours) {
                Some((id, _)) => self.update(id),
                None if self.silent => Step::Settled(None),
                None => {
                    self.stage = Stage::Creating;
                    Step::Create
                }
            },
            (Stage::Searching, Seen::Listed(ours)) => match oldest(ours) {
                Some((id, _)) => self.update(id),
                None => Step::Wait { until: self.arrives_until },
            },
            (Stage::Checking(stands), Seen::Listed(mut ours)) => {
                // A list can be stale: what was just written stands in it, seen or not.
                ours.push(stands);
                match oldest(ours) {
                    Some((id, doubles)) if id == stands && doubles.is_empty() => Step::Settled(Some(id)),
                    Some((id, doubles)) if id == stands => {
                        self.stage = Stage::Deleting(id);
                        Step::Delete(doubles)
                    }
                    Some((older, _)) => self.update(older),
                    None => Step::GiveUp,
                }
            }
            (Stage::Deleting(id), Seen::Deleted) => Step::Settled(Some(id)),
            // The applier answers each step with what that step can see.
            (_, _) => Step::GiveUp,
        }
    }

    fn update(&mut self, id: u64) -> Step {
        self.stage = Stage::Updating(id);
        Step::Update(id)
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
