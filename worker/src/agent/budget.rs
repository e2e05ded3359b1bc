//! How much a review may spend on a model. Pure.

use std::time::Duration;

use eco_coder_shared::env::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::Usage;

/// The limits of one review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Model turns.
    pub turns: u32,
    /// Tokens read and written, cached ones included.
    pub tokens: u64,
    /// Tool calls in one turn; a model that asks for more is told so.
    pub calls_per_turn: usize,
    /// How long a throttled model is waited for, from the first throttle on.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { turns: 8, tokens: 120_000, calls_per_turn: 8, patience: Duration::from_mins(30) }
    }
}

/// What was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spent {
    /// Model turns.
    pub turns: u32,
    /// Tokens.
    pub usage: Usage,
    /// Waits for a throttled model.
    pub throttles: u32,
    /// The ends of the first wait and of the last one.
    pub waits: Option<(Timestamp, Timestamp)>,
}

impl Spent {
    /// The model is throttled until then.
    pub fn throttled(&mut self, until: Timestamp) {
        self.throttles += 1;
        self.waits = Some((self.waits.map_or(until, |(first, _)| first), until));
    }

    /// Why nothing more may be spent, in words for the author; `None` while there is something left.
    pub fn exhausted(&self, limits: &Limits) -> Option<&'static str> {
        if self.turns >= limits.turns {
            Some("the model used all its turns without a report")
        } else if self.usage.input + self.usage.output >= limits.tokens {
            Some("the model used its token budget without a report")
        } else if self.waits.is_some_and(|(first, last)| last > first + limits.patience) {
            Some("the model was throttled for too long")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_ends_at_its_bound() {
        let limits = Limits { turns: 2, tokens: 100, ..Limits::default() };
        let spent = |turns, input| Spent { turns, usage: Usage { input, ..Usage::default() }, ..Spent::default() };
        assert_eq!(spent(1, 99).exhausted(&limits), None);
        assert!(spent(2, 0).exhausted(&limits).is_some());
        assert!(spent(0, 100).exhausted(&limits).is_some());
    }

    #[test]
    fn a_throttled_model_is_waited_for_up_to_the_bound() {
        let limits = Limits { patience: Duration::from_mins(1), ..Limits::default() };
        let mut spent = Spent::default();
        for (until, is_over) in [(1000, false), (1001, false), (1060, false), (1061, true)] {
            spent.throttled(Timestamp::from_seconds(until));
            assert_eq!(spent.exhausted(&limits).is_some(), is_over, "{until}");
        }
        assert_eq!(spent.throttles, 4);
    }
}
