//! What a model's tokens cost: from a table with its date, or from the settings.

use std::sync::LazyLock;

use serde::Deserialize;

use super::Usage;

/// US dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Price {
    /// Read, and not from the cache.
    pub input: f64,
    /// Written.
    pub output: f64,
    /// Read from the cache; absent: as others that are read.
    #[serde(default)]
    pub cache_read: Option<f64>,
}

impl Price {
    /// US dollars for these tokens.
    pub fn of(&self, usage: Usage) -> f64 {
        let cached = usage.cache_read.min(usage.input);
        let parts = [
            (usage.input - cached, self.input),
            (cached, self.cache_read.unwrap_or(self.input)),
            (usage.output, self.output),
        ];
        parts.iter().map(|(tokens, price)| *tokens as f64 * price / 1e6).sum()
    }
}

/// Millionths of a dollar, rounded up.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped first")]
pub fn microdollars(dollars: f64) -> u64 {
    (dollars * 1e6).ceil().clamp(0.0, 1e15) as u64
}

/// `prices.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// When it was looked up.
    pub date: String,
    /// Where.
    pub source: String,
    /// What a region group's profile (`us.`, `eu.`) costs beside the global one.
    group_factor: f64,
    models: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Row {
    /// What a model's id contains.
    id: String,
    #[serde(flatten)]
    price: Price,
}

/// The table of this build.
pub fn table() -> &'static Table {
    static TABLE: LazyLock<Table> = LazyLock::new(|| {
        let empty = |_| Table { date: String::new(), source: String::new(), group_factor: 1.0, models: Vec::new() };
        serde_json::from_str(include_str!("prices.json")).unwrap_or_else(empty)
    });
    &TABLE
}

/// The price of a model on Bedrock, by its id or its inference profile's.
pub fn bedrock(id: &str) -> Option<Price> {
    let table = table();
    let row = table.models.iter().find(|row| id.contains(&row.id))?;
    let factor = if id.starts_with("global.") { 1.0 } else { table.group_factor };
    let Price { input, output, cache_read } = row.price;
    Some(Price { input: input * factor, output: output * factor, cache_read: cache_read.map(|price| price * factor) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_and_dated() {
        assert!(table().date.starts_with("2026-") && !table().source.is_empty());
        assert!(table().models.len() >= 3);
    }

    #[test]
    fn a_region_group_costs_more_than_the_global_profile_and_an_unknown_model_has_no_price() {
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        let million = Usage { input: 2_000_000, output: 1_000_000, cache_read: 1_000_000, cache_write: 0 };
        let global = bedrock("global.anthropic.claude-sonnet-5-5").unwrap().of(million);
        assert!(close(global, 2.0 + 0.10 + 10.0), "{global}");
        let us = bedrock("us.anthropic.claude-sonnet-5-5").unwrap().of(million);
        assert!(close(us, global * 1.1), "{us}");
        assert_eq!(bedrock("us.acme.model-1"), None);
        let unknown = bedrock("global.anthropic.claude-haiku-5-5").unwrap().of(million);
        assert!(close(unknown, 0.10 * 2.0 + 0.50), "what isn't known is no discount: {unknown}");
    }
}
