//! The pull-request row's state machine: who may work, who must wait, what an attempt costs. Pure: a row and a
//! transition in, a row and a verdict out; the store performs each as one conditional write.
//!
//! The epoch fences: it rises with every claim, and every later transition names the epoch it was given. A holder whose
//! epoch is no longer the row's is *late*: it neither releases nor acks, and if it may have written to GitHub, it sends a
//! fresh hint before it goes. A hint is never acked on another job's promise: a busy row hides it.

use std::time::Duration;

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::CommitSha;
use serde::{Deserialize, Serialize};

/// The longest error text kept in a row, in characters.
const MAX_ERROR: usize = 500;

/// What is known of the one comment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CommentState {
    /// Never made, or not known here.
    #[default]
    None,
    /// Somebody was about to create it: it may exist. Until `since` plus the request timeout it may still appear.
    Creating {
        /// Of this one attempt to create.
        nonce: String,
        /// When it was about to.
        since: Timestamp,
    },
    /// It has this id.
    Known {
        /// GitHub's number of the comment.
        id: u64,
    },
}

/// What was said last beside a commit: by a check run, or by commit statuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The commit.
    pub head: CommitSha,
    /// GitHub's number of the check run; none of a commit status, and none of a check run that may or may not be there.
    pub id: Option<u64>,
    /// It still promises something: its last word isn't said.
    pub open: bool,
    /// Digest of what it says.
    pub text: String,
    /// What was said of this commit that was not the last word, since the last one.
    pub drafts: u8,
    /// Times that the last word could not be said.
    pub misses: u8,
}

/// What is remembered of one pull request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Row {
    /// Rises with every claim.
    pub epoch: u64,
    /// The job that holds the lease.
    pub holder: Option<String>,
    /// The holder's until then; zero: free.
    pub lease_until: Timestamp,
    /// Nobody claims before: the cool-down after a review.
    pub not_before: Timestamp,
    /// Rises when a hint found the row busy: the holder goes round again by itself.
    pub wanted: u64,
    /// Digest of what was reviewed and published last.
    pub done: Option<String>,
    /// Digest of what GitHub showed then (head, base): the same again is done without another look.
    pub sight: Option<String>,
    /// Attempts charged for `attempts_for`.
    pub attempts: u32,
    /// The head that the attempts are counted for.
    pub attempts_for: Option<CommitSha>,
    /// The redrive that last started the attempts afresh.
    pub refreshed_at: Timestamp,
    /// The forced job that was reviewed last.
    pub forced: Option<String>,
    /// GitHub's `updated_at` of what was reviewed last: an older answer is a lagging one.
    pub newest: Timestamp,
    /// The epoch of an attempt under way: charged, and neither refunded nor failed yet.
    pub under_way: Option<u64>,
    /// The attempt charged last ran alone: if it died, it died of itself.
    #[serde(default)]
    pub alone: bool,
    /// The epoch of an attempt that died, while a later one is under way: what only waits doesn't clear of suspicion.
    #[serde(default)]
    pub died: Option<u64>,
    /// What the last failed attempt said.
    pub last_error: Option<String>,
    /// The one comment.
    pub comment: CommentState,
    /// The head that the comment shows.
    pub published: Option<CommitSha>,
    /// Put down, free of charge, to go on then.
    #[serde(default)]
    pub waits: Option<Waits>,
    /// The epoch that it was written under: a comment with an older one was written over, late.
    #[serde(default)]
    pub published_under: u64,
    /// What stands beside a commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
}

/// When a review that was put down goes on, and why it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    /// Then, or a little later.
    pub until: Timestamp,
    /// A limit of GitHub's, a model that is throttled, a pause.
    pub why: String,
}

impl Row {
    /// An earlier holder's attempt was charged, and its worker is gone without a word: it may have killed it. In its
    /// last attempt such a job runs alone.
    pub fn is_suspect(&self) -> bool {
        self.under_way.is_some_and(|epoch| epoch != self.epoch)
    }

    /// Is it to be given up after `attempts` of `most`? What died beside others may have died of them: it is given one
    /// attempt more, alone.
    pub fn is_over(&self, attempts: u32, most: u32) -> bool {
        attempts >= most && (self.alone || !self.is_suspect())
    }

    /// Attempts charged for this head, if a redrive at `redriven` doesn't start them afresh.
    pub fn attempts_for(&self, head: &CommitSha, redriven: Option<Timestamp>) -> u32 {
        let restarted = redriven.is_some_and(|at| at > self.refreshed_at);
        if restarted || self.attempts_for.as_ref() != Some(head) { 0 } else { self.attempts }
    }
}

/// How a holder leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "exit", rename_all = "snake_case")]
pub enum Exit {
    /// The review with this digest stands. Refunds, and forgets the failures.
    Done {
        /// Digest of what was reviewed; none if the next hint is to look again.
        digest: Option<String>,
        /// Digest of what GitHub showed; likewise.
        sight: Option<String>,
        /// GitHub's `updated_at` of it.
        updated_at: Timestamp,
        /// The job, if it was a forced one.
        forced: Option<String>,
        /// The cool-down's end.
        not_before: Timestamp,
    },
    /// Shutdown, nothing to do: refunds.
    Free,
    /// Put down, to go on later: refunds.
    Waits(Waits),
    /// Failed: the charge stays. Failed before the head was known, it is charged now, against what is known of it: a
    /// failure that nobody counted would never end.
    Failed {
        /// For the dead letter and the operator.
        error: String,
        /// The head as the job or the row knows it.
        head: CommitSha,
        /// When the job was redriven.
        redriven: Option<Timestamp>,
    },
}

/// One step of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "transition", rename_all = "snake_case")]
pub enum Transition {
    /// Take the lease if it is free or over, and the cool-down has passed.
    Claim {
        /// The job's id.
        holder: String,
        /// Now.
        now: Timestamp,
        /// How long it is to last.
        lease: Duration,
        /// The message was received for the first time: if the row is busy, the holder is told.
        first_receive: bool,
    },
    /// Make the lease last longer. Works also when it is over, if nobody else has claimed.
    Renew {
        /// The holder's.
        epoch: u64,
        /// Now.
        now: Timestamp,
        /// How long it is to last from now.
        lease: Duration,
    },
    /// Count an attempt, before anything that could fail or kill.
    Charge {
        /// The holder's.
        epoch: u64,
        /// What is about to be reviewed.
        head: CommitSha,
        /// When the job was redriven: that starts the attempts afresh, once.
        redriven: Option<Timestamp>,
        /// Nothing else runs beside it.
        alone: bool,
    },
    /// May a write to GitHub start now? Only with the current epoch, and if the lease outlasts the request.
    MayWrite {
        /// The holder's.
        epoch: u64,
        /// Now.
        now: Timestamp,
        /// The longest a request can take.
        request: Duration,
    },
    /// A comment is about to be created.
    Creating {
        /// The holder's.
        epoch: u64,
        /// Of this attempt.
        nonce: String,
        /// Now.
        now: Timestamp,
    },
    /// What is known of the comment now; the writes to GitHub are over. Late here means: a write may have come late.
    Commented {
        /// The holder's.
        epoch: u64,
        /// The comment.
        comment: CommentState,
        /// The head it shows, if it stands.
        head: Option<CommitSha>,
    },
    /// What stands beside a commit now. Late here means: it may have been said late.
    Marked {
        /// The holder's.
        epoch: u64,
        /// What stands there.
        mark: Option<Mark>,
    },
    /// Let go. Comes before the ack.
    Release {
        /// The holder's.
        epoch: u64,
        /// How.
        exit: Exit,
    },
}

/// The answer to a transition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds; the row as it is now.
    Mine(Box<Row>),
    /// Busy, or too early: hide the hint until about then.
    Hide {
        /// The lease's or the cool-down's end.
        until: Timestamp,
    },
    /// The epoch isn't the row's, or the lease is too short to begin a write.
    Late,
}

/// Performs a transition. `None` for the row: nothing changed.
pub fn apply(row: &Row, transition: &Transition) -> (Option<Row>, Verdict) {
    if let Transition::Claim { holder, now, lease, first_receive } = transition {
        return claim(row, holder, *now, *lease, *first_receive);
    }
    if row.epoch != transition.epoch() || row.holder.is_none() {
        return (None, Verdict::Late);
    }
    let mut next = row.clone();
    match transition {
        Transition::Claim { .. } => {}
        Transition::Renew { now, lease, .. } => next.lease_until = next.lease_until.max(*now + *lease),
        Transition::Charge { head, redriven, alone, .. } => charge(&mut next, head, *redriven, *alone),
        Transition::MayWrite { now, request, .. } => {
            let verdict = if row.lease_until > *now + *request { Verdict::Mine(Box::new(next)) } else { Verdict::Late };
            return (None, verdict);
        }
        Transition::Creating { nonce, now, .. } => {
            next.comment = CommentState::Creating { nonce: nonce.clone(), since: *now };
        }
        Transition::Commented { epoch, comment, head } => {
            next.comment = comment.clone();
            next.published.clone_from(head);
            next.published_under = *epoch;
        }
        Transition::Marked { mark, .. } => next.mark.clone_from(mark),
        Transition::Release { exit, .. } => release(&mut next, exit),
    }
    let verdict = Verdict::Mine(Box::new(next.clone()));
    (Some(next), verdict)
}

impl Transition {
    fn epoch(&self) -> u64 {
        match self {
            Self::Claim { .. } => 0,
            Self::Renew { epoch, .. }
            | Self::Charge { epoch, .. }
            | Self::MayWrite { epoch, .. }
            | Self::Creating { epoch, .. }
            | Self::Commented { epoch, .. }
            | Self::Marked { epoch, .. }
            | Self::Release { epoch, .. } => *epoch,
        }
    }
}

/// The longest lease and the longest cool-down that settings allow. A time further away was written by a clock that has
/// been put back since: it binds nobody.
const LONGEST_LEASE: Duration = Duration::from_hours(12);
const LONGEST_COOLDOWN: Duration = Duration::from_hours(1);

fn binds(until: Timestamp, now: Timestamp, longest: Duration) -> bool {
    until > now && until <= now + longest
}

fn claim(row: &Row, holder: &str, now: Timestamp, lease: Duration, first: bool) -> (Option<Row>, Verdict) {
    if binds(row.lease_until, now, LONGEST_LEASE) {
        let told = first.then(|| Row { wanted: row.wanted + 1, ..row.clone() });
        return (told, Verdict::Hide { until: row.lease_until });
    }
    if binds(row.not_before, now, LONGEST_COOLDOWN) {
        return (None, Verdict::Hide { until: row.not_before });
    }
    let next = Row {
        epoch: row.epoch + 1,
        holder: Some(holder.to_owned()),
        lease_until: now + lease,
        waits: None,
        ..row.clone()
    };
    (Some(next.clone()), Verdict::Mine(Box::new(next)))
}

fn charge(row: &mut Row, head: &CommitSha, redriven: Option<Timestamp>, alone: bool) {
    row.died = row.under_way.filter(|epoch| *epoch != row.epoch);
    row.alone = alone;
    row.attempts = row.attempts_for(head, redriven);
    if row.attempts == 0 {
        row.last_error = None;
    }
    row.attempts += 1;
    row.attempts_for = Some(head.clone());
    row.under_way = Some(row.epoch);
    row.refreshed_at = row.refreshed_at.max(redriven.unwrap_or_default());
}

fn release(row: &mut Row, exit: &Exit) {
    row.holder = None;
    row.lease_until = Timestamp(0);
    if let Exit::Failed { head, redriven, .. } = exit
        && row.under_way != Some(row.epoch)
    {
        charge(row, head, *redriven, false);
    }
    // Only its own attempt is a holder's to settle: one that died before stays charged, and suspect.
    let mine = row.under_way == Some(row.epoch);
    if mine || matches!(exit, Exit::Done { .. }) {
        let died = row.died.take();
        row.under_way = if matches!(exit, Exit::Free | Exit::Waits(_)) { died } else { None };
        row.alone = false;
    }
    match exit {
        Exit::Done { digest, sight, updated_at, forced, not_before } => {
            row.done.clone_from(digest);
            row.sight.clone_from(sight);
            row.newest = row.newest.max(*updated_at);
            row.forced = forced.clone().or(row.forced.take());
            row.not_before = *not_before;
            row.attempts = 0;
            row.last_error = None;
        }
        Exit::Free => row.attempts -= u32::from(mine && row.attempts > 0),
        Exit::Waits(Waits { until, why }) => {
            row.attempts -= u32::from(mine && row.attempts > 0);
            row.waits = Some(Waits { until: *until, why: shortened(why) });
        }
        Exit::Failed { error, .. } => row.last_error = Some(shortened(error)),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_ERROR).collect()
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;
