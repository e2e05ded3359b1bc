//! What a model's own computation takes, as far as somebody has published it: a range, with its source. Without a source
//! there is no figure.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::Usage;

/// An estimate for some tokens, watt-hours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelEnergy {
    /// The least.
    pub wh_low: f64,
    /// The most.
    pub wh_high: f64,
    /// Who says so.
    pub source: String,
}

/// Watt-hours for a thousand tokens.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Rates {
    /// Written.
    pub wh_per_1k_output: f64,
    /// Read. Published figures for short questions count it with what is written, so the least is without it.
    pub wh_per_1k_input: f64,
    /// Who says so.
    pub source: String,
}

impl Rates {
    /// For these tokens.
    pub fn of(&self, usage: Usage) -> ModelEnergy {
        let written = usage.output as f64 / 1e3 * self.wh_per_1k_output;
        let read = usage.input as f64 / 1e3 * self.wh_per_1k_input;
        ModelEnergy { wh_low: written, wh_high: written + read, source: self.source.clone() }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// When it was looked up.
    #[cfg_attr(not(test), expect(dead_code, reason = "for whoever reads the table"))]
    date: String,
    models: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Row {
    /// The model's name.
    id: String,
    #[serde(flatten)]
    rates: Rates,
}

/// What is published of this model.
pub fn published(id: &str) -> Option<&'static Rates> {
    static TABLE: LazyLock<Option<Table>> = LazyLock::new(|| serde_json::from_str(include_str!("energy.json")).ok());
    let rows = &TABLE.as_ref()?.models;
    // With a provider before it and a date after it, it is the same; with another word it is another model.
    let name = id.rsplit('/').next().unwrap_or(id);
    let is = |row: &&Row| name.strip_prefix(&row.id).is_some_and(|rest| rest.is_empty() || rest.starts_with("-20"));
    rows.iter().find(is).map(|row| &row.rates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_and_every_figure_has_its_source() {
        let table: Table = serde_json::from_str(include_str!("energy.json")).unwrap();
        assert!(table.date.starts_with("2026-"));
        for row in &table.models {
            assert!(row.rates.source.len() > 20 && row.rates.wh_per_1k_output > 0.0, "{}", row.id);
        }
    }

    #[test]
    fn a_model_of_which_nothing_is_published_has_no_figure() {
        let usage = Usage { input: 10_000, output: 500, ..Usage::default() };
        let energy = published("gpt-4o-2024-11-20").unwrap().of(usage);
        assert!((energy.wh_low - 0.3).abs() < 1e-9 && (energy.wh_high - 2.5).abs() < 1e-9, "{energy:?}");
        assert!(published("openai/gpt-4o").is_some());
        assert_eq!(published("gpt-4o-mini"), None);
        assert_eq!(published("us.anthropic.claude-sonnet-5-5"), None);
    }
}
