//! Audit events: what was asked of us and what we did, for whoever has to answer for it. Never source text, never
//! secrets.

use std::time::Duration;

use super::AUDIT;

/// What kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventType {
    /// A webhook was answered.
    Webhook,
    /// A tool ran.
    ToolInvocation,
    /// A comment was created, changed or removed.
    CommentPosted,
    /// Something failed for good.
    Error,
}

impl EventType {
    fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::ToolInvocation => "tool_invocation",
            Self::CommentPosted => "comment_posted",
            Self::Error => "error",
        }
    }
}

/// Writes one event. `parameters` are ids and sizes, as JSON; `result` is a short word, or a sentence for an operator.
pub fn record(
    event: EventType,
    session_id: &str,
    tool_name: &str,
    parameters: &serde_json::Value,
    result: &str,
    duration: Duration,
) {
    let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let parameters = parameters.to_string();
    tracing::info!(
        target: AUDIT,
        event_type = event.name(),
        session_id,
        tool_name,
        parameters,
        result,
        duration_ms
    );
}
