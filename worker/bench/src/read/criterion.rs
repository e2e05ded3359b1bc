//! criterion: the folder that it keeps (`<benchmark>/new/sample.json` with the name in `benchmark.json` beside it), and
//! the messages of `cargo criterion --message-format json`. A sample is a time over the number of iterations that it took.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::json::{Capped, Figure, numbers};
use super::{Broken, Found};
use crate::benchmark::{Metric, Tool};

const TOOL: Tool = Tool::Criterion;

#[derive(Deserialize)]
struct Sample {
    iters: Capped<Figure>,
    times: Capped<Figure>,
}

#[derive(Deserialize)]
struct Name {
    full_id: String,
}

/// A message of cargo-criterion.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    iteration_count: Capped<Figure>,
    #[serde(default)]
    measured_values: Capped<Figure>,
    #[serde(default)]
    unit: String,
}

/// The folders of saved measurements, until all files have been seen: the name may come after the sample.
#[derive(Debug, Default)]
pub(super) struct Folders {
    /// By the path of the folder.
    samples: BTreeMap<String, (usize, Vec<f64>)>,
    names: BTreeMap<String, String>,
}

impl Folders {
    pub(super) fn sample(&mut self, path: &str, bytes: &[u8], file: usize) -> Result<(), Broken> {
        let sample: Sample = serde_json::from_slice(bytes).map_err(|error| Broken::json(TOOL, &error))?;
        let each = per_iteration(&sample.iters, &sample.times)?;
        self.samples.insert(folder(path).to_owned(), (file, each));
        Ok(())
    }

    pub(super) fn name(&mut self, path: &str, bytes: &[u8]) -> Result<(), Broken> {
        let name: Name = serde_json::from_slice(bytes).map_err(|error| Broken::json(TOOL, &error))?;
        self.names.insert(folder(path).to_owned(), name.full_id);
        Ok(())
    }

    /// Of a benchmark with several saved measurements, `new` counts: the last one. Others are older.
    pub(super) fn into_benchmarks(self, found: &mut Found) {
        let mut saved: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for path in self.samples.keys() {
            saved.entry(folder(path)).or_default().push(path);
        }
        let mut chosen = Vec::new();
        for (benchmark, paths) in &saved {
            match paths.iter().find(|path| last(path) == "new").or(paths.first().filter(|_| paths.len() == 1)) {
                Some(path) => chosen.push(*path),
                None => {
                    found.remark(benchmark, "holds several saved measurements and none named new: give one of them");
                }
            }
        }
        chosen.sort_by_key(|path| self.samples.get(*path).map(|(file, _)| *file));
        for path in chosen {
            let Some((file, samples)) = self.samples.get(path) else { continue };
            found.file = *file;
            let name = self.names.get(path).map_or(folder(path), String::as_str);
            let name = if name.is_empty() { "criterion" } else { name };
            found.add(name, Metric::Time, TOOL, std::slice::from_ref(samples));
        }
    }
}

fn folder(path: &str) -> &str {
    path.rsplit_once(['/', '\\']).map_or("", |(folder, _)| folder)
}

fn last(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn per_iteration(iterations: &Capped<Figure>, times: &Capped<Figure>) -> Result<Vec<f64>, Broken> {
    if iterations.0.len() != times.0.len() {
        return Err(Broken { tool: TOOL, reason: "there aren't as many times as iteration counts".to_owned() });
    }
    Ok(numbers(times).into_iter().zip(numbers(iterations)).map(|(time, count)| time / count).collect())
}

/// A message of cargo-criterion; those of other reasons are passed over.
pub(super) fn message(line: &[u8], found: &mut Found) -> Result<(), Broken> {
    let Ok(message) = serde_json::from_slice::<Message>(line) else { return Ok(()) };
    if message.reason != "benchmark-complete" {
        return Ok(());
    }
    let ns = match message.unit.as_str() {
        "ns" => 1.0,
        "us" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => {
            found.remark(&message.id, "its unit is none of time: left out");
            return Ok(());
        }
    };
    let each = per_iteration(&message.iteration_count, &message.measured_values)?;
    found.add(&message.id, Metric::Time, TOOL, &[each.into_iter().map(|value| value * ns).collect()]);
    Ok(())
}
