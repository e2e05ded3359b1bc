//! What the worker has counted before anything happened: nothing, and that is said as zeros. Which metrics there are is
//! `shared::telemetry::metrics`' to say.

use eco_coder_shared::telemetry::metrics::{AGENT, at_zero};
use metrics::gauge;

use crate::results::ErrorType;
use crate::tools::{CODEGURU, NAMES};

/// How a job can end, as the label `Outcome`.
const OUTCOMES: [&str; 8] = ["done", "discarded", "hidden", "deferred", "failed", "dead", "handed_back", "abandoned"];

/// How a run of the reconciler can end, as the label `Result`.
const RUNS: [&str; 4] = ["complete", "stopped", "failed", "skipped"];

/// Kinds of a model's tokens, as the label `Direction`.
const DIRECTIONS: [&str; 4] = ["input", "output", "cache_read", "cache_write"];

const ERRORS: [ErrorType; 4] =
    [ErrorType::Timeout, ErrorType::Throttle, ErrorType::ApiError, ErrorType::ValidationError];

/// Every counter whose labels are known beforehand, with 0.
pub(crate) fn begin() {
    let agent = ("AgentName", AGENT);
    for name in ["AgentInvocations", "AgentThrottles"] {
        at_zero(name, &[agent]);
    }
    for error in ERRORS {
        at_zero("AgentErrors", &[agent, ("ErrorType", error.name())]);
    }
    gauge!("SessionCount", "AgentName" => AGENT).increment(0);
    for direction in DIRECTIONS {
        at_zero("TokensUsed", &[agent, ("Direction", direction)]);
    }
    for tool in NAMES.into_iter().chain([CODEGURU]) {
        at_zero("ToolInvocation", &[("ToolName", tool)]);
        for error in ERRORS {
            at_zero("ToolErrors", &[("ToolName", tool), ("ErrorType", error.name())]);
        }
    }
    for result in ["success", "failure"] {
        at_zero("GitHubCommentPosted", &[("Result", result)]);
    }
    for outcome in OUTCOMES {
        at_zero("JobOutcome", &[("Outcome", outcome)]);
    }
    for result in ["hit", "miss"] {
        at_zero("ResultCache", &[("Result", result)]);
    }
    for result in ["sent", "dropped"] {
        at_zero("TraceSpans", &[("Result", result)]);
    }
    for result in RUNS {
        at_zero("ReconcileRuns", &[("Result", result)]);
    }
    for result in ["fresh", "unchanged"] {
        at_zero("ReconcileCalls", &[("Result", result)]);
    }
    for cause in ["sweep", "comment_gone", "late_write"] {
        at_zero("ReconcileHints", &[("Cause", cause)]);
    }
    for name in ["CodeGuruUploadsLeft", "ScaleInProtectionErrors", "ReconcileRedeliveries"] {
        at_zero(name, &[]);
    }
}
