//! hyperfine's `--export-json`: seconds of each run, and (from 1.19 on) the most memory that each held. User and system
//! time are there only as means: a file gives one sample of CPU time, so it takes rounds to compare it.

use serde::Deserialize;

use super::json::{Capped, Figure, numbers};
use super::{Broken, Found};
use crate::benchmark::{Metric, Tool};

#[derive(Deserialize)]
struct Export {
    results: Capped<Run>,
}

#[derive(Deserialize)]
struct Run {
    #[serde(default)]
    command: String,
    times: Option<Capped<Figure>>,
    memory_usage_byte: Option<Capped<Figure>>,
    mean: Option<Figure>,
    user: Option<Figure>,
    system: Option<Figure>,
    exit_codes: Option<Capped<Option<i64>>>,
}

pub(super) fn read(bytes: &[u8], found: &mut Found) -> Result<(), Broken> {
    const TOOL: Tool = Tool::Hyperfine;
    let export: Export = serde_json::from_slice(bytes).map_err(|error| Broken::json(TOOL, &error))?;
    for run in export.results.0 {
        let failed = run.exit_codes.iter().flat_map(|codes| &codes.0).filter(|code| **code != Some(0)).count();
        if failed > 0 {
            found.remark(&run.command, &format!("{failed} of its runs failed"));
        }
        match (run.times, run.mean) {
            (Some(times), _) if !times.0.is_empty() => {
                found.add(&run.command, Metric::Time, TOOL, &[in_ns(&numbers(&times))]);
            }
            (_, Some(mean)) => found.add_summary(&run.command, Metric::Time, TOOL, mean.0 * 1e9),
            _ => found.remark(&run.command, "has neither times nor a mean: left out"),
        }
        let cpu = run.user.zip(run.system).map(|(user, system)| (user.0 + system.0) * 1e9);
        if let Some(cpu) = cpu.filter(|cpu| *cpu > 0.0) {
            found.add(&run.command, Metric::CpuTime, TOOL, &[vec![cpu]]);
        }
        if let Some(memory) = run.memory_usage_byte.filter(|memory| !memory.0.is_empty()) {
            found.add(&run.command, Metric::Memory, TOOL, &[numbers(&memory)]);
        }
    }
    Ok(())
}

fn in_ns(seconds: &[f64]) -> Vec<f64> {
    seconds.iter().map(|s| s * 1e9).collect()
}
