//! The grid's carbon intensity from AWS Systems Manager Parameter Store: one parameter for each region, below one path, with
//! `{"gco2_per_kwh": 475, "updated": "2025-10-19T00:00:00Z"}` in it. Kept for a day. What can't be had, or can't be, is the
//! embedded table's instead, and the report says where its figure comes from.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ssm::Client;
use eco_coder_carbon::{Input, IntensitySource};
use eco_coder_shared::aws::{AwsSettings, Fault, count};
use eco_coder_shared::env::{SharedEnv, Timestamp};
use serde::Deserialize;
use tokio::sync::Mutex;
use tracing::Instrument as _;

/// How long a value is good for.
const FRESH: Duration = Duration::from_hours(24);
/// Before it is asked again after it couldn't be had.
const AGAIN: Duration = Duration::from_mins(5);
/// For one look: a review doesn't wait for it longer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Grams per kWh that no grid has: coal alone is below 1,200.
const MOST: f64 = 5000.0;

/// What footprints are calculated with: hardware and method of the settings, and the grid as it is known now.
#[derive(Clone)]
pub struct Grid {
    settings: Input,
    parameter: Option<Arc<Parameter>>,
}

struct Parameter {
    name: String,
    aws: AwsSettings,
    env: SharedEnv,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The last value that could be had.
    value: Option<Value>,
    /// Not asked before.
    next: Timestamp,
    client: Option<Client>,
}

#[derive(Debug, Clone, PartialEq)]
struct Value {
    g_per_kwh: f64,
    as_of: Option<String>,
}

/// As the parameter holds it. Other members are another tool's.
#[derive(Deserialize)]
struct Wire {
    gco2_per_kwh: f64,
    updated: Option<String>,
}

impl Grid {
    /// The settings' grid, always.
    pub fn fixed(settings: Input) -> Self {
        Self { settings, parameter: None }
    }

    /// That of the parameter `path`/region.
    pub fn at(settings: Input, path: &str, aws: AwsSettings, env: SharedEnv) -> Self {
        let name = format!("{}/{}", path.trim_end_matches('/'), settings.aws_region);
        let parameter = Parameter { name, aws, env, known: Mutex::default() };
        Self { settings, parameter: Some(Arc::new(parameter)) }
    }

    /// What to calculate with now.
    pub async fn input(&self) -> Input {
        let value = match &self.parameter {
            None => None,
            Some(parameter) => parameter.value().await,
        };
        match value {
            None => self.settings.clone(),
            Some(Value { g_per_kwh, as_of }) => Input {
                intensity_g_per_kwh: Some(g_per_kwh),
                intensity_source: IntensitySource::ParameterStore,
                intensity_as_of: as_of,
                ..self.settings.clone()
            },
        }
    }

    /// One look, for `eco-coder doctor`: what the parameter holds, or what to mend. `None`: the settings name no parameter.
    pub async fn look(&self) -> Option<Result<String, String>> {
        let parameter = self.parameter.as_ref()?;
        let client = Client::new(&parameter.aws.load().await);
        let looked = parameter.look(&client).await;
        Some(looked.map(|Value { g_per_kwh, .. }| format!("{} holds {g_per_kwh} g/kWh", parameter.name)))
    }

    /// All that a result depends on; another value of the parameter makes no other result.
    pub fn digest(&self) -> String {
        format!("{:?} {:?}", self.settings, self.parameter.as_ref().map(|parameter| &parameter.name))
    }
}

impl Parameter {
    async fn value(&self) -> Option<Value> {
        // One looks; the others wait for what it finds.
        let mut known = self.known.lock().await;
        let now = self.env.now();
        if now < known.next {
            return known.value.clone();
        }
        if known.client.is_none() {
            known.client = Some(Client::new(&self.aws.load().await));
        }
        let looked = match &known.client {
            Some(client) => tokio::time::timeout(PATIENCE, self.look(client)).await,
            None => return None,
        };
        match looked.unwrap_or_else(|_| Err(format!("Parameter Store did not answer within {PATIENCE:?}"))) {
            Ok(value) => {
                known.next = now + FRESH;
                known.value = Some(value);
            }
            Err(error) => {
                // A value that is older than a day is still nearer than the table's of some year.
                tracing::warn!(component = "parameter_store", error, "the carbon intensity can't be read");
                known.next = now + AGAIN;
            }
        }
        known.value.clone()
    }

    async fn look(&self, client: &Client) -> Result<Value, String> {
        let asked = count("ssm", "GetParameter");
        let answer = client.get_parameter().name(&self.name).with_decryption(true).send().instrument(asked).await;
        let answer = answer.map_err(|e| format!("{}: {}", self.name, Fault::new("ssm:GetParameter", &e).words))?;
        let text = answer.parameter().and_then(|p| p.value()).unwrap_or_default();
        read(text).map_err(|problem| format!("the parameter {} {problem}", self.name))
    }
}

/// Reads a parameter's text. Never repeats it.
fn read(text: &str) -> Result<Value, &'static str> {
    let wire: Wire = serde_json::from_str(text)
        .map_err(|_| "is not {\"gco2_per_kwh\": NUMBER, \"updated\": \"DATE\"}; put it in this form")?;
    if !(0.0..=MOST).contains(&wire.gco2_per_kwh) {
        return Err("has a gco2_per_kwh that no grid has; it is grams of CO2e per kWh, 0 to 5000");
    }
    let as_of = wire.updated.and_then(|date| Timestamp::parse_rfc3339(&date)).map(|at| at.to_string()[..10].to_owned());
    Ok(Value { g_per_kwh: wire.gco2_per_kwh, as_of })
}

#[cfg(test)]
mod tests {
    use eco_coder_shared::env::{Env, ManualEnv, SystemEnv};
    use eco_coder_shared::testing::ministack;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_parameter_is_read_as_the_specification_writes_it_and_nonsense_is_refused() {
        let spec = r#"{"gco2_per_kwh": 475, "updated": "2025-10-19T00:00:00Z"}"#;
        assert_eq!(read(spec).unwrap(), Value { g_per_kwh: 475.0, as_of: Some("2025-10-19".to_owned()) });
        assert_eq!(read(r#"{"gco2_per_kwh": 0, "source": "x"}"#).unwrap(), Value { g_per_kwh: 0.0, as_of: None });
        assert_eq!(read(r#"{"gco2_per_kwh": 5000, "updated": "soon"}"#).unwrap().as_of, None);
        for wrong in ["", "475", r#"{"gco2_per_kwh": -1}"#, r#"{"gco2_per_kwh": 5000.1}"#, r#"{"gco2_per_kwh": "475"}"#]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_there_is_read_or_refused(text in ".{0,100}") {
            let _ = read(&text);
        }
    }

    fn settings() -> Input {
        Input { aws_region: "eu-west-1".into(), cpu_time_seconds: 1.0, execution_count: 1, ..Input::default() }
    }

    #[tokio::test]
    async fn it_is_kept_for_a_day_and_an_outage_leaves_the_last_value_or_the_table_s() {
        let client = Client::new(&ministack::sdk().await);
        let path = format!("/{}/carbon-intensity", SystemEnv.random_id());
        let put = |value: &str| {
            let call = client.put_parameter().name(format!("{path}/eu-west-1")).value(value);
            call.r#type(aws_sdk_ssm::types::ParameterType::String).overwrite(true).send()
        };
        let env = Arc::new(ManualEnv::new(Timestamp::from_seconds(1000), 1));
        let grid = Grid::at(settings(), &format!("{path}/"), ministack::settings(), env.clone());
        grid.parameter.as_ref().unwrap().known.lock().await.client = Some(client.clone());
        // Not there: the table's, which says so.
        assert_eq!(grid.input().await, settings());
        put(r#"{"gco2_per_kwh": 300.5, "updated": "2026-01-02T03:04:05Z"}"#).await.unwrap();
        assert_eq!(grid.input().await, settings(), "it isn't asked so soon");
        env.advance(AGAIN);
        let input = grid.input().await;
        assert_eq!(input.intensity_g_per_kwh, Some(300.5));
        assert_eq!(input.intensity().note, "from Parameter Store, as of 2026-01-02");
        put("nonsense").await.unwrap();
        assert_eq!(grid.input().await.intensity_g_per_kwh, Some(300.5));
        env.advance(FRESH);
        assert_eq!(grid.input().await.intensity_g_per_kwh, Some(300.5), "nonsense is no value");
        put(r#"{"gco2_per_kwh": 20}"#).await.unwrap();
        env.advance(AGAIN);
        assert_eq!(grid.input().await.intensity().note, "from Parameter Store");
    }
}
