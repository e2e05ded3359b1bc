//! The constants of `data/*.json`, compiled in and parsed once. Every one carries its source, date and licence there.

mod places;
mod power;

use std::fmt;
use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;

pub(crate) use self::places::{Countries, CountryRow, Intensities, Region};
pub(crate) use self::power::{EquivalentConstants, Instances, Modules, Power, Processor, Size};

/// Power and energy.
pub(crate) static POWER: LazyLock<Power> = LazyLock::new(|| parse(include_str!("../data/power.json")));
/// What an amount compares with.
pub(crate) static EQUIVALENTS: LazyLock<EquivalentConstants> =
    LazyLock::new(|| parse(include_str!("../data/equivalents.json")));
/// Instance types and their processors.
pub(crate) static INSTANCES: LazyLock<Instances> = LazyLock::new(|| parse(include_str!("../data/instances.json")));
/// The grids of regions.
pub(crate) static INTENSITY: LazyLock<Intensities> = LazyLock::new(|| parse(include_str!("../data/intensity.json")));
/// The grids of countries.
pub(crate) static COUNTRIES: LazyLock<Countries> = LazyLock::new(|| parse(include_str!("../data/countries.json")));

#[expect(clippy::expect_used, reason = "the text is compiled in, and a test parses every file")]
fn parse<T: DeserializeOwned>(text: &'static str) -> T {
    serde_json::from_str(text).expect("the compiled-in data parses")
}

/// One constant with where it comes from.
#[derive(Debug, Deserialize)]
pub(crate) struct Constant {
    value: f64,
    #[serde(flatten)]
    origin: Origin,
}

/// Where a figure comes from.
#[derive(Debug, Deserialize)]
pub(crate) struct Origin {
    source: String,
    date: String,
    licence: String,
}

impl Constant {
    pub(crate) fn value(&self) -> f64 {
        self.value
    }

    pub(crate) fn origin(&self) -> String {
        self.origin.to_string()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.source, self.date, self.licence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every number stands in an object, or below one, that names where it comes from.
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
        for text in [
            include_str!("../data/power.json"),
            include_str!("../data/equivalents.json"),
            include_str!("../data/instances.json"),
            include_str!("../data/countries.json"),
        ] {
            provenance(&serde_json::from_str(text).unwrap(), "", false);
        }
    }

    #[test]
    fn every_file_parses_and_is_sane() {
        assert!(POWER.codecarbon.machine_watts.value() > 0.0);
        assert!(POWER.ram_v3.dimms_up_to_gib.is_sorted_by(|a, b| a.gib < b.gib));
        assert!(EQUIVALENTS.smartphone_charge.value() > 0.0);
        let sane = |g: f64| g > 0.0 && g < 1500.0;
        assert_eq!(INTENSITY.regions.len(), 38);
        for (name, region) in &INTENSITY.regions {
            assert_eq!(region.g_per_kwh.len(), INTENSITY.sources.len(), "{name}");
            for (source, figure) in &region.g_per_kwh {
                assert!(INTENSITY.sources.contains_key(source), "{name}: {source}");
                assert!(figure.is_none_or(sane), "{name}: {source}");
            }
        }
        assert_eq!(COUNTRIES.countries.len(), 212);
        for (code, row) in &COUNTRIES.countries {
            assert!(code.len() == 3 && code.bytes().all(|c| c.is_ascii_uppercase()), "{code}");
            assert!(sane(row.codecarbon_3_3_2) && row.codecarbon_2_3_4.is_none_or(sane), "{code}");
        }
    }

    #[test]
    fn a_region_without_a_state_has_its_countrys_figures() {
        for (name, region) in &INTENSITY.regions {
            let mut countries = COUNTRIES.countries.values();
            let country = countries.find(|row| row.name == region.country).unwrap_or_else(|| panic!("{name}"));
            if region.state.is_none() {
                for (key, figure) in [
                    ("codecarbon_3_3_2", Some(country.codecarbon_3_3_2)),
                    ("codecarbon_2_3_4", country.codecarbon_2_3_4),
                ] {
                    let (region, country) = (region.g_per_kwh[key].unwrap(), figure.unwrap());
                    assert!((region - country).abs() < 1e-9, "{name}, {key}: {region} and {country}");
                }
            }
        }
    }

    #[test]
    fn every_instance_type_is_sane() {
        for (family, row) in &INSTANCES.families {
            for (size, of) in &row.sizes {
                assert!(!of.processors.is_empty(), "{family}.{size}");
                assert!(of.vcpus >= 1 && of.vcpus <= row.server_vcpus, "{family}.{size}");
                assert!(of.gib > 0.0 && of.gib <= 4096.0 && of.server_kg >= 900.0, "{family}.{size}");
                let arm = |name: &String| INSTANCES.processors[name].arm;
                assert!(of.processors.iter().all(|name| arm(name) == arm(&of.processors[0])), "{family}.{size}");
            }
        }
        for (name, processor) in &INSTANCES.processors {
            assert!(0.0 < processor.idle_watts && processor.idle_watts < processor.full_watts, "{name}");
        }
    }
}
