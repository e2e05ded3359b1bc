//! A country of the embedded table, by its code or its English name.

use std::fmt;
use std::str::FromStr;

use super::IntensityTable;
use crate::CarbonError;
use crate::data::{COUNTRIES, CountryRow};

/// A country of the embedded table.
#[derive(Clone, Copy, PartialEq)]
pub struct Country {
    code: &'static str,
    row: &'static CountryRow,
}

impl Country {
    /// Every country of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        COUNTRIES.countries.iter().map(|(code, row)| Self { code, row })
    }

    /// Its ISO 3166-1 alpha-3 code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Its English name, as codecarbon has it.
    pub fn name(&self) -> &'static str {
        &self.row.name
    }

    /// Which year the newer figure is of.
    pub fn year(&self) -> u32 {
        self.row.year
    }

    /// Its gCO2e/kWh, and the table that has it: not every table has every country.
    pub(super) fn figure(&self, table: IntensityTable) -> (f64, IntensityTable) {
        match (table, self.row.codecarbon_2_3_4) {
            (IntensityTable::Codecarbon2, Some(figure)) => (figure, IntensityTable::Codecarbon2),
            _ => (self.row.codecarbon_3_3_2, IntensityTable::Codecarbon3),
        }
    }

    /// Of every table that has it.
    pub(super) fn figures(&self) -> impl Iterator<Item = f64> {
        std::iter::once(self.row.codecarbon_3_3_2).chain(self.row.codecarbon_2_3_4)
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

impl FromStr for Country {
    type Err = CarbonError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = text.trim();
        Self::all()
            .find(|country| country.code.eq_ignore_ascii_case(wanted) || country.row.name.eq_ignore_ascii_case(wanted))
            .ok_or(CarbonError::UnknownCountry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_found_by_code_and_name_and_otherwise_refused_in_words() {
        for text in ["FRA", " fra ", "France", "FRANCE"] {
            assert_eq!(text.parse::<Country>().unwrap().code(), "FRA");
        }
        for wrong in ["", "FR", "Atlantis", "FRAX"] {
            assert_eq!(wrong.parse::<Country>(), Err(CarbonError::UnknownCountry), "{wrong}");
        }
        assert!("FR".parse::<Country>().unwrap_err().to_string().contains("three letters, such as FRA"));
    }

    #[test]
    fn a_country_that_a_table_lacks_is_read_from_the_newer_one() {
        let gibraltar: Country = "GIB".parse().unwrap();
        assert_eq!(gibraltar.figure(IntensityTable::Codecarbon2).1, IntensityTable::Codecarbon3);
        assert_eq!(gibraltar.figures().count(), 1);
    }
}
