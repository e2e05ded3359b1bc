//! Who analyses, who has profiles, who knows the grid: the engines behind the tools.

pub mod artifacts;
pub mod benchmarks;
pub mod codeguru_profiler;
pub mod codeguru_reviewer;
pub mod cpu;
pub mod embedded;
pub mod flame_graphs;
pub mod linters;
pub mod measured;
pub mod parameter_store;
pub mod profile_files;
pub mod profiles;
pub mod sarif;
pub mod source_archive;

use std::sync::Arc;

/// The engines of one deployment.
#[derive(Clone)]
pub struct Backends {
    /// Who analyses.
    pub code: Arc<embedded::Embedded>,
    /// Who looks at the same head beside it, if an account has it.
    pub codeguru: Option<Arc<codeguru_reviewer::CodeguruReviewer>>,
    /// What linters found in CI.
    pub linters: Arc<linters::Linters>,
    /// What workflows left, if their artifacts are to be brought.
    pub artifacts: Option<Arc<artifacts::Artifacts>>,
    /// Benchmark results of base and head.
    pub benchmarks: Arc<benchmarks::BenchmarkFiles>,
    /// Who has profiles.
    pub profiles: Arc<profiles::Profiles>,
    /// Who keeps flame graphs, if anybody.
    pub flame_graphs: Option<Arc<flame_graphs::FlameGraphs>>,
    /// Hardware, method and grid of the code under review; CPU time and memory come from the measurement.
    pub carbon: parameter_store::Grid,
}
