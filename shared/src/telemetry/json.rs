//! The form of one log line. Control characters are escaped by JSON, so that no input can forge a line.

use std::fmt::Debug;
use std::io::Write;

use serde::Serialize;
use serde_json::value::RawValue;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The longest text of one field, in characters; the rest is cut.
const MAX_TEXT: usize = 4096;

/// Fields that stand at the top of a line; all others go into `context`.
const TOP: [&str; 4] = ["session_id", "request_id", "component", "message"];

/// The field of an audit event that holds JSON of its own.
const AUDIT_JSON: &str = "parameters";

/// A layer that writes events as JSON lines to what `make` opens.
pub(super) struct JsonLines<M> {
    make: M,
}

impl<M> JsonLines<M> {
    pub(super) fn new(make: M) -> Self {
        Self { make }
    }
}

/// Fields by name, each value as JSON already: written once, copied into every line.
#[derive(Default)]
struct Fields {
    /// All values, one behind the other.
    text: Vec<u8>,
    /// Each name with the end of its value in `text`.
    ends: Vec<(&'static str, usize)>,
    /// These are an audit event's own, whose parameters are JSON already.
    audit: bool,
}

impl Fields {
    fn put(&mut self, field: &Field, value: &(impl Serialize + ?Sized)) {
        // Writing into memory doesn't fail, and all that is put are texts and numbers.
        let _ = serde_json::to_writer(&mut self.text, value);
        self.ends.push((field.name(), self.text.len()));
    }

    fn iter(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |(name, end)| (*name, &self.text[std::mem::replace(&mut start, *end)..*end]))
    }

    fn value(&self, name: &str) -> Option<&[u8]> {
        self.iter().filter(|(n, _)| *n == name).last().map(|(_, value)| value)
    }
}

fn cut(text: &str) -> &str {
    if text.len() <= MAX_TEXT {
        return text;
    }
    text.char_indices().nth(MAX_TEXT).map_or(text, |(end, _)| &text[..end])
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if self.audit && field.name() == AUDIT_JSON && is_json_in_a_line(value) {
            self.text.extend_from_slice(value.as_bytes());
            self.ends.push((field.name(), self.text.len()));
            return;
        }
        match cut(value) {
            whole if whole.len() == value.len() => self.put(field, whole),
            part => self.put(field, &format!("{part}…")),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, &value);
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
        let metadata = event.metadata();
        let audit = metadata.target() == super::AUDIT;
        let mut fields = Fields { text: Vec::with_capacity(512), ends: Vec::with_capacity(8), audit };
        event.record(&mut fields);
        // From the event's own span outwards: what is said last, and nearest, wins.
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Fields>() {
                for (name, _) in &outer.ends {
                    if fields.ends.iter().all(|(known, _)| known != name)
                        && let Some(value) = outer.value(name)
                    {
                        fields.text.extend_from_slice(value);
                        fields.ends.push((name, fields.text.len()));
                    }
                }
            }
        }
        let now = jiff::Timestamp::now();
        let mut line = Line::begin();
        if audit {
            audit_line(&mut line, &fields, now);
        } else {
            log_line(&mut line, &fields, now, metadata.level().as_str(), metadata.target());
        }
        // One write a line; a log that can't be written must not stop the work.
        let _ = (self.make)().write_all(&line.end());
    }
}

/// One JSON object on its way, members in the order of their coming.
struct Line(Vec<u8>);

impl Line {
    fn begin() -> Self {
        let mut text = Vec::with_capacity(512);
        text.push(b'{');
        Self(text)
    }

    /// `value` is JSON.
    fn member(&mut self, name: &str, value: &[u8]) {
        if !self.0.ends_with(b"{") {
            self.0.push(b',');
        }
        // Names are those of fields in the code: nothing in them needs an escape.
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
        self.0.extend_from_slice(value);
    }

    /// `value` needs no escapes.
    fn plain(&mut self, name: &str, value: impl std::fmt::Display) {
        self.member(name, b"\"");
        let _ = write!(self.0, "{value}\"");
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(b"}\n");
        self.0
    }
}

fn log_line(line: &mut Line, fields: &Fields, now: jiff::Timestamp, level: &str, target: &str) {
    line.plain("timestamp", format_args!("{now:.3}"));
    line.plain("level", level);
    for name in TOP {
        match (name, fields.value(name)) {
            (_, Some(value)) => line.member(name, value),
            ("component", None) => line.plain(name, target.rsplit("::").next().unwrap_or(target)),
            (_, None) => line.member(name, b"null"),
        }
    }
    line.member("context", b"{");
    for (name, value) in fields.iter().filter(|(name, _)| !TOP.contains(name)) {
        line.member(name, value);
    }
    line.0.push(b'}');
}

/// An end of a line is white space of JSON, but the end of a line here.
fn is_json_in_a_line(text: &str) -> bool {
    !text.contains(['\n', '\r']) && serde_json::from_str::<&RawValue>(text).is_ok()
}

fn audit_line(line: &mut Line, fields: &Fields, now: jiff::Timestamp) {
    line.plain("timestamp", format_args!("{now:.3}"));
    for (name, value) in fields.iter().filter(|(name, _)| *name != "message") {
        line.member(name, value);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Keeps what is logged.
    #[derive(Clone, Default)]
    pub(in super::super) struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Sink {
        /// The lines so far.
        pub(in super::super) fn lines(&self) -> Vec<Value> {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        }
    }

    fn lines(work: impl FnOnce()) -> Vec<Value> {
        let sink = Sink::default();
        let written = sink.clone();
        let subscriber = tracing_subscriber::registry().with(JsonLines::new(move || sink.clone()));
        tracing::subscriber::with_default(subscriber, work);
        written.lines()
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
    fn the_nearest_value_of_a_field_wins_and_what_a_span_learns_later_is_told() {
        let lines = lines(|| {
            let outer = tracing::info_span!("outer", session_id = "s1", pr_number = 1, head = tracing::field::Empty);
            let inner = outer.in_scope(|| tracing::info_span!("inner", pr_number = 2));
            inner.in_scope(|| {
                tracing::info!(message = "first", session_id = "own");
                outer.record("head", "a");
                outer.record("head", "b");
                tracing::info!("second");
            });
        });
        assert_eq!((&lines[0]["session_id"], &lines[0]["context"]), (&json!("own"), &json!({"pr_number": 2})));
        assert_eq!(lines[1]["session_id"], "s1");
        assert_eq!(lines[1]["context"], json!({"pr_number": 2, "head": "b"}));
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_so() {
        let lines = lines(|| tracing::info!(most = "é".repeat(MAX_TEXT), more = "é".repeat(MAX_TEXT + 1), "long"));
        assert_eq!(lines[0]["context"]["most"], "é".repeat(MAX_TEXT));
        assert_eq!(lines[0]["context"]["more"], format!("{}…", "é".repeat(MAX_TEXT)));
    }

    #[test]
    fn parameters_that_are_no_json_stay_a_text() {
        let lines =
            lines(|| tracing::info!(target: super::super::AUDIT, parameters = "{\"a\":1}\n{", session_id = "s"));
        assert_eq!(lines[0]["parameters"], "{\"a\":1}\n{");
        let lines = self::lines(|| tracing::info!(target: super::super::AUDIT, parameters = "{\"a\":\n1}"));
        assert_eq!((lines.len(), &lines[0]["parameters"]), (1, &json!("{\"a\":\n1}")), "one event is one line");
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

    #[test]
    fn a_text_is_logged_whole_up_to_the_bound_and_cut_one_past_it() {
        let whole = "é".repeat(MAX_TEXT);
        let lines = lines(|| {
            tracing::info!(text = whole, "at");
            tracing::info!(text = format!("{whole}é"), "past");
        });
        assert_eq!(lines[0]["context"]["text"], whole);
        assert_eq!(lines[1]["context"]["text"], format!("{whole}…"));
    }
}
