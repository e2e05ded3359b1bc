//! The agent's loop as a pure, serialisable state machine: events in, the next action out. No clock, no I/O; replaying a
//! session's events gives the same machine again.

mod finish;

pub use finish::{Ended, Finish};

use eco_coder_shared::env::Timestamp;
use serde::{Deserialize, Serialize};

use super::budget::{Limits, Spent};
use super::told;
use crate::model::{MALFORMED, ModelError, ModelReply, Said, Told, Turn, Usage};
use crate::report::Section;
use crate::results::{CodeAnalysis, ErrorType, Profiled, ToolError};
use crate::tools::{CODEGURU, NAMES, ToolCall, ToolOutput};
use crate::tools::{
    analyze_code, calculate_carbon_footprint, codeguru_reviewer, profile_code_performance, read_changes,
};

/// Names one tool call of this run: its place in the order of planning.
pub type CallId = usize;

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A tool answered.
    ToolFinished {
        /// Which call.
        id: CallId,
        /// What it answered.
        outcome: Result<ToolOutput, ToolError>,
    },
    /// A tool is not done: it is to be called again then, as this.
    ToolWaits {
        /// Which call.
        id: CallId,
        /// Not before.
        until: Timestamp,
        /// How far it is.
        call: ToolCall,
    },
    /// The model answered.
    ModelReplied {
        /// What it said.
        reply: ModelReply,
    },
    /// The model didn't.
    ModelFailed {
        /// Why.
        error: ModelError,
    },
    /// A suspension is over.
    Woken,
    /// The review's time is up.
    Deadline,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Call these tools, at once; each answers with [`Event::ToolFinished`].
    CallTools(Vec<(CallId, ToolCall)>),
    /// Give the model [`Run::turns`].
    CallModel,
    /// Wait without holding anything, then [`Event::Woken`].
    Suspend {
        /// Until then.
        until: Timestamp,
    },
    /// The report is complete.
    Finish(Box<Finish>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Call {
    tool: ToolCall,
    /// The model's id, if the model asked.
    asked_as: Option<String>,
    outcome: Option<Result<ToolOutput, ToolError>>,
    /// Not to be called before.
    waits: Option<Timestamp>,
}

impl Call {
    fn new(tool: ToolCall, asked_as: Option<String>) -> Self {
        Self { tool, asked_as, outcome: None, waits: None }
    }

    /// What is under way with CodeGuru, if that is the call.
    fn left(&self) -> Option<codeguru_reviewer::Progress> {
        match &self.tool {
            ToolCall::CodeguruReviewer(progress) => Some(progress.clone()),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
enum Stage {
    /// Turn 0's tools, and then its carbon, are under way.
    TurnZero,
    /// It is the model's turn.
    Model,
    /// The tools that the model asked for are under way; answers that need no tool are ready.
    ModelTools { ready: Vec<Answer> },
    /// Waiting for a throttled model.
    Suspended { until: Timestamp },
    /// Over.
    Finished(Ended),
}

/// One review's loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The model's id; `None`: there is none, and turn 0 is the report.
    model: Option<String>,
    limits: Limits,
    spent: Spent,
    stage: Stage,
    calls: Vec<Call>,
    turns: Vec<Turn<Answer>>,
    /// What was under way with CodeGuru when the run ended without it.
    #[serde(default)]
    left: Option<codeguru_reviewer::Progress>,
}

/// What we say to a model, as a session remembers it: without source text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// The answer to `read_changes`: a place in the diff. The text is in the request to the model, and nowhere else.
    Changes {
        /// The model's id of the call.
        id: String,
        /// Where.
        place: read_changes::Arguments,
    },
    /// All else, as it is.
    Told(Told),
}

impl Answer {
    /// The call that it answers.
    fn call(&self) -> Option<&str> {
        match self {
            Self::Changes { id, .. } | Self::Told(Told::ToolResult { id, .. }) => Some(id),
            Self::Told(Told::Text { .. }) => None,
        }
    }
}

/// The longest piece that a model says, characters of words and bytes of arguments: some ten thousand tokens.
const MAX_SAID: usize = 40_000;

const ANALYZE: &str = NAMES[0];
const PROFILE: &str = NAMES[1];
const CARBON: &str = NAMES[2];

impl Run {
    /// A new run. With a model, `model` is its id.
    pub fn new(model: Option<String>, limits: Limits) -> Self {
        let planned = [
            ToolCall::AnalyzeCode(analyze_code::Arguments::default()),
            ToolCall::ProfileCodePerformance(profile_code_performance::Arguments::default()),
        ];
        let calls = planned.map(|tool| Call::new(tool, None)).into();
        Self { model, limits, spent: Spent::default(), stage: Stage::TurnZero, calls, turns: Vec::new(), left: None }
    }

    /// The same, with CodeGuru Reviewer asked in turn 0.
    #[must_use]
    pub fn asking_codeguru(mut self) -> Self {
        self.calls.push(Call::new(ToolCall::CodeguruReviewer(codeguru_reviewer::Progress::default()), None));
        self
    }

    /// What was said after turn 0, in order. The opening (turn 0's results) is the prompt's, and stands before these.
    pub fn turns(&self) -> &[Turn<Answer>] {
        &self.turns
    }

    /// Is there room in the budget for a question that comes to this at most?
    pub fn can_spend(&self, most: Usage) -> bool {
        let Usage { input, output, .. } = self.spent.usage;
        input + output + most.input + most.output <= self.limits.tokens
    }

    /// What was spent so far.
    pub fn spent(&self) -> Spent {
        self.spent
    }

    /// What answered so far, for tools that build on others (a footprint on a profile).
    pub fn outputs(&self) -> impl Iterator<Item = &ToolOutput> {
        self.calls.iter().filter_map(|call| call.outcome.as_ref()?.as_ref().ok())
    }

    /// Turn 0's results, as the model reads them.
    pub fn turn_zero(&self) -> impl Iterator<Item = (&'static str, &Result<ToolOutput, ToolError>)> {
        let planned = self.calls.iter().filter(|call| call.asked_as.is_none());
        planned.filter_map(|call| Some((call.tool.name(), call.outcome.as_ref()?)))
    }

    /// What is to be done now. Asking twice gives the same answer.
    pub fn next(&self) -> Action {
        match &self.stage {
            Stage::TurnZero | Stage::ModelTools { .. } => self.next_tools(),
            Stage::Model => Action::CallModel,
            Stage::Suspended { until } => Action::Suspend { until: *until },
            Stage::Finished(ended) => Action::Finish(Box::new(finish::finish(self, ended.clone()))),
        }
    }

    /// Whoever has nothing to wait for is called; who waits is waited for when all others have answered.
    fn next_tools(&self) -> Action {
        let open = self.calls.iter().enumerate().filter(|(_, call)| call.outcome.is_none());
        let ready: Vec<_> = open.filter(|(_, call)| call.waits.is_none()).map(|(id, c)| (id, c.tool.clone())).collect();
        match self.earliest() {
            Some(until) if ready.is_empty() => Action::Suspend { until },
            _ => Action::CallTools(ready),
        }
    }

    /// What a suspension waits for, in words for the log.
    pub fn waits_for(&self) -> &'static str {
        if self.earliest().is_some() { "CodeGuru Reviewer has not answered yet" } else { "the model is throttled" }
    }

    /// When the first tool that waits is to be called again.
    fn earliest(&self) -> Option<Timestamp> {
        self.calls.iter().filter(|call| call.outcome.is_none()).filter_map(|call| call.waits).min()
    }

    /// Takes an event. One that doesn't fit the stage changes nothing: a session may hold an event twice.
    pub fn apply(&mut self, event: Event) {
        match event {
            Event::ToolFinished { id, outcome } => self.tool_finished(id, outcome),
            Event::ToolWaits { id, until, call } => self.tool_waits(id, until, call),
            Event::Woken if self.earliest().is_some() => self.tool_woken(),
            Event::ModelReplied { reply } if self.stage == Stage::Model => self.model_replied(reply),
            Event::ModelFailed { error } if self.stage == Stage::Model => self.model_failed(&error),
            Event::Woken if matches!(self.stage, Stage::Suspended { .. }) => self.stage = Stage::Model,
            Event::Deadline if !matches!(self.stage, Stage::Finished(_)) => self.deadline(),
            Event::ModelReplied { .. } | Event::ModelFailed { .. } | Event::Woken | Event::Deadline => {}
        }
    }

    fn tool_finished(&mut self, id: CallId, outcome: Result<ToolOutput, ToolError>) {
        let Some(call) = self.calls.get_mut(id).filter(|call| call.outcome.is_none()) else { return };
        if outcome.as_ref().is_ok_and(|output| output.name() != call.tool.name()) {
            return;
        }
        call.outcome = Some(outcome);
        self.spare_codeguru();
        if self.calls.iter().any(|call| call.outcome.is_none()) {
            return;
        }
        match std::mem::replace(&mut self.stage, Stage::Model) {
            Stage::TurnZero => self.turn_zero_step(),
            Stage::ModelTools { ready } => self.tell_the_model(ready),
            other => self.stage = other,
        }
    }

    /// What was under way with CodeGuru when the run ended without it: somebody has to clean up.
    pub fn left(&self) -> Option<&codeguru_reviewer::Progress> {
        self.left.as_ref()
    }

    /// What waits may go on with new arguments, and with nothing else.
    fn tool_waits(&mut self, id: CallId, until: Timestamp, tool: ToolCall) {
        let Some(call) = self.calls.get_mut(id).filter(|call| call.outcome.is_none()) else { return };
        if tool.name() == call.tool.name() {
            (call.tool, call.waits) = (tool, Some(until));
        }
    }

    fn tool_woken(&mut self) {
        let earliest = self.earliest();
        for call in self.calls.iter_mut().filter(|call| call.waits == earliest) {
            call.waits = None;
        }
    }

    /// A run that GitHub's rate limit ends is no result: nobody waits for CodeGuru in it.
    fn spare_codeguru(&mut self) {
        if !self.is_throttled() {
            return;
        }
        for call in self.calls.iter_mut().filter(|call| call.outcome.is_none() && call.tool.name() == CODEGURU) {
            call.outcome = Some(Err(ToolError {
                error_type: ErrorType::Throttle,
                for_model: "GitHub's rate limit was reached".to_owned(),
                for_operator: "GitHub's rate limit ended the run before CodeGuru answered".to_owned(),
            }));
            self.left = self.left.take().or(call.left());
        }
    }

    /// Did GitHub's rate limit end the analysis?
    fn is_throttled(&self) -> bool {
        let analysed = self.planned(ANALYZE).and_then(|call| call.outcome.as_ref());
        matches!(analysed, Some(Err(error)) if error.error_type == ErrorType::Throttle)
    }

    /// Turn 0's call of this tool.
    fn planned(&self, name: &str) -> Option<&Call> {
        self.calls.iter().find(|call| call.asked_as.is_none() && call.tool.name() == name)
    }

    /// Turn 0's tools have answered: a measurement gets its footprint, then the model has its turn.
    fn turn_zero_step(&mut self) {
        self.stage = Stage::TurnZero;
        if self.planned(CARBON).is_none()
            && let Some(measurement_id) = self.measurement()
        {
            let tool = ToolCall::CalculateCarbonFootprint(calculate_carbon_footprint::Arguments { measurement_id });
            self.calls.push(Call::new(tool, None));
            return;
        }
        match &self.model {
            None => self.stage = Stage::Finished(Ended::NotConfigured),
            // This run is no result but a wait: nothing is paid for it.
            Some(_) if self.is_throttled() => {
                let why = "GitHub's rate limit was reached".to_owned();
                self.stage = Stage::Finished(Ended::Unfinished { why });
            }
            Some(_) => self.model_turn(),
        }
    }

    /// The measurement that has CPU seconds, if turn 0 found one.
    fn measurement(&self) -> Option<String> {
        match self.planned(PROFILE)?.outcome.as_ref()? {
            Ok(ToolOutput::ProfileCodePerformance(Profiled::Measured(profile))) if profile.cpu.is_some() => {
                Some(profile.profiling_id.clone())
            }
            _ => None,
        }
    }

    fn model_turn(&mut self) {
        self.stage = match self.spent.exhausted(&self.limits) {
            Some(why) => Stage::Finished(Ended::Unfinished { why: why.to_owned() }),
            None => Stage::Model,
        };
    }

    fn model_replied(&mut self, reply: ModelReply) {
        self.spent.turns += 1;
        self.spent.usage += reply.usage;
        let reply = ModelReply { content: reply.content.into_iter().map(short).collect(), ..reply };
        let findings = self.quality().present().map_or(0, |analysis| analysis.recommendations.len());
        let mut ready = Vec::new();
        let mut report = None;
        let mut asked = 0;
        for said in &reply.content {
            let Said::ToolUse { id, name, input } = said else { continue };
            asked += 1;
            let parsed = if asked > self.limits.calls_per_turn {
                Err(ToolError::arguments(format!(
                    "too many calls in one turn; {} are taken",
                    self.limits.calls_per_turn
                )))
            } else {
                ToolCall::parse(name, input)
            };
            match parsed.and_then(|call| match &call {
                ToolCall::PostGithubComment(arguments) => arguments.validate(findings).map(|()| call),
                _ => Ok(call),
            }) {
                Ok(ToolCall::PostGithubComment(arguments)) => report = Some(arguments.report),
                Ok(tool) => self.calls.push(Call::new(tool, Some(id.clone()))),
                Err(error) => ready.push(failed(id, &error)),
            }
        }
        self.turns.push(Turn::Assistant { content: reply.content });
        if let Some(report) = report {
            // The terminal call ends the run; whatever was asked for beside it is not called.
            self.calls.retain(|call| call.outcome.is_some());
            self.stage = Stage::Finished(Ended::Finished(Box::new(report)));
        } else if self.calls.iter().any(|call| call.outcome.is_none()) {
            self.stage = Stage::ModelTools { ready };
        } else {
            if asked == 0 {
                let text = "End the review by calling post_github_comment with your report.".to_owned();
                ready.push(Answer::Told(Told::Text { text }));
            }
            self.tell_the_model(ready);
        }
    }

    /// Answers the model's calls of its last turn, in the order in which it asked.
    fn tell_the_model(&mut self, ready: Vec<Answer>) {
        let Some(Turn::Assistant { content }) = self.turns.last() else { return self.model_turn() };
        let quality = self.quality();
        let mut told = Vec::new();
        for said in content {
            let Said::ToolUse { id, .. } = said else { continue };
            let answered = self.calls.iter().rev().find(|call| call.asked_as.as_ref() == Some(id));
            match answered.and_then(|call| call.outcome.as_ref()) {
                Some(Ok(ToolOutput::ReadChanges(place))) => {
                    told.push(Answer::Changes { id: id.clone(), place: place.clone() });
                }
                Some(Ok(output)) => {
                    let content = told::output(output, quality.present());
                    told.push(Answer::Told(Told::ToolResult { id: id.clone(), content, is_error: false }));
                }
                Some(Err(error)) => told.push(failed(id, error)),
                None => {}
            }
        }
        let is_unanswered =
            |answer: &Answer| answer.call().is_none_or(|id| !told.iter().any(|told| told.call() == Some(id)));
        let rest: Vec<Answer> = ready.into_iter().filter(is_unanswered).collect();
        told.extend(rest);
        if self.spent.turns + 1 == self.limits.turns {
            let text = "This is your last turn: end the review by calling post_github_comment now.".to_owned();
            told.push(Answer::Told(Told::Text { text }));
        }
        self.turns.push(Turn::User { content: told });
        self.model_turn();
    }

    fn model_failed(&mut self, error: &ModelError) {
        let unfinished = |why: &str| Stage::Finished(Ended::Unfinished { why: why.to_owned() });
        self.stage = match error {
            ModelError::Throttled { until } => {
                self.spent.throttled(*until);
                match self.spent.exhausted(&self.limits) {
                    Some(why) => unfinished(why),
                    None => Stage::Suspended { until: *until },
                }
            }
            ModelError::Timeout => unfinished("the model did not answer in time"),
            ModelError::OverBudget { why } => unfinished(why),
            ModelError::Unusable { usage, .. } => {
                self.spent.usage += *usage;
                unfinished("the model's answer could not be used")
            }
            ModelError::Failed { .. } => unfinished("the model failed"),
        };
    }

    fn deadline(&mut self) {
        for call in self.calls.iter_mut().filter(|call| call.outcome.is_none()) {
            call.outcome = Some(Err(ToolError {
                error_type: ErrorType::Timeout,
                for_model: "timeout".to_owned(),
                for_operator: format!("{} was still running at the review's deadline", call.tool.name()),
            }));
            self.left = self.left.take().or(call.left());
        }
        self.stage = Stage::Finished(match &self.model {
            None => Ended::NotConfigured,
            Some(_) => Ended::Unfinished { why: "the review's time was up".to_owned() },
        });
    }

    /// What turn 0 says of the code, CodeGuru's findings among its own: whose findings have ids.
    pub fn quality(&self) -> Section<CodeAnalysis> {
        finish::quality(self)
    }
}

/// What is kept of a piece that a model said, and told again in each turn after it: more than its tokens allow was not
/// asked for.
fn short(said: Said) -> Said {
    match said {
        Said::Text { text } => Said::Text { text: text.chars().take(MAX_SAID).collect() },
        Said::ToolUse { id, name, input } if input.to_string().len() > MAX_SAID => {
            let input = serde_json::json!({MALFORMED: "(too long)"});
            Said::ToolUse { id, name, input }
        }
        other => other,
    }
}

fn failed(id: &str, error: &ToolError) -> Answer {
    Answer::Told(Told::ToolResult { id: id.to_owned(), content: error.for_model.clone(), is_error: true })
}

#[cfg(test)]
mod tests;
