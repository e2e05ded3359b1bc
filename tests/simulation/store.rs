//! The store as a process sees it: the one in memory, over a call that can fail, with an eye on who may write.

use std::sync::Arc;

use async_trait::async_trait;
use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{PullKey, PullNumber, RepoName};
use eco_coder_worker::claim::{Exit, Row, Transition, Verdict};
use eco_coder_worker::store::history::Reviewed;
use eco_coder_worker::store::{Appended, ResultKey, SessionId, Store, StoreError};
use tokio::time::Instant;

use super::process::{Process, Seam, Trouble};
use super::weather::Deliberate;

/// One process's store.
pub struct ItsStore(pub Arc<Process>);

impl ItsStore {
    async fn over<T>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, StoreError>>,
        shown: impl FnOnce(&T) -> String,
    ) -> Result<T, StoreError> {
        let shown = |answer: &Result<T, StoreError>| match answer {
            Ok(answer) => shown(answer),
            Err(e) => e.to_string(),
        };
        match self.0.over(Seam::Store, what, call, shown).await {
            Ok(answer) => answer,
            Err(Trouble::Refused) => Err(StoreError::Unavailable("simulated: nothing was done".to_owned())),
            Err(Trouble::Lost) => Err(StoreError::Unavailable("simulated: the answer is lost".to_owned())),
        }
    }

    async fn perform(&self, key: PullKey, transition: &Transition) -> Result<Verdict, StoreError> {
        let process = &self.0;
        let world = &process.world;
        let deliberate = world.plan.deliberate;
        let charged = match transition {
            Transition::Release { epoch, exit: Exit::Free | Exit::Waits(_) }
                if deliberate == Some(Deliberate::ChargesWaiting) =>
            {
                let head = world.judge().head(key);
                let exit = Exit::Failed { error: "it had to wait".to_owned(), head, redriven: None };
                Some(Transition::Release { epoch: *epoch, exit })
            }
            _ => None,
        };
        let transition = charged.as_ref().unwrap_or(transition);
        let verdict = world.store.transition(key, transition).await?;
        let mine = matches!(verdict, Verdict::Mine(_));
        match transition {
            Transition::Claim { holder, .. } if matches!(verdict, Verdict::Hide { .. }) => {
                process.held().busy.insert(holder.clone());
            }
            Transition::Claim { holder, .. } => {
                process.held().busy.remove(holder);
            }
            Transition::MayWrite { epoch, .. } if mine => {
                process.held().permits.insert(key, (*epoch, Instant::now()));
            }
            Transition::MayWrite { .. } => {
                process.held().permits.remove(&key);
            }
            Transition::Release { exit: Exit::Failed { error, .. }, .. } if mine => {
                world.judge().charged(key, world.harms(), world.plan.weather, error);
            }
            Transition::Release { exit: Exit::Done { .. }, .. } if mine => world.judge().settled(key, world.harms()),
            _ => {}
        }
        let asks = matches!(
            transition,
            Transition::MayWrite { .. }
                | Transition::Renew { .. }
                | Transition::Commented { .. }
                | Transition::Marked { .. }
        );
        if asks && !mine && deliberate == Some(Deliberate::Unfenced) {
            return Ok(Verdict::Mine(Box::new(world.store.row(key).await?)));
        }
        Ok(verdict)
    }
}

fn name(transition: &Transition) -> String {
    match transition {
        Transition::Claim { holder, .. } => format!("claim for {}", short(holder)),
        Transition::Renew { epoch, .. } => format!("renew epoch {epoch}"),
        Transition::Charge { epoch, .. } => format!("charge epoch {epoch}"),
        Transition::MayWrite { epoch, .. } => format!("may epoch {epoch} write"),
        Transition::Creating { epoch, .. } => format!("creating in epoch {epoch}"),
        Transition::Commented { epoch, .. } => format!("commented in epoch {epoch}"),
        Transition::Marked { epoch, .. } => format!("said in epoch {epoch}"),
        Transition::Release { epoch, exit } => {
            let exit = match exit {
                Exit::Done { .. } => "done",
                Exit::Free => "free",
                Exit::Waits(_) => "waits",
                Exit::Failed { .. } => "failed",
            };
            format!("release epoch {epoch}, {exit}")
        }
    }
}

/// As much of an id as tells it from others.
pub fn short(id: &str) -> &str {
    id.get(..6).unwrap_or(id)
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Mine(row) => format!("mine, epoch {}, {} attempts", row.epoch, row.attempts),
        Verdict::Hide { until } => format!("busy until {until}"),
        Verdict::Late => "late".to_owned(),
    }
}

fn done<T>(_: &T) -> String {
    "done".to_owned()
}

fn found(is_there: bool) -> String {
    if is_there { "found".to_owned() } else { "nothing".to_owned() }
}

#[async_trait]
impl Store for ItsStore {
    async fn row(&self, key: PullKey) -> Result<Row, StoreError> {
        let shown = |row: &Row| format!("epoch {}", row.epoch);
        self.over(&format!("the row of {key}"), async { self.0.world.store.row(key).await }, shown).await
    }

    async fn transition(&self, key: PullKey, transition: &Transition) -> Result<Verdict, StoreError> {
        let what = format!("{key}: {}", name(transition));
        self.over(&what, async { self.perform(key, transition).await }, verdict).await
    }

    async fn result(&self, key: &ResultKey, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        self.over("a known result", async { self.0.world.store.result(key, now).await }, |answer| {
            found(answer.is_some())
        })
        .await
    }

    async fn put_result(&self, key: &ResultKey, value: Vec<u8>, expires: Timestamp) -> Result<(), StoreError> {
        self.over("keep a result", async { self.0.world.store.put_result(key, value, expires).await }, done).await
    }

    async fn append(
        &self,
        session: &SessionId,
        sequence: u32,
        event: Vec<u8>,
        expires: Timestamp,
    ) -> Result<Appended, StoreError> {
        let what = format!("session {}, event {sequence}", short(&session.0));
        let call = async { self.0.world.store.append(session, sequence, event, expires).await };
        self.over(&what, call, |appended| format!("{appended:?}")).await
    }

    async fn events(&self, session: &SessionId, now: Timestamp) -> Result<Vec<Vec<u8>>, StoreError> {
        let what = format!("session {}", short(&session.0));
        let call = async { self.0.world.store.events(session, now).await };
        self.over(&what, call, |events| format!("{} events", events.len())).await
    }

    async fn end_session(&self, session: &SessionId) -> Result<(), StoreError> {
        let what = format!("forget session {}", short(&session.0));
        self.over(&what, async { self.0.world.store.end_session(session).await }, done).await
    }

    async fn keep_report(
        &self,
        key: PullKey,
        name: &RepoName,
        sealed: Vec<u8>,
        expires: Timestamp,
    ) -> Result<(), StoreError> {
        let call = async { self.0.world.store.keep_report(key, name, sealed, expires).await };
        self.over("keep a report", call, done).await
    }

    async fn kept_report(
        &self,
        name: &RepoName,
        pull: PullNumber,
        now: Timestamp,
    ) -> Result<Option<(PullKey, Vec<u8>)>, StoreError> {
        let call = async { self.0.world.store.kept_report(name, pull, now).await };
        self.over("a kept report", call, |answer| found(answer.is_some())).await
    }

    async fn drop_report(&self, key: PullKey) -> Result<(), StoreError> {
        self.over("drop a kept report", async { self.0.world.store.drop_report(key).await }, done).await
    }

    async fn record(&self, review: &Reviewed) -> Result<(), StoreError> {
        self.over("record a review", async { self.0.world.store.record(review).await }, done).await
    }

    async fn reviews(&self, from: Timestamp, now: Timestamp, most: usize) -> Result<Vec<Reviewed>, StoreError> {
        self.over("the history", async { self.0.world.store.reviews(from, now, most).await }, done).await
    }

    async fn spend(&self, name: &str, amount: u64, limit: u64, expires: Timestamp) -> Result<bool, StoreError> {
        let call = async { self.0.world.store.spend(name, amount, limit, expires).await };
        self.over("spend tokens", call, bool::to_string).await
    }

    async fn give_back(&self, name: &str, amount: u64) -> Result<(), StoreError> {
        self.over("give tokens back", async { self.0.world.store.give_back(name, amount).await }, done).await
    }

    async fn lease(&self, name: &str, holder: &str, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        let call = async { self.0.world.store.lease(name, holder, now, until).await };
        self.over("a lease of the fleet", call, bool::to_string).await
    }

    async fn end_lease(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        let call = async { self.0.world.store.end_lease(name, holder).await };
        self.over("end a lease of the fleet", call, done).await
    }

    async fn noted(&self, name: &str, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        let call = async { self.0.world.store.noted(name, now).await };
        self.over("a note", call, |answer| found(answer.is_some())).await
    }

    async fn note(&self, name: &str, value: Vec<u8>, expires: Timestamp) -> Result<(), StoreError> {
        let call = async { self.0.world.store.note(name, value, expires).await };
        self.over("keep a note", call, done).await
    }

    async fn purge(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.over("purge", async { self.0.world.store.purge(now).await }, done).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.over("check the store", async { self.0.world.store.check().await }, done).await
    }
}
