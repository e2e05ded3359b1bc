//! Traces: one for each review, from the webhook to the comment. Its steps are `tracing` spans of the target [`TRACE`], made by
//! [`step!`](crate::step), which a layer takes to OpenTelemetry; what is over when it is told of ([`past`]), and the webhook itself
//! ([`Root`]), are told without. They leave over OTLP (`export.rs`), or nowhere.
//!
//! Off, no such span is made: each costs a look at a flag. A span holds ids, numbers and words of ours; never source text, never
//! what somebody else wrote, and no text of an error but its class.

mod export;
mod ids;
mod parent;
mod sampling;

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::trace::{Span as _, SpanContext, SpanKind, Status, TraceContextExt, Tracer, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

pub use opentelemetry::Value;

pub use self::parent::TraceParent;

use self::export::{Collector, Outlet};
use self::ids::Timed;
use self::sampling::Rooted;
use super::TelemetryConfig;
use crate::config::ConfigError;
use crate::env::Timestamp;

/// The tracing target of spans that are steps of a trace. Logs don't see them.
pub const TRACE: &str = "eco_coder::trace";

/// The version of what runs, on every span that says whose review it is.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Attributes of one span; we set a dozen.
const MAX_ATTRIBUTES: u32 = 32;

/// The process's traces, if they are on.
static TRACES: OnceLock<Traces> = OnceLock::new();

struct Traces {
    /// Ends the tracer when it is dropped.
    _provider: SdkTracerProvider,
    tracer: SdkTracer,
    outlet: Outlet,
}

/// A step of the trace that is under way, as a span: `step!("Claim")`, or with fields as `tracing::info_span!` takes them. Makes
/// nothing outside of a trace, and nothing if traces are off. Its class of failure is set by
/// [`failed`](crate::telemetry::trace::failed).
#[macro_export]
macro_rules! step {
    ($name:expr $(, $($fields:tt)*)?) => {
        ::tracing::info_span!(
            target: $crate::telemetry::trace::TRACE,
            "step",
            otel.name = $name,
            otel.status_code = ::tracing::field::Empty,
            "error.type" = ::tracing::field::Empty,
            $($($fields)*)?
        )
    };
}

/// Sends spans from now on, and for the whole process, in the name of `service`; `None` if traces are off. To be called in the
/// runtime that works.
pub(super) fn begin<S>(config: &TelemetryConfig, service: &'static str) -> Result<Option<impl Layer<S>>, ConfigError>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    if config.otlp_endpoint.is_empty() {
        return Ok(None);
    }
    let attributes = [KeyValue::new("service.name", service), KeyValue::new("service.version", VERSION)];
    let resource = Resource::builder_empty().with_attributes(attributes).build();
    let outlet = Outlet::open(Collector::new(&config.otlp_endpoint, &resource)?);
    let provider = SdkTracerProvider::builder()
        .with_sampler(Rooted::new(config.trace_sampling))
        .with_id_generator(Timed::default())
        .with_span_processor(outlet.clone())
        .with_max_attributes_per_span(MAX_ATTRIBUTES)
        .with_resource(resource)
        .build();
    let tracer = provider.tracer("eco-coder");
    let layer = tracing_opentelemetry::layer()
        .with_tracer(tracer.clone())
        .with_location(false)
        .with_target(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_context_activation(false)
        // Events stay in the log: their words may be somebody else's.
        .with_filter(filter_fn(|metadata| metadata.is_span() && metadata.target() == TRACE));
    let begun = TRACES.set(Traces { _provider: provider, tracer, outlet });
    begun.map_err(|_| ConfigError::value("telemetry.otlp_endpoint", "traces have begun already"))?;
    Ok(Some(layer))
}

/// Is it the address of a collector?
pub(super) fn address(endpoint: &str) -> Result<(), ConfigError> {
    export::url(endpoint).map(drop)
}

/// Sends what is held, for a process's end; gives up after three seconds.
pub async fn flush() {
    if let Some(traces) = TRACES.get() {
        traces.outlet.flush().await;
    }
}

/// Makes `span`, which nobody has entered yet, a part of the trace that the parent belongs to.
pub fn continues(span: &Span, parent: Option<TraceParent>) {
    if let Some(parent) = parent.filter(|_| !span.is_disabled()) {
        // The span is there and not begun: nothing can go wrong.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent.into()));
    }
}

/// What others continue the trace by, from `span` on; `None` if it is in none.
pub fn parent_of(span: &Span) -> Option<TraceParent> {
    if span.is_disabled() { None } else { TraceParent::of(span.context().span().span_context()) }
}

/// Marks a span as failed, in a word of a closed set.
pub fn failed(span: &Span, class: &'static str) {
    span.record("otel.status_code", "ERROR");
    span.record("error.type", class);
}

/// What is over already, from then until now, as a part of the parent's trace.
pub fn past(name: &'static str, parent: TraceParent, from: Timestamp) {
    if let Some(traces) = TRACES.get() {
        let from = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(from.0).unwrap_or_default());
        let context = Context::new().with_remote_span_context(parent.into());
        told(&traces.tracer, name, SpanKind::Internal, from, &context);
    }
}

fn told(tracer: &SdkTracer, name: &'static str, kind: SpanKind, from: SystemTime, context: &Context) {
    let now = SystemTime::now();
    // Another machine's clock may be ahead.
    let builder = tracer.span_builder(name).with_kind(kind).with_start_time(from.min(now));
    builder.start_with_context(tracer, context).end_with_timestamp(now);
}

/// The beginning of a trace: it is under way until this is dropped.
pub struct Root {
    tracer: SdkTracer,
    context: Context,
}

impl Root {
    /// A trace that began so long ago; `None` if traces are off.
    pub fn begin(name: &'static str, ago: Duration) -> Option<Self> {
        let tracer = TRACES.get()?.tracer.clone();
        let now = SystemTime::now();
        let builder = tracer.span_builder(name).with_kind(SpanKind::Server);
        let span = builder.with_start_time(now.checked_sub(ago).unwrap_or(now));
        let span = span.start_with_context(&tracer, &Context::new());
        Some(Self { tracer, context: Context::new().with_span(span) })
    }

    /// What others continue it by.
    pub fn parent(&self) -> Option<TraceParent> {
        TraceParent::of(self.context.span().span_context())
    }

    /// Says something of all of it.
    pub fn set(&self, key: &'static str, value: impl Into<Value>) {
        self.context.span().set_attribute(KeyValue::new(key, value));
    }

    /// A step that began then, and is over.
    pub fn step(&self, name: &'static str, from: Instant) {
        let now = SystemTime::now();
        let from = now.checked_sub(from.elapsed()).unwrap_or(now);
        told(&self.tracer, name, SpanKind::Internal, from, &self.context);
    }

    /// It failed, in a word of a closed set.
    pub fn failed(&self, class: &'static str) {
        self.set("error.type", class);
        self.context.span().set_status(Status::error(""));
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        self.context.span().end();
    }
}

impl From<TraceParent> for SpanContext {
    fn from(parent: TraceParent) -> Self {
        parent.remote()
    }
}
