//! The shapes of `data/power.json`, `data/equivalents.json` and `data/instances.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Constant, Origin};

#[derive(Debug, Deserialize)]
pub(crate) struct Power {
    pub(crate) codecarbon: Codecarbon,
    pub(crate) ram_v2: RamV2,
    pub(crate) ram_v3: RamV3,
    pub(crate) ccf: Ccf,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Codecarbon {
    pub(crate) machine_watts: Constant,
    pub(crate) constant_load: Constant,
    pub(crate) watts_per_thread: Constant,
    pub(crate) pue: Constant,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RamV2 {
    pub(crate) watts_per_gib: Constant,
}

/// Memory modules from the size, watts from the modules.
#[derive(Debug, Deserialize)]
pub(crate) struct RamV3 {
    pub(crate) x86: Modules,
    pub(crate) arm: Modules,
    /// Up to this many GiB, so many modules; ascending.
    pub(crate) dimms_up_to_gib: Vec<Step>,
    /// Beyond the steps: the largest of these sizes that fills at least `large_least_dimms` modules; descending.
    pub(crate) large_dimm_gib: Vec<f64>,
    pub(crate) large_least_dimms: u32,
    pub(crate) large_most_dimms: u32,
    /// The first so many modules draw this share of a module's watts, the next so many that.
    pub(crate) bands: Vec<Band>,
    #[serde(flatten)]
    pub(crate) origin: Origin,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Modules {
    pub(crate) watts_per_dimm: f64,
    pub(crate) floor_watts: f64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Step {
    pub(crate) gib: f64,
    pub(crate) dimms: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Band {
    pub(crate) dimms: u32,
    pub(crate) share: f64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Ccf {
    pub(crate) x86_full_watts: Constant,
    pub(crate) arm_full_watts: Constant,
    pub(crate) ram_kwh_per_gib_hour: Constant,
    pub(crate) server_lifetime_hours: Constant,
    pub(crate) pue: Constant,
}

#[derive(Debug, Deserialize)]
pub(crate) struct EquivalentConstants {
    pub(crate) smartphone_charge: Constant,
    pub(crate) mile_driven: Constant,
    pub(crate) km_per_mile: Constant,
    pub(crate) tree_seedling_10_years: Constant,
    pub(crate) tree_seedling_years: Constant,
    pub(crate) hours_per_year: Constant,
    pub(crate) led_watts: Constant,
}

/// Instance types by family and size.
#[derive(Debug, Deserialize)]
pub(crate) struct Instances {
    #[serde(flatten)]
    pub(crate) origin: Origin,
    pub(crate) processors: BTreeMap<String, Processor>,
    pub(crate) families: BTreeMap<String, Family>,
}

/// Watts of one vCPU.
#[derive(Debug, Deserialize)]
pub(crate) struct Processor {
    /// No method charges idle time to the code; a test looks whether the file's figure is sane.
    #[cfg(test)]
    pub(crate) idle_watts: f64,
    pub(crate) full_watts: f64,
    pub(crate) arm: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Family {
    /// Of the whole server that such instances share.
    pub(crate) server_vcpus: u32,
    pub(crate) sizes: BTreeMap<String, Size>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Size {
    pub(crate) vcpus: u32,
    pub(crate) gib: f64,
    /// Which it may run on.
    pub(crate) processors: Vec<String>,
    /// Embodied emissions of the whole server.
    pub(crate) server_kg: f64,
}
