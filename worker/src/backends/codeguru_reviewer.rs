//! CodeGuru Reviewer's look at a head, beside the embedded analysis: CodeGuru reviews each pull request of a GitHub
//! repository that an account has associated with it; we look for the review of this head, and take what it recommends on
//! changed lines. Of a repository that is associated through S3, and if the settings allow it, the source is uploaded and
//! its review asked for (`upload.rs`). Never waits inside: a step that finds nothing yet says when the next one is due.
//!
//! CodeGuru takes no new associations since November 2025, so this is for accounts that have one. Its quota is one call a
//! second for each operation and account: calls of this process are a second apart, nothing is retried within a step, and
//! the steps of a review go further apart with every trouble.

mod api;
mod associations;
mod bucket;
#[cfg(any(test, feature = "testing"))]
pub mod fake;
mod identity;
mod recommendations;
mod scan;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use eco_coder_github::GitHub;
use eco_coder_shared::aws::{AwsSettings, Fault};
use eco_coder_shared::env::{SharedEnv, Timestamp};
use metrics::histogram;

use self::api::{Api, ReviewState};
pub use self::associations::Association;
use self::associations::{Associations, Provider};
use self::bucket::Buckets;
use self::upload::Asked;
use crate::backends::source_archive::{self, Sources};
use crate::results::{CodeReview, ErrorType, ReviewStatus, ToolError};
use crate::store::Store;
use crate::subject::{Change, Subject};
use crate::tools::codeguru_reviewer::{Progress, Step};

/// The longest interval between two steps, in poll intervals.
const MOST_INTERVALS: u32 = 8;
/// For one step, an upload in it; then it is tried again. Removing an upload comes on top.
const STEP: Duration = Duration::from_mins(4);
/// What CodeGuru reads.
const ENDINGS: [&str; 2] = [".java", ".py"];

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
    /// Source may be uploaded to associations with S3: from there. `None`: it may not.
    pub upload: Option<source_archive::Settings>,
}

/// The engine.
pub struct CodeguruReviewer {
    api: Api,
    store: Arc<dyn Store>,
    env: SharedEnv,
    associations: Associations,
    sources: Option<Sources>,
    buckets: Buckets,
    settings: Settings,
}

/// What a look came to.
enum Looked {
    Answer(Box<CodeReview>),
    /// What comes next is in the progress; it is to be kept before that is done.
    Noted,
    /// There is no answer yet.
    Nothing,
}

/// How far a step came.
enum Advanced {
    Done(Box<CodeReview>),
    Waits(Timestamp),
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

/// Harmless calls, for `eco-coder doctor`: is each association there and in use, and may its reviews be listed? Says what is
/// to be mended, in words for an operator.
pub async fn wrong(settings: &Settings, aws: AwsSettings, env: SharedEnv) -> Vec<String> {
    let associations = Associations::new(settings.associations.clone(), settings.upload.is_some(), env);
    let mut wrong = associations.wrong(&Api::new(aws)).await;
    if let Some(source) = &settings.upload
        && let Err(fault) = source_archive::check_git(source).await
    {
        wrong.push(format!("analysis.codeguru_upload_source: {fault}"));
    }
    wrong
}

impl CodeguruReviewer {
    /// Asks nothing yet. Budgets are spent in `store`; source is fetched with the tokens of `github`.
    pub fn new(settings: Settings, aws: AwsSettings, store: Arc<dyn Store>, env: SharedEnv, github: &GitHub) -> Self {
        let (all, may_upload) = (settings.associations.clone(), settings.upload.is_some());
        let associations = Associations::new(all, may_upload, Arc::clone(&env));
        let sources = settings.upload.clone().map(|upload| Sources::new(github.clone(), upload));
        let buckets = Buckets::new(aws.clone());
        Self { api: Api::new(aws), store, env, associations, sources, buckets, settings }
    }

    /// With clients made from this, and calls one right after the other.
    #[cfg(test)]
    pub(crate) fn unpaced(self, sdk: &aws_config::SdkConfig) -> Self {
        Self { api: Api::unpaced(sdk), buckets: Buckets::with(sdk), ..self }
    }

    /// What results depend on.
    pub fn digest(&self) -> String {
        let Settings { associations, min_changed_lines, upload, .. } = &self.settings;
        let uploads = if upload.is_some() { " uploads" } else { "" };
        format!("codeguru {min_changed_lines} {associations:?}{uploads}")
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
        read && lines > self.settings.min_changed_lines && self.associations.of(&subject.target.repository).is_some()
    }

    /// One step: the answer, or when to ask again. In every ending, an upload is removed.
    pub async fn step(&self, mut progress: Progress, subject: &Subject) -> Result<Step, ToolError> {
        let ended = match self.advance(&mut progress, subject).await {
            Ok(Advanced::Waits(until)) => return Ok(Step::Wait { until, progress }),
            Ok(Advanced::Done(review)) => Ok(Step::Done(review)),
            Err(error) => Err(error),
        };
        self.remove(&progress).await;
        ended
    }

    async fn advance(&self, progress: &mut Progress, subject: &Subject) -> Result<Advanced, ToolError> {
        let now = self.env.now();
        let since = match progress.since {
            Some(since) => since,
            None => self.begin(now).await?,
        };
        progress.since = Some(since);
        let deadline = since + self.settings.timeout;
        let looked = tokio::time::timeout(STEP, self.look(progress, subject, now >= deadline)).await;
        let silence = || Fault { code: None, words: "CodeGuru Reviewer did not answer in time".to_owned() };
        let fault = match looked.unwrap_or_else(|_| Err(Trouble::Later(silence()))) {
            Ok(Looked::Answer(review)) => {
                histogram!("CodeGuruReviewTime").record(since.until(self.env.now()).as_secs_f64() * 1e3);
                return Ok(Advanced::Done(review));
            }
            Ok(Looked::Noted) => return Ok(Advanced::Waits(now)),
            Err(Trouble::Never(error)) => return Err(error),
            Err(Trouble::Later(fault)) => Some(fault),
            Ok(Looked::Nothing) => None,
        };
        if now >= deadline {
            return Err(self.too_late(fault));
        }
        if let Some(fault) = fault {
            tracing::warn!(component = "codeguru_reviewer_tool", error = fault.words, "CodeGuru could not be asked");
            progress.troubles += 1;
            progress.trouble = Some(fault);
        }
        Ok(Advanced::Waits((now + self.interval(progress.troubles)).min(deadline)))
    }

    /// Takes this review's part of the day's budget.
    async fn begin(&self, now: Timestamp) -> Result<Timestamp, ToolError> {
        let day: String = now.to_string().chars().take(10).collect();
        let limit = self.settings.daily_limit;
        let spent = self.store.spend(&format!("codeguru-{day}"), 1, limit.into(), now + Duration::from_hours(48)).await;
        let spent = spent.map_err(|e| error(ErrorType::ApiError, "the day's budget can't be read", e.to_string()))?;
        if spent {
            return Ok(now);
        }
        let why = format!("it was asked about {limit} pull requests today, and that is the most");
        Err(error(ErrorType::Throttle, &why, format!("{why}: analysis.codeguru_daily_limit")))
    }

    /// Is there an answer? At the last look, what there is must do.
    async fn look(&self, progress: &mut Progress, subject: &Subject, last: bool) -> Result<Looked, Trouble> {
        let review = if let Some(review) = &progress.review {
            review.clone()
        } else {
            let target = &subject.target;
            let found = match self.associations.check(&self.api, &target.repository).await? {
                Provider::GitHub => self.api.find(target).await?,
                // What is asked for now would not be done in time.
                Provider::Bucket(_) if last => match progress.trouble.take() {
                    Some(fault) => return Err(Trouble::Later(fault)),
                    None => None,
                },
                Provider::Bucket(association) => match self.ask(progress, target, &association).await? {
                    Asked::Review(review) => Some(review),
                    Asked::Noted => return Ok(Looked::Noted),
                    Asked::NotYet => None,
                },
            };
            let Some(found) = found else { return Ok(Looked::Nothing) };
            progress.review.insert(found).clone()
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
            ReviewState::Pending => return Ok(Looked::Nothing),
        }
        let listed = self.api.recommendations(&review).await?;
        let mut answer = recommendations::review(&review, &listed, subject);
        if state == ReviewState::Pending {
            answer.status = ReviewStatus::Partial;
            answer.reason = Some(format!("it was not done within {}; what it had is here", self.patience()));
        }
        Ok(Looked::Answer(Box::new(answer)))
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
