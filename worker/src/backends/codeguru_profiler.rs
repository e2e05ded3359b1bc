//! Profiles from Amazon CodeGuru Profiler: the latest aggregated profile of one profiling group, and what CodeGuru
//! recommends for it. It describes the service as it is deployed, whatever pull request is looked at, and every result
//! says so. Reads, never configures anything.
//!
//! The answer is the same for all pull requests, so it is asked for once and kept for some minutes, a refusal too: a
//! thousand reviews are a few calls. One profile is in memory at a time.

mod bounded;
mod call_graph;
mod faults;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod names;
mod recommendations;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_codeguruprofiler::primitives::DateTime;
use aws_sdk_codeguruprofiler::{Client, config};
use eco_coder_shared::aws::{AwsSettings, Fault, count};
use eco_coder_shared::env::{SharedEnv, Timestamp};
use eco_coder_shared::ids::RepoId;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, OnceCell};
use tracing::Instrument as _;

pub use self::call_graph::{Aggregated, CallGraphError, Limits};
pub use self::names::{GroupError, Period, PeriodError, ProfilingGroup, iso_duration};

use self::bounded::Bounded;
use super::cpu::CpuPool;
use super::cpu::budget::CpuBudget;
use super::measured;
use crate::results::{DeployedService, ErrorType, PerformanceProfile, Profiled, ToolError};

/// How long an answer is good for.
const FRESH: Duration = Duration::from_mins(5);
/// How long a refusal is, that another call soon would only repeat.
const REFUSED: Duration = Duration::from_mins(1);
/// How long a failure is.
const FAILED: Duration = Duration::from_secs(10);
/// For one look at whether there is something new: a review's name waits for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// The reader's stack: reading doesn't recurse.
const STACK_BYTES: usize = 1 << 20;

/// The engine.
pub struct CodeGuruProfiler {
    group: ProfilingGroup,
    period: Period,
    timeout: Duration,
    aws: AwsSettings,
    env: SharedEnv,
    client: OnceCell<Client>,
    latest: Mutex<Latest>,
    answer: Mutex<Option<Answer>>,
    /// Of one thread.
    reader: CpuPool,
    limits: Limits,
}

/// Since when there is a latest aggregated profile; `None`: there is no profile at all.
type Since = Option<Timestamp>;

/// What the last look found.
#[derive(Default)]
struct Latest {
    outcome: Option<Result<Since, ToolError>>,
    /// The last one that went well.
    known: Option<Since>,
    /// Not asked before.
    next: Timestamp,
}

/// What the tool answered last.
struct Answer {
    period: Period,
    outcome: Result<Profiled, ToolError>,
    until: Timestamp,
}

impl CodeGuruProfiler {
    /// Profiles of `group` over `period`. A call of the tool takes `timeout` at most. Asks nobody anything yet.
    pub fn new(
        group: ProfilingGroup,
        period: Period,
        timeout: Duration,
        aws: AwsSettings,
        env: SharedEnv,
    ) -> std::io::Result<Self> {
        Ok(Self {
            group,
            period,
            timeout,
            aws,
            env,
            client: OnceCell::new(),
            latest: Mutex::default(),
            answer: Mutex::default(),
            reader: CpuPool::start(1, STACK_BYTES)?,
            limits: Limits::default(),
        })
    }

    /// Which profile a result would have: its group, and when the latest one begins, in steps of the period. A day's
    /// profile that is five minutes younger is no reason to review anything again. While CodeGuru can't be asked, what is
    /// known holds.
    pub async fn fingerprint(&self) -> String {
        let mut latest = self.latest.lock().await;
        // What it says itself is in the log.
        let _ = self.look(&mut latest).await;
        let step = i64::try_from(self.period.length().as_millis()).unwrap_or(i64::MAX).max(1);
        let since = match latest.known {
            None => "unknown".to_owned(),
            Some(None) => "none".to_owned(),
            Some(Some(start)) => start.0.div_euclid(step).to_string(),
        };
        format!("codeguru-profiler {} {} {since}", self.group, self.period)
    }

    /// The latest profile over `period` (by default the configured one).
    pub async fn profile(&self, repository: RepoId, period: Option<Duration>) -> Result<Profiled, ToolError> {
        let period = match period {
            None => self.period,
            Some(length) => Period::try_from(length).map_err(|e| ToolError::arguments(format!("period: {e}")))?,
        };
        // One asks; the others wait for what it hears.
        let mut answer = self.answer.lock().await;
        if let Some(known) = &*answer
            && known.period == period
            && self.env.now() < known.until
        {
            return known.outcome.clone();
        }
        let outcome = match tokio::time::timeout(self.timeout, self.ask(repository, period)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(faults::timeout(self.timeout)),
        };
        let until = self.env.now() + kept_for(outcome.as_ref().err());
        *answer = Some(Answer { period, outcome: outcome.clone(), until });
        outcome
    }

    /// For `eco-coder doctor`: is the group there, may it be described, has it a profile?
    pub async fn check(group: &ProfilingGroup, aws: &AwsSettings) -> Result<String, String> {
        let client = client(&aws.load().await);
        match describe(&client, group).await {
            Ok(Some(start)) => Ok(format!("CodeGuru profiling group {group}: its latest profile begins at {start}")),
            Ok(None) => Ok(format!(
                "CodeGuru profiling group {group} has no profile yet, so reports have no measurement: does the agent run in \
                 the service?"
            )),
            Err(error) => Err(error.for_operator),
        }
    }

    async fn client(&self) -> &Client {
        self.client.get_or_init(async || client(&self.aws.load().await)).await
    }

    /// Looks whether there is something new, if it is time to.
    async fn look(&self, latest: &mut Latest) -> Result<Since, ToolError> {
        if let Some(outcome) = &latest.outcome
            && self.env.now() < latest.next
        {
            return outcome.clone();
        }
        let looked = async { describe(self.client().await, &self.group).await };
        let outcome = match tokio::time::timeout(PATIENCE, looked).await {
            Ok(outcome) => outcome,
            Err(_) => Err(faults::timeout(PATIENCE)),
        };
        match &outcome {
            Ok(since) => latest.known = Some(*since),
            Err(error) => {
                tracing::warn!(component = "codeguru_profiler", error = %error, "CodeGuru can't be asked for what is new");
            }
        }
        latest.next = self.env.now() + kept_for(outcome.as_ref().err());
        latest.outcome = Some(outcome.clone());
        outcome
    }

    async fn ask(&self, repository: RepoId, period: Period) -> Result<Profiled, ToolError> {
        let since = self.look(&mut *self.latest.lock().await).await?;
        let nothing = |what: &str| {
            let nothing_measured = format!("the profiling group {} has no profile {what}", self.group);
            Ok(Profiled::Nothing { nothing_measured })
        };
        if since.is_none() {
            return nothing("yet");
        }
        let client = self.client().await;
        let asked = count("codeguruprofiler", "GetProfile");
        let answer = client
            .get_profile()
            .profiling_group_name(self.group.to_string())
            // Without it the answer is Amazon Ion.
            .accept("application/json")
            .period(period.to_string())
            .send()
            .instrument(asked)
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(e) => {
                let fault = Fault::new("codeguru-profiler:GetProfile", &e);
                // The group is there: it has been described.
                if faults::is_not_found(&fault) {
                    return nothing(&format!("of the last {period}"));
                }
                return Err(faults::tool_error(&self.group, &fault));
            }
        };
        let encoding = answer.content_encoding().map(str::to_owned);
        let (bytes, limits) = (answer.profile.into_inner(), self.limits.clone());
        let read = move |_| {
            let name = format!("codeguru-{}", hex::encode(&Sha256::digest(&bytes)[..8]));
            call_graph::read(&bytes, encoding.as_deref(), &limits).map(|read| (name, read))
        };
        let (read, _) = self
            .reader
            .run(repository, &CpuBudget::unlimited(), read)
            .await
            .map_err(|e| faults::unusable(&self.group, &e.to_string()))?;
        let (profiling_id, Aggregated { start, end, profile }) = match read {
            Err(CallGraphError::NoSamples) => return nothing(&format!("with samples of the last {period}")),
            other => other.map_err(|e| faults::unusable(&self.group, &e.to_string()))?,
        };
        let now = self.env.now();
        let mut service = DeployedService {
            profiling_group: self.group.to_string(),
            start,
            end,
            recommendations: Vec::new(),
            total_recommendations: 0,
            recommendations_missing: None,
        };
        let asked = (start.unwrap_or(now - period.length()), end.unwrap_or(now));
        match self.recommendations(client, asked).await {
            Ok((recommendations, total)) => {
                (service.recommendations, service.total_recommendations) = (recommendations, total);
            }
            // The profile is worth a report by itself.
            Err(error) => {
                tracing::warn!(component = "codeguru_profiler", error = %error, "CodeGuru's recommendations are missing");
                service.recommendations_missing = Some(error.for_model);
            }
        }
        let source = format!("CodeGuru Profiler, profiling group {}", self.group);
        Ok(Profiled::Measured(Box::new(PerformanceProfile {
            profiling_id,
            cpu: measured::cpu_of(&profile, &source),
            memory: measured::memory_of(&profile, &source),
            profile,
            flame_graph_url: None,
            source,
            deployed_service: Some(service),
        })))
    }

    async fn recommendations(
        &self,
        client: &Client,
        (start, end): (Timestamp, Timestamp),
    ) -> Result<recommendations::Kept, ToolError> {
        let asked = count("codeguruprofiler", "GetRecommendations");
        let answer = client
            .get_recommendations()
            .profiling_group_name(self.group.to_string())
            .start_time(DateTime::from_millis(start.0))
            .end_time(DateTime::from_millis(end.0))
            .send()
            .instrument(asked)
            .await
            .map_err(|e| faults::tool_error(&self.group, &Fault::new("codeguru-profiler:GetRecommendations", &e)))?;
        Ok(recommendations::kept(answer.recommendations()))
    }
}

/// How long an outcome stands for the next ones.
fn kept_for(error: Option<&ToolError>) -> Duration {
    match error.map(|error| error.error_type) {
        None => FRESH,
        Some(ErrorType::Throttle | ErrorType::ValidationError) => REFUSED,
        Some(ErrorType::ApiError | ErrorType::Timeout) => FAILED,
    }
}

/// Reads no more of an answer than a profile may have.
fn client(sdk: &SdkConfig) -> Client {
    let limit = Limits::default().max_input_bytes + 1;
    Client::from_conf(config::Builder::from(sdk).interceptor(Bounded { limit }).build())
}

async fn describe(client: &Client, group: &ProfilingGroup) -> Result<Since, ToolError> {
    let asked = count("codeguruprofiler", "DescribeProfilingGroup");
    let answer =
        client.describe_profiling_group().profiling_group_name(group.to_string()).send().instrument(asked).await;
    let answer =
        answer.map_err(|e| faults::tool_error(group, &Fault::new("codeguru-profiler:DescribeProfilingGroup", &e)))?;
    let status = answer.profiling_group().and_then(|group| group.profiling_status());
    let latest = status.and_then(|status| status.latest_aggregated_profile());
    // A profile whose beginning isn't said is one nevertheless.
    Ok(latest.map(|latest| Timestamp(latest.start().and_then(|start| start.to_millis().ok()).unwrap_or_default())))
}

#[cfg(test)]
mod tests;
