//! Performs what the loop decides: calls tools and the model, stores each event before it counts, and resumes a session
//! where another process left it.

mod notes;

use std::sync::Arc;
use std::time::{Duration, Instant};

use eco_coder_shared::env::{SharedEnv, Timestamp};
use eco_coder_shared::step;
use futures_util::future::join_all;
use metrics::counter;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::prompt::{self, Brief};
use super::purse::{self, DayLimits, Purse};
use super::run::{Action, CallId, Event, Finish, Run};
use crate::backends::Backends;
use crate::backends::cpu::budget::CpuBudget;
use crate::model::{Model, ModelError, ModelReply, Usage};
use crate::results::{ErrorType, ToolError};
use crate::store::seal::SealKey;
use crate::store::{Appended, SESSION_HOURS, SessionId, Store, StoreError};
use crate::subject::Subject;
use crate::tools::codeguru_reviewer::{self, Step};
use crate::tools::{
    ToolCall, ToolOutput, analyze_code, calculate_carbon_footprint, profile_code_performance, read_changes,
};

/// How long the tools may take. Those with partial results get a little longer than their own deadline.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// `analyze_code`.
    pub analyze: Duration,
    /// `profile_code_performance`.
    pub profile: Duration,
    /// One turn of the model.
    pub model: Duration,
    /// All of it; then what is there is reported.
    pub review: Duration,
}

/// For a tool to hand over its partial results after its own deadline.
const GRACE: Duration = Duration::from_secs(5);

/// The longest a session can be: far above what the budget allows.
const MAX_EVENTS: usize = 1000;

/// What a review's agent works with.
pub struct Driver<'a> {
    /// Sessions.
    pub store: &'a dyn Store,
    /// Seals what the model said.
    pub seal: &'a SealKey,
    /// Clock and dice.
    pub env: &'a SharedEnv,
    /// The model, if there is one.
    pub model: Option<&'a Arc<dyn Model>>,
    /// The engines behind the tools.
    pub backends: &'a Backends,
    /// How long things may take.
    pub deadlines: Deadlines,
    /// What a model is given beside the results.
    pub brief: &'a Brief,
    /// What models may spend in a day.
    pub day: DayLimits,
    /// Is the session stored? It is worth that if it may wait, or was paid for; what the tools say is quickly said again.
    pub stored: bool,
}

/// How a run ended for now.
#[derive(Debug)]
pub enum Driven {
    /// With a report.
    Finished(Box<Finish>),
    /// It waits; nothing is held.
    Suspended {
        /// Until then.
        until: Timestamp,
        /// For whom, in words for the log.
        why: &'static str,
    },
    /// Another worker has gone on with this session: this one is late.
    Superseded,
}

/// The session, as far as it is stored.
struct Session<'a> {
    id: &'a SessionId,
    length: u32,
    expires: Timestamp,
}

impl Driver<'_> {
    /// Runs, or resumes, session `id` on `subject` until a report, a wait, or the news that another is doing it.
    pub async fn run(&self, id: &SessionId, mut run: Run, subject: &Subject) -> Result<Driven, StoreError> {
        let expires = self.env.now() + Duration::from_hours(u64::from(SESSION_HOURS));
        let mut session = Session { id, length: 0, expires };
        let events =
            if self.stored { self.resume(id).instrument(step!("Initialize Agent Session")).await? } else { Vec::new() };
        for event in events {
            run.apply(event);
            session.length += 1;
        }
        let deadline = self.env.now() + self.deadlines.review;
        // What the session used before it was resumed counts too.
        let cpu = self.backends.code.budget(cpu_spent(&run));
        loop {
            if self.env.now() >= deadline {
                run.apply(Event::Deadline);
            }
            let events = match run.next() {
                Action::Finish(finish) => {
                    if let (Some(left), Some(codeguru)) = (run.left(), &self.backends.codeguru) {
                        codeguru.remove(left).await;
                    }
                    return Ok(Driven::Finished(finish));
                }
                Action::Suspend { until } if until > self.env.now() => {
                    return Ok(Driven::Suspended { until, why: run.waits_for() });
                }
                Action::Suspend { .. } => vec![Event::Woken],
                Action::CallTools(calls) => {
                    let mut answers = Vec::new();
                    for (call, tool) in &calls {
                        answers.push(self.call_tool(id, *call, tool, (&run, &cpu), subject));
                    }
                    join_all(answers).await
                }
                Action::CallModel => vec![self.call_model(id, &run, subject).await?],
            };
            for event in events {
                if session.length as usize >= MAX_EVENTS {
                    run.apply(Event::Deadline);
                    continue;
                }
                if self.append(&mut session, &event).await? == Appended::Conflict {
                    return Ok(Driven::Superseded);
                }
                run.apply(event);
            }
        }
    }

    /// The session so far. One that is over, or can't be read (another key, another version), is begun anew.
    async fn resume(&self, id: &SessionId) -> Result<Vec<Event>, StoreError> {
        let stored = self.store.events(id, self.env.now()).await?;
        let events: Result<Vec<Event>, StoreError> =
            (0..).zip(&stored).map(|(sequence, event)| self.open(id, sequence, event)).collect();
        match events {
            Ok(events) if !events.is_empty() => return Ok(events),
            // What has expired may still be there, and would be in the way.
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(component = "agent", error = %error, "the session can't be resumed; it begins anew");
            }
        }
        self.store.end_session(id).await?;
        Ok(Vec::new())
    }

    async fn append(&self, session: &mut Session<'_>, event: &Event) -> Result<Appended, StoreError> {
        if !self.stored {
            session.length += 1;
            return Ok(Appended::Stored);
        }
        let json = serde_json::to_vec(event).unwrap_or_default();
        // What the model said is sealed; tool results hold no code, and are sealed with it: one form for all.
        let sealed = self.seal.seal(&**self.env, &place(session.id, session.length), &json);
        let appended = self.store.append(session.id, session.length, sealed, session.expires).await?;
        session.length += 1;
        Ok(appended)
    }

    fn open(&self, id: &SessionId, sequence: u32, stored: &[u8]) -> Result<Event, StoreError> {
        let corrupt = |cause: String| StoreError::Corrupt { what: "session event", cause };
        let json = self.seal.open(&place(id, sequence), stored).map_err(|e| corrupt(e.to_string()))?;
        serde_json::from_slice(&json).map_err(|e| corrupt(e.to_string()))
    }

    async fn call_model(&self, id: &SessionId, run: &Run, subject: &Subject) -> Result<Event, StoreError> {
        let Some(model) = self.model else {
            let message = "no model is configured".to_owned();
            return Ok(Event::ModelFailed { error: ModelError::Failed { message } });
        };
        let span = step!(
            "LLM Reasoning",
            model_used = model.id(),
            input_tokens = Empty,
            output_tokens = Empty,
            cached_tokens = Empty,
        );
        let answer = self.asked(id, model, run).instrument(span.clone()).await?;
        notes::reasoned(&span, &answer);
        drop(span);
        Ok(match answer {
            Ok(reply) => {
                notes::refused(id, &reply, subject);
                for (direction, tokens) in [
                    ("input", reply.usage.input),
                    ("output", reply.usage.output),
                    ("cache_read", reply.usage.cache_read),
                    ("cache_write", reply.usage.cache_write),
                ] {
                    counter!("TokensUsed", "AgentName" => AGENT, "Direction" => direction).increment(tokens);
                }
                Event::ModelReplied { reply }
            }
            Err(error) => {
                if matches!(error, ModelError::Throttled { .. }) {
                    counter!("AgentThrottles", "AgentName" => AGENT).increment(1);
                }
                tracing::warn!(component = "agent", error = %error, "the model did not answer");
                Event::ModelFailed { error: self.patient(error, run) }
            }
        })
    }

    /// One question, if there are tokens and money left for it.
    async fn asked(
        &self,
        id: &SessionId,
        model: &Arc<dyn Model>,
        run: &Run,
    ) -> Result<Result<ModelReply, ModelError>, StoreError> {
        let request = prompt::request(run, self.brief, &self.seal.mark(&id.0));
        let most = purse::at_most(&request);
        let over = |why: &str| Ok(Err(ModelError::OverBudget { why: why.to_owned() }));
        if !run.can_spend(most) {
            return over("the review's token budget would not last for another question to the model");
        }
        let purse = Purse { store: self.store, env: self.env, limits: self.day };
        let Some(reserved) = purse.reserve(most, &**model).await? else {
            return over("the day's budget for the model is used up");
        };
        let answer = tokio::time::timeout(self.deadlines.model, model.reply(request)).await;
        let answer = answer.unwrap_or(Err(ModelError::Timeout));
        match &answer {
            Ok(reply) => purse.settle(reserved, reply.usage, &**model).await,
            Err(ModelError::Unusable { usage, .. }) if *usage != Usage::default() => {
                purse.settle(reserved, *usage, &**model).await;
            }
            // Somebody may have worked for it, and written a bill.
            Err(ModelError::Timeout | ModelError::Unusable { .. }) => purse.settle(reserved, most, &**model).await,
            Err(_) => purse.settle(reserved, Usage::default(), &**model).await,
        }
        Ok(answer)
    }

    /// Who is throttled again and again asks less and less often.
    fn patient(&self, error: ModelError, run: &Run) -> ModelError {
        let ModelError::Throttled { until } = error else { return error };
        let wait = Duration::from_secs(1 << run.spent().throttles.min(6));
        ModelError::Throttled { until: until.max(self.env.now() + self.env.between(wait / 2, wait)) }
    }

    async fn call_tool(
        &self,
        id: &SessionId,
        call: CallId,
        tool: &ToolCall,
        given: (&Run, &CpuBudget),
        subject: &Subject,
    ) -> Event {
        let started = Instant::now();
        let deadline = tool.deadline(self.deadlines.analyze, self.deadlines.profile) + GRACE;
        let span = step!(
            format!("Tool: {}", tool.name()),
            tool_name = tool.name(),
            recommendations_count = Empty,
            co2e_grams = Empty,
        );
        let performed =
            tokio::time::timeout(deadline, self.perform(tool, given, subject)).instrument(span.clone()).await;
        let outcome = match performed {
            Ok(Ok(Performed::Done(output))) => Ok(output),
            Ok(Ok(Performed::Waits { until, call: tool })) => return Event::ToolWaits { id: call, until, call: tool },
            Ok(Err(error)) => Err(error),
            Err(_) => Err(ToolError {
                error_type: ErrorType::Timeout,
                for_model: "timeout".to_owned(),
                for_operator: format!("{} did not answer within {deadline:?}", tool.name()),
            }),
        };
        notes::traced(&span, &outcome);
        drop(span);
        notes::called(id, tool, &outcome, started.elapsed(), subject);
        Event::ToolFinished { id: call, outcome: outcome.map(bounded) }
    }

    async fn perform(
        &self,
        tool: &ToolCall,
        (run, cpu): (&Run, &CpuBudget),
        subject: &Subject,
    ) -> Result<Performed, ToolError> {
        let output = match tool {
            ToolCall::AnalyzeCode(arguments) => {
                let analysis =
                    analyze_code::call(arguments, subject, &self.backends.code, &self.backends.linters, cpu).await?;
                ToolOutput::AnalyzeCode(Box::new(analysis))
            }
            ToolCall::ProfileCodePerformance(arguments) => {
                let profile = profile_code_performance::call(arguments, subject, &self.backends.profiles).await?;
                ToolOutput::ProfileCodePerformance(profile)
            }
            ToolCall::CalculateCarbonFootprint(arguments) => {
                let footprint =
                    calculate_carbon_footprint::call(arguments, run.outputs(), &self.backends.carbon.input().await)?;
                ToolOutput::CalculateCarbonFootprint(Box::new(footprint))
            }
            ToolCall::CodeguruReviewer(progress) => {
                match codeguru_reviewer::step(progress, subject, self.backends.codeguru.as_deref()).await? {
                    Step::Done(review) => ToolOutput::CodeguruReviewer(review),
                    Step::Wait { until, progress } => {
                        return Ok(Performed::Waits { until, call: ToolCall::CodeguruReviewer(progress) });
                    }
                }
            }
            ToolCall::ReadChanges(arguments) => {
                ToolOutput::ReadChanges(read_changes::call(arguments, &self.brief.diff)?)
            }
            ToolCall::PostGithubComment(_) => {
                return Err(ToolError::arguments("the terminal call is not performed as a tool"));
            }
        };
        Ok(Performed::Done(output))
    }
}

/// How far a call came.
enum Performed {
    Done(ToolOutput),
    /// It is to be called again.
    Waits {
        until: Timestamp,
        call: ToolCall,
    },
}

/// The agent's name in metrics.
pub use eco_coder_shared::telemetry::metrics::AGENT;

/// CPU time of the analyses that a run holds.
fn cpu_spent(run: &Run) -> Duration {
    let seconds = run.outputs().filter_map(|output| match output {
        ToolOutput::AnalyzeCode(analysis) => Some(analysis.cpu_seconds.seconds()),
        _ => None,
    });
    Duration::try_from_secs_f64(seconds.sum()).unwrap_or_default()
}

/// What a sealed event is bound to.
pub(crate) fn place(id: &SessionId, sequence: u32) -> String {
    format!("session/{}/{sequence}", id.0)
}

/// What a tool said, small enough for a session.
fn bounded(output: ToolOutput) -> ToolOutput {
    match output {
        ToolOutput::AnalyzeCode(analysis) => ToolOutput::AnalyzeCode(Box::new(analysis.bounded())),
        ToolOutput::CodeguruReviewer(review) => ToolOutput::CodeguruReviewer(Box::new(review.bounded())),
        small @ (ToolOutput::ProfileCodePerformance(_)
        | ToolOutput::CalculateCarbonFootprint(_)
        | ToolOutput::ReadChanges(_)) => small,
    }
}

#[cfg(test)]
mod tests;
