//! Says beside a commit how far its review is: with a check run as an App, with commit statuses as anybody else. Under the
//! epoch like every write. That it couldn't be said is no reason to do a review again, nor to leave one undone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use eco_coder_github::{ApiError, CheckName};
use eco_coder_shared::check::ExternalId;
use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{CommitSha, PullKey, RepoName};
use metrics::counter;

use super::fence::Fence;
use super::notice::Notice;
use super::{PublishError, Publisher};
use crate::claim::{Mark, Transition};
use crate::store::Store;

/// How often the last word on a commit is tried; then it stays unsaid until the next review.
pub const MAX_MISSES: u8 = 5;
/// How long nothing is said for an account that doesn't let us: its owner may give the permission any time.
const REFUSED: Duration = Duration::from_hours(1);
/// Accounts that are remembered for it.
const MAX_REFUSED: usize = 1_000;

/// By what it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusKind {
    /// Check runs as an App, else commit statuses.
    Auto,
    /// Commit statuses.
    Commit,
    /// It isn't.
    Off,
}

/// Accounts that don't let us, by the lower-case name; until then.
#[derive(Debug, Default)]
pub(super) struct Refused(Mutex<HashMap<String, Timestamp>>);

impl Refused {
    fn holds(&self, repository: &RepoName, now: Timestamp) -> bool {
        let refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get(&account(repository)).is_some_and(|until| now < *until && *until <= now + REFUSED)
    }

    fn remember(&self, repository: &RepoName, now: Timestamp) {
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() >= MAX_REFUSED {
            refused.clear();
        }
        refused.insert(account(repository), now + REFUSED);
    }
}

fn account(repository: &RepoName) -> String {
    repository.owner().to_ascii_lowercase()
}

/// Whose words they are, and about what.
#[derive(Clone, Copy)]
pub struct Spot<'a> {
    /// The row.
    pub store: &'a dyn Store,
    /// Its key.
    pub key: PullKey,
    /// The holder's epoch.
    pub epoch: u64,
    /// The repository's name now.
    pub repository: &'a RepoName,
    /// The commit.
    pub head: &'a CommitSha,
}

/// What came of saying something.
enum Said {
    /// It stands; by the check run with this number, if it is one.
    Stands(Option<u64>),
    /// We may not.
    Refused(ApiError),
    /// It doesn't stand, and saying it again would not help.
    Invalid(ApiError),
    /// It may stand or not, or will another time.
    Missed(ApiError),
}

impl Publisher {
    /// Is anything said beside commits?
    pub fn says(&self) -> bool {
        self.settings.status != StatusKind::Off && !self.settings.dry_run
    }

    /// Others wait already to write in this repository: what can be left unsaid should be.
    pub fn is_busy(&self, repository: &RepoName) -> bool {
        self.github.writes_wait(repository)
    }

    /// Says it, unless `known`, what stands on this pull request, says the same; `anew`: even then. Gives what stands now.
    /// Of GitHub's errors none is given: they are logged and counted.
    pub async fn say(
        &self,
        spot: Spot<'_>,
        known: Option<&Mark>,
        notice: &Notice,
        anew: bool,
    ) -> Result<Option<Mark>, PublishError> {
        let here = known.filter(|mark| mark.head == *spot.head);
        let text = notice.digest();
        if !self.says() || (!anew && here.is_some_and(|mark| mark.text == text && mark.misses == 0)) {
            return Ok(known.cloned());
        }
        let mut fence = Fence { store: spot.store, key: spot.key, epoch: spot.epoch, written: false };
        let said = if self.refused.holds(spot.repository, self.env.now()) {
            Said::Refused(ApiError::NotFound)
        } else {
            self.attempt(&mut fence, spot, here.and_then(|mark| mark.id), notice).await?
        };
        let mark = self.after(said, spot, here, notice, text);
        if mark.as_ref() != known {
            fence.perform(&Transition::Marked { epoch: spot.epoch, mark: mark.clone() }).await?;
        }
        Ok(mark)
    }

    /// What stands now, and what is to be known of it.
    fn after(&self, said: Said, spot: Spot<'_>, here: Option<&Mark>, notice: &Notice, text: String) -> Option<Mark> {
        let count = |result: &'static str| counter!("StatusesSaid", "Result" => result).increment(1);
        let last = notice.stage.is_last();
        let head = spot.head.clone();
        let (id, drafts) = here.map_or((None, 0), |mark| (mark.id, mark.drafts));
        match said {
            Said::Stands(id) => {
                count("success");
                let drafts = if last { 0 } else { drafts.saturating_add(1) };
                Some(Mark { head, id, open: !last, text, drafts, misses: 0 })
            }
            Said::Refused(error) => {
                count("refused");
                if !self.refused.holds(spot.repository, self.env.now()) {
                    self.refused.remember(spot.repository, self.env.now());
                    tracing::warn!(
                        component = "publish",
                        %error,
                        "what is said beside commits is not allowed here, so nothing is: give the App Checks: read and \
                         write (a token: Commit statuses: read and write), or set report.status = \"off\""
                    );
                }
                here.map(|mark| Mark { open: false, ..mark.clone() })
            }
            Said::Invalid(error) => {
                count("failure");
                tracing::warn!(component = "publish", %error, "what was to be said beside a commit was not taken");
                here.map(|mark| Mark { open: false, ..mark.clone() })
            }
            Said::Missed(error) => {
                count("failure");
                tracing::warn!(component = "publish", %error, "what was to be said beside a commit was not said");
                let misses = here.map_or(0, |mark| mark.misses).saturating_add(u8::from(last));
                // What is there now isn't known: it is looked for when something is said again.
                Some(Mark { head, id, open: misses < MAX_MISSES, text: String::new(), drafts, misses })
            }
        }
    }

    async fn attempt(
        &self,
        fence: &mut Fence<'_>,
        spot: Spot<'_>,
        id: Option<u64>,
        notice: &Notice,
    ) -> Result<Said, PublishError> {
        let done = if self.settings.status == StatusKind::Auto && self.github.writes_checks() {
            self.check(fence, spot, id, notice).await
        } else {
            self.commit_status(fence, spot, notice).await.map(|()| None)
        };
        match done {
            Ok(id) => Ok(Said::Stands(id)),
            Err(PublishError::Api(error)) => Ok(match error {
                // What a token may not see or do is often "not found".
                ApiError::Forbidden { .. } | ApiError::NotFound | ApiError::NotInstalled { .. } => Said::Refused(error),
                ApiError::Validation { .. } | ApiError::Refused { .. } | ApiError::Gone | ApiError::Blocked { .. } => {
                    Said::Invalid(error)
                }
                ApiError::RateLimited { .. }
                | ApiError::Ambiguous { .. }
                | ApiError::Unavailable { .. }
                | ApiError::Unauthorized
                | ApiError::AppRefused { .. }
                | ApiError::TooLarge { .. }
                | ApiError::Decode { .. } => Said::Missed(error),
            }),
            Err(other) => Err(other),
        }
    }

    /// Changes the check run; finds it if its number isn't known, and makes it if there is none.
    async fn check(
        &self,
        fence: &mut Fence<'_>,
        spot: Spot<'_>,
        id: Option<u64>,
        notice: &Notice,
    ) -> Result<Option<u64>, PublishError> {
        let external_id = ExternalId(spot.key).to_string();
        let which = CheckName { name: &self.settings.deployment, external_id: &external_id };
        let text = notice.check();
        let id = match id {
            Some(id) => Some(id),
            None => self.github.find_check(spot.repository, spot.head, which).await?,
        };
        if let Some(id) = id {
            self.may_say(fence).await?;
            match self.github.update_check(spot.repository, id, &text).await {
                Ok(()) => return Ok(Some(id)),
                // GitHub deletes old ones.
                Err(ApiError::NotFound | ApiError::Gone) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.may_say(fence).await?;
        Ok(Some(self.github.create_check(spot.repository, spot.head, which, &text).await?))
    }

    async fn commit_status(&self, fence: &mut Fence<'_>, spot: Spot<'_>, notice: &Notice) -> Result<(), PublishError> {
        self.may_say(fence).await?;
        let status = notice.status(&self.settings.deployment);
        Ok(self.github.create_status(spot.repository, spot.head, &status).await?)
    }

    async fn may_say(&self, fence: &mut Fence<'_>) -> Result<(), PublishError> {
        fence.may_write(self.env.now(), self.settings.lease, self.settings.request_timeout).await
    }
}

#[cfg(test)]
mod tests;
