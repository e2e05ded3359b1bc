//! The grid's intensity of an AWS region or a country. A region that isn't in the table gets its country's, if that is
//! given, else the world average, and the note says so; it never fails.

mod country;

pub use self::country::Country;

use serde::{Deserialize, Serialize};

use crate::CarbonError;
use crate::data::{COUNTRIES, INTENSITY, Region};

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
    /// The embedded table's for the region's country, or the country that was given.
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

    fn provenance(self) -> String {
        let source = INTENSITY.sources.get(self.key());
        source.map(|source| format!("{} ({}, {})", source.origin, INTENSITY.date, source.licence)).unwrap_or_default()
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
    /// The table's own source, date and licence.
    pub provenance: String,
}

/// The embedded table's intensity of an AWS region, else of the country, else the world's average. The region may come
/// from outside: what the note repeats of it is short and inert.
pub fn intensity_for(region: &str, country: Option<&Country>, table: IntensityTable) -> Intensity {
    let name = normal(region);
    if let Some(row) = INTENSITY.regions.get(&name) {
        return of_region(&name, row, table);
    }
    let why = printable(&name).map(|name| format!("region {name} is not in the table"));
    if let Some(country) = country {
        let (g_per_kwh, used) = country.figure(table);
        let why = why.map(|why| format!("{why}; ")).unwrap_or_default();
        return Intensity {
            g_per_kwh,
            source: IntensitySource::Country,
            note: format!("{why}average of {}, {}{}", country.name(), used.name(), lacking(used, table)),
            provenance: COUNTRIES.origin.to_string(),
        };
    }
    let world = &INTENSITY.world;
    Intensity {
        g_per_kwh: world.g_per_kwh,
        source: IntensitySource::World,
        note: format!("world average: {}", why.unwrap_or_else(|| "no region named".to_owned())),
        provenance: format!("{} ({}, {})", world.source, INTENSITY.date, world.licence),
    }
}

fn of_region(name: &str, row: &Region, table: IntensityTable) -> Intensity {
    let figure = |table: IntensityTable| row.g_per_kwh.get(table.key()).copied().flatten();
    let (g_per_kwh, used) = match figure(table) {
        Some(g_per_kwh) => (g_per_kwh, table),
        None => (figure(IntensityTable::Codecarbon3).unwrap_or(INTENSITY.world.g_per_kwh), IntensityTable::Codecarbon3),
    };
    let state = row.state.as_ref().filter(|_| !row.country_only.iter().any(|key| key == used.key()));
    let (source, place) = match (used, state) {
        (IntensityTable::Ccf, _) => (IntensitySource::Region, format!("{name}, {}", row.country)),
        (_, Some(state)) => (IntensitySource::Region, format!("{name}, {state}, {}", row.country)),
        (_, None) => (IntensitySource::Country, format!("{name}, average of {}", row.country)),
    };
    let note = format!("{place}, {}{}", used.name(), lacking(used, table));
    Intensity { g_per_kwh, source, note, provenance: used.provenance() }
}

fn lacking(used: IntensityTable, asked: IntensityTable) -> String {
    if used == asked { String::new() } else { format!("; {} has no figure", asked.name()) }
}

/// The least and the most that the tables have for a place, gCO2e/kWh, and what they are the least and the most of. A
/// place that nobody knows may have any region's grid.
pub(crate) fn span_for(region: &str, country: Option<&Country>) -> (f64, f64, &'static str) {
    let ends = |figures: &mut dyn Iterator<Item = f64>| {
        figures.fold((f64::INFINITY, 0.0_f64), |(least, most), figure| (least.min(figure), most.max(figure)))
    };
    let (words, (least, most)) = match (INTENSITY.regions.get(&normal(region)), country) {
        (Some(row), _) => {
            ("the embedded tables for the region", ends(&mut row.g_per_kwh.values().filter_map(|figure| *figure)))
        }
        (None, Some(country)) => ("the embedded tables for the country", ends(&mut country.figures())),
        (None, None) => {
            let all = INTENSITY.regions.values().flat_map(|row| row.g_per_kwh.values());
            ("the cleanest and the dirtiest region: the place is unknown", ends(&mut all.filter_map(|figure| *figure)))
        }
    };
    (least, most, words)
}

/// Refuses a country that the region isn't in.
pub(crate) fn check_place(region: &str, country: Option<&Country>) -> Result<(), CarbonError> {
    let name = normal(region);
    match (INTENSITY.regions.get(&name), country) {
        (Some(row), Some(country)) if row.country != country.name() => {
            Err(CarbonError::CountryOfRegion { region: name, of_region: &row.country, country: country.name() })
        }
        _ => Ok(()),
    }
}

fn normal(region: &str) -> String {
    region.trim().to_ascii_lowercase()
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
        let Intensity { g_per_kwh, source, note, .. } = intensity_for(region, None, table);
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

    #[test]
    fn a_country_stands_in_for_a_region_that_is_unknown_and_for_none() {
        let france: Country = "France".parse().unwrap();
        let of = |region: &str| intensity_for(region, Some(&france), IntensityTable::Codecarbon3);
        assert_eq!((of("").g_per_kwh, of("").source), (56.039, IntensitySource::Country));
        assert_eq!(of("").note, "average of France, codecarbon 3.3.2");
        assert_eq!(of("eu-west-9").note, "region eu-west-9 is not in the table; average of France, codecarbon 3.3.2");
        assert!(of("").provenance.contains("Our World in Data"));
        assert_eq!(of("eu-west-1").note, "eu-west-1, average of Ireland, codecarbon 3.3.2", "the region goes first");
        let error = check_place("EU-West-1", Some(&france)).unwrap_err().to_string();
        assert_eq!(error, "the region eu-west-1 is in Ireland, not in France: leave out the one that is wrong");
        assert_eq!(check_place("eu-west-3", Some(&france)), Ok(()));
        assert_eq!(check_place("eu-west-9", Some(&france)), Ok(()));
    }

    #[test]
    fn what_the_tables_say_of_a_place_has_two_ends_with_the_figure_between() {
        let france: Country = "FRA".parse().unwrap();
        for (region, country) in
            [("eu-west-1", None), ("eu-north-1", None), ("", Some(&france)), ("", None), ("x", None)]
        {
            let (least, most, _) = span_for(region, country);
            for table in [IntensityTable::Codecarbon3, IntensityTable::Codecarbon2, IntensityTable::Ccf] {
                let g = intensity_for(region, country, table).g_per_kwh;
                assert!(least <= g && g <= most, "{region}: {least} {g} {most}");
            }
        }
        assert!((span_for("eu-west-1", None).0 - 278.6).abs() < 1e-12);
        assert!((span_for("", Some(&france)).1 - 67.39).abs() < 1e-12);
    }
}
