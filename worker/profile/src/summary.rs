//! What a report says of a profile: its figures, and the functions that use most. Owns no reading.
//!
//! What a profile doesn't say is absent: folded stacks have no unit, wall-clock samples are no CPU time, a heap has no
//! share of the CPU, and no sampling profiler counts invocations.

use serde::{Deserialize, Serialize};

use crate::model::{Frame, Function};
use crate::{Format, Functions, Limits, Measures, Options, Profile, ProfileError, read};

const BYTES_PER_MB: f64 = 1024.0 * 1024.0;

/// A profile, as far as it can be derived from the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// CPU time of all samples, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_cpu_time_ms: Option<f64>,
    /// Memory of a heap profile, MB of 2^20 bytes: in use, or (if the file has only that) allocated over its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_memory_mb: Option<f64>,
    /// How long was sampled, wall time, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
    /// What the bottlenecks' figures are shares of, as the file names it: `cpu`, `samples`, `wall`, `inuse_space`.
    pub sample_type: String,
    /// The functions that use most, by self time, then total time. Empty for a heap profile.
    pub bottlenecks: Vec<Bottleneck>,
    /// The functions that use most memory themselves. Empty without a heap profile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memory_consumers: Vec<MemoryConsumer>,
    /// How many samples the figures rest on.
    pub samples: u64,
}

/// A function, and the memory of what it allocates itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryConsumer {
    /// As the profiler names it, at most 500 characters.
    pub function_name: String,
    /// As the profiler names it, often absolute; at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_path: Option<String>,
    /// Share of the profile's memory, 0 to 100.
    pub memory_percentage: f64,
    /// MB of 2^20 bytes.
    pub memory_mb: f64,
}

/// A function, and what it uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bottleneck {
    /// As the profiler names it, at most 500 characters.
    pub function_name: String,
    /// As the profiler names it, often absolute; at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_path: Option<String>,
    /// The line of the function that most samples are on, else where it starts. From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_number: Option<u32>,
    /// Share of the profile in the function itself, without what it calls: 0 to 100. Over all functions at most 100.
    pub cpu_percentage: f64,
    /// Share of the profile in the function and what it calls: 0 to 100. A recursive call counts once. Only of profiles
    /// whose times may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_percentage: Option<f64>,
    /// Time in the function itself, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_time_ms: Option<f64>,
    /// Time in the function and what it calls, ms. A recursive call counts once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_time_ms: Option<f64>,
    /// How often it was called; sampling profilers don't know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation_count: Option<u64>,
}

/// Reads a profile, whichever of the formats it has, and sums it up. `folded_sample_ms` is the CPU time that one count of
/// folded stacks stands for, ms; without it they give shares only.
pub fn summary(bytes: &[u8], folded_sample_ms: Option<f64>, limits: &Limits) -> Result<Summary, ProfileError> {
    let profile = read::unchecked(bytes, &Options { folded_sample_ms }, limits)?;
    Summary::of(&profile, limits.top)
}

impl Summary {
    /// Of a profile that was read, with so many bottlenecks.
    pub fn of(profile: &Profile, top: usize) -> Result<Self, ProfileError> {
        let some = |index: &usize| profile.total(*index) > 0.0;
        let (time, memory) = (profile.time(), profile.memory());
        if time.or(memory).is_none() {
            return Err(ProfileError::NotMeasured { found: profile.measured() });
        }
        // A CPU profile without a sample, in a file with memory: only the memory is said.
        let (time, memory) = (time.filter(some), memory.filter(some));
        let named = time.or(memory).ok_or(ProfileError::NoSamples)?;
        let kind = |index: usize| &profile.sample_types[index];
        let ms = time.and_then(|index| kind(index).ms);
        let is_cpu = time.is_some_and(|index| kind(index).measures == Measures::CpuTime);
        let bytes = |index: usize| Some(profile.total(index) * kind(index).bytes? / BYTES_PER_MB);
        Ok(Self {
            total_cpu_time_ms: time.zip(ms).filter(|_| is_cpu).map(|(index, ms)| profile.total(index) * ms),
            total_memory_mb: memory.and_then(bytes),
            duration_ms: profile.duration_ms,
            sample_type: kind(named).name.clone(),
            bottlenecks: time.map_or_else(Vec::new, |index| bottlenecks(profile, index, top)),
            memory_consumers: memory.map_or_else(Vec::new, |index| consumers(profile, index, top)),
            samples: profile.samples,
        })
    }
}

impl Summary {
    /// Its functions as a profile without calls and without lines: what names are looked up in.
    pub(crate) fn flat(&self) -> Profile {
        let function = |one: &Bottleneck| Function {
            name: one.function_name.as_str().into(),
            file: one.file_path.as_deref().unwrap_or_default().into(),
            module: "".into(),
            start_line: 0,
        };
        let functions: Vec<Function> = self.bottlenecks.iter().map(function).collect();
        let frames = (0..).take(functions.len()).map(|function| Frame { function, line: 0 }).collect();
        Profile {
            format: Format::Folded,
            sample_types: Vec::new(),
            default_type: None,
            functions,
            frames,
            nodes: Vec::new(),
            weights: Vec::new(),
            samples: self.samples,
            duration_ms: None,
        }
    }
}

/// None if the values are no bytes.
fn consumers(profile: &Profile, sample_type: usize, top: usize) -> Vec<MemoryConsumer> {
    let Some(bytes) = profile.sample_types[sample_type].bytes else { return Vec::new() };
    let functions = Functions::of(profile, sample_type);
    let own = functions.top(top).into_iter().filter(|one| one.itself > 0.0);
    let consumer = |one: crate::FunctionUse<'_>| MemoryConsumer {
        function_name: one.function.name.to_string(),
        file_path: Some(one.function.file.to_string()).filter(|file| !file.is_empty()),
        memory_percentage: functions.share(one.itself) * 100.0,
        memory_mb: one.itself * bytes / BYTES_PER_MB,
    };
    own.map(consumer).collect()
}

fn bottlenecks(profile: &Profile, sample_type: usize, top: usize) -> Vec<Bottleneck> {
    let functions = Functions::of(profile, sample_type);
    let ms = profile.sample_types[sample_type].ms;
    let bottleneck = |one: crate::FunctionUse<'_>| Bottleneck {
        function_name: one.function.name.to_string(),
        file_path: Some(one.function.file.to_string()).filter(|file| !file.is_empty()),
        line_number: Some(one.line).filter(|line| *line > 0),
        cpu_percentage: functions.share(one.itself) * 100.0,
        total_percentage: None,
        self_time_ms: ms.map(|ms| one.itself * ms),
        total_time_ms: ms.map(|ms| one.total * ms),
        invocation_count: None,
    };
    functions.top(top).into_iter().map(bottleneck).collect()
}

#[cfg(test)]
mod tests;
