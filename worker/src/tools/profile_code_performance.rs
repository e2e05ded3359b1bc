//! `profile_code_performance`: where the measured CPU time and memory of the head commit go.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
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
    /// Only profiles made within this ISO 8601 duration before now (PT24H, P7D); absent: the newest one of the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
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
    let period = arguments.period.as_deref().map(parse_period).transpose()?;
    profiles.profile(&subject.target, period).await
}

fn parse_period(text: &str) -> Result<Duration, ToolError> {
    let wrong = || ToolError::arguments("period must be an ISO 8601 duration above zero, such as PT24H or P7D");
    let span: Span = text.parse().map_err(|_| wrong())?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    Duration::try_from(length).ok().filter(|length| !length.is_zero()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_iso_8601_durations() {
        assert_eq!(parse_period("PT24H").unwrap(), Duration::from_hours(24));
        assert_eq!(parse_period("P7D").unwrap(), Duration::from_hours(168));
        for bad in ["", "24h ago", "-PT1H", "PT0S", "P1Y", "yesterday"] {
            assert_eq!(parse_period(bad).unwrap_err().error_type, crate::tools::ErrorType::ValidationError, "{bad}");
        }
    }
}
