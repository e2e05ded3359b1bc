//! What a family of models takes, and which models are no more: data with its date. A field that a family refuses ends the
//! call with a 400, so what isn't known is left out.

use std::sync::LazyLock;

use serde::Deserialize;

/// What a family takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Family {
    /// A temperature.
    pub temperature: bool,
    /// Cache points in system prompt, tools and messages.
    pub cache: bool,
}

#[derive(Deserialize)]
struct Table {
    #[expect(dead_code, reason = "for whoever reads the file")]
    source: String,
    current: Vec<String>,
    retired: Vec<Retired>,
    families: Vec<Row>,
}

#[derive(Deserialize)]
struct Retired {
    id: String,
    since: String,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    #[serde(flatten)]
    family: Family,
}

/// `None` only if the file in this build can't be read, which a test rules out.
fn table() -> Option<&'static Table> {
    static TABLE: LazyLock<Option<Table>> = LazyLock::new(|| serde_json::from_str(include_str!("families.json")).ok());
    TABLE.as_ref()
}

/// What the model of this id takes: the first row that the id contains.
pub fn of(id: &str) -> Family {
    let row = table().and_then(|table| table.families.iter().find(|row| id.contains(&row.id)));
    row.map(|row| row.family).unwrap_or_default()
}

/// Why this model can't be asked any more, and which can; `None`: as far as is known, it can.
pub fn retired(id: &str) -> Option<String> {
    let table = table()?;
    let Retired { id, since } = table.retired.iter().find(|retired| id.contains(&retired.id))?;
    Some(format!("{id} left service on {since}; set a current one, such as {}", table.current.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampling_is_set_only_for_those_that_take_it() {
        assert!(table().is_some(), "families.json can't be read");
        let both = Family { temperature: true, cache: true };
        assert_eq!(of("us.anthropic.claude-sonnet-4-6"), both);
        assert_eq!(
            of("arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
            both
        );
        assert_eq!(of(super::super::DEFAULT_ID), Family { temperature: false, cache: true });
        assert_eq!(of("amazon.nova-pro-v1:0"), Family::default(), "what isn't known gets nothing");
    }

    #[test]
    fn the_specification_s_first_model_is_retired_and_the_answer_names_current_ones() {
        let why = retired("anthropic.claude-3-sonnet-20240229-v1:0").unwrap();
        assert!(why.contains("2026-07-30") && why.contains("us.anthropic.claude-sonnet-5-5"), "{why}");
        assert!(retired("us.anthropic.claude-3-sonnet-20240229-v1:0").is_some());
        assert_eq!(retired(super::super::DEFAULT_ID), None);
    }
}
