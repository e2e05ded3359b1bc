//! The metrics there are, in one table, and the recorder behind `/metrics`.

use std::collections::BTreeSet;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use ::metrics::{Label, Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::emf;

/// The value of `AgentName`.
pub const AGENT: &str = "eco-coder-agent";

/// Repositories that a process counts by their names.
pub const MAX_REPOSITORIES: usize = 100;

/// The label of all others.
const OTHER: &str = "other";

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution.
    Histogram,
}

/// One metric: `docs/metrics.md` holds exactly this table.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// As in Prometheus and in the CloudWatch namespace `EcoCoder`.
    pub name: &'static str,
    /// How it behaves.
    pub kind: MetricKind,
    /// Unit of its values.
    pub unit: Unit,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it counts.
    pub help: &'static str,
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: MetricKind::Counter, unit: Unit::Count, labels, help }
}

const fn gauge(name: &'static str, unit: Unit, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: MetricKind::Gauge, unit, labels, help }
}

const fn histogram(name: &'static str, unit: Unit, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: MetricKind::Histogram, unit, labels, help }
}

/// All metrics.
pub const METRICS: &[Metric] = &[
    counter("WebhookDeliveries", &["Result"], "Webhooks answered: accepted, ignored, refused, unavailable."),
    histogram("WebhookDuration", Unit::Milliseconds, &[], "From the request's last header to the answer."),
    histogram("StartDuration", Unit::Milliseconds, &[], "From the program's first line until it takes work."),
    histogram(
        "AgentStartDelay",
        Unit::Milliseconds,
        &[],
        "From the accepted webhook until a review begins, each time it does; waits of all kinds are in it.",
    ),
    counter("AgentInvocations", &["AgentName"], "Reviews begun, cached ones excepted."),
    histogram("AgentDuration", Unit::Milliseconds, &["AgentName"], "From turn 0 to the report."),
    counter("AgentErrors", &["AgentName", "ErrorType"], "Reviews that failed."),
    counter("AgentThrottles", &["AgentName"], "Times a model or GitHub asked us to wait."),
    gauge("SessionCount", Unit::Count, &["AgentName"], "Reviews under way."),
    counter("TokensUsed", &["AgentName", "Direction"], "Model tokens: input, output, cache_read, cache_write."),
    counter("ToolInvocation", &["ToolName"], "Tool calls."),
    histogram("ToolDuration", Unit::Milliseconds, &["ToolName"], "Time of one tool call."),
    counter(
        "ToolErrors",
        &["ToolName", "ErrorType"],
        "Tool calls that failed: timeout, throttle, api_error, validation_error.",
    ),
    histogram("CodeGuruReviewTime", Unit::Milliseconds, &[], "Until a CodeGuru review was complete (fleet only)."),
    counter("CodeGuruRecommendations", &["Repository"], "Findings that analyze_code returned, whoever analysed."),
    counter(
        "CodeGuruUploadsLeft",
        &[],
        "Uploaded sources that could not be removed from their bucket; the log names each (fleet only).",
    ),
    histogram(
        "CarbonFootprintCalculated",
        Unit::Count,
        &["Repository"],
        "Grams of CO2e per review with a measurement.",
    ),
    histogram(
        "ModelCost",
        Unit::Count,
        &[],
        "US dollars of the model per review that asked it, where a price is known.",
    ),
    histogram(
        "ModelEnergy",
        Unit::Count,
        &[],
        "Watt-hours of the model's own computation per review, the most of a published range; nothing where none is published.",
    ),
    counter("GitHubCommentPosted", &["Result"], "Comments: success or failure."),
    counter(
        "StatusesSaid",
        &["Result"],
        "Words beside commits, by check runs or commit statuses: success, failure, or refused for want of a permission.",
    ),
    counter(
        "JobOutcome",
        &["Outcome"],
        "Jobs by outcome: done, discarded, hidden, deferred, failed, dead, handed_back, abandoned.",
    ),
    histogram("ReviewDuration", Unit::Milliseconds, &[], "From the accepted webhook to the posted comment."),
    counter("ResultCache", &["Result"], "Results by commit SHA: hit or miss."),
    counter(
        "TraceSpans",
        &["Result"],
        "Spans of traces: sent, or dropped because the queue was full or the collector did not take them.",
    ),
    counter(
        "ReconcileRuns",
        &["Result"],
        "Runs of the reconciler: complete, stopped (it goes on in the next), failed, or skipped (another worker runs).",
    ),
    counter("ReconcileCalls", &["Result"], "Its requests to GitHub: fresh, or unchanged (these cost no hourly limit)."),
    counter("ReconcileHints", &["Cause"], "What it found: sweep (a missed event), comment_gone, late_write."),
    counter("ReconcileRedeliveries", &[], "Webhook deliveries that it asked GitHub for again."),
    counter("ScaleInProtectionErrors", &[], "Times the ECS agent did not change the scale-in protection (fleet only)."),
    counter("AwsCalls", &["Service", "Operation"], "Calls to AWS, repeated tries not counted (fleet only)."),
    gauge("QueueVisible", Unit::Count, &[], "Messages that could be received now."),
    gauge("QueueInFlight", Unit::Count, &[], "Messages received and not yet acked, hidden ones included."),
    gauge("QueueDead", Unit::Count, &[], "Messages in the dead letters."),
    gauge("QueueOldestAge", Unit::Seconds, &[], "Age of the oldest message."),
];

/// Milliseconds, from a webhook's to a review's.
/// Every target of `docs/performance.md` is a bound, and there is one above the longest: a quantile that lies beyond the last
/// bound is told as that bound, and would never be above it.
const BUCKETS_MS: &[f64] = &[
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 2e3, 5e3, 1e4, 3e4, 6e4, 1.2e5, 1.8e5,
    3e5, 3.6e5, 6e5, 1.2e6, 3.6e6,
];

/// Grams.
const BUCKETS_GRAMS: &[f64] = &[1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5];

/// How often the values of histograms are counted into their buckets: until then each is kept, whether anybody reads them or not.
const UPKEEP: Duration = Duration::from_secs(5);

/// Installs the recorder for the whole process, once; later calls return the first one's handle. `None` if another
/// recorder was installed before: then `/metrics` has nothing to show, and says so.
pub fn install() -> Option<PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let mut builder = PrometheusBuilder::new();
            for metric in METRICS.iter().filter(|m| m.kind == MetricKind::Histogram) {
                let buckets = if metric.unit == Unit::Milliseconds { BUCKETS_MS } else { BUCKETS_GRAMS };
                builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets).ok()?;
            }
            let recorder = builder.build_recorder();
            let handle = recorder.handle();
            ::metrics::set_global_recorder(emf::Beside(recorder)).ok()?;
            let kept = handle.clone();
            std::thread::spawn(move || {
                loop {
                    std::thread::sleep(UPKEEP);
                    kept.run_upkeep();
                }
            });
            for metric in METRICS {
                match metric.kind {
                    MetricKind::Counter => describe_counter!(metric.name, metric.unit, metric.help),
                    MetricKind::Gauge => describe_gauge!(metric.name, metric.unit, metric.help),
                    MetricKind::Histogram => describe_histogram!(metric.name, metric.unit, metric.help),
                }
            }
            Some(handle)
        })
        .clone()
}

/// The process takes work now, and began at `began`.
pub fn ready(began: Instant) {
    ::metrics::histogram!("StartDuration").record(began.elapsed().as_secs_f64() * 1e3);
}

/// Counters that are there from the start, with 0: a counter that comes into being with its first failure has grown from
/// nothing, and nobody sees that it has grown.
pub fn at_zero(name: &'static str, labels: &[(&'static str, &'static str)]) {
    let labels: Vec<Label> = labels.iter().map(|(name, value)| Label::from_static_parts(name, value)).collect();
    ::metrics::counter!(name, labels).increment(0);
}

/// The label of a repository: its name for the first [`MAX_REPOSITORIES`] that this process counts, then `other`. Each label is
/// kept for the process's life here, and costs money in CloudWatch.
pub fn repository(name: &str) -> String {
    static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    bounded(&mut KNOWN.lock().unwrap_or_else(PoisonError::into_inner), name)
}

fn bounded(known: &mut BTreeSet<String>, name: &str) -> String {
    if !known.contains(name) {
        if known.len() >= MAX_REPOSITORIES {
            return OTHER.to_owned();
        }
        known.insert(name.to_owned());
    }
    name.to_owned()
}

/// The table of all metrics as Markdown.
pub fn reference_table() -> String {
    use std::fmt::Write;
    let mut out = String::from("| metric | type | unit | labels | what it counts |\n|---|---|---|---|---|\n");
    for m in METRICS {
        let labels: Vec<String> = m.labels.iter().map(|l| format!("`{l}`")).collect();
        let kind = format!("{:?}", m.kind).to_lowercase();
        let _ = writeln!(out, "| `{}` | {kind} | {} | {} | {} |", m.name, m.unit.as_str(), labels.join(", "), m.help);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_a_second_install_is_the_first() {
        let mut names: Vec<_> = METRICS.iter().map(|m| m.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len());
        let handle = install().unwrap();
        ::metrics::counter!("ToolInvocation", "ToolName" => "analyze_code").increment(1);
        assert!(install().unwrap().render().contains("ToolInvocation{ToolName=\"analyze_code\"} 1"));
        assert!(handle.render().contains("# HELP ToolInvocation Tool calls."));
    }

    #[test]
    fn what_never_happened_is_there_with_zero() {
        let handle = install().unwrap();
        at_zero("GitHubCommentPosted", &[("Result", "failure")]);
        assert!(handle.render().contains("GitHubCommentPosted{Result=\"failure\"} 0"));
    }

    #[test]
    fn repositories_beyond_the_bound_share_a_label() {
        let mut known = BTreeSet::new();
        for n in 0..MAX_REPOSITORIES {
            assert_eq!(bounded(&mut known, &format!("acme/{n}")), format!("acme/{n}"));
        }
        assert_eq!(bounded(&mut known, "acme/late"), "other");
        assert_eq!(bounded(&mut known, "acme/0"), "acme/0");
        assert_eq!(known.len(), MAX_REPOSITORIES);
    }
}
