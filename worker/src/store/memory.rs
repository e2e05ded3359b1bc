//! A store in memory, for simulations: no thread, no file, and every answer depends on the calls before it alone.
//! Survives nothing, so no setting leads here.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{PullKey, PullNumber, RepoName};

use super::history::{self, Reviewed};
use super::{Appended, MAX_VALUE, ResultKey, SessionId, Store, StoreError};
use crate::claim::{self, Row, Transition, Verdict};

/// A repository's number and a pull request's.
type Pull = (u64, u64);

/// The store.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<Pull, Row>,
    results: BTreeMap<String, (Vec<u8>, Timestamp)>,
    sessions: BTreeMap<String, BTreeMap<u32, (Vec<u8>, Timestamp)>>,
    /// With the repository's name in lower case.
    kept: BTreeMap<Pull, (String, PullKey, Vec<u8>, Timestamp)>,
    reviews: BTreeMap<(Pull, u64), Reviewed>,
    budgets: BTreeMap<String, (u64, Timestamp)>,
    leases: BTreeMap<String, (String, Timestamp)>,
    notes: BTreeMap<String, (Vec<u8>, Timestamp)>,
}

impl MemoryStore {
    /// All rows, by repository and pull request.
    pub fn rows(&self) -> Vec<(Pull, Row)> {
        self.lock().rows.iter().map(|(pull, row)| (*pull, row.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pull(key: PullKey) -> Pull {
    (key.repo_id.0, key.pull.get())
}

fn bounded(what: &'static str, value: &[u8]) -> Result<(), StoreError> {
    if value.len() > MAX_VALUE { Err(StoreError::TooLarge { what, bytes: value.len() }) } else { Ok(()) }
}

#[async_trait]
impl Store for MemoryStore {
    async fn row(&self, key: PullKey) -> Result<Row, StoreError> {
        Ok(self.lock().rows.get(&pull(key)).cloned().unwrap_or_default())
    }

    async fn transition(&self, key: PullKey, transition: &Transition) -> Result<Verdict, StoreError> {
        let mut state = self.lock();
        let row = state.rows.get(&pull(key)).cloned().unwrap_or_default();
        let (changed, verdict) = claim::apply(&row, transition);
        if let Some(row) = changed {
            state.rows.insert(pull(key), row);
        }
        Ok(verdict)
    }

    async fn result(&self, key: &ResultKey, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        let state = self.lock();
        Ok(state.results.get(&key.0).filter(|(_, expires)| *expires > now).map(|(value, _)| value.clone()))
    }

    async fn put_result(&self, key: &ResultKey, value: Vec<u8>, expires: Timestamp) -> Result<(), StoreError> {
        bounded("result", &value)?;
        self.lock().results.insert(key.0.clone(), (value, expires));
        Ok(())
    }

    async fn append(
        &self,
        session: &SessionId,
        sequence: u32,
        event: Vec<u8>,
        expires: Timestamp,
    ) -> Result<Appended, StoreError> {
        bounded("session event", &event)?;
        let mut state = self.lock();
        let events = state.sessions.entry(session.0.clone()).or_default();
        if events.contains_key(&sequence) {
            return Ok(Appended::Conflict);
        }
        events.insert(sequence, (event, expires));
        Ok(Appended::Stored)
    }

    async fn events(&self, session: &SessionId, now: Timestamp) -> Result<Vec<Vec<u8>>, StoreError> {
        let state = self.lock();
        let Some(events) = state.sessions.get(&session.0) else { return Ok(Vec::new()) };
        // A session is over as one.
        let over = events.values().any(|(_, expires)| *expires <= now);
        Ok(if over { Vec::new() } else { events.values().map(|(event, _)| event.clone()).collect() })
    }

    async fn end_session(&self, session: &SessionId) -> Result<(), StoreError> {
        self.lock().sessions.remove(&session.0);
        Ok(())
    }

    async fn keep_report(
        &self,
        key: PullKey,
        name: &RepoName,
        sealed: Vec<u8>,
        expires: Timestamp,
    ) -> Result<(), StoreError> {
        bounded("report", &sealed)?;
        self.lock().kept.insert(pull(key), (name.as_str().to_ascii_lowercase(), key, sealed, expires));
        Ok(())
    }

    async fn kept_report(
        &self,
        name: &RepoName,
        number: PullNumber,
        now: Timestamp,
    ) -> Result<Option<(PullKey, Vec<u8>)>, StoreError> {
        let name = name.as_str().to_ascii_lowercase();
        let state = self.lock();
        let fits = state.kept.values().filter(|(of, key, _, over)| *of == name && key.pull == number && *over > now);
        Ok(fits.max_by_key(|(_, _, _, over)| *over).map(|(_, key, sealed, _)| (*key, sealed.clone())))
    }

    async fn drop_report(&self, key: PullKey) -> Result<(), StoreError> {
        self.lock().kept.remove(&pull(key));
        Ok(())
    }

    async fn record(&self, review: &Reviewed) -> Result<(), StoreError> {
        self.lock().reviews.insert((pull(review.key()), review.epoch), review.clone());
        Ok(())
    }

    async fn reviews(&self, from: Timestamp, now: Timestamp, most: usize) -> Result<Vec<Reviewed>, StoreError> {
        let oldest = history::oldest(now);
        let state = self.lock();
        let mut fits: Vec<_> =
            state.reviews.values().filter(|review| review.at >= from && review.at > oldest).cloned().collect();
        fits.sort_by_key(|review| std::cmp::Reverse(review.at));
        fits.truncate(most);
        Ok(fits)
    }

    async fn spend(&self, name: &str, amount: u64, limit: u64, expires: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.lock();
        let (spent, over) = state.budgets.get(name).copied().unwrap_or((0, expires));
        let fits = spent.checked_add(amount).is_some_and(|sum| sum <= limit);
        if fits {
            state.budgets.insert(name.to_owned(), (spent + amount, over));
        }
        Ok(fits)
    }

    async fn give_back(&self, name: &str, amount: u64) -> Result<(), StoreError> {
        if let Some((spent, _)) = self.lock().budgets.get_mut(name) {
            *spent = spent.saturating_sub(amount);
        }
        Ok(())
    }

    async fn lease(&self, name: &str, holder: &str, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.lock();
        let is_others = state.leases.get(name).is_some_and(|(other, over)| other != holder && *over > now);
        if !is_others {
            state.leases.insert(name.to_owned(), (holder.to_owned(), until));
        }
        Ok(!is_others)
    }

    async fn end_lease(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.leases.get(name).is_some_and(|(other, _)| other == holder) {
            state.leases.remove(name);
        }
        Ok(())
    }

    async fn noted(&self, name: &str, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        let state = self.lock();
        Ok(state.notes.get(name).filter(|(_, expires)| *expires > now).map(|(value, _)| value.clone()))
    }

    async fn note(&self, name: &str, value: Vec<u8>, expires: Timestamp) -> Result<(), StoreError> {
        bounded("note", &value)?;
        self.lock().notes.insert(name.to_owned(), (value, expires));
        Ok(())
    }

    async fn purge(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut state = self.lock();
        let count = |state: &State| {
            state.results.len()
                + state.sessions.len()
                + state.kept.len()
                + state.reviews.len()
                + state.budgets.len()
                + state.leases.len()
                + state.notes.len()
        };
        let before = count(&state);
        state.results.retain(|_, (_, expires)| *expires > now);
        state.sessions.retain(|_, events| events.values().all(|(_, expires)| *expires > now));
        state.kept.retain(|_, (_, _, _, expires)| *expires > now);
        state.reviews.retain(|_, review| review.at > history::oldest(now));
        state.budgets.retain(|_, (_, expires)| *expires > now);
        state.leases.retain(|_, (_, expires)| *expires > now);
        state.notes.retain(|_, (_, expires)| *expires > now);
        Ok((before - count(&state)) as u64)
    }

    async fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::contract;

    #[tokio::test]
    async fn the_contract_holds() {
        contract::run_all(|| Arc::new(MemoryStore::default())).await;
    }
}
