//! The CPU time that one review may use: a pull request of files that each cost seconds must not hold the pool. What is
//! left when it is spent is named in the report, not analysed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What one review may use, and has used. Clones share it.
#[derive(Debug, Clone)]
pub struct CpuBudget {
    limit: Duration,
    /// Microseconds.
    spent: Arc<AtomicU64>,
}

impl CpuBudget {
    /// At most `limit`. A task under way when it is reached ends by its own limits: with `n` threads the review may use
    /// up to `n - 1` times what was left when they began.
    pub fn new(limit: Duration) -> Self {
        Self { limit, spent: Arc::default() }
    }

    /// For work whose time is bounded elsewhere.
    pub fn unlimited() -> Self {
        Self::new(Duration::MAX)
    }

    /// Counts what was used.
    pub fn charge(&self, time: Duration) {
        self.spent.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// What may still be used; zero: nothing.
    pub fn left(&self) -> Duration {
        self.limit.saturating_sub(Duration::from_micros(self.spent.load(Ordering::Relaxed)))
    }

    /// May nothing more be used?
    pub fn is_spent(&self) -> bool {
        self.left().is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_at_its_limit() {
        let budget = CpuBudget::new(Duration::from_micros(10));
        budget.clone().charge(Duration::from_micros(9));
        assert_eq!(budget.left(), Duration::from_micros(1));
        budget.charge(Duration::from_micros(1));
        assert!(budget.is_spent());
        budget.charge(Duration::from_secs(1));
        assert!(budget.is_spent());
        let unlimited = CpuBudget::unlimited();
        unlimited.charge(Duration::from_hours(24));
        assert!(!unlimited.is_spent());
    }
}
