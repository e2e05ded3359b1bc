//! One model of all formats: what was measured, and a tree of calls with the weight of each node. Owns no format, and adds
//! up nothing but the whole.

mod builder;
mod sample_type;
mod symbols;
mod tree;

use std::sync::Arc;

pub(crate) use builder::{Builder, Raw};
pub use sample_type::{Measures, SampleType};

use crate::ProfileError;

/// What a file was read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// pprof's protobuf.
    Pprof,
    /// A line a stack.
    Folded,
    /// What `perf script` prints.
    Perf,
    /// `.cpuprofile` of V8.
    CpuProfile,
    /// speedscope's JSON.
    Speedscope,
}

impl Format {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pprof => "pprof",
            Self::Folded => "folded stacks",
            Self::Perf => "perf script",
            Self::CpuProfile => ".cpuprofile",
            Self::Speedscope => "speedscope",
        }
    }
}

/// A function. Texts are shared, at most 500 characters and hold none that doesn't show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Demangled; `[unknown]` if nothing of it shows.
    pub name: Arc<str>,
    /// As the profiler names it, often absolute; empty: not known.
    pub file: Arc<str>,
    /// The binary or library that it is in; empty: not known.
    pub module: Arc<str>,
    /// Where it starts, from 1; 0: not known.
    pub start_line: u32,
}

/// A line of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Frame {
    /// Index into [`Profile::functions`].
    pub function: u32,
    /// From 1; 0: not known.
    pub line: u32,
}

/// A call: a frame, and who called it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Index into [`Profile::nodes`], always smaller than the node's own; that of the root is 0, its own.
    pub parent: u32,
    /// Index into [`Profile::frames`]; the root has none, and says 0.
    pub frame: u32,
}

/// A profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    pub(crate) format: Format,
    pub(crate) sample_types: Vec<SampleType>,
    pub(crate) default_type: Option<usize>,
    pub(crate) functions: Vec<Function>,
    pub(crate) frames: Vec<Frame>,
    pub(crate) nodes: Vec<Node>,
    /// For each sample type the weight of each node itself; what is past its end is 0.
    pub(crate) weights: Vec<Vec<f64>>,
    pub(crate) samples: u64,
    pub(crate) duration_ms: Option<f64>,
}

impl Profile {
    /// What it was read from.
    pub fn format(&self) -> Format {
        self.format
    }

    /// What was measured, in the file's order.
    pub fn sample_types(&self) -> &[SampleType] {
        &self.sample_types
    }

    /// All functions.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// All frames; may hold one more than once.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The tree of calls, parents before children. The first node is the root, which is no frame.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The frame of a node that isn't the root.
    pub(crate) fn frame(&self, node: usize) -> Frame {
        self.frames[self.nodes[node].frame as usize]
    }

    /// The weight of a node itself, in the sample type's unit. 0 if there is no such node or type.
    pub fn weight(&self, sample_type: usize, node: usize) -> f64 {
        self.weights.get(sample_type).and_then(|weights| weights.get(node)).copied().unwrap_or(0.0)
    }

    /// The weight of all nodes.
    pub fn total(&self, sample_type: usize) -> f64 {
        self.weights.get(sample_type).map_or(0.0, |weights| weights.iter().sum())
    }

    /// How many samples the figures rest on.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// How long was sampled, wall time, ms.
    pub fn duration_ms(&self) -> Option<f64> {
        self.duration_ms
    }

    /// The sample type of this name, in any case; without one, the file's own default, else CPU time, else what is next to
    /// it: wall time, samples, memory, the first.
    pub fn choose(&self, name: Option<&str>) -> Result<usize, ProfileError> {
        if let Some(name) = name {
            let named = |kind: &SampleType| kind.name.eq_ignore_ascii_case(name);
            return self
                .sample_types
                .iter()
                .position(named)
                .ok_or_else(|| ProfileError::NoSuchType { found: self.measured() });
        }
        let has = |index: &usize| self.total(*index) > 0.0;
        let usual = self.default_type.filter(has);
        let chosen = usual.or_else(|| self.time()).or_else(|| self.memory()).filter(has);
        chosen.or_else(|| (0..self.sample_types.len()).find(has)).ok_or(ProfileError::NoSamples)
    }

    /// The sample type of CPU time; else of samples that stand for CPU time; else of wall time; else of samples alone.
    pub fn time(&self) -> Option<usize> {
        let find = |wanted: &dyn Fn(&SampleType) -> bool| self.sample_types.iter().position(wanted);
        find(&|kind| kind.measures == Measures::CpuTime && !kind.counts_samples)
            .or_else(|| find(&|kind| kind.measures == Measures::CpuTime))
            .or_else(|| find(&|kind| kind.measures == Measures::WallTime && !kind.counts_samples))
            .or_else(|| find(&|kind| kind.counts_samples))
    }

    /// The sample type that is like another profile's: of its name, else of its meaning.
    pub fn like(&self, other: &SampleType) -> Option<usize> {
        let same = self.sample_types.iter().position(|kind| kind.name == other.name);
        let alike = |kind: &SampleType| kind.measures == other.measures && other.measures != Measures::Other;
        same.or_else(|| self.sample_types.iter().position(alike))
    }

    /// The sample type of memory in use; else of what was allocated.
    pub fn memory(&self) -> Option<usize> {
        ["inuse_space", "inuse-space", "alloc_space", "alloc-space"]
            .iter()
            .find_map(|name| self.sample_types.iter().position(|kind| kind.name == *name && kind.bytes.is_some()))
            .or_else(|| self.sample_types.iter().position(|kind| kind.measures == Measures::Memory))
    }

    /// The names of the sample types, in words.
    pub(crate) fn measured(&self) -> String {
        let names: Vec<&str> = self.sample_types.iter().map(|kind| kind.name.as_str()).take(8).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    }

    /// The weight of each node with what it calls.
    pub(crate) fn cumulative(&self, sample_type: usize) -> Vec<f64> {
        let mut sums: Vec<f64> = (0..self.nodes.len()).map(|node| self.weight(sample_type, node)).collect();
        for (node, Node { parent, .. }) in self.nodes.iter().enumerate().skip(1).rev() {
            sums[*parent as usize] += sums[node];
        }
        sums
    }
}
