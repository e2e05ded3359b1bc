//! `profile_code_performance`: where the measured CPU time and memory of the head commit go.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backends::codeguru_profiler::iso_duration;
use crate::backends::profiles::Profiles;
use crate::results::{Profiled, ToolError};
use crate::subject::Subject;

/// For the model.
pub const DESCRIPTION: &str = "Returns the profile measured for the pull request's head commit: total CPU time and \
     memory, and the functions that use most. If it has deployed_service, it was not measured for this commit: it \
     describes the service as it is deployed, over a period. No profile (nothing_measured says why) is no error.";

/// Arguments of the call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// Only profiles made within this ISO 8601 duration before now (PT24H, P7D); absent: the newest one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
}

/// Runs the tool.
pub async fn call(arguments: &Arguments, subject: &Subject, profiles: &Profiles) -> Result<Profiled, ToolError> {
    let period = arguments.period.as_deref().map(parse_period).transpose()?;
    profiles.profile(&subject.target, period).await
}

fn parse_period(text: &str) -> Result<Duration, ToolError> {
    let wrong = || ToolError::arguments("period must be an ISO 8601 duration above zero, such as PT24H or P7D");
    iso_duration(text).filter(|length| !length.is_zero()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_iso_8601_durations() {
        assert_eq!(parse_period("PT24H").unwrap(), Duration::from_hours(24));
        assert_eq!(parse_period("P7D").unwrap(), Duration::from_hours(168));
        for bad in ["", "24h ago", "-PT1H", "PT0S", "P1Y", "yesterday"] {
            assert_eq!(parse_period(bad).unwrap_err().error_type, crate::results::ErrorType::ValidationError, "{bad}");
        }
    }
}
