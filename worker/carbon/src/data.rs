//! The constants of `data/*.json`, compiled in and parsed once. Every one carries its source, date and licence there.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Power and energy.
pub(crate) static POWER: LazyLock<Power> = LazyLock::new(|| parse(include_str!("../data/power.json")));
/// What an amount compares with.
pub(crate) static EQUIVALENTS: LazyLock<EquivalentConstants> =
    LazyLock::new(|| parse(include_str!("../data/equivalents.json")));
/// The grids.
pub(crate) static INTENSITY: LazyLock<Intensities> = LazyLock::new(|| parse(include_str!("../data/intensity.json")));

#[expect(clippy::expect_used, reason = "the text is compiled in, and a test parses every file")]
fn parse<T: DeserializeOwned>(text: &'static str) -> T {
    serde_json::from_str(text).expect("the compiled-in data parses")
}

/// One constant; its unit and provenance stand beside it in the file.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Constant(Value);

#[derive(Debug, Deserialize)]
struct Value {
    value: f64,
}

impl Constant {
    pub(crate) fn value(&self) -> f64 {
        self.0.value
    }
}

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
    pub(crate) pue: Constant,
}

#[derive(Debug, Deserialize)]
pub(crate) struct EquivalentConstants {
    pub(crate) smartphone_charge: Constant,
    pub(crate) mile_driven: Constant,
    pub(crate) km_per_mile: Constant,
    pub(crate) tree_seedling_10_years: Constant,
    pub(crate) led_watts: Constant,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Intensities {
    pub(crate) sources: BTreeMap<String, Source>,
    pub(crate) world: World,
    pub(crate) regions: BTreeMap<String, Region>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Source {
    pub(crate) name: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct World {
    pub(crate) g_per_kwh: f64,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Every object that has one of `keys` also names where it comes from.
    fn provenance(value: &serde_json::Value, path: &str, inherited: bool) {
        let serde_json::Value::Object(map) = value else { return };
        let named = |key: &str| map.get(key).is_some_and(|v| v.as_str().is_some_and(|s| !s.is_empty()));
        if map.contains_key("value") {
            for key in ["unit", "source", "date", "licence"] {
                assert!(named(key), "{path} has no {key}");
            }
        }
        let here = inherited || named("source");
        for (key, child) in map {
            assert!(here || !child.is_number(), "{path}/{key} has no source");
            provenance(child, &format!("{path}/{key}"), here);
        }
    }

    #[test]
    fn every_constant_names_its_source() {
        for text in [include_str!("../data/power.json"), include_str!("../data/equivalents.json")] {
            provenance(&serde_json::from_str(text).unwrap(), "", false);
        }
    }

    #[test]
    fn every_file_parses_and_is_sane() {
        assert!(POWER.codecarbon.machine_watts.value() > 0.0);
        assert!(POWER.ram_v3.dimms_up_to_gib.is_sorted_by(|a, b| a.gib < b.gib));
        assert!(EQUIVALENTS.smartphone_charge.value() > 0.0);
        assert_eq!(INTENSITY.regions.len(), 38);
        for (name, region) in &INTENSITY.regions {
            assert_eq!(region.g_per_kwh.len(), INTENSITY.sources.len(), "{name}");
            for (source, figure) in &region.g_per_kwh {
                assert!(INTENSITY.sources.contains_key(source), "{name}: {source}");
                assert!(figure.is_none_or(|g| g > 0.0 && g < 1500.0), "{name}: {source}");
            }
        }
    }
}
