//! The day's budget for models, over all workers: what a call may cost at most is reserved before it and settled after it, so
//! that many workers at once can't overspend. What a worker reserved that died stays spent: too careful, never too generous.

use std::time::Duration;

use eco_coder_shared::env::SharedEnv;

use crate::model::{Model, ModelRequest, Usage, prices};
use crate::store::{Store, StoreError};

/// How long a day's figures are kept.
const KEPT: Duration = Duration::from_hours(48);

/// What may be spent in a day (UTC), all reviews together; `None`: no bound.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DayLimits {
    /// Tokens read and written.
    pub tokens: Option<u64>,
    /// Millionths of a US dollar.
    pub microdollars: Option<u64>,
}

/// What may be spent today.
pub struct Purse<'a> {
    /// Where it is counted.
    pub store: &'a dyn Store,
    /// Today.
    pub env: &'a SharedEnv,
    /// The bounds.
    pub limits: DayLimits,
}

/// What a call may cost: its part of each budget.
#[derive(Debug, Default)]
#[must_use = "what is reserved is to be settled"]
pub struct Reserved(Vec<Part>);

#[derive(Debug)]
struct Part {
    name: String,
    amount: u64,
    /// Of what.
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Tokens,
    Microdollars,
}

impl Unit {
    /// What these tokens are in it. Without a price no dollars are counted; the settings refuse a bound then.
    fn of(self, usage: Usage, model: &dyn Model) -> u64 {
        match self {
            Self::Tokens => usage.input + usage.output,
            Self::Microdollars => prices::microdollars(model.dollars(usage).unwrap_or(0.0)),
        }
    }
}

/// What a question and its answer come to, on the high side: two bytes a token, where source text has three to four. An engine
/// that repeats a question within one turn may pay it twice.
pub fn at_most(request: &ModelRequest) -> Usage {
    let turns = serde_json::to_vec(&request.turns).map_or(0, |json| json.len());
    let tools = serde_json::to_vec(&request.tools[..]).map_or(0, |json| json.len());
    let read = request.system.len() + turns + tools;
    Usage { input: read.div_ceil(2) as u64, output: request.max_tokens.into(), ..Usage::default() }
}

impl Purse<'_> {
    /// Takes what a call may cost out of the day's budgets; `None`: there isn't as much left.
    pub async fn reserve(&self, most: Usage, model: &dyn Model) -> Result<Option<Reserved>, StoreError> {
        let now = self.env.now();
        let day: String = now.to_string().chars().take(10).collect();
        let mut reserved = Reserved::default();
        for (unit, limit, what) in [
            (Unit::Tokens, self.limits.tokens, "tokens"),
            (Unit::Microdollars, self.limits.microdollars, "microdollars"),
        ] {
            let Some(limit) = limit else { continue };
            let part = Part { name: format!("model-{what}-{day}"), amount: unit.of(most, model), unit };
            if !self.store.spend(&part.name, part.amount, limit, now + KEPT).await? {
                self.settle(reserved, Usage::default(), model).await;
                return Ok(None);
            }
            reserved.0.push(part);
        }
        Ok(Some(reserved))
    }

    /// Gives back what the call did not cost, or takes what it cost more.
    pub async fn settle(&self, reserved: Reserved, used: Usage, model: &dyn Model) {
        for Part { name, amount, unit } in reserved.0 {
            let cost = unit.of(used, model);
            let settled = match (amount.checked_sub(cost), cost.checked_sub(amount)) {
                (Some(0), _) => Ok(()),
                (Some(left), _) => self.store.give_back(&name, left).await,
                // It is spent, whatever the limit.
                (None, more) => {
                    let more = more.unwrap_or(0);
                    self.store.spend(&name, more, u64::MAX >> 1, self.env.now() + KEPT).await.map(drop)
                }
            };
            if let Err(error) = settled {
                tracing::warn!(component = "agent", %error, "what a call did not cost stays reserved until tomorrow");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use eco_coder_shared::env::{ManualEnv, Timestamp};

    use super::*;
    use crate::model::scripted::ScriptedModel;
    use crate::store::sqlite::SqliteStore;

    /// A scripted model's token costs 2 microdollars read and 10 written.
    const CALL: Usage = Usage { input: 50, output: 5, cache_read: 0, cache_write: 0 };

    #[tokio::test]
    async fn calls_are_reserved_up_to_the_bound_and_what_they_did_not_cost_is_there_again() {
        let (store, model) = (SqliteStore::in_memory().unwrap(), ScriptedModel::new([]));
        let manual = Arc::new(ManualEnv::new(Timestamp::from_seconds(1_000_000), 1));
        let env: SharedEnv = manual.clone();
        for limits in [
            DayLimits { tokens: Some(110), microdollars: None },
            DayLimits { tokens: None, microdollars: Some(300) },
            DayLimits { tokens: Some(1_000), microdollars: Some(300) },
        ] {
            manual.advance(Duration::from_hours(24));
            let purse = Purse { store: &store, env: &env, limits };
            let first = purse.reserve(CALL, &model).await.unwrap().unwrap();
            let second = purse.reserve(CALL, &model).await.unwrap().unwrap();
            assert!(purse.reserve(CALL, &model).await.unwrap().is_none(), "{limits:?}");
            purse.settle(first, Usage::default(), &model).await;
            let third = purse.reserve(CALL, &model).await.unwrap().unwrap();
            purse.settle(third, CALL, &model).await;
            // More than was thought is spent all the same.
            purse.settle(second, Usage { input: 100, ..CALL }, &model).await;
            assert!(purse.reserve(Usage { input: 1, ..Usage::default() }, &model).await.unwrap().is_none());
            manual.advance(Duration::from_hours(24));
            assert!(purse.reserve(CALL, &model).await.unwrap().is_some(), "another day");
        }
    }

    #[tokio::test]
    async fn without_bounds_nothing_is_counted() {
        let (store, model) = (SqliteStore::in_memory().unwrap(), ScriptedModel::new([]));
        let env: SharedEnv = Arc::new(ManualEnv::new(Timestamp::from_seconds(1_000_000), 1));
        let purse = Purse { store: &store, env: &env, limits: DayLimits::default() };
        let most = Usage { input: u64::MAX / 2, ..Usage::default() };
        assert!(purse.reserve(most, &model).await.unwrap().unwrap().0.is_empty());
    }
}
