//! A model that answers after a while, with a report; or is throttled, or fails.

use std::sync::Arc;

use async_trait::async_trait;
use eco_coder_shared::env::Env;
use eco_coder_worker::model::{Model, ModelError, ModelReply, ModelRequest, Said, Usage};
use serde_json::json;
use tokio::time::sleep_until;

use super::process::{Process, Seam};

/// One process's model.
pub struct ItsModel(pub Arc<Process>);

impl ItsModel {
    async fn answer(&self) -> Result<ModelReply, ModelError> {
        let (process, world) = (&self.0, &self.0.world);
        let weather = world.weather();
        let (limited, broken, took) = world.throw(|dice| {
            let limited = dice.chance(weather.model_limit).then(|| dice.millis(1_000, 40_000));
            (limited, dice.chance(weather.model_broken), dice.millis(300, 4_000))
        });
        if let Some(length) = limited {
            return Err(ModelError::Throttled { until: process.clock.now() + length });
        }
        sleep_until(world.own_moment(took)).await;
        if broken {
            world.harm();
            return Err(ModelError::Failed { message: "simulated".to_owned() });
        }
        world.judge().tally.answers += 1;
        let report = json!({"report": {"verdict": "fine", "summary": "Nothing to do."}});
        let call = Said::ToolUse { id: "1".to_owned(), name: "post_github_comment".to_owned(), input: report };
        Ok(ModelReply { content: vec![call], usage: Usage { input: 1000, output: 50, ..Usage::default() } })
    }
}

#[async_trait]
impl Model for ItsModel {
    fn id(&self) -> &'static str {
        "simulated"
    }

    fn dollars(&self, _: Usage) -> Option<f64> {
        None
    }

    async fn reply(&self, _: ModelRequest) -> Result<ModelReply, ModelError> {
        let shown = |answer: &Result<ModelReply, ModelError>| match answer {
            Ok(_) => "a report".to_owned(),
            Err(e) => e.to_string(),
        };
        let answer = self.0.over(Seam::Model, "ask the model", self.answer(), shown).await;
        answer.unwrap_or(Err(ModelError::Timeout))
    }
}
