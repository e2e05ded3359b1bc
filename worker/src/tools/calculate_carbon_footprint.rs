//! `calculate_carbon_footprint`: grams of CO2e of a measurement. A call names the measurement by its id; it can't bring
//! figures of its own.

use eco_coder_carbon::{Footprint, Input};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ToolOutput;
use crate::results::ToolError;

/// For the model.
pub const DESCRIPTION: &str = "Calculates energy and CO2e of a measurement that profile_code_performance returned, named \
     by its profiling_id.";

/// Arguments of the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// A `profiling_id` of this review.
    pub measurement_id: String,
}

/// Runs the tool: CPU time and memory of the measurement, hardware and grid of the settings.
pub fn call<'a>(
    arguments: &Arguments,
    outputs: impl Iterator<Item = &'a ToolOutput>,
    settings: &Input,
) -> Result<Footprint, ToolError> {
    let mut profiles = outputs.filter_map(|output| match output {
        ToolOutput::ProfileCodePerformance(profile) => profile.as_deref(),
        _ => None,
    });
    let measured = profiles
        .find(|profile| profile.profiling_id == arguments.measurement_id)
        .ok_or_else(|| ToolError::arguments("there is no such measurement; name a profiling_id of this review"))?;
    let cpu_ms = measured
        .profile
        .total_cpu_time_ms
        .ok_or_else(|| ToolError::arguments("this measurement has no CPU time, so it has no footprint"))?;
    let input = Input {
        cpu_time_seconds: cpu_ms / 1000.0,
        ram_usage_mb: measured.profile.total_memory_mb.unwrap_or(0.0),
        execution_count: 1,
        ..settings.clone()
    };
    eco_coder_carbon::footprint(&input).map_err(|e| ToolError::arguments(e.to_string()))
}
