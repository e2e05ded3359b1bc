//! The values of histograms as log lines in CloudWatch's embedded metric format: percentiles need values, and Prometheus' buckets
//! have none. `docs/metrics.md` has the form of a line. Counters and gauges are not here: the collector brings them.
//!
//! Values are held, 100 of each histogram at most, and written every ten seconds, when 100 are there, and when the process ends
//! ([`flush`]). Until `begin` nothing is held.

use std::collections::HashMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use ::metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use serde_json::{Map, Value, json};

use super::metrics::{AGENT, METRICS};
use super::output;

/// The namespace in CloudWatch.
const NAMESPACE: &str = "EcoCoder";

/// Between two writes of what is held.
const EVERY: Duration = Duration::from_secs(10);

/// The most values of one metric in a line; CloudWatch takes no more.
const MAX_VALUES: usize = 100;

/// The label that is a dimension beside none, too: what is asked most is the sum over all repositories.
const REPOSITORY: &str = "Repository";

/// What every metric without labels is kept under, so that it has a dimension.
const AGENT_NAME: &str = "AgentName";

/// The process's histograms.
static SERIES: LazyLock<Mutex<HashMap<Key, Arc<Series>>>> = LazyLock::new(Mutex::default);

static ON: AtomicBool = AtomicBool::new(false);

/// From now on values are written, beside the log lines. A second call changes nothing.
pub(super) fn begin() {
    if ON.swap(true, Ordering::Relaxed) {
        return;
    }
    std::thread::spawn(|| {
        loop {
            std::thread::sleep(EVERY);
            flush();
        }
    });
}

/// Writes what is held. For a process's end; else it happens by itself.
pub fn flush() {
    let all: Vec<Arc<Series>> =
        SERIES.lock().unwrap_or_else(PoisonError::into_inner).values().map(Arc::clone).collect();
    for series in all {
        // Taken first: nobody who counts waits for the log.
        let values = std::mem::take(&mut *series.held.lock().unwrap_or_else(PoisonError::into_inner));
        series.write(&values);
    }
}

/// One histogram with its labels' values.
struct Series {
    name: &'static str,
    unit: &'static str,
    labels: Vec<(String, String)>,
    held: Mutex<Vec<f64>>,
}

impl Series {
    fn of(key: &Key) -> Option<Self> {
        let metric = METRICS.iter().find(|metric| metric.name == key.name())?;
        let labels = key.labels().map(|label| (label.key().to_owned(), label.value().to_owned())).collect();
        let unit = match metric.unit {
            Unit::Milliseconds => "Milliseconds",
            Unit::Seconds => "Seconds",
            _ => "None",
        };
        Some(Self { name: metric.name, unit, labels, held: Mutex::default() })
    }

    /// Holds a value; returns all that are held when they fill a line.
    fn hold(&self, value: f64) -> Option<Vec<f64>> {
        // JSON has no infinity, and CloudWatch would refuse the line.
        if !value.is_finite() {
            return None;
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.push(value);
        (held.len() >= MAX_VALUES).then(|| std::mem::take(&mut *held))
    }

    fn write(&self, values: &[f64]) {
        if !values.is_empty() {
            let line = line(self, values, jiff::Timestamp::now().as_millisecond());
            // A log that can't be written must not stop the work.
            let _ = output::Lines.write_all(line.as_bytes());
        }
    }
}

/// One line: the values, their labels, and which of these are dimensions.
fn line(series: &Series, values: &[f64], at_ms: i64) -> String {
    let names = |skip: &str| -> Vec<&str> {
        series.labels.iter().map(|(name, _)| name.as_str()).filter(|name| *name != skip).collect()
    };
    let mut sets = vec![names(REPOSITORY)];
    if sets[0].is_empty() {
        sets[0].push(AGENT_NAME);
    }
    if series.labels.iter().any(|(name, _)| name == REPOSITORY) {
        sets.push(names(""));
    }
    let mut members = Map::new();
    members.insert(
        "_aws".to_owned(),
        json!({"Timestamp": at_ms, "CloudWatchMetrics": [
            {"Namespace": NAMESPACE, "Dimensions": sets, "Metrics": [{"Name": series.name, "Unit": series.unit}]}
        ]}),
    );
    members.insert(AGENT_NAME.to_owned(), AGENT.into());
    for (name, value) in &series.labels {
        members.insert(name.clone(), value.as_str().into());
    }
    members.insert(series.name.to_owned(), values.into());
    format!("{}\n", Value::Object(members))
}

/// A histogram that is counted as ever, and whose values are held, too.
struct Held {
    inner: Histogram,
    series: Arc<Series>,
}

impl HistogramFn for Held {
    fn record(&self, value: f64) {
        self.inner.record(value);
        if ON.load(Ordering::Relaxed)
            && let Some(full) = self.series.hold(value)
        {
            self.series.write(&full);
        }
    }
}

/// Passes everything on to another recorder, and looks at histograms on the way.
pub(super) struct Beside<R>(pub(super) R);

impl<R: Recorder> Recorder for Beside<R> {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.0.describe_counter(key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.0.describe_gauge(key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.0.describe_histogram(key, unit, description);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.0.register_counter(key, metadata)
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.0.register_gauge(key, metadata)
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        let inner = self.0.register_histogram(key, metadata);
        let mut all = SERIES.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.get(key).map(Arc::clone).or_else(|| {
            let series = Series::of(key).map(Arc::new)?;
            all.insert(key.clone(), Arc::clone(&series));
            Some(series)
        });
        match known {
            Some(series) => Histogram::from_arc(Arc::new(Held { inner, series })),
            None => inner,
        }
    }
}

#[cfg(test)]
mod tests {
    use ::metrics::Label;

    use super::*;

    fn series(name: &'static str, labels: Vec<Label>) -> Series {
        Series::of(&Key::from_parts(name, labels)).unwrap()
    }

    fn json(series: &Series, values: &[f64]) -> Value {
        let line = line(series, values, 1_764_000_000_000);
        assert_eq!(line.matches('\n').count(), 1);
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn a_line_is_in_the_embedded_metric_format() {
        let line = json(&series("ToolDuration", vec![Label::new("ToolName", "analyze_code")]), &[1.5, 2.0]);
        let directive = json!({
            "Namespace": "EcoCoder",
            "Dimensions": [["ToolName"]],
            "Metrics": [{"Name": "ToolDuration", "Unit": "Milliseconds"}],
        });
        let expected = json!({
            "_aws": {"Timestamp": 1_764_000_000_000_i64, "CloudWatchMetrics": [directive]},
            "AgentName": "eco-coder-agent",
            "ToolName": "analyze_code",
            "ToolDuration": [1.5, 2.0],
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn what_has_no_labels_has_the_agent_s_name_and_a_repository_is_a_dimension_beside_it() {
        let sets = |series: &Series| json(series, &[1.0])["_aws"]["CloudWatchMetrics"][0]["Dimensions"].clone();
        assert_eq!(sets(&series("ReviewDuration", Vec::new())), json!([["AgentName"]]));
        let labels = vec![Label::new("Repository", "a\n\"b")];
        let grams = series("CarbonFootprintCalculated", labels);
        assert_eq!(sets(&grams), json!([["AgentName"], ["Repository"]]));
        assert_eq!(grams.unit, "None");
    }

    #[test]
    fn a_line_holds_the_most_that_cloudwatch_takes_and_the_next_value_waits() {
        let series = series("WebhookDuration", Vec::new());
        assert_eq!((1..MAX_VALUES).find_map(|_| series.hold(0.5)), None);
        let full = series.hold(0.5).unwrap();
        assert_eq!(json(&series, &full)["WebhookDuration"].as_array().unwrap().len(), 100);
        assert_eq!(series.hold(0.5), None);
        assert_eq!(series.held.lock().unwrap().len(), 1);
    }

    #[test]
    fn what_is_no_number_is_left_out() {
        let series = series("WebhookDuration", Vec::new());
        assert_eq!(series.hold(f64::NAN).or(series.hold(f64::INFINITY)), None);
        assert!(series.held.lock().unwrap().is_empty());
    }

    #[test]
    fn nothing_is_held_before_it_begins_and_an_unknown_histogram_is_left_alone() {
        let recorder = Beside(::metrics::NoopRecorder);
        let metadata = Metadata::new("", ::metrics::Level::INFO, None);
        let key = Key::from_name("ModelEnergy");
        recorder.register_histogram(&key, &metadata).record(1.0);
        recorder.register_histogram(&Key::from_name("Foreign"), &metadata).record(1.0);
        let all = SERIES.lock().unwrap();
        assert!(all[&key].held.lock().unwrap().is_empty());
        assert!(!all.contains_key(&Key::from_name("Foreign")));
    }
}
