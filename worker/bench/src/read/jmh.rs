//! JMH's `-rf json`: `rawData` has the iterations of each fork. A fork is a process of its own, so it is a round. Scores
//! of the mode `sample` are histograms, of which each iteration's mean is a sample.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::json::{Capped, Element, Figure, numbers};
use super::{Broken, Found};
use crate::benchmark::{Metric, Tool};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    #[serde(default)]
    benchmark: String,
    #[serde(default)]
    mode: String,
    #[serde(default)]
    params: BTreeMap<String, String>,
    primary_metric: Option<Measured>,
    #[serde(default)]
    secondary_metrics: BTreeMap<String, Measured>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Measured {
    score: Option<Figure>,
    #[serde(default)]
    score_unit: String,
    raw_data: Option<Capped<Capped<Figure>>>,
    raw_data_histogram: Option<Capped<Capped<Capped<[Figure; 2]>>>>,
}

pub(super) fn read(bytes: &[u8], found: &mut Found) -> Result<(), Broken> {
    const TOOL: Tool = Tool::Jmh;
    let elements: Capped<Element<Run>> = serde_json::from_slice(bytes).map_err(|error| Broken::json(TOOL, &error))?;
    let mut unreadable = 0;
    for element in elements.0 {
        let Some((run, score)) = element.0.and_then(|mut run| run.primary_metric.take().map(|score| (run, score)))
        else {
            unreadable += 1;
            continue;
        };
        let name = name(&run);
        match unit(&score.score_unit) {
            Some((metric, factor)) => add(&name, metric, factor, &score, found),
            None => found.remark(&name, "its unit is none that JMH documents: left out"),
        }
        // The only secondary score with a direction that holds for every program; older versions mark it with a dot.
        let allocated = run.secondary_metrics.iter().find(|(key, _)| key.ends_with("gc.alloc.rate.norm"));
        if let Some((_, score)) = allocated.filter(|(_, score)| score.score_unit == "B/op") {
            add(&name, Metric::Memory, 1.0, score, found);
        }
    }
    if unreadable > 0 {
        found.remark("JMH", &format!("{unreadable} elements of the list are no results: left out"));
    }
    Ok(())
}

fn name(run: &Run) -> String {
    let mut parts: Vec<String> = run.params.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if matches!(run.mode.as_str(), "sample" | "ss") {
        parts.push(run.mode.clone());
    }
    if parts.is_empty() { run.benchmark.clone() } else { format!("{} ({})", run.benchmark, parts.join(", ")) }
}

/// The metric, and what makes a score one in its unit: `us/op` is a time, `ops/us` a throughput.
fn unit(text: &str) -> Option<(Metric, f64)> {
    let seconds = |unit: &str| {
        Some(match unit {
            "ns" => 1e-9,
            "us" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "min" => 60.0,
            "hr" => 3_600.0,
            "day" => 86_400.0,
            _ => return None,
        })
    };
    if let Some(time) = text.strip_suffix("/op") {
        return Some((Metric::Time, seconds(time)? * 1e9));
    }
    Some((Metric::Throughput, 1.0 / seconds(text.strip_prefix("ops/")?)?))
}

fn add(name: &str, metric: Metric, factor: f64, score: &Measured, found: &mut Found) {
    let scaled = |values: Vec<f64>| values.into_iter().map(|v| v * factor).collect::<Vec<_>>();
    let raw = score.raw_data.as_ref().map(|forks| forks.0.iter().map(numbers).collect::<Vec<_>>());
    let histogram = score.raw_data_histogram.as_ref().map(|forks| {
        let mean = |iteration: &Capped<[Figure; 2]>| {
            let count: f64 = iteration.0.iter().map(|[_, count]| count.0).sum();
            iteration.0.iter().map(|[value, count]| value.0 * count.0).sum::<f64>() / count
        };
        forks.0.iter().map(|fork| fork.0.iter().map(mean).collect::<Vec<_>>()).collect::<Vec<_>>()
    });
    match (raw.or(histogram), score.score) {
        (Some(forks), _) if forks.iter().any(|fork| !fork.is_empty()) => {
            let forks: Vec<Vec<f64>> = forks.into_iter().map(scaled).collect();
            found.add(name, metric, Tool::Jmh, &forks);
        }
        (_, Some(summary)) => found.add_summary(name, metric, Tool::Jmh, summary.0 * factor),
        _ => found.remark(name, "has no score: left out"),
    }
}
