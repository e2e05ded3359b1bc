//! Audit events: what was asked of us and what we did, for whoever has to answer for it. Never source text, never
//! secrets.

use std::time::Duration;

use serde::Serialize;

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
    /// What was missed was asked for again: a delivery, a review, a comment.
    Reconcile,
    /// Something failed for good.
    Error,
}

impl EventType {
    fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::ToolInvocation => "tool_invocation",
            Self::CommentPosted => "comment_posted",
            Self::Reconcile => "reconcile",
            Self::Error => "error",
        }
    }
}

/// One event, up to its outcome.
#[derive(Debug)]
pub struct Entry<'a> {
    event: EventType,
    session_id: String,
    tool_name: &'a str,
    parameters: String,
}

impl<'a> Entry<'a> {
    /// `tool_name` is empty where none ran; `parameters` are ids and sizes, a map with text keys.
    pub fn new(event: EventType, session_id: &str, tool_name: &'a str, parameters: &impl Serialize) -> Self {
        let mut text = Vec::with_capacity(256);
        // A map with text keys always serialises, and to UTF-8.
        let _ = serde_json::to_writer(&mut text, parameters);
        let parameters = String::from_utf8(text).unwrap_or_default();
        Self { event, session_id: session_id.to_owned(), tool_name, parameters }
    }

    /// Writes it; `result` is a short word, or a sentence for an operator.
    pub fn write(self, result: &str, duration: Duration) {
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            target: AUDIT,
            event_type = self.event.name(),
            session_id = self.session_id,
            tool_name = self.tool_name,
            parameters = self.parameters,
            result,
            duration_ms
        );
    }
}

/// Writes one event whose outcome is known.
pub fn record(
    event: EventType,
    session_id: &str,
    tool_name: &str,
    parameters: &impl Serialize,
    result: &str,
    duration: Duration,
) {
    Entry::new(event, session_id, tool_name, parameters).write(result, duration);
}

/// Writes what `says` says as one piece, when it is done: a write costs as much as all the rest of a line.
pub fn together(says: impl FnOnce()) {
    super::output::together(says);
}
