//! The footprint: energy of all executions times the grid's intensity, with the method in words. The JSON is the carbon
//! tool's output.

use serde::{Deserialize, Serialize};

use crate::CarbonError;
use crate::embodied;
use crate::energy::{self, End};
use crate::equivalents::{self, Equivalents};
use crate::input::Input;
use crate::interval::interval;
use crate::methodology::methodology;
use crate::trace::Trace;
use crate::words::{counted, exact};

/// What executions emit, and how that was calculated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Footprint {
    /// Grams of CO2e of all executions. Operational: embodied carbon isn't in it.
    pub co2e_grams: f64,
    /// Grams of CO2e of one execution. Operational.
    pub co2e_per_execution: f64,
    /// The grid's intensity, gCO2e/kWh.
    pub carbon_intensity_gco2_per_kwh: f64,
    /// Energy of all executions, kWh, PUE included.
    pub energy_consumed_kwh: f64,
    /// What the grams compare with.
    pub equivalents: Equivalents,
    /// Method, constants, PUE and the intensity's source, in words.
    pub methodology: String,
    /// The least and the most grams of all executions, over the methods and their inputs. Operational.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
    /// What the interval spans, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interval_spans: Vec<String>,
    /// The Software Carbon Intensity.
    pub sci: Sci,
    /// A year's footprint, if it is known how often the code runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yearly: Option<Yearly>,
}

/// Software Carbon Intensity, (O + M) per R, with R = one execution. Location-based, without offsets. Source: ISO/IEC
/// 21031:2024.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sci {
    /// O = E x I of one execution, gCO2e.
    pub operational_grams: f64,
    /// M of one execution, gCO2e. Absent: it isn't counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embodied_grams: Option<f64>,
    /// O + M, gCO2e per execution.
    pub grams_per_execution: f64,
}

/// Twelve months of executions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Yearly {
    /// As they were stated.
    pub executions_per_month: u64,
    /// Kilograms of CO2e a year, operational.
    pub co2e_kg: f64,
    /// The least and the most of them, as the footprint's interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_kg: Option<(f64, f64)>,
    /// Kilograms of CO2e a year that are embodied. Absent: they aren't counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embodied_kg: Option<f64>,
}

const MONTHS_PER_YEAR: f64 = 12.0;
const GRAMS_PER_KILOGRAM: f64 = 1000.0;

/// Calculates the footprint.
///
/// # Errors
/// Figures that are no numbers or negative, no executions, no threads, a TDP without threads in process mode, what
/// contradicts itself, and results that are too large for a number.
pub fn footprint(input: &Input) -> Result<Footprint, CarbonError> {
    calculate(input, &mut Trace::default())
}

/// The same, line by line.
pub(crate) fn calculate(input: &Input, trace: &mut Trace) -> Result<Footprint, CarbonError> {
    input.check()?;
    let kwh = energy::kwh(input, input.method, End::Estimate, trace)?;
    let intensity = input.intensity();
    trace.line("intensity of the grid (I)", intensity.g_per_kwh, "gCO2e/kWh", || {
        (intensity.note.clone(), intensity.provenance.clone())
    });
    let one = trace.line("emissions of one execution (O = E x I)", kwh * intensity.g_per_kwh, "gCO2e", || {
        let formula = format!("{} kWh x {} gCO2e/kWh", exact(kwh), exact(intensity.g_per_kwh));
        (formula, "ISO/IEC 21031:2024, operational emissions")
    });
    let sci = sci(input, one, trace)?;
    let executions = input.execution_count as f64;
    let times =
        |what: f64, unit: &str| format!("{} {unit} x {}", exact(what), counted(input.execution_count, "execution"));
    let energy =
        trace.line("energy of all executions", kwh * executions, "kWh", || (times(kwh, "kWh"), "executions as stated"));
    let grams = trace
        .line("emissions of all executions", one * executions, "gCO2e", || (times(one, "g"), "executions as stated"));
    let interval = interval(input, &intensity, trace);
    let ends = interval.as_ref().map(|interval| (interval.least, interval.most));
    let all = ends.map(|(least, most)| (least * executions, most * executions));
    if let (Some((least, most)), Some(ends)) = (ends, all) {
        trace.line("least of all executions", ends.0, "gCO2e", || (times(least, "g"), "the least of the above"));
        trace.line("most of all executions", ends.1, "gCO2e", || (times(most, "g"), "the most of the above"));
    }
    let footprint = Footprint {
        co2e_grams: grams,
        co2e_per_execution: one,
        carbon_intensity_gco2_per_kwh: intensity.g_per_kwh,
        energy_consumed_kwh: energy,
        equivalents: equivalents::traced(grams, energy, trace),
        methodology: methodology(input, &intensity)?,
        interval: all.filter(|(_, most)| most.is_finite()),
        interval_spans: interval.map(|interval| interval.spans).unwrap_or_default(),
        sci,
        yearly: input.executions_per_month.map(|monthly| yearly(monthly, sci, ends, trace)),
    };
    if footprint.is_finite() { Ok(footprint) } else { Err(CarbonError::TooLarge) }
}

fn sci(input: &Input, operational: f64, trace: &mut Trace) -> Result<Sci, CarbonError> {
    let embodied_grams = embodied::grams(input, trace)?;
    let grams = trace.line("SCI", operational + embodied_grams.unwrap_or(0.0), "gCO2e per execution", || {
        let formula = match embodied_grams {
            Some(embodied) => format!("O + M = {} g + {} g", exact(operational), exact(embodied)),
            None => "O; embodied carbon (M) isn't counted".to_owned(),
        };
        (formula, "ISO/IEC 21031:2024, R = one execution")
    });
    Ok(Sci { operational_grams: operational, embodied_grams, grams_per_execution: grams })
}

fn yearly(monthly: u64, sci: Sci, ends: Option<(f64, f64)>, trace: &mut Trace) -> Yearly {
    let factor = monthly as f64 * MONTHS_PER_YEAR / GRAMS_PER_KILOGRAM;
    let one = sci.operational_grams;
    let co2e_kg = trace.line("emissions of a year", one * factor, "kgCO2e", || {
        let monthly = counted(monthly, "execution");
        (format!("{} g x {monthly} a month x {MONTHS_PER_YEAR} / 1000 g/kg", exact(one)), "executions as stated")
    });
    Yearly {
        executions_per_month: monthly,
        co2e_kg,
        interval_kg: ends.map(|(least, most)| (least * factor, most * factor)),
        embodied_kg: sci.embodied_grams.map(|grams| grams * factor),
    }
}

impl Footprint {
    fn is_finite(&self) -> bool {
        let yearly = self.yearly.iter().flat_map(|yearly| {
            let (least, most) = yearly.interval_kg.unwrap_or((0.0, 0.0));
            [yearly.co2e_kg, least, most, yearly.embodied_kg.unwrap_or(0.0)]
        });
        let figures = [
            self.co2e_grams,
            self.energy_consumed_kwh,
            self.equivalents.km_driven,
            self.equivalents.tree_hours,
            self.sci.grams_per_execution,
        ];
        figures.into_iter().chain(yearly).all(f64::is_finite)
    }
}
