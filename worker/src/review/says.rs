//! What a round says beside the commit: that it began, why it waits and until when, what came of it. At most two words
//! before the last one, so that a review makes three writes at most beside its comment.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use eco_coder_github::Pull;
use eco_coder_shared::ids::{CommitSha, RepoName};
use eco_coder_shared::job::Job;

use super::Reviewer;
use super::round::Stop;
use crate::claim::{Exit, Mark, Row};
use crate::publish::PublishError;
use crate::publish::notice::Notice;
use crate::publish::status::Spot;
use crate::report::Report;

/// A shorter wait is not worth a write.
pub(super) const SAID_FROM: Duration = Duration::from_mins(1);
/// Words before the last one.
const MAX_DRAFTS: u8 = 2;

/// Of one round.
pub(super) struct Says<'a> {
    reviewer: &'a Reviewer,
    job: &'a Job,
    epoch: u64,
    /// A write may reach GitHub late.
    publishing: &'a AtomicBool,
    repository: RepoName,
    head: CommitSha,
    /// What stands now.
    mark: Option<Mark>,
}

impl<'a> Says<'a> {
    /// Of this pull request as GitHub has it.
    pub(super) fn of(reviewer: &'a Reviewer, job: &'a Job, row: &Row, pull: &Pull, publishing: &'a AtomicBool) -> Self {
        let (repository, head) = (pull.base_repo.clone(), pull.head_sha.clone());
        Self { reviewer, job, epoch: row.epoch, publishing, repository, head, mark: row.mark.clone() }
    }

    /// Of what an earlier round said, if it still promises something: GitHub doesn't say what the head is.
    pub(super) fn of_what_stands(
        reviewer: &'a Reviewer,
        job: &'a Job,
        row: &Row,
        publishing: &'a AtomicBool,
    ) -> Option<Self> {
        let mark = row.mark.clone().filter(|mark| mark.open)?;
        let (repository, head) = (job.repo.clone(), mark.head.clone());
        Some(Self { reviewer, job, epoch: row.epoch, publishing, repository, head, mark: Some(mark) })
    }

    fn here(&self) -> Option<&Mark> {
        self.mark.as_ref().filter(|mark| mark.head == self.head)
    }

    /// The last word on this head was never said, though what it would be is known.
    pub(super) fn is_owed(&self) -> bool {
        self.reviewer.publisher.says() && self.here().is_some_and(|mark| mark.open)
    }

    /// A newer head came before an older one was reviewed.
    pub(super) async fn supersede(&mut self) -> Result<(), Stop> {
        let Some(old) = self.mark.as_ref().filter(|mark| mark.open && mark.head != self.head) else { return Ok(()) };
        let (old, notice) = (old.head.clone(), Notice::superseded(&self.head));
        self.say(&old, &notice, false).await
    }

    /// The review begins. Unsaid where others wait to write: the last word matters more.
    pub(super) async fn begin(&mut self) -> Result<(), Stop> {
        let asked_again = self.job.redriven_at.is_some();
        let is_new = self.here().is_none_or(|mark| mark.open || asked_again);
        let drafts = self.here().map_or(0, |mark| mark.drafts);
        if !is_new || drafts >= MAX_DRAFTS || self.reviewer.publisher.is_busy(&self.repository) {
            return Ok(());
        }
        let head = self.head.clone();
        self.say(&head, &Notice::running(&head), asked_again).await
    }

    /// The comment stands.
    pub(super) async fn posted(&mut self, report: &Report, url: Option<&str>) -> Result<(), Stop> {
        let head = self.head.clone();
        // Whoever asked again sees that there was an answer, even if it is the same; and after a late write nobody knows what
        // stands.
        let anew = self.job.redriven_at.is_some() || self.job.cause.is_about_the_comment();
        self.say(&head, &Notice::posted(report, url), anew).await
    }

    /// The round is over: what that means for the commit.
    pub(super) async fn end(&mut self, end: &Result<Exit, Stop>) -> Result<(), Stop> {
        let mut head = self.head.clone();
        let notice = match end {
            Err(Stop::Wait { until, pause: Some(pause), .. }) => {
                let now = self.reviewer.env.now();
                let drafts = self.here().map_or(0, |mark| mark.drafts);
                if now.until(*until) < SAID_FROM || drafts >= MAX_DRAFTS || self.is_said_last() {
                    return Ok(());
                }
                Some(Notice::waiting(*pause, *until, now))
            }
            // Whatever is promised, of this head or of an older one, isn't kept.
            Err(Stop::Discard { reason }) => self.mark.as_ref().filter(|mark| mark.open).map(|mark| {
                head.clone_from(&mark.head);
                Notice::stopped(reason)
            }),
            Err(Stop::Dead(death)) => {
                let why = death.last_error.as_deref().unwrap_or(&death.reason);
                Some(Notice::failed(death.attempts, why))
            }
            Err(Stop::Failed(failure)) => {
                self.last_attempt().await?.map(|attempts| Notice::failed(attempts, &failure.words))
            }
            Err(Stop::Outage { failure, retry_after }) => match self.last_attempt().await? {
                // If it costs nothing it is no attempt; and a GitHub that answers nobody can't be told anything.
                Some(attempts) => {
                    let cost = self.reviewer.outage(self.job, failure.words.clone(), *retry_after).await;
                    cost.err().map(|error| Notice::failed(attempts, &error))
                }
                None => None,
            },
            _ => None,
        };
        let Some(notice) = notice else { return Ok(()) };
        self.say(&head, &notice, false).await
    }

    /// The last word on this head stands already, and nobody asked again.
    fn is_said_last(&self) -> bool {
        self.here().is_some_and(|mark| !mark.open) && self.job.redriven_at.is_none()
    }

    /// How many attempts there were, if the one that failed was the last one. A report that is posted though it lacks
    /// something is no failure.
    async fn last_attempt(&self) -> Result<Option<u32>, Stop> {
        if self.is_said_last() {
            return Ok(None);
        }
        let row = self.reviewer.store.row(self.job.key()).await?;
        // Charged already, or when it is released.
        let attempts = if row.under_way == Some(self.epoch) {
            row.attempts
        } else {
            row.attempts_for(&self.head, self.job.redriven_at) + 1
        };
        Ok((attempts >= self.reviewer.settings.max_attempts).then_some(attempts))
    }

    async fn say(&mut self, head: &CommitSha, notice: &Notice, anew: bool) -> Result<(), Stop> {
        if !self.reviewer.publisher.says() {
            return Ok(());
        }
        let spot = Spot {
            store: &*self.reviewer.store,
            key: self.job.key(),
            epoch: self.epoch,
            repository: &self.repository,
            head,
        };
        let was = self.publishing.swap(true, Ordering::Relaxed);
        let said = self.reviewer.publisher.say(spot, self.mark.as_ref(), notice, anew).await;
        self.publishing.store(was, Ordering::Relaxed);
        match said {
            Ok(mark) => {
                self.mark = mark;
                Ok(())
            }
            Err(PublishError::Late { written }) => Err(Stop::Late { written }),
            Err(PublishError::Store(e)) => Err(e.into()),
            // None of these comes of saying something.
            Err(PublishError::Api(_) | PublishError::Wait { .. } | PublishError::CannotConverge) => Ok(()),
        }
    }
}
