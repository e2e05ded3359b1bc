//! The footprint: energy of all executions times the grid's intensity, with the method in words. The JSON is the carbon
//! tool's output.

use serde::{Deserialize, Serialize};

use crate::CarbonError;
use crate::data::{EQUIVALENTS, POWER};
use crate::energy;
use crate::input::{Input, Method, RamModel};
use crate::intensity::Intensity;
use crate::words::two_digits;

/// What executions emit, and how that was calculated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Footprint {
    /// Grams of CO2e of all executions.
    pub co2e_grams: f64,
    /// Grams of CO2e of one execution: the operational part of a Software Carbon Intensity with R = one execution
    /// (ISO/IEC 21031:2024). Embodied carbon isn't counted.
    pub co2e_per_execution: f64,
    /// The grid's intensity, gCO2e/kWh.
    pub carbon_intensity_gco2_per_kwh: f64,
    /// Energy of all executions, kWh, PUE included.
    pub energy_consumed_kwh: f64,
    /// What the grams compare with.
    pub equivalents: Equivalents,
    /// Method, constants, PUE and the intensity's source, in words.
    pub methodology: String,
    /// The least and the most grams that the methods give for the same input and intensity. Absent if only one applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
}

/// What an amount of CO2e compares with. For prose, [`crate::readable_equivalent`] chooses what reads well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Equivalents {
    /// Full charges of a smartphone, rounded: 0 below half a charge (6.2 g). Source: US EPA.
    pub smartphone_charges: u64,
    /// Kilometres in an average passenger car. Source: US EPA.
    pub km_driven: f64,
    /// Hours in which a tree seedling takes up as much, averaged over its first ten years. Source: US EPA.
    pub tree_hours: f64,
}

const HOURS_PER_YEAR: f64 = 24.0 * 365.25;

/// What so many grams compare with. Nothing but zeros for grams that are negative or no number.
pub fn equivalents(grams: f64) -> Equivalents {
    let grams = if grams > 0.0 { grams } else { 0.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and the cast saturates")]
    let smartphone_charges = (grams / EQUIVALENTS.smartphone_charge.value()).round() as u64;
    Equivalents {
        smartphone_charges,
        km_driven: grams / grams_per_km(),
        tree_hours: grams / (EQUIVALENTS.tree_seedling_10_years.value() / (10.0 * HOURS_PER_YEAR)),
    }
}

pub(crate) fn grams_per_km() -> f64 {
    EQUIVALENTS.mile_driven.value() / EQUIVALENTS.km_per_mile.value()
}

/// Calculates the footprint.
///
/// # Errors
/// Figures that are no numbers or negative, no executions, no threads, a TDP without threads in process mode, and results
/// that are too large for a number.
pub fn footprint(input: &Input) -> Result<Footprint, CarbonError> {
    input.check()?;
    let intensity = input.intensity();
    let executions = input.execution_count as f64;
    let kwh = energy::kwh(input, input.method)?;
    let per_execution = kwh * intensity.g_per_kwh;
    let footprint = Footprint {
        co2e_grams: per_execution * executions,
        co2e_per_execution: per_execution,
        carbon_intensity_gco2_per_kwh: intensity.g_per_kwh,
        energy_consumed_kwh: kwh * executions,
        equivalents: equivalents(per_execution * executions),
        methodology: methodology(input, &intensity)?,
        interval: interval(input, intensity.g_per_kwh * executions),
    };
    let results = [
        footprint.co2e_grams,
        footprint.energy_consumed_kwh,
        footprint.equivalents.km_driven,
        footprint.equivalents.tree_hours,
    ];
    if results.iter().all(|result| result.is_finite()) { Ok(footprint) } else { Err(CarbonError::TooLarge) }
}

/// What the methods span; one that lacks an input (process mode the threads of a TDP) is left out.
fn interval(input: &Input, factor: f64) -> Option<(f64, f64)> {
    let grams: Vec<f64> =
        Method::ALL.iter().filter_map(|method| energy::kwh(input, *method).ok()).map(|kwh| kwh * factor).collect();
    if grams.len() < 2 || grams.iter().any(|grams| !grams.is_finite()) {
        return None;
    }
    Some((grams.iter().copied().fold(f64::INFINITY, f64::min), grams.iter().copied().fold(0.0, f64::max)))
}

fn methodology(input: &Input, intensity: &Intensity) -> Result<String, CarbonError> {
    let hardware = &input.hardware;
    let cpu = match (input.method, hardware.tdp_watts, hardware.threads) {
        (Method::CodecarbonProcess, Some(tdp), Some(threads)) => {
            format!("CPU time x TDP {tdp} W / {threads} threads")
        }
        (Method::CodecarbonProcess, ..) => format!(
            "CPU time x {} W per thread (CPU unknown: codecarbon 3.3.2's default)",
            energy::watts_per_thread(hardware)?
        ),
        (Method::CodecarbonConstant, Some(tdp), _) => {
            format!("{} x TDP {tdp} W over the wall time", POWER.codecarbon.constant_load.value())
        }
        (Method::CodecarbonConstant, None, _) => format!(
            "{} W over the wall time (CPU unknown: {} x codecarbon's {} W per machine)",
            energy::machine_watts(hardware),
            POWER.codecarbon.constant_load.value(),
            POWER.codecarbon.machine_watts.value()
        ),
        (Method::Ccf, ..) => format!(
            "CPU time x {} W per vCPU at full load ({}, Cloud Carbon Footprint)",
            energy::vcpu_watts(hardware),
            if hardware.arm { "Graviton2" } else { "x86 average" }
        ),
    };
    let ram = match (input.method, input.ram_model) {
        (Method::Ccf, _) => format!("{} kWh per GiB and hour", POWER.ccf.ram_kwh_per_gib_hour.value()),
        (_, RamModel::V2) => format!("{} W per GiB (codecarbon 2.3.4)", POWER.ram_v2.watts_per_gib.value()),
        (_, RamModel::V3) => format!("{} W by module count (codecarbon 3.3.2)", energy::ram_watts(input)),
    };
    let held = if input.wall_time_seconds.is_some() { "wall" } else { "CPU" };
    Ok(format!(
        "{}: {cpu}; memory {ram} over the {held} time; PUE {}; grid {} gCO2e/kWh ({})",
        input.method,
        energy::pue(input, input.method),
        two_or_more(intensity.g_per_kwh),
        intensity.note
    ))
}

/// Whole grams, or two digits where that would say too little.
fn two_or_more(figure: f64) -> String {
    if (10.0..1e6).contains(&figure) { format!("{figure:.0}") } else { two_digits(figure) }
}
