//! What an amount of CO2e compares with. Which comparison reads well in prose is chosen in [`words`](crate::words).

use serde::{Deserialize, Serialize};

use crate::data::EQUIVALENTS;
use crate::trace::Trace;
use crate::words::exact;

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

/// What so many grams compare with. Nothing but zeros for grams that are negative or no number.
pub fn equivalents(grams: f64) -> Equivalents {
    traced(grams, 0.0, &mut Trace::default())
}

pub(crate) fn traced(grams: f64, energy_kwh: f64, trace: &mut Trace) -> Equivalents {
    let grams = if grams > 0.0 { grams } else { 0.0 };
    let divided = |by: f64, unit: &str| format!("{} g / {} {unit}", exact(grams), exact(by));
    let charge = &EQUIVALENTS.smartphone_charge;
    let charges = trace.line("like smartphone charges", charges(grams), "charges", || {
        (divided(charge.value(), "g per charge"), charge.origin())
    });
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and the cast saturates")]
    let smartphone_charges = charges.round() as u64;
    let km_driven = trace.line("like driving a car", grams / grams_per_km(), "km", || {
        (divided(grams_per_km(), "g per km"), EQUIVALENTS.mile_driven.origin())
    });
    let seedling = &EQUIVALENTS.tree_seedling_10_years;
    let hours = EQUIVALENTS.tree_seedling_years.value() * EQUIVALENTS.hours_per_year.value();
    let tree_hours = trace.line("like a tree seedling's uptake", grams / (seedling.value() / hours), "h", || {
        (format!("{} g / ({} g / {} h)", exact(grams), exact(seedling.value()), exact(hours)), seedling.origin())
    });
    trace.line("like light from an LED", led_seconds(energy_kwh), "s", || {
        let led = &EQUIVALENTS.led_watts;
        (format!("{} kWh x 3.6e6 J/kWh / {} W", exact(energy_kwh), exact(led.value())), led.origin())
    });
    Equivalents { smartphone_charges, km_driven, tree_hours }
}

pub(crate) fn charges(grams: f64) -> f64 {
    grams / EQUIVALENTS.smartphone_charge.value()
}

pub(crate) fn grams_per_km() -> f64 {
    EQUIVALENTS.mile_driven.value() / EQUIVALENTS.km_per_mile.value()
}

/// Seconds that an LED lamp shines with so many kWh.
pub(crate) fn led_seconds(energy_kwh: f64) -> f64 {
    energy_kwh * 3.6e6 / EQUIVALENTS.led_watts.value()
}
