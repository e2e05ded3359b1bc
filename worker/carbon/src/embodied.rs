//! Embodied carbon: the share of making the server that one execution takes up. The M of a Software Carbon Intensity
//! (ISO/IEC 21031:2024), M = TE x (TiR / EL) x (RR / ToR). Optional, and off by default.

use crate::CarbonError;
use crate::data::{INSTANCES, POWER};
use crate::energy::STATED;
use crate::hardware::Hardware;
use crate::input::Input;
use crate::trace::Trace;
use crate::words::exact;

/// What is known of the server's making. What is `None` is the instance type's, or the table's.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Embodied {
    /// Emissions of making the whole server, kgCO2e (TE). `None`: the instance type's.
    pub server_kg: Option<f64>,
    /// How long it serves, hours (EL). `None`: Cloud Carbon Footprint's 4 years.
    pub lifetime_hours: Option<f64>,
}

impl Embodied {
    pub(crate) fn check(&self, hardware: &Hardware) -> Result<(), CarbonError> {
        if self.server_kg.is_some_and(|kg| !kg.is_finite() || kg < 0.0) {
            return Err(CarbonError::Invalid { what: "the server's embodied emissions" });
        }
        if self.lifetime_hours.is_some_and(|hours| !hours.is_finite() || hours <= 0.0) {
            return Err(CarbonError::Lifetime);
        }
        self.server(hardware).map(|_| ())
    }

    /// Kilograms and threads of the server.
    fn server(&self, hardware: &Hardware) -> Result<(f64, u32), CarbonError> {
        match (self.server_kg, hardware) {
            (kg, Hardware::Instance(instance)) => Ok((kg.unwrap_or(instance.server_kg()), instance.server_vcpus())),
            (Some(kg), Hardware::Cpu { threads: Some(threads), .. }) => Ok((kg, *threads)),
            _ => Err(CarbonError::EmbodiedUnknown),
        }
    }
}

/// Grams of one execution; `None`: they aren't counted.
pub(crate) fn grams(input: &Input, trace: &mut Trace) -> Result<Option<f64>, CarbonError> {
    let Some(embodied) = input.embodied else { return Ok(None) };
    let (kg, threads) = embodied.server(&input.hardware)?;
    let ccf = &POWER.ccf.server_lifetime_hours;
    let hours = embodied.lifetime_hours.unwrap_or(ccf.value());
    trace.line("embodied emissions of the server (TE)", kg, "kgCO2e", || match embodied.server_kg {
        Some(_) => ("of the whole server", STATED.to_owned()),
        None => ("of the instance type's server", INSTANCES.origin.to_string()),
    });
    trace.line("lifetime of the server (EL)", hours, "h", || match embodied.lifetime_hours {
        Some(_) => ("how long it serves", STATED.to_owned()),
        None => ("how long it serves", ccf.origin()),
    });
    // One thread is reserved for the wall time; an execution that fills more takes as many.
    let reserved = input.held_seconds().max(input.cpu_time_seconds);
    trace.line("thread-seconds that are reserved (TiR x RR)", reserved, "s", || {
        ("the longer of wall and CPU time: one thread, or as many as the CPU time fills", "Eco-Coder, docs/carbon.md")
    });
    let grams = kg * 1000.0 * (reserved / 3600.0 / hours) / f64::from(threads);
    Ok(Some(trace.line("embodied emissions of one execution (M)", grams, "gCO2e", || {
        let formula = format!(
            "{} kg x 1000 g/kg x ({} s / 3600 s/h / {} h) / {threads} threads of the server (ToR)",
            exact(kg),
            exact(reserved),
            exact(hours)
        );
        (formula, "ISO/IEC 21031:2024")
    })))
}
