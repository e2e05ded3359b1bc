//! What a profile's values are: a name, a unit, and what that is in milliseconds or bytes.

use crate::name;

const BYTES_PER_MB: f64 = 1024.0 * 1024.0;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measures {
    /// Time of a processor, of all threads.
    CpuTime,
    /// Time that went by.
    WallTime,
    /// How often something was seen, with no time.
    Samples,
    /// Bytes.
    Memory,
    /// Objects, locks, goroutines, what else there is.
    Other,
}

/// One of the values that each sample has.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct SampleType {
    /// As the file names it, lower case, at most 40 characters: `cpu`, `samples`, `inuse_space`.
    pub name: String,
    /// As the file names it, lower case, at most 40 characters: `nanoseconds`, `count`, `bytes`.
    pub unit: String,
    /// What it is.
    pub measures: Measures,
    /// Time of a value of 1, ms: of its unit, or of a sample whose period is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<f64>,
    /// Memory of a value of 1, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<f64>,
    /// Is a value a number of samples?
    #[serde(skip)]
    pub(crate) counts_samples: bool,
}

impl SampleType {
    /// Of names from outside. `period` is the time of a sample: its sample type's name and unit, and how many of those.
    pub(crate) fn new(name: &[u8], unit: &[u8], period: Option<(&[u8], &[u8], f64)>) -> Self {
        let word = |text| name::shown(text).to_lowercase().chars().take(40).collect::<String>();
        let (name, unit) = (word(name), word(unit));
        let (is_cpu, is_wall) = (is_cpu(&name), is_wall(&name));
        let (own, bytes) = (ms_per_unit(&unit), bytes_per_unit(&unit));
        let counts = ["samples", "sample", "cpu-samples", "cpu_samples", "wall-samples"];
        let counts_samples = counts.contains(&name.as_str()) && own.is_none();
        let of_period = period.filter(|_| counts_samples).and_then(|(name, unit, value)| {
            let (name, unit) = (word(name), word(unit));
            let is_time = value > 0.0 && (self::is_cpu(&name) || self::is_wall(&name));
            is_time.then(|| Some((self::is_cpu(&name), ms_per_unit(&unit)? * value)))?
        });
        let (measures, ms) = match (own, of_period) {
            (Some(ms), _) if is_cpu => (Measures::CpuTime, Some(ms)),
            (Some(ms), _) if is_wall => (Measures::WallTime, Some(ms)),
            (Some(ms), _) => (Measures::Other, Some(ms)),
            (None, Some((true, ms))) => (Measures::CpuTime, Some(ms)),
            (None, Some((false, ms))) => (Measures::WallTime, Some(ms)),
            (None, None) if counts_samples => (Measures::Samples, None),
            (None, None) if bytes.is_some() => (Measures::Memory, None),
            (None, None) => (Measures::Other, None),
        };
        Self { name, unit, measures, ms, bytes, counts_samples }
    }

    /// An event that perf counts. `has_period`: each sample says how many; else a sample is one.
    pub(crate) fn event(name: &[u8], has_period: bool) -> Self {
        let is_clock = name.ends_with(b"-clock");
        let unit: &[u8] = if is_clock && has_period { b"nanoseconds" } else { b"count" };
        let mut event = Self::new(name, unit, None);
        // Cycles are shares of the CPU without a time, as samples are.
        if is_clock && !has_period || name.ends_with(b"cycles") || name.ends_with(b"cycles/") {
            event.measures = Measures::Samples;
            event.counts_samples = true;
        }
        event
    }

    /// Samples, each of which stands for so much CPU time; `None`: for none that is known.
    pub(crate) fn samples(ms: Option<f64>) -> Self {
        let name = if ms.is_some() { "cpu" } else { "samples" }.to_owned();
        let measures = if ms.is_some() { Measures::CpuTime } else { Measures::Samples };
        Self { name, unit: "count".to_owned(), measures, ms, bytes: None, counts_samples: true }
    }
}

/// `cpu`, `cpu-time`, `cpu_time`, perf's `cpu-clock` and `task-clock`.
fn is_cpu(name: &str) -> bool {
    name.starts_with("cpu") || name.starts_with("task-clock")
}

fn is_wall(name: &str) -> bool {
    name.starts_with("wall") || name == "time"
}

/// Milliseconds of a unit of time.
pub(crate) fn ms_per_unit(unit: &str) -> Option<f64> {
    Some(match unit {
        "nanoseconds" | "nanosecond" | "ns" => 1e-6,
        "microseconds" | "microsecond" | "us" | "µs" => 1e-3,
        "milliseconds" | "millisecond" | "ms" => 1.0,
        "seconds" | "second" | "s" => 1e3,
        _ => return None,
    })
}

/// Bytes of a unit of memory.
pub(crate) fn bytes_per_unit(unit: &str) -> Option<f64> {
    Some(match unit {
        "bytes" | "byte" | "b" => 1.0,
        "kilobytes" | "kilobyte" | "kb" | "kib" => 1024.0,
        "megabytes" | "megabyte" | "mb" | "mib" => BYTES_PER_MB,
        _ => return None,
    })
}
