//! The form of one log line. Control characters are escaped by JSON, so that no input can forge a line.

use std::io::Write;

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The longest text of one field; the rest is cut.
const MAX_TEXT: usize = 4096;

/// Fields that stand at the top of a line; all others go into `context`.
const TOP: [&str; 4] = ["session_id", "request_id", "component", "message"];

/// Fields of an audit event that hold JSON of their own.
const AUDIT_JSON: [&str; 1] = ["parameters"];

/// A layer that writes events as JSON lines to what `make` opens.
pub(super) struct JsonLines<M> {
    make: M,
}

impl<M> JsonLines<M> {
    pub(super) fn new(make: M) -> Self {
        Self { make }
    }
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.put(field, Value::String(cut(&format!("{value:?}"))));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::String(cut(value)));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

impl<S, M, W> Layer<S> for JsonLines<M>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    M: Fn() -> W + 'static,
    W: Write,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flatten() {
            // from the event's own span outwards: the inner one wins
            if let Some(outer) = span.extensions().get::<Fields>() {
                for (name, value) in &outer.0 {
                    fields.0.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        let mut own = Fields::default();
        event.record(&mut own);
        fields.0.extend(own.0);
        let now = jiff::Timestamp::now();
        let metadata = event.metadata();
        let line = if metadata.target() == super::AUDIT {
            audit_line(fields.0, &format!("{now:.3}"))
        } else {
            log_line(fields.0, &format!("{now:.3}"), metadata.level().as_str(), metadata.target())
        };
        // One write a line; a log that can't be written must not stop the work.
        let _ = (self.make)().write_all(format!("{line}\n").as_bytes());
    }
}

fn log_line(mut fields: Map<String, Value>, timestamp: &str, level: &str, target: &str) -> Value {
    let mut line = json!({"timestamp": timestamp, "level": level});
    let top: Vec<(&str, Value)> = TOP.iter().map(|name| (*name, fields.remove(*name).unwrap_or(Value::Null))).collect();
    for (name, value) in top {
        line[name] = match (name, value) {
            ("component", Value::Null) => target.rsplit("::").next().unwrap_or(target).into(),
            (_, value) => value,
        };
    }
    line["context"] = Value::Object(fields);
    line
}

fn audit_line(mut fields: Map<String, Value>, timestamp: &str) -> Value {
    fields.remove("message");
    for name in AUDIT_JSON {
        if let Some(Value::String(text)) = fields.get(name) {
            let parsed = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()));
            fields.insert(name.to_owned(), parsed);
        }
    }
    fields.insert("timestamp".to_owned(), timestamp.into());
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines(work: impl FnOnce()) -> Vec<Value> {
        let sink = Sink::default();
        let written = sink.clone();
        let subscriber = tracing_subscriber::registry().with(JsonLines::new(move || sink.clone()));
        tracing::subscriber::with_default(subscriber, work);
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_has_the_specification_s_keys() {
        let lines = lines(|| {
            let span = tracing::info_span!("review", session_id = "s1", request_id = "r1", repository = "o/r");
            span.in_scope(|| tracing::info!(component = "analyze_code_tool", duration_ms = 45, "completed"));
        });
        let line = &lines[0];
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
        assert_eq!(line["level"], "INFO");
        assert_eq!((&line["session_id"], &line["request_id"]), (&json!("s1"), &json!("r1")));
        assert_eq!(line["component"], "analyze_code_tool");
        assert_eq!(line["message"], "completed");
        assert_eq!(line["context"], json!({"repository": "o/r", "duration_ms": 45}));
    }

    #[test]
    fn a_line_break_in_input_makes_no_second_line() {
        let lines = lines(|| tracing::warn!(path = "a\n{\"level\":\"ERROR\"}\u{1b}[31m", "odd"));
        assert_eq!(lines.len(), 1);
    }

    #[test]
    fn audit_events_are_flat() {
        let lines = lines(|| {
            tracing::info!(
                target: super::super::AUDIT,
                event_type = "tool_invocation",
                session_id = "s",
                tool_name = "analyze_code",
                parameters = r#"{"paths":["a"]}"#,
                result = "success",
                duration_ms = 12_u64
            );
        });
        assert_eq!(lines[0]["parameters"], json!({"paths": ["a"]}));
        assert_eq!(lines[0]["event_type"], "tool_invocation");
        assert!(lines[0].get("message").is_none());
    }
}
