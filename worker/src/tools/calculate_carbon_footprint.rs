//! `calculate_carbon_footprint`: grams of CO2e of a measurement. A call names the measurement by its id; it can't bring
//! figures of its own.

use eco_coder_carbon::Input;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ToolOutput;
use crate::results::{MeasuredFootprint, Profiled, ToolError};

/// For the model.
pub const DESCRIPTION: &str = "Calculates energy and CO2e of a measurement that profile_code_performance returned, named \
     by its profiling_id.";

/// What no figure of the footprint itself says: a service's profile counts no executions.
const OF_A_SERVICE: &str = "; all of the deployed service's CPU time over the profile's period, not one execution";

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
) -> Result<MeasuredFootprint, ToolError> {
    let mut profiles = outputs.filter_map(|output| match output {
        ToolOutput::ProfileCodePerformance(Profiled::Measured(profile)) => Some(&**profile),
        _ => None,
    });
    let measured = profiles
        .find(|profile| profile.profiling_id == arguments.measurement_id)
        .ok_or_else(|| ToolError::arguments("there is no such measurement; name a profiling_id of this review"))?;
    let cpu = measured
        .cpu
        .as_ref()
        .ok_or_else(|| ToolError::arguments("this measurement has no CPU time, so it has no footprint"))?;
    let of = |settings: &Input| {
        let footprint = MeasuredFootprint::of(cpu, measured.memory.as_ref(), settings);
        footprint.map_err(|e| ToolError::arguments(e.to_string()))
    };
    if measured.deployed_service.is_some() {
        // What is per execution means nothing for all of a service's.
        let settings = Input { executions_per_month: None, embodied: None, ..settings.clone() };
        return Ok(of(&settings)?.remarked(OF_A_SERVICE));
    }
    of(settings)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_services_footprint_says_that_it_is_of_no_single_execution() {
        let of = |service: serde_json::Value| {
            let profile = json!({
                "profiling_id": "p", "sample_type": "cpu", "bottlenecks": [], "samples": 1, "source": "s",
                "cpu": {"value": 3600.0, "unit": "s", "samples": 1, "source": "s"}, "deployed_service": service,
            });
            let output = ToolOutput::ProfileCodePerformance(serde_json::from_value(profile).unwrap());
            let arguments = Arguments { measurement_id: "p".to_owned() };
            let settings = Input { executions_per_month: Some(1000), ..Input::default() };
            call(&arguments, std::iter::once(&output), &settings).unwrap()
        };
        let (head, service) = (of(json!(null)), of(json!({"profiling_group": "g"})));
        assert_eq!(service.co2e_grams.to_bits(), head.co2e_grams.to_bits());
        assert_eq!(service.methodology, format!("{}{OF_A_SERVICE}", head.methodology));
        assert!(head.yearly.is_some() && service.yearly.is_none(), "nobody knows how often it ran");
    }
}
