//! The `[model]` table: which engine, whole, with nothing of another one in it.

use std::time::Duration;

use eco_coder_shared::aws::AwsSettings;
use eco_coder_shared::config::{ConfigError, Settings};

use super::tables::ModelTable;
use crate::model::bedrock::{self, families};
use crate::model::openai;
use crate::model::prices::{self, Price};

/// Which model is asked.
#[derive(Debug, Clone)]
pub enum Engine {
    /// None: reports are the tools'.
    None,
    /// A server with OpenAI's chat completions.
    OpenAi(openai::Settings),
    /// Amazon Bedrock.
    Bedrock(bedrock::Settings, AwsSettings),
}

/// Reads and checks the table.
pub(super) fn from_table(table: &ModelTable, settings: &Settings) -> Result<Engine, ConfigError> {
    let wrong = |key: &str, problem: &str| Err(ConfigError::value(key, problem));
    let kind = table.kind.as_str();
    if !["none", "openai", "bedrock"].contains(&kind) {
        return wrong(
            "model.kind",
            "it must be \"none\", \"bedrock\", or \"openai\" (any server with OpenAI's chat completions)",
        );
    }
    // What is set for another engine would be forgotten in silence.
    let belongs = [
        ("model.id", table.id.is_some(), &["openai", "bedrock"][..]),
        ("model.url", table.url.is_some(), &["openai"]),
        ("model.api_key", table.api_key.is_some(), &["openai"]),
        ("model.temperature", table.temperature.is_some(), &["openai"]),
        ("model.price_input", table.price_input.is_some(), &["openai"]),
        ("model.price_output", table.price_output.is_some(), &["openai"]),
        ("model.guardrail_id", table.guardrail_id.is_some(), &["bedrock"]),
        ("model.guardrail_version", table.guardrail_version.is_some(), &["bedrock"]),
    ];
    if let Some((key, _, kinds)) = belongs.iter().find(|(_, is_set, kinds)| *is_set && !kinds.contains(&kind)) {
        return wrong(key, &format!("it is for model.kind = \"{}\"; set that, or remove this", kinds.join("\" or \"")));
    }
    if !(1..=1200).contains(&table.timeout_seconds) {
        return wrong("model.timeout_seconds", "it must be from 1 to 1200");
    }
    check_budgets(table)?;
    let timeout = Duration::from_secs(table.timeout_seconds);
    match kind {
        "openai" => Ok(Engine::OpenAi(openai(table, settings, timeout)?)),
        "bedrock" => {
            let id = table.id.clone().unwrap_or_else(|| bedrock::DEFAULT_ID.to_owned());
            let id = legal_id(&id)?;
            if let Some(why) = families::retired(&id) {
                return wrong("model.id", &why);
            }
            let guardrail = match (&table.guardrail_id, &table.guardrail_version) {
                (None, None) => None,
                (Some(id), Some(version)) if !id.is_empty() && !version.is_empty() => {
                    Some((id.clone(), version.clone()))
                }
                _ => {
                    return wrong(
                        "model.guardrail_id",
                        "guardrail_id and guardrail_version belong together: set both or none",
                    );
                }
            };
            Ok(Engine::Bedrock(bedrock::Settings { id, guardrail, timeout }, AwsSettings::from_settings(settings)?))
        }
        _ => Ok(Engine::None),
    }
}

/// The largest daily bound: dollars are counted in millionths.
const MOST_DOLLARS: f64 = 1e6;

fn check_budgets(table: &ModelTable) -> Result<(), ConfigError> {
    for (key, value, low, high) in [
        ("model.review_tokens", table.review_tokens, 1_000, 10_000_000),
        ("model.diff_tokens", table.diff_tokens, 0, 500_000),
        ("model.throttle_minutes", table.throttle_minutes, 0, 1_440),
        ("model.daily_tokens", table.daily_tokens.unwrap_or(1), 1, 1_000_000_000_000),
    ] {
        if !(low..=high).contains(&value) {
            return Err(ConfigError::value(key, &format!("it must be from {low} to {high}")));
        }
    }
    let Some(dollars) = table.daily_dollars else { return Ok(()) };
    if !(0.01..=MOST_DOLLARS).contains(&dollars) {
        return Err(ConfigError::value("model.daily_dollars", "it must be from 0.01 to 1000000"));
    }
    let id = table.id.as_deref().unwrap_or(bedrock::DEFAULT_ID);
    let has_price = match table.kind.as_str() {
        "openai" => table.price_input.is_some(),
        _ => prices::bedrock(id).is_some(),
    };
    if has_price {
        return Ok(());
    }
    Err(ConfigError::value(
        "model.daily_dollars",
        "this model has no price: set price_input and price_output (kind = \"openai\"), or use model.daily_tokens",
    ))
}

fn openai(table: &ModelTable, settings: &Settings, timeout: Duration) -> Result<openai::Settings, ConfigError> {
    let wrong = |key: &str, problem: &str| Err(ConfigError::value(key, problem));
    let Some(url) = table.url.clone() else {
        return wrong("model.url", "model.kind is \"openai\", so it must be set, as in http://127.0.0.1:11434/v1");
    };
    if !(url.starts_with("http://") || url.starts_with("https://")) || url.contains(['@', '?', '#']) {
        return wrong("model.url", "it must be http(s)://HOST[:PORT]/PATH, without a password in it");
    }
    let Some(name) = &table.id else {
        return wrong("model.id", "model.kind is \"openai\", so it must be set: the model's name at that server");
    };
    if table.temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
        return wrong("model.temperature", "it must be from 0 to 2");
    }
    let price = match (table.price_input, table.price_output) {
        (None, None) => None,
        (Some(input), Some(output)) if (0.0..=10_000.0).contains(&input) && (0.0..=10_000.0).contains(&output) => {
            Some(Price { input, output, cache_read: None })
        }
        (Some(_), Some(_)) => {
            return wrong("model.price_input", "prices are US dollars per million tokens, 0 to 10000");
        }
        _ => return wrong("model.price_input", "price_input and price_output belong together: set both or none"),
    };
    let api_key = |reference: &String| {
        let key = settings.secret("model.api_key", reference)?;
        Ok(openai::ApiKey { reference: reference.clone(), key, settings: settings.clone() })
    };
    let api_key = table.api_key.as_ref().map(api_key).transpose()?;
    Ok(openai::Settings { url, name: legal_id(name)?, api_key, temperature: table.temperature, timeout, price })
}

/// It stands in the comment and in URLs.
fn legal_id(id: &str) -> Result<String, ConfigError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-._:/@+".contains(c);
    if (1..=256).contains(&id.len()) && id.chars().all(legal) {
        Ok(id.to_owned())
    } else {
        Err(ConfigError::value("model.id", "it must be 1 to 256 letters, digits and -._:/@+"))
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn read(text: &str) -> Result<Engine, String> {
        let environment = [("ECO_CODER_SECRET_MODEL".to_owned(), "key".to_owned())];
        let settings = Settings::parse(&format!("[model]\n{text}"), environment).unwrap();
        from_table(&settings.table("model").unwrap(), &settings).map_err(|e| e.to_string())
    }

    #[test]
    fn each_engine_is_whole() {
        assert!(matches!(read(""), Ok(Engine::None)));
        let Ok(Engine::Bedrock(bedrock, _)) = read("kind = \"bedrock\"") else { panic!("the default") };
        assert_eq!((bedrock.id.as_str(), bedrock.timeout), (bedrock::DEFAULT_ID, Duration::from_mins(5)));
        let text = "kind = \"openai\"\nurl = \"http://127.0.0.1:11434/v1\"\nid = \"qwen2.5-coder:7b\"\n\
                    api_key = \"env:ECO_CODER_SECRET_MODEL\"\nprice_input = 0.1\nprice_output = 0.4";
        let Ok(Engine::OpenAi(openai)) = read(text) else { panic!("{:?}", read(text)) };
        assert_eq!((openai.name.as_str(), openai.price.unwrap().output), ("qwen2.5-coder:7b", 0.4));
        assert_eq!(openai.api_key.as_ref().unwrap().key.expose_secret(), "key");
        assert!(!format!("{openai:?}").contains("\"key\""));
    }

    #[test]
    fn budgets_are_within_their_bounds_and_dollars_need_a_price() {
        for (key, low, high) in [
            ("review_tokens", 1_000_u64, 10_000_000_u64),
            ("diff_tokens", 0, 500_000),
            ("throttle_minutes", 0, 1_440),
            ("daily_tokens", 1, 1_000_000_000_000),
        ] {
            for (value, is_good) in
                [(Some(low), true), (Some(high), true), (Some(high + 1), false), (low.checked_sub(1), false)]
            {
                let Some(value) = value else { continue };
                assert_eq!(read(&format!("kind = \"bedrock\"\n{key} = {value}")).is_ok(), is_good, "{key} = {value}");
            }
        }
        assert!(read("kind = \"bedrock\"\ndaily_dollars = 5.0").is_ok());
        assert!(read("kind = \"bedrock\"\ndaily_dollars = 0.001").unwrap_err().contains("from 0.01"));
        let openai = "kind = \"openai\"\nurl = \"http://h/v1\"\nid = \"m\"\ndaily_dollars = 5.0\n";
        assert!(read(openai).unwrap_err().contains("no price"));
        assert!(read(&format!("{openai}price_input = 1.0\nprice_output = 1.0")).is_ok());
        assert!(read("kind = \"bedrock\"\nid = \"acme.m\"\ndaily_dollars = 5.0").unwrap_err().contains("no price"));
    }

    #[test]
    fn halves_contradictions_and_retired_models_are_refused_with_what_to_do() {
        let openai = "kind = \"openai\"\nurl = \"http://h/v1\"\nid = \"m\"\n";
        for (text, says) in [
            ("kind = \"strands\"".to_owned(), "\"none\", \"bedrock\", or \"openai\""),
            ("url = \"http://h\"".to_owned(), "it is for model.kind = \"openai\""),
            ("id = \"m\"".to_owned(), "\"openai\" or \"bedrock\""),
            ("kind = \"openai\"\nid = \"m\"".to_owned(), "model.url"),
            ("kind = \"openai\"\nurl = \"http://h/v1\"".to_owned(), "model.id"),
            ("kind = \"openai\"\nurl = \"http://u:p@h/v1\"\nid = \"m\"".to_owned(), "without a password"),
            (format!("{openai}price_input = 1"), "belong together"),
            (format!("{openai}temperature = 2.1"), "from 0 to 2"),
            (format!("{openai}guardrail_id = \"g\""), "\"bedrock\""),
            (format!("{openai}timeout_seconds = 1201"), "from 1 to 1200"),
            (format!("{openai}api_key = \"env:ECO_CODER_SECRET_NOT_THERE\""), "model.api_key"),
            ("kind = \"bedrock\"\nguardrail_id = \"g\"".to_owned(), "set both or none"),
            ("kind = \"bedrock\"\nid = \"a b\"".to_owned(), "letters, digits"),
            (
                "kind = \"bedrock\"\nid = \"anthropic.claude-3-sonnet-20240229-v1:0\"".to_owned(),
                "us.anthropic.claude-sonnet-5-5",
            ),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
