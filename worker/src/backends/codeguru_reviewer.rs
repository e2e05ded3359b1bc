//! CodeGuru Reviewer's look at a head, beside the embedded analysis: CodeGuru reviews each pull request of a GitHub
//! repository that an account has associated with it; we look for the review of this head, and take what it recommends on
//! changed lines. Never waits inside: a step that finds nothing yet says when the next one is due.
//!
//! CodeGuru takes no new associations since November 2025, so this is for accounts that have one. Its quota is one call a
//! second for each operation and account: calls of this process are a second apart, nothing is retried within a step, and
//! the steps of a review go further apart with every trouble.

mod api;
#[cfg(any(test, feature = "testing"))]
pub mod fake;
mod recommendations;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_codegurureviewer::types::{ProviderType, RepositoryAssociationState};
use eco_coder_shared::aws::{AwsSettings, Fault};
use eco_coder_shared::env::{SharedEnv, Timestamp};
use eco_coder_shared::ids::RepoName;
use metrics::histogram;
use tokio::sync::Mutex;

use self::api::{Api, ReviewState};
use crate::results::{CodeReview, ErrorType, ReviewStatus, ToolError};
use crate::store::Store;
use crate::subject::{Change, Subject, Target};
use crate::tools::codeguru_reviewer::{Progress, Step};

/// How long an association that was looked at is taken for good.
const KNOWN: Duration = Duration::from_hours(1);
/// The longest interval between two steps, in poll intervals.
const MOST_INTERVALS: u32 = 8;
/// What CodeGuru reads.
const ENDINGS: [&str; 2] = [".java", ".py"];

/// A repository, and its association with CodeGuru.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Association {
    /// On GitHub.
    pub repository: RepoName,
    /// `arn:aws:codeguru-reviewer:REGION:ACCOUNT:association:ID`.
    pub arn: String,
}

/// When CodeGuru is asked, and for how long.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whom.
    pub associations: Vec<Association>,
    /// Asked only above so many changed lines.
    pub min_changed_lines: u64,
    /// From the first step to the last.
    pub timeout: Duration,
    /// Between two steps, on average.
    pub poll: Duration,
    /// Reviews that ask in a day (UTC), over all workers.
    pub daily_limit: u32,
}

/// The engine.
pub struct CodeguruReviewer {
    api: Api,
    store: Arc<dyn Store>,
    env: SharedEnv,
    settings: Settings,
    /// ARNs that are associated with their repository, and until when that is taken for good.
    known: Mutex<HashMap<String, Timestamp>>,
}

/// Why a step has no answer.
enum Trouble {
    /// CodeGuru could not be asked: it may be the next time.
    Later(Fault),
    /// Asking again changes nothing.
    Never(ToolError),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        let transient =
            fault.code.as_deref().is_none_or(|code| code.contains("Internal") || code.contains("Unavailable"));
        if transient || fault.is_throttle() {
            return Self::Later(fault);
        }
        let why = match fault.code.as_deref() {
            _ if fault.is_denied() => "the worker may not ask it",
            Some("ResourceNotFoundException" | "NotFoundException") => "what was asked for is not there",
            Some("ValidationException") => "it refused the question",
            _ => "it answered with an error",
        };
        Self::Never(error(ErrorType::ApiError, why, fault.words))
    }
}

fn error(error_type: ErrorType, why: impl Into<String>, operator: impl Into<String>) -> ToolError {
    ToolError { error_type, for_model: why.into(), for_operator: operator.into() }
}

impl CodeguruReviewer {
    /// Asks nothing yet. Budgets are spent in `store`.
    pub fn new(settings: Settings, aws: AwsSettings, store: Arc<dyn Store>, env: SharedEnv) -> Self {
        Self { api: Api::new(aws), store, env, settings, known: Mutex::default() }
    }

    /// What results depend on.
    pub fn digest(&self) -> String {
        let Settings { associations, min_changed_lines, .. } = &self.settings;
        format!("codeguru {min_changed_lines} {associations:?}")
    }

    /// Is this pull request one to ask about? It is if its repository is associated, it changes more lines than the least,
    /// and a file that CodeGuru reads. GitHub gives no patch for a large change: that is more lines than the least.
    pub fn is_for(&self, subject: &Subject) -> bool {
        let lines: u64 = subject
            .files
            .iter()
            .map(|file| match &file.change {
                Change::Lines(lines) => lines.len(),
                Change::Unknown => u64::from(u32::MAX),
                Change::Nothing | Change::Unreadable(_) => 0,
            })
            .sum();
        let read = subject.files.iter().any(|file| {
            !matches!(file.change, Change::Nothing) && ENDINGS.iter().any(|ending| file.path.ends_with(ending))
        });
        read && lines > self.settings.min_changed_lines && self.association(&subject.target).is_some()
    }

    fn association(&self, target: &Target) -> Option<&Association> {
        let name = target.repository.as_str();
        self.settings.associations.iter().find(|known| known.repository.as_str().eq_ignore_ascii_case(name))
    }

    /// One step: the answer, or when to ask again.
    pub async fn step(&self, mut progress: Progress, subject: &Subject) -> Result<Step, ToolError> {
        let now = self.env.now();
        let since = match progress.since {
            Some(since) => since,
            None => self.begin(now).await?,
        };
        progress.since = Some(since);
        let deadline = since + self.settings.timeout;
        let looked = match self.look(&mut progress, subject, now >= deadline).await {
            Ok(Some(review)) => {
                histogram!("CodeGuruReviewTime").record(since.until(self.env.now()).as_secs_f64() * 1e3);
                return Ok(Step::Done(Box::new(review)));
            }
            Err(Trouble::Never(error)) => return Err(error),
            Err(Trouble::Later(fault)) => Some(fault),
            Ok(None) => None,
        };
        if now >= deadline {
            return Err(self.too_late(looked));
        }
        if let Some(fault) = looked {
            progress.troubles += 1;
            tracing::warn!(component = "codeguru_reviewer_tool", error = fault.words, "CodeGuru could not be asked");
        }
        Ok(Step::Wait { until: (now + self.interval(progress.troubles)).min(deadline), progress })
    }

    /// Takes this review's part of the day's budget.
    async fn begin(&self, now: Timestamp) -> Result<Timestamp, ToolError> {
        let day: String = now.to_string().chars().take(10).collect();
        let limit = self.settings.daily_limit;
        let spent = self.store.spend(&format!("codeguru-{day}"), 1, limit, now + Duration::from_hours(48)).await;
        let spent = spent.map_err(|e| error(ErrorType::ApiError, "the day's budget can't be read", e.to_string()))?;
        if spent {
            return Ok(now);
        }
        let why = format!("it was asked about {limit} pull requests today, and that is the most");
        Err(error(ErrorType::Throttle, &why, format!("{why}: analysis.codeguru_daily_limit")))
    }

    /// Is there an answer? At the last look, what there is must do.
    async fn look(
        &self,
        progress: &mut Progress,
        subject: &Subject,
        last: bool,
    ) -> Result<Option<CodeReview>, Trouble> {
        let review = match &progress.review {
            Some(review) => review.clone(),
            None => {
                self.check_association(&subject.target).await?;
                let Some(found) = self.api.find(&subject.target).await? else { return Ok(None) };
                progress.review.insert(found).clone()
            }
        };
        let (state, reason) = self.api.state(&review).await?;
        let never = |why: &str| Err(Trouble::Never(error(ErrorType::ApiError, why, format!("{why}: {review}"))));
        match state {
            ReviewState::Completed => {}
            ReviewState::Failed => {
                return never(&format!("its review failed: {}", reason.as_deref().unwrap_or("it gives no reason")));
            }
            ReviewState::Deleting => return never("its review is being deleted"),
            ReviewState::Pending if last => {}
            ReviewState::Pending => return Ok(None),
        }
        let listed = self.api.recommendations(&review).await?;
        let mut answer = recommendations::review(&review, &listed, subject);
        if state == ReviewState::Pending {
            answer.status = ReviewStatus::Partial;
            answer.reason = Some(format!("it was not done within {}; what it had is here", self.patience()));
        }
        Ok(Some(answer))
    }

    /// Is the configured association this repository's, and in use?
    async fn check_association(&self, target: &Target) -> Result<(), Trouble> {
        let refuse = |why: String, operator: String| {
            Err(Trouble::Never(error(
                ErrorType::ValidationError,
                why,
                format!("{operator}; see analysis.codeguru_associations"),
            )))
        };
        let Some(association) = self.association(target) else {
            return refuse("this repository has no association".to_owned(), target.repository.to_string());
        };
        let arn = &association.arn;
        let now = self.env.now();
        // One looks; the others wait for what it finds.
        let mut known = self.known.lock().await;
        if known.get(arn).is_some_and(|until| now < *until) {
            return Ok(());
        }
        let found = match self.api.association(arn).await {
            Ok(found) => found,
            Err(fault) => match fault.code.as_deref() {
                Some("NotFoundException" | "ResourceNotFoundException" | "ValidationException") => {
                    return refuse("the configured association does not exist".to_owned(), fault.words);
                }
                _ => return Err(fault.into()),
            },
        };
        let name = format!("{}/{}", found.owner().unwrap_or_default(), found.name().unwrap_or_default());
        if !name.eq_ignore_ascii_case(target.repository.as_str()) {
            return refuse(
                "the configured association is another repository's".to_owned(),
                format!("{arn} is of {name}"),
            );
        }
        match found.provider_type() {
            Some(ProviderType::GitHub) => {}
            other => {
                let kind = other.map_or("nothing", ProviderType::as_str);
                return refuse(
                    "the configured association is not with GitHub".to_owned(),
                    format!("{arn} is with {kind}, and only reviews of GitHub's associations can be taken"),
                );
            }
        }
        match found.state() {
            Some(RepositoryAssociationState::Associated) => {}
            other => {
                let state = other.map_or("unknown", RepositoryAssociationState::as_str);
                let reason = found.state_reason().unwrap_or_default();
                return refuse(
                    "the configured association is not in use".to_owned(),
                    format!("{arn}: {state} {reason}"),
                );
            }
        }
        known.insert(arn.clone(), now + KNOWN);
        Ok(())
    }

    fn too_late(&self, fault: Option<Fault>) -> ToolError {
        let patience = self.patience();
        match fault {
            Some(fault) if fault.is_throttle() => {
                error(ErrorType::Throttle, format!("it asked us to wait for more than {patience}"), fault.words)
            }
            Some(fault) => error(ErrorType::Timeout, format!("it could not be asked within {patience}"), fault.words),
            None => {
                let why = format!("it has not reviewed this commit within {patience}");
                error(
                    ErrorType::Timeout,
                    &why,
                    format!("{why}: is the repository still associated, and the code read?"),
                )
            }
        }
    }

    fn patience(&self) -> String {
        let seconds = self.settings.timeout.as_secs();
        match (seconds / 60, seconds % 60) {
            (1, 0) => "1 minute".to_owned(),
            (minutes, 0) => format!("{minutes} minutes"),
            _ => format!("{seconds} s"),
        }
    }

    /// The poll interval, doubled with every trouble, a quarter more or less: workers that began together part.
    fn interval(&self, troubles: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(troubles).min(MOST_INTERVALS);
        let interval = self.settings.poll * doubled;
        self.env.between(interval * 3 / 4, interval * 5 / 4)
    }
}

#[cfg(test)]
mod tests;
