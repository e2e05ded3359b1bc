//! The shapes of `data/intensity.json` and `data/countries.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Origin;

#[derive(Debug, Deserialize)]
pub(crate) struct Intensities {
    pub(crate) date: String,
    pub(crate) sources: BTreeMap<String, Source>,
    pub(crate) world: World,
    pub(crate) regions: BTreeMap<String, Region>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Source {
    pub(crate) name: String,
    #[serde(rename = "source")]
    pub(crate) origin: String,
    pub(crate) licence: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct World {
    pub(crate) g_per_kwh: f64,
    pub(crate) source: String,
    pub(crate) licence: String,
}

/// A region's row: where it stands, and each source's gCO2e/kWh.
#[derive(Debug, Deserialize)]
pub(crate) struct Region {
    pub(crate) country: String,
    pub(crate) state: Option<String>,
    /// Sources that have no figure for the state.
    #[serde(default)]
    pub(crate) country_only: Vec<String>,
    #[serde(flatten)]
    pub(crate) g_per_kwh: BTreeMap<String, Option<f64>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Countries {
    #[serde(flatten)]
    pub(crate) origin: Origin,
    /// By ISO 3166-1 alpha-3 code.
    pub(crate) countries: BTreeMap<String, CountryRow>,
}

/// A country's row, gCO2e/kWh.
#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct CountryRow {
    pub(crate) name: String,
    /// Of the newer figure.
    pub(crate) year: u32,
    pub(crate) codecarbon_3_3_2: f64,
    pub(crate) codecarbon_2_3_4: Option<f64>,
}
