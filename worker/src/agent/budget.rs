//! How much a review may spend on a model. Pure.

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
    /// Times that a throttled model is waited for.
    pub throttles: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { turns: 8, tokens: 200_000, calls_per_turn: 8, throttles: 20 }
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
}

impl Spent {
    /// Why nothing more may be spent, in words for the author; `None` while there is something left.
    pub fn exhausted(&self, limits: &Limits) -> Option<&'static str> {
        if self.turns >= limits.turns {
            Some("the model used all its turns without a report")
        } else if self.usage.input + self.usage.output >= limits.tokens {
            Some("the model used its token budget without a report")
        } else if self.throttles > limits.throttles {
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
        let limits = Limits { turns: 2, tokens: 100, throttles: 1, ..Limits::default() };
        let spent = |turns, input, throttles| Spent { turns, usage: Usage { input, ..Usage::default() }, throttles };
        assert_eq!(spent(1, 99, 1).exhausted(&limits), None);
        assert!(spent(2, 0, 0).exhausted(&limits).is_some());
        assert!(spent(0, 100, 0).exhausted(&limits).is_some());
        assert!(spent(0, 0, 2).exhausted(&limits).is_some());
    }
}
