//! What a fault of CodeGuru's means: for the author in plain words, for the operator with what to do.

use std::time::Duration;

use eco_coder_shared::aws::Fault;

use super::ProfilingGroup;
use crate::results::{ErrorType, ToolError};

/// The group, or its profile, isn't there.
pub(super) fn is_not_found(fault: &Fault) -> bool {
    fault.code.as_deref() == Some("ResourceNotFoundException")
}

/// A call's fault as the tool's. Another try of the review helps against a failure, not against what an operator must
/// mend; and a throttle ends by being asked less.
pub(super) fn tool_error(group: &ProfilingGroup, fault: &Fault) -> ToolError {
    let (error_type, for_model, mend) = if is_not_found(fault) {
        (
            ErrorType::ValidationError,
            format!("there is no profiling group {group}"),
            format!(
                "; there is no profiling group {group} in this account and region: look at profiles.codeguru_group and \
                 aws.region"
            ),
        )
    } else if fault.is_throttle() {
        let words = "CodeGuru Profiler is asked too often and wants us to wait".to_owned();
        (ErrorType::Throttle, words, String::new())
    } else if fault.is_denied() {
        let words = "CodeGuru Profiler refuses access; whoever runs Eco-Coder must allow it".to_owned();
        (ErrorType::ValidationError, words, String::new())
    } else if fault.code.as_deref() == Some("ValidationException") {
        (ErrorType::ValidationError, "CodeGuru Profiler refuses the request".to_owned(), String::new())
    } else {
        (ErrorType::ApiError, "CodeGuru Profiler could not be asked".to_owned(), String::new())
    };
    ToolError { error_type, for_model, for_operator: format!("{}{mend}", fault.words) }
}

/// No answer in time.
pub(super) fn timeout(after: Duration) -> ToolError {
    ToolError {
        error_type: ErrorType::Timeout,
        for_model: format!("CodeGuru Profiler did not answer within {} s", after.as_secs()),
        for_operator: format!(
            "CodeGuru Profiler did not answer within {} s; look at the network and at AWS's status",
            after.as_secs()
        ),
    }
}

/// A profile that can't be read: the next one may be readable.
pub(super) fn unusable(group: &ProfilingGroup, why: &str) -> ToolError {
    ToolError {
        error_type: ErrorType::ValidationError,
        for_model: why.to_owned(),
        for_operator: format!("the profile of the profiling group {group} can't be used: {why}"),
    }
}
