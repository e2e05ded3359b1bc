//! pytest-benchmark's `--benchmark-json`: `stats.data` has the seconds of one execution, a round each, if
//! `--benchmark-save-data` was given; else there are only figures that sum them up.

use serde::Deserialize;

use super::json::{Capped, Figure, numbers};
use super::{Broken, Found};
use crate::benchmark::{Metric, Tool};

#[derive(Deserialize)]
struct Export {
    benchmarks: Capped<Test>,
}

#[derive(Deserialize)]
struct Test {
    #[serde(default)]
    name: String,
    fullname: Option<String>,
    stats: Stats,
}

#[derive(Deserialize)]
struct Stats {
    data: Option<Capped<Figure>>,
    median: Option<Figure>,
    mean: Option<Figure>,
}

pub(super) fn read(bytes: &[u8], found: &mut Found) -> Result<(), Broken> {
    const TOOL: Tool = Tool::PytestBenchmark;
    let export: Export = serde_json::from_slice(bytes).map_err(|error| Broken::json(TOOL, &error))?;
    for test in export.benchmarks.0 {
        let name = test.fullname.as_ref().unwrap_or(&test.name);
        match (test.stats.data, test.stats.median.or(test.stats.mean)) {
            (Some(data), _) if !data.0.is_empty() => {
                let times = numbers(&data).iter().map(|s| s * 1e9).collect();
                found.add(name, Metric::Time, TOOL, &[times]);
            }
            (_, Some(summary)) => found.add_summary(name, Metric::Time, TOOL, summary.0 * 1e9),
            _ => found.remark(name, "has no figures: left out"),
        }
    }
    Ok(())
}
