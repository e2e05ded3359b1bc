//! What each step, rule and check costs, for whoever wants to know which of them is slow (`examples/cost.rs`). Counts
//! only where the feature `cost` is on; otherwise the work is done and nothing else. Never decides anything.

/// Does some work in the name of a step, a rule or a check.
#[cfg(not(feature = "cost"))]
#[inline]
pub(crate) fn of<T>(_name: &str, work: impl FnOnce() -> T) -> T {
    work()
}

#[cfg(feature = "cost")]
pub(crate) use counted::of;
#[cfg(feature = "cost")]
pub use counted::{Cost, costs};

#[cfg(feature = "cost")]
mod counted {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::time::{Duration, Instant};

    /// How often something was done, and how long it took together.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub struct Cost {
        pub times: u64,
        pub time: Duration,
    }

    thread_local! {
        static COSTS: RefCell<BTreeMap<String, Cost>> = const { RefCell::new(BTreeMap::new()) };
    }

    pub(crate) fn of<T>(name: &str, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let answer = work();
        let time = started.elapsed();
        COSTS.with_borrow_mut(|costs| {
            if !costs.contains_key(name) {
                costs.insert(name.to_owned(), Cost::default());
            }
            if let Some(cost) = costs.get_mut(name) {
                cost.times += 1;
                cost.time += time;
            }
        });
        answer
    }

    /// What was counted on this thread so far, by name: steps, rules by their ids, checks as rule files name them.
    pub fn costs() -> BTreeMap<String, Cost> {
        COSTS.with_borrow(Clone::clone)
    }
}
