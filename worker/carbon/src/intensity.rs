//! The grid's intensity for an AWS region. A region that isn't in the table gets the world average, and the note says so;
//! it never fails.

use serde::{Deserialize, Serialize};

use crate::data::INTENSITY;

/// Where an intensity comes from, most trusted first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntensitySource {
    /// Named by the caller.
    #[default]
    Given,
    /// The operator's, from AWS Systems Manager Parameter Store.
    ParameterStore,
    /// The embedded table's for the region's state, province or price area.
    Region,
    /// The embedded table's for the region's country.
    Country,
    /// The world's average: the region is unknown.
    World,
}

/// Which of the embedded tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntensityTable {
    /// As codecarbon 3.3.2 has it.
    #[default]
    Codecarbon3,
    /// As codecarbon 2.3.4 has it, for comparison with that version.
    Codecarbon2,
    /// As Cloud Carbon Footprint 0.15.0 has it; a region it lacks is read from codecarbon 3.3.2.
    Ccf,
}

impl IntensityTable {
    fn key(self) -> &'static str {
        match self {
            Self::Codecarbon3 => "codecarbon_3_3_2",
            Self::Codecarbon2 => "codecarbon_2_3_4",
            Self::Ccf => "ccf_0_15_0",
        }
    }

    fn name(self) -> &'static str {
        INTENSITY.sources.get(self.key()).map_or("", |source| &source.name)
    }
}

/// A grid's intensity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intensity {
    /// Grams of CO2e per kWh.
    pub g_per_kwh: f64,
    /// Where it comes from.
    pub source: IntensitySource,
    /// The same in words, with the place and the table.
    pub note: String,
}

/// The embedded table's intensity of an AWS region, or the world's average. The region may come from outside: what the
/// note repeats of it is short and inert.
pub fn intensity_for_region(region: &str, table: IntensityTable) -> Intensity {
    let name = region.trim().to_ascii_lowercase();
    let Some(row) = INTENSITY.regions.get(&name) else {
        let why = match printable(&name) {
            None => "no region named".to_owned(),
            Some(name) => format!("region {name} is not in the table"),
        };
        return Intensity {
            g_per_kwh: INTENSITY.world.g_per_kwh,
            source: IntensitySource::World,
            note: format!("world average: {why}"),
        };
    };
    let figure = |table: IntensityTable| row.g_per_kwh.get(table.key()).copied().flatten();
    let (g_per_kwh, used) = match figure(table) {
        Some(g_per_kwh) => (g_per_kwh, table),
        None => (figure(IntensityTable::Codecarbon3).unwrap_or(INTENSITY.world.g_per_kwh), IntensityTable::Codecarbon3),
    };
    let lacking = if used == table { String::new() } else { format!("; {} has no figure", table.name()) };
    let state = row.state.as_ref().filter(|_| !row.country_only.iter().any(|key| key == used.key()));
    let (source, place) = match (used, state) {
        (IntensityTable::Ccf, _) => (IntensitySource::Region, format!("{name}, {}", row.country)),
        (_, Some(state)) => (IntensitySource::Region, format!("{name}, {state}, {}", row.country)),
        (_, None) => (IntensitySource::Country, format!("{name}, average of {}", row.country)),
    };
    Intensity { g_per_kwh, source, note: format!("{place}, {}{lacking}", used.name()) }
}

/// What of a region's name can be repeated; `None` if nothing.
fn printable(name: &str) -> Option<String> {
    let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(32).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(region: &str, table: IntensityTable) -> (f64, IntensitySource, String) {
        let Intensity { g_per_kwh, source, note } = intensity_for_region(region, table);
        (g_per_kwh, source, note)
    }

    #[test]
    fn a_region_is_read_from_the_table_that_was_asked_for() {
        let (g, source, note) = of("us-east-1", IntensityTable::Codecarbon3);
        assert!((g - 244.757_989_259_63).abs() < 1e-9);
        assert_eq!(source, IntensitySource::Region);
        assert_eq!(note, "us-east-1, Virginia, United States, codecarbon 3.3.2");
        assert!((of("us-east-1", IntensityTable::Codecarbon2).0 - 369.134_377_890_74).abs() < 1e-9);
        assert!((of("us-east-1", IntensityTable::Ccf).0 - 365.1278).abs() < 1e-9);
        let ireland = of(" EU-West-1 ", IntensityTable::Codecarbon3);
        assert_eq!(ireland.1, IntensitySource::Country);
        assert_eq!(ireland.2, "eu-west-1, average of Ireland, codecarbon 3.3.2");
        let sweden = of("eu-north-1", IntensityTable::Codecarbon2);
        assert_eq!(sweden.1, IntensitySource::Country, "2.3.4 has no price areas: {}", sweden.2);
    }

    #[test]
    fn a_table_without_the_region_says_which_one_was_read() {
        let (g, source, note) = of("eu-central-2", IntensityTable::Ccf);
        assert!((g - 34.843).abs() < 1e-9);
        assert_eq!(source, IntensitySource::Country);
        assert!(note.ends_with("codecarbon 3.3.2; Cloud Carbon Footprint 0.15.0 has no figure"), "{note}");
    }

    #[test]
    fn an_unknown_region_is_the_worlds_average_and_says_so() {
        let (g, source, note) = of("mars-north-1\n`<script>", IntensityTable::Codecarbon3);
        assert_eq!((g, source), (475.0, IntensitySource::World));
        assert_eq!(note, "world average: region mars-north-1script is not in the table");
        assert_eq!(of("", IntensityTable::Codecarbon3).2, "world average: no region named");
    }
}
