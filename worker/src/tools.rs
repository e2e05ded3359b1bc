//! The agent's tools: what can be called, with which arguments, and how a call can fail. A closed set. None takes a
//! repository, a pull request, a URL or a command: those are the job's. Tools never write to GitHub.

pub mod analyze_code;
pub mod calculate_carbon_footprint;
pub mod codeguru_reviewer;
pub mod post_github_comment;
pub mod profile_code_performance;
pub mod read_changes;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};

use crate::model::MALFORMED;
use crate::results::{CodeAnalysis, CodeReview, MeasuredFootprint, Profiled, ToolError};

/// A call as planned by code or asked for by a model, typed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", content = "input", rename_all = "snake_case")]
pub enum ToolCall {
    /// Static analysis of the changed files.
    AnalyzeCode(analyze_code::Arguments),
    /// Where the measured CPU time and memory go.
    ProfileCodePerformance(profile_code_performance::Arguments),
    /// CO2e of a measurement.
    CalculateCarbonFootprint(calculate_carbon_footprint::Arguments),
    /// CodeGuru Reviewer's look at the same head. Planned by code alone; its argument is how far it is.
    CodeguruReviewer(codeguru_reviewer::Progress),
    /// The changed part of a file.
    ReadChanges(read_changes::Arguments),
    /// The terminal call: the report is complete.
    PostGithubComment(post_github_comment::Arguments),
}

/// The call that ends a run, and what publishing is called where tools are counted.
pub const POST: &str = "post_github_comment";

/// The tools' names, in the order in which they are offered.
pub const NAMES: [&str; 5] =
    ["analyze_code", "profile_code_performance", "calculate_carbon_footprint", POST, "read_changes"];

/// The longest reason why arguments are refused, characters.
const MAX_WHY: usize = 300;

/// What is planned by code beside them, and never offered.
pub const CODEGURU: &str = "codeguru_reviewer";

impl ToolCall {
    /// As in the specification.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AnalyzeCode(_) => NAMES[0],
            Self::ProfileCodePerformance(_) => NAMES[1],
            Self::CalculateCarbonFootprint(_) => NAMES[2],
            Self::PostGithubComment(_) => NAMES[3],
            Self::ReadChanges(_) => NAMES[4],
            Self::CodeguruReviewer(_) => CODEGURU,
        }
    }

    /// Reads what a model asked for. Errors are for the model.
    pub fn parse(name: &str, input: &serde_json::Value) -> Result<Self, ToolError> {
        if !NAMES.contains(&name) {
            return Err(ToolError::arguments(format!("there is no such tool; there are {}", NAMES.join(", "))));
        }
        if input.get(MALFORMED).is_some() {
            return Err(ToolError::arguments(format!(
                "the arguments of {name} are not valid JSON; send one object that fits its schema"
            )));
        }
        serde_json::from_value(serde_json::json!({"name": name, "input": input})).map_err(|e| {
            // It may repeat what the model wrote.
            let why: String = e.to_string().chars().take(MAX_WHY).collect();
            let what = format!("the arguments of {name} don't fit its schema");
            // Logs hold no word of a model's.
            ToolError { for_operator: what.clone(), ..ToolError::arguments(format!("{what}: {why}")) }
        })
    }

    /// How long the call may take; `configured` are the settings for the two tools that have one.
    pub fn deadline(&self, analyze: Duration, profile: Duration) -> Duration {
        match self {
            Self::AnalyzeCode(_) => analyze,
            Self::ProfileCodePerformance(_) => profile,
            Self::CalculateCarbonFootprint(_) | Self::ReadChanges(_) => Duration::from_secs(5),
            // One step of it, which keeps to less by itself; the whole has a deadline of its own.
            Self::CodeguruReviewer(_) => Duration::from_mins(5),
            Self::PostGithubComment(_) => Duration::from_mins(1),
        }
    }
}

/// A tool as a model is told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON schema of its arguments, derived from the types.
    pub input_schema: serde_json::Value,
}

fn spec<T: JsonSchema>(name: &str, description: &str) -> ToolSpec {
    // Some servers know no references.
    let settings = SchemaSettings::default().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    // Each costs tokens in every question, and tells a model nothing.
    for word in ["$schema", "title", "description"] {
        schema.remove(word);
    }
    ToolSpec { name: name.to_owned(), description: description.to_owned(), input_schema: schema.into() }
}

/// All tools, made once.
pub fn specs() -> &'static Arc<[ToolSpec]> {
    static SPECS: LazyLock<Arc<[ToolSpec]>> = LazyLock::new(|| {
        [
            spec::<analyze_code::Arguments>(NAMES[0], analyze_code::DESCRIPTION),
            spec::<profile_code_performance::Arguments>(NAMES[1], profile_code_performance::DESCRIPTION),
            spec::<calculate_carbon_footprint::Arguments>(NAMES[2], calculate_carbon_footprint::DESCRIPTION),
            spec::<post_github_comment::Arguments>(NAMES[3], post_github_comment::DESCRIPTION),
            spec::<read_changes::Arguments>(NAMES[4], read_changes::DESCRIPTION),
        ]
        .into()
    });
    &SPECS
}

/// What a call returned, without code: this is what a session stores and a model reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "tool", content = "result", rename_all = "snake_case")]
pub enum ToolOutput {
    /// Of `analyze_code`.
    AnalyzeCode(Box<CodeAnalysis>),
    /// Of `profile_code_performance`.
    ProfileCodePerformance(Profiled),
    /// Of `calculate_carbon_footprint`.
    CalculateCarbonFootprint(Box<MeasuredFootprint>),
    /// Of CodeGuru Reviewer.
    CodeguruReviewer(Box<CodeReview>),
    /// Of `read_changes`: where, not what.
    ReadChanges(read_changes::Arguments),
}

impl ToolOutput {
    /// The tool that answers so.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AnalyzeCode(_) => NAMES[0],
            Self::ProfileCodePerformance(_) => NAMES[1],
            Self::CalculateCarbonFootprint(_) => NAMES[2],
            Self::CodeguruReviewer(_) => CODEGURU,
            Self::ReadChanges(_) => NAMES[4],
        }
    }
}
