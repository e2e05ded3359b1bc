//! `profile_code_performance`: where the measured CPU time and memory of the head commit go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ToolError;
use crate::backends::pprof::Profile;
use crate::backends::profile_files::ProfileFiles;
use crate::subject::Subject;

/// For the model.
pub const DESCRIPTION: &str = "Returns the profile measured for the pull request's head commit: total CPU time and \
     memory, and the functions that use most. No profile is no error.";

/// Arguments of the call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// Only profiles of the last so many hours; absent: the newest one of the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_hours: Option<u32>,
}

/// The tool's output. What can't be derived is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PerformanceProfile {
    /// Names this measurement: what `calculate_carbon_footprint` refers to.
    pub profiling_id: String,
    /// The measurement.
    #[serde(flatten)]
    pub profile: Profile,
    /// Where a flame graph can be seen, if anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flame_graph_url: Option<String>,
    /// Where the profile came from, in words: the file's name.
    pub source: String,
}

/// Runs the tool. `None`: nothing was measured for this commit.
pub async fn call(
    arguments: &Arguments,
    subject: &Subject,
    profiles: &ProfileFiles,
) -> Result<Option<PerformanceProfile>, ToolError> {
    profiles.profile(&subject.target, arguments.period_hours).await
}
