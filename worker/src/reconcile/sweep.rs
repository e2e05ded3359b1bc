//! One repository: which of its open pull requests changed, which of them nobody reviewed, and whether comments are what they
//! were. What changed is listed up to the last run's mark; all that are open once a day.

use std::time::Duration;

use eco_coder_github::{ApiError, Caller, ListedPull, Seen};
use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{PullKey, PullNumber, RepoName};
use eco_coder_shared::job::{Cause, Job};
use eco_coder_shared::policy::Candidate;
use eco_coder_shared::queue::NewMessage;
use eco_coder_shared::telemetry::audit::{self, EventType};
use metrics::counter;

use super::Reconciler;
use super::meter::{Halt, Meter};
use super::notes::{Known, KnownComment, Listing, RepoNote};
use super::standing::{Standing, standing, written_over};
use super::summary::{Hint, Summary};
use crate::claim::{CommentState, Row};

/// Pages of a hundred open pull requests that are listed.
const MAX_PAGES: usize = 20;
/// GitHub's list may show a change a moment late, below one that is newer.
const OVERLAP: Duration = Duration::from_mins(2);
/// GitHub counts in seconds: of two changes in one, a list may show the first alone.
const SECOND: Duration = Duration::from_secs(2);
/// All that are open are listed so often: then those that were closed are forgotten.
const WHOLE: Duration = Duration::from_hours(24);
/// A comment of a pull request that didn't change is looked for so often: a deletion may change nothing else.
const COMMENT: Duration = Duration::from_hours(6);
/// Such comments that one run looks for in one repository.
pub(super) const COMMENTS: usize = 20;
/// The same is sent for again so much later, if it is still so.
const AGAIN: Duration = Duration::from_hours(24);
/// Hints of one run; what is left is found again in the next.
pub(super) const MAX_HINTS: u32 = 200;

impl Reconciler {
    /// Sweeps it, and notes how far it came whatever stops it.
    pub(super) async fn sweep(
        &self,
        meter: &mut Meter<'_>,
        repo: &RepoName,
        summary: &mut Summary,
    ) -> Result<(), Halt> {
        let name = format!("reconcile/repository/{}", repo.as_str().to_ascii_lowercase());
        let before: RepoNote = self.noted(&name).await?.unwrap_or_default();
        let mut note = before.clone();
        summary.repositories += 1;
        let swept = self.sweep_into(meter, repo, &mut note, summary).await;
        if note != before {
            self.put_note(&name, &note).await?;
        }
        swept
    }

    async fn sweep_into(
        &self,
        meter: &mut Meter<'_>,
        repo: &RepoName,
        note: &mut RepoNote,
        summary: &mut Summary,
    ) -> Result<(), Halt> {
        if let Err(halt) = self.list_open(meter, repo, note, summary).await {
            if matches!(halt, Halt::GitHub(_)) {
                // A place that can't be gone on from: the next run begins at the newest.
                note.under_way = None;
            }
            return Err(halt);
        }
        for (number, known) in &mut note.pulls {
            if !known.settled && known.admitted {
                self.settle(meter, repo, *number, known, summary).await?;
            }
        }
        self.look_for_comments(meter, repo, note, summary).await
    }

    /// Lists what changed since the mark; or all, if that is due.
    async fn list_open(
        &self,
        meter: &mut Meter<'_>,
        repo: &RepoName,
        note: &mut RepoNote,
        summary: &mut Summary,
    ) -> Result<(), Halt> {
        let caller = Caller::Repository(repo.clone());
        let now = self.env.now();
        let is_whole_due = now >= note.listed_at + WHOLE;
        loop {
            let (next, tag) = match &note.under_way {
                Some(listing) => (Some(listing.next.clone()), None),
                // That the first page is the same says nothing of the others.
                None if is_whole_due && !note.one_page => (None, None),
                None => (None, note.tag.clone()),
            };
            let page = self.github.open_pulls(repo, next.as_deref(), tag.as_deref());
            let page = match meter.look(&caller, page).await? {
                Seen::Fresh(page) => page,
                Seen::Unchanged => return Ok(()),
            };
            let mut listing = note.under_way.take().unwrap_or_else(|| {
                note.one_page = page.next.is_none();
                let newest = page.items.first().map_or(note.mark, |newest| newest.updated_at);
                Listing {
                    next: String::new(),
                    pages: 0,
                    started: now,
                    until: if is_whole_due || note.one_page { Timestamp::default() } else { note.mark - OVERLAP },
                    newest,
                    tag: page.tag.clone().filter(|_| newest + SECOND < now),
                }
            });
            listing.pages += 1;
            let is_far_enough = page.items.iter().any(|pull| pull.updated_at < listing.until);
            for pull in page.items.into_iter().filter(|pull| pull.updated_at >= listing.until) {
                summary.pulls_changed += u32::from(self.remember(note, pull, listing.started));
            }
            let Some(next) = page.next.filter(|_| !is_far_enough && listing.pages < MAX_PAGES) else {
                (note.mark, note.tag) = (listing.newest, listing.tag);
                if listing.until == Timestamp::default() {
                    note.pulls.retain(|_, known| known.listed >= listing.started);
                    note.listed_at = listing.started;
                }
                return Ok(());
            };
            note.under_way = Some(Listing { next, ..listing });
        }
    }

    /// Was it changed since it was listed last?
    fn remember(&self, note: &mut RepoNote, pull: ListedPull, listed: Timestamp) -> bool {
        let candidate = Candidate {
            repo: &pull.base_repo,
            draft: pull.draft,
            author_is_bot: pull.author.is_bot,
            has_skip_label: pull.labels.iter().any(|label| self.policy.is_skip_label(label)),
        };
        let admitted = self.policy.accepts(candidate).is_ok();
        let before = note.pulls.get_mut(&pull.number.get());
        if let Some(known) = before
            && (known.updated, known.admitted) == (pull.updated_at, admitted)
            && known.head == pull.head_sha
            && known.updated + SECOND < known.listed
        {
            known.listed = listed;
            return false;
        }
        let before = note.pulls.remove(&pull.number.get());
        let (hinted, comment) = before.map(|known| (known.hinted, known.comment)).unwrap_or_default();
        let known = Known {
            repo_id: pull.base_repo_id,
            head: pull.head_sha,
            updated: pull.updated_at,
            listed,
            admitted,
            settled: false,
            hinted,
            comment,
        };
        note.pulls.insert(pull.number.get(), known);
        true
    }

    /// Compares with the row, and sends a hint if the head was missed. Unsettled stays what is to be looked at again.
    async fn settle(
        &self,
        meter: &mut Meter<'_>,
        repo: &RepoName,
        number: u64,
        known: &mut Known,
        summary: &mut Summary,
    ) -> Result<(), Halt> {
        let Ok(number) = PullNumber::try_from(number) else { return Ok(()) };
        let key = PullKey { repo_id: known.repo_id, pull: number };
        let row = self.store.row(key).await?;
        match standing(&row, &known.head, known.updated, self.env.now(), self.settings.max_attempts) {
            Standing::Busy => {}
            Standing::Left => known.settled = true,
            Standing::Reviewed => {
                self.look_for_comment(meter, repo, number, known, &row, summary).await?;
                known.settled = true;
            }
            Standing::Missed => {
                let what = format!("sweep:{}", known.head);
                self.hint(repo, number, known, Cause::Sweep, what, summary).await?;
            }
        }
        Ok(())
    }

    /// Of those that did not change: the ones that were looked for longest ago.
    async fn look_for_comments(
        &self,
        meter: &mut Meter<'_>,
        repo: &RepoName,
        note: &mut RepoNote,
        summary: &mut Summary,
    ) -> Result<(), Halt> {
        let now = self.env.now();
        let last = |known: &Known| known.comment.as_ref().map(|comment| comment.at);
        let mut due: Vec<(Timestamp, u64)> = note
            .pulls
            .iter()
            .filter(|(_, known)| known.settled && known.admitted)
            .filter_map(|(number, known)| Some((last(known).filter(|at| *at + COMMENT <= now)?, *number)))
            .collect();
        due.sort_unstable();
        for (_, number) in due.into_iter().take(COMMENTS) {
            let (Some(known), Ok(pull)) = (note.pulls.get_mut(&number), PullNumber::try_from(number)) else { continue };
            let row = self.store.row(PullKey { repo_id: known.repo_id, pull }).await?;
            match standing(&row, &known.head, known.updated, now, self.settings.max_attempts) {
                Standing::Reviewed => self.look_for_comment(meter, repo, pull, known, &row, summary).await?,
                // Somebody works on it, or has given it up.
                Standing::Busy | Standing::Left => {}
                Standing::Missed => known.settled = false,
            }
        }
        Ok(())
    }

    /// Is the comment there, and by whom the row says?
    async fn look_for_comment(
        &self,
        meter: &mut Meter<'_>,
        repo: &RepoName,
        number: PullNumber,
        known: &mut Known,
        row: &Row,
        summary: &mut Summary,
    ) -> Result<(), Halt> {
        let CommentState::Known { id } = row.comment else { return Ok(()) };
        let tag = known.comment.as_ref().filter(|comment| comment.id == id).and_then(|comment| comment.tag.clone());
        summary.comments += 1;
        let comment = self.github.comment_again(repo, id, tag.as_deref());
        let now = self.env.now();
        match meter.look(&Caller::Repository(repo.clone()), comment).await {
            Ok(Seen::Unchanged) => known.comment = Some(KnownComment { id, tag, at: now }),
            Ok(Seen::Fresh((comment, tag))) => match written_over(row, &comment.body, &self.settings.deployment) {
                None => known.comment = Some(KnownComment { id, tag, at: now }),
                Some(epoch) => {
                    // Without its tag: what is wrong is not to be taken as known.
                    known.comment = Some(KnownComment { id, tag: None, at: now });
                    let what = format!("late_write:{id}:{epoch}");
                    self.hint(repo, number, known, Cause::LateWrite, what, summary).await?;
                }
            },
            Err(Halt::GitHub(ApiError::NotFound | ApiError::Gone)) => {
                known.comment = Some(KnownComment { id, tag: None, at: now });
                let what = format!("comment_gone:{id}");
                self.hint(repo, number, known, Cause::CommentGone, what, summary).await?;
            }
            Err(halt) => return Err(halt),
        }
        Ok(())
    }

    /// Sends a hint with an id of its own, unless the same was sent for not long ago: what is in the queue isn't lost.
    async fn hint(
        &self,
        repo: &RepoName,
        number: PullNumber,
        known: &mut Known,
        cause: Cause,
        what: String,
        summary: &mut Summary,
    ) -> Result<(), Halt> {
        let now = self.env.now();
        let is_known = known.hinted.as_ref().is_some_and(|(last, at)| *last == what && now < *at + AGAIN);
        if is_known || summary.hinted >= MAX_HINTS {
            return Ok(());
        }
        if !self.settings.dry_run {
            let job = Job {
                id: self.env.random_id(),
                repo_id: known.repo_id,
                repo: repo.clone(),
                pull: number,
                cause,
                head: Some(known.head.clone()),
                updated_at: Some(known.updated),
                accepted_at: now,
                rereads: 0,
                redriven_at: None,
                nonce: None,
                not_before: None,
                delivery: None,
                traceparent: None,
            };
            let message = NewMessage { group: job.group(), body: job.encode(), delay: Duration::ZERO };
            let sent = self.queue.send(vec![message]).await.map_err(|e| Halt::Queue(e.to_string()))?;
            if let Some(refused) = sent.into_iter().find_map(Result::err) {
                return Err(Halt::Queue(refused.to_string()));
            }
            let name = what.split(':').next().unwrap_or_default().to_owned();
            let parameters = serde_json::json!({
                "repository": repo, "pr_number": number, "commit_sha": known.head, "cause": name,
            });
            audit::record(EventType::Reconcile, &job.id, "hint", &parameters, "sent", Duration::ZERO);
            counter!("ReconcileHints", "Cause" => name).increment(1);
        }
        summary.hint(Hint { repository: repo.clone(), pull_request: number, head_sha: known.head.clone(), cause });
        known.hinted = Some((what, now));
        Ok(())
    }
}
