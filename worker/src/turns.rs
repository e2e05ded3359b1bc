//! Who is next when work of many waits: in turns between keys (repositories), first come first served within one. Pure;
//! knows neither tasks nor time.
//!
//! With `n` keys waiting, each is served within `n` turns, however much the others have brought. A key has no place
//! while nothing of it waits, so that memory follows what waits and not who ever came.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Items that wait, by key.
#[derive(Debug)]
pub struct Turns<K, T> {
    /// Never empty queues.
    waiting: HashMap<K, VecDeque<T>>,
    /// The keys of `waiting`, each once; the first one's turn it is.
    order: VecDeque<K>,
}

impl<K, T> Default for Turns<K, T> {
    fn default() -> Self {
        Self { waiting: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Copy + Eq + Hash, T> Turns<K, T> {
    /// Puts an item behind those of its key. A key that comes anew is last.
    pub fn push(&mut self, key: K, item: T) {
        self.waiting
            .entry(key)
            .or_insert_with(|| {
                self.order.push_back(key);
                VecDeque::new()
            })
            .push_back(item);
    }

    /// The item whose turn it is. Those before it that nobody wants any more are dropped, and cost their key no turn.
    pub fn first(&mut self, wanted: impl Fn(&T) -> bool) -> Option<&T> {
        loop {
            let key = *self.order.front()?;
            let queue = self.waiting.entry(key).or_default();
            while queue.front().is_some_and(|item| !wanted(item)) {
                queue.pop_front();
            }
            if !queue.is_empty() {
                break;
            }
            self.waiting.remove(&key);
            self.order.pop_front();
        }
        self.waiting.get(self.order.front()?)?.front()
    }

    /// Takes the item whose turn it is; its key is last then.
    pub fn take(&mut self, wanted: impl Fn(&T) -> bool) -> Option<T> {
        self.first(wanted)?;
        let key = self.order.pop_front()?;
        let queue = self.waiting.get_mut(&key)?;
        let item = queue.pop_front();
        if queue.is_empty() {
            self.waiting.remove(&key);
        } else {
            self.order.push_back(key);
        }
        item
    }

    /// Does nothing wait?
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn drain(turns: &mut Turns<u8, u32>) -> Vec<u32> {
        std::iter::from_fn(|| turns.take(|_| true)).collect()
    }

    #[test]
    fn one_item_behind_five_thousand_of_another_key_is_second() {
        let mut turns = Turns::default();
        (0..5000).for_each(|n| turns.push(0, n));
        turns.push(1, 9999);
        assert_eq!(drain(&mut turns)[..3], [0, 9999, 1]);
    }

    #[test]
    fn what_nobody_wants_costs_its_key_no_turn() {
        let mut turns = Turns::default();
        for (key, item) in [(0, 1), (0, 2), (1, 3), (2, 5), (0, 4)] {
            turns.push(key, item);
        }
        let even = |item: &u32| item.is_multiple_of(2);
        assert_eq!(turns.first(even), Some(&2));
        assert_eq!((turns.take(even), turns.take(even), turns.take(even)), (Some(2), Some(4), None));
        assert!(turns.is_empty() && turns.waiting.is_empty(), "nothing is kept of keys without items");
    }

    proptest! {
        /// Pushes and takes in any order: nobody waits for more turns than there were keys, each key's items come in
        /// their order, and none is lost or doubled.
        #[test]
        fn nobody_starves(steps in prop::collection::vec((0u8..6, 0u8..3), 1..400)) {
            let mut turns: Turns<u8, (u8, u32)> = Turns::default();
            let mut pending: BTreeMap<u8, VecDeque<u32>> = BTreeMap::new();
            let mut waits: BTreeMap<u8, BTreeSet<u8>> = BTreeMap::new();
            let mut number = 0;
            for (key, action) in steps {
                if action > 0 {
                    number += 1;
                    turns.push(key, (key, number));
                    pending.entry(key).or_default().push_back(number);
                    waits.entry(key).or_default();
                } else if let Some((served, item)) = turns.take(|_| true) {
                    let queue = pending.get_mut(&served).unwrap();
                    prop_assert_eq!(queue.pop_front(), Some(item));
                    if queue.is_empty() {
                        pending.remove(&served);
                    }
                    waits.remove(&served);
                    for (waiting, went_before) in &mut waits {
                        // Each other key goes at most once before it does.
                        prop_assert!(went_before.insert(served), "{waiting} was overtaken twice by {served}");
                    }
                    if pending.contains_key(&served) {
                        waits.insert(served, BTreeSet::new());
                    }
                } else {
                    prop_assert!(pending.is_empty());
                }
            }
            while let Some((key, item)) = turns.take(|_| true) {
                prop_assert_eq!(pending.get_mut(&key).and_then(VecDeque::pop_front), Some(item));
            }
            prop_assert!(pending.values().all(VecDeque::is_empty));
        }
    }
}
