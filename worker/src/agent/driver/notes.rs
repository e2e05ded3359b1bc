//! What is told of tool calls: metrics, log and audit, once for each call. No word of a model's or of the source.

use std::time::Duration;

use ::metrics::{counter, histogram};
use eco_coder_shared::telemetry::audit::{self, EventType};
use eco_coder_shared::telemetry::{TOOL, metrics, trace};
use tracing::Span;

use crate::model::{ModelError, ModelReply, Said};
use crate::results::{ErrorType, ToolError};
use crate::store::SessionId;
use crate::subject::Subject;
use crate::tools::{POST, ToolCall, ToolOutput, analyze_code};

/// What is shown of a tool's name that a model made up, characters.
const MAX_TOOL_NAME: usize = 64;

/// What a model asked for that there isn't, or that it may not: for the audit.
pub(super) fn refused(session: &SessionId, reply: &ModelReply, on: &Subject) {
    for said in &reply.content {
        let Said::ToolUse { name, input, .. } = said else { continue };
        let Err(error) = ToolCall::parse(name, input) else { continue };
        let name: String = name.chars().filter(char::is_ascii_graphic).take(MAX_TOOL_NAME).collect();
        counter!("ToolErrors", "ToolName" => "refused", "ErrorType" => error.error_type.name()).increment(1);
        let parameters = serde_json::json!({
            "repository": on.target.repository,
            "pr_number": on.target.pull_request,
            "commit_sha": on.target.head_sha,
            "reason": error.for_operator,
        });
        audit::record(EventType::ToolInvocation, &session.0, &name, &parameters, "refused", Duration::ZERO);
    }
}

/// What the trace has of a call: its class of failure, or the numbers it came to.
pub(super) fn traced(span: &Span, outcome: &Result<ToolOutput, ToolError>) {
    match outcome {
        Err(error) => trace::failed(span, error.error_type.name()),
        Ok(ToolOutput::AnalyzeCode(analysis)) => {
            span.record("recommendations_count", analysis.total_recommendations as u64);
        }
        Ok(ToolOutput::CodeguruReviewer(review)) => {
            span.record("recommendations_count", review.total_recommendations as u64);
        }
        Ok(ToolOutput::CalculateCarbonFootprint(footprint)) => {
            span.record("co2e_grams", footprint.co2e_grams);
        }
        Ok(ToolOutput::ProfileCodePerformance(_) | ToolOutput::ReadChanges(_)) => {}
    }
}

/// The same of a question to the model. What it was for is known by what it answers: its report, or more questions.
pub(super) fn reasoned(span: &Span, answer: &Result<ModelReply, ModelError>) {
    let reply = match answer {
        Ok(reply) => reply,
        Err(error) => {
            let class = match error {
                ModelError::Throttled { .. } => ErrorType::Throttle.name(),
                ModelError::Timeout => ErrorType::Timeout.name(),
                ModelError::OverBudget { .. } => "over_budget",
                ModelError::Unusable { .. } | ModelError::Failed { .. } => ErrorType::ApiError.name(),
            };
            return trace::failed(span, class);
        }
    };
    let reports = |said: &Said| matches!(said, Said::ToolUse { name, .. } if name == POST);
    let purpose = if reply.content.iter().any(reports) { "Report Generation" } else { "Data Synthesis" };
    span.record("otel.name", format!("LLM Reasoning - {purpose}"));
    span.record("input_tokens", reply.usage.input);
    span.record("output_tokens", reply.usage.output);
    span.record("cached_tokens", reply.usage.cache_read);
}

/// Metrics, log and audit of one call: once, here.
pub(super) fn called(
    session: &SessionId,
    call: &ToolCall,
    outcome: &Result<ToolOutput, ToolError>,
    took: Duration,
    on: &Subject,
) {
    let name = call.name();
    let repository = metrics::repository(on.target.repository.as_str());
    counter!("ToolInvocation", "ToolName" => name).increment(1);
    histogram!("ToolDuration", "ToolName" => name).record(took.as_secs_f64() * 1e3);
    let mut parameters = serde_json::json!({
        "repository": on.target.repository,
        "pr_number": on.target.pull_request,
        "commit_sha": on.target.head_sha,
    });
    if let ToolCall::AnalyzeCode(analyze_code::Arguments { paths: Some(paths) }) = call {
        parameters["paths"] = paths.len().into();
    }
    let component = format!("{name}_tool");
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match outcome {
        Ok(output) => {
            audit::record(EventType::ToolInvocation, &session.0, name, &parameters, "success", took);
            match output {
                ToolOutput::AnalyzeCode(analysis) => {
                    let count = analysis.total_recommendations;
                    counter!("CodeGuruRecommendations", "Repository" => repository).increment(count as u64);
                    tracing::info!(target: TOOL, component, duration_ms, recommendations_count = count, status = ?analysis.status, "analysed");
                }
                ToolOutput::CodeguruReviewer(review) => {
                    let (count, kept) = (review.total_recommendations, review.recommendations.len());
                    tracing::info!(target: TOOL, component, recommendations_count = count, kept, status = ?review.status, "CodeGuru answered");
                }
                ToolOutput::ReadChanges(_) => tracing::info!(target: TOOL, component, duration_ms, "showed changes"),
                ToolOutput::ProfileCodePerformance(profile) => {
                    tracing::info!(
                        target: TOOL,
                        component,
                        duration_ms,
                        found = profile.measured().is_some(),
                        "looked for a profile"
                    );
                }
                ToolOutput::CalculateCarbonFootprint(footprint) => {
                    histogram!("CarbonFootprintCalculated", "Repository" => repository).record(footprint.co2e_grams);
                    tracing::info!(target: TOOL, component, duration_ms, co2e_grams = footprint.co2e_grams, "calculated");
                }
            }
        }
        Err(error) => {
            counter!("ToolErrors", "ToolName" => name, "ErrorType" => error.error_type.name()).increment(1);
            audit::record(EventType::ToolInvocation, &session.0, name, &parameters, error.error_type.name(), took);
            tracing::warn!(target: TOOL, component, duration_ms, error = %error, "the tool failed");
        }
    }
}
