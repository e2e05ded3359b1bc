//! What every store must do, as a suite that each engine passes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a contract fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{PullKey, PullNumber, RepoId, RepoName};

use super::history::{Counts, Reviewed};
use super::{Appended, ResultKey, SessionId, Store};
use crate::claim::{Exit, Row, Transition, Verdict};
use crate::report::{Freshness, Ledger};
use crate::subject::Target;

/// A key for tests.
pub fn key(n: u64) -> PullKey {
    PullKey { repo_id: RepoId(n), pull: PullNumber::try_from(n).unwrap_or_else(|e| panic!("{e}")) }
}

/// A claim at `now` seconds, for 60 s.
pub fn claim(holder: &str, now: i64) -> Transition {
    Transition::Claim {
        holder: holder.into(),
        now: Timestamp::from_seconds(now),
        lease: Duration::from_mins(1),
        first_receive: true,
    }
}

/// Runs the suite, with a fresh store for each part.
pub async fn run_all<S: Store + 'static>(fresh: impl Fn() -> Arc<S>) {
    rows_change_by_transition_only(&*fresh()).await;
    of_many_claims_at_once_one_wins(fresh()).await;
    results_expire_at_their_instant(&*fresh()).await;
    events_are_appended_once_in_order(&*fresh()).await;
    kept_reports_are_replaced_and_dropped(&*fresh()).await;
    a_purge_takes_only_what_is_over(&*fresh()).await;
    oversized_values_are_refused(&*fresh()).await;
    the_history_is_by_time_and_ends_after_90_days(&*fresh()).await;
    a_budget_is_never_overspent(fresh()).await;
    a_lease_is_one_holder_s_until_it_is_over(&*fresh()).await;
    of_many_that_want_a_lease_at_once_one_has_it(fresh()).await;
    a_note_is_replaced_and_ends_at_its_instant(&*fresh()).await;
}

async fn a_lease_is_one_holder_s_until_it_is_over(store: &dyn Store) {
    let at = Timestamp::from_seconds;
    assert!(store.lease("l", "a", at(0), at(10)).await.unwrap());
    assert!(!store.lease("l", "b", at(9), at(19)).await.unwrap(), "it is another's");
    assert!(store.lease("other", "b", at(9), at(19)).await.unwrap(), "another lease is another");
    assert!(store.lease("l", "a", at(9), at(20)).await.unwrap(), "the holder makes it last");
    assert!(!store.lease("l", "b", at(19), at(29)).await.unwrap());
    assert!(store.lease("l", "b", at(20), at(30)).await.unwrap(), "it is over at its end");
    assert!(!store.lease("l", "a", at(21), at(31)).await.unwrap(), "who was late has lost it");
    store.end_lease("l", "a").await.unwrap();
    assert!(!store.lease("l", "a", at(21), at(31)).await.unwrap(), "nobody ends another's");
    store.end_lease("l", "b").await.unwrap();
    assert!(store.lease("l", "a", at(21), at(31)).await.unwrap(), "it was let go");
    store.purge(at(31)).await.unwrap();
    assert!(store.lease("l", "c", at(31), at(41)).await.unwrap());
    store.end_lease("nothing", "c").await.unwrap();
}

async fn of_many_that_want_a_lease_at_once_one_has_it<S: Store + 'static>(store: Arc<S>) {
    let at = Timestamp::from_seconds;
    let wanting: Vec<_> = (0..16)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.lease("l", &n.to_string(), at(0), at(10)).await.unwrap() })
        })
        .collect();
    let mut holders = 0;
    for wants in wanting {
        holders += u32::from(wants.await.unwrap());
    }
    assert_eq!(holders, 1);
}

async fn a_note_is_replaced_and_ends_at_its_instant(store: &dyn Store) {
    let at = Timestamp::from_seconds;
    assert_eq!(store.noted("n", at(0)).await.unwrap(), None);
    store.note("n", vec![1], at(10)).await.unwrap();
    store.note("n", vec![2], at(20)).await.unwrap();
    store.note("m", vec![3; 700_000], at(20)).await.unwrap();
    assert_eq!(store.noted("n", at(19)).await.unwrap(), Some(vec![2]));
    assert_eq!(store.noted("m", at(19)).await.unwrap(), Some(vec![3; 700_000]));
    assert_eq!(store.noted("n", at(20)).await.unwrap(), None);
    store.purge(at(15)).await.unwrap();
    assert_eq!(store.noted("n", at(19)).await.unwrap(), Some(vec![2]));
    assert!(store.note("large", vec![0; super::MAX_VALUE + 1], at(10)).await.is_err());
}

/// A review of pull request `n`, posted at `at`.
pub fn reviewed(n: u64, epoch: u64, at: Timestamp) -> Reviewed {
    Reviewed {
        at,
        epoch,
        target: Target {
            repository: "acme/shop".parse().unwrap_or_else(|e| panic!("{e}")),
            repository_id: RepoId(n),
            pull_request: key(n).pull,
            head_sha: "a".repeat(40).parse().unwrap_or_else(|e| panic!("{e}")),
            merge_base_sha: "b".repeat(40).parse().unwrap_or_else(|e| panic!("{e}")),
        },
        incomplete: false,
        findings: Counts { high: 1, ..Counts::default() },
        files_analyzed: 2,
        files_changed: 3,
        measured_co2e_grams: None,
        seconds_from_webhook: 1.5,
        ledger: Ledger {
            seconds: 1.0,
            analyser_cpu_seconds: 0.5,
            co2e_grams: serde_json::from_str("0.001").ok(),
            input_tokens: 10,
            cached_tokens: 0,
            output_tokens: 1,
            dollars: Some(0.01),
            model_energy: None,
            freshness: Freshness::Fresh,
        },
    }
}

async fn the_history_is_by_time_and_ends_after_90_days(store: &dyn Store) {
    let hours = |n: u64| Timestamp::from_seconds(1_700_000_000) + Duration::from_hours(n);
    for (n, epoch, at) in [(1, 1, 0), (2, 1, 30), (1, 2, 60)] {
        store.record(&reviewed(n, epoch, hours(at))).await.unwrap();
    }
    // The same one again: it stands once, as it was last.
    store.record(&reviewed(2, 1, hours(50))).await.unwrap();
    let all = store.reviews(hours(0), hours(61), 10).await.unwrap();
    assert_eq!(all, [reviewed(1, 2, hours(60)), reviewed(2, 1, hours(50)), reviewed(1, 1, hours(0))]);
    assert_eq!(store.reviews(hours(0), hours(61), 2).await.unwrap(), all[..2]);
    assert_eq!(store.reviews(hours(50), hours(61), 10).await.unwrap(), all[..2]);
    assert_eq!(store.reviews(hours(61), hours(61), 10).await.unwrap(), []);
    let days = |n: u64| hours(24 * n);
    let before = |at: Timestamp| Timestamp(at.0 - 1);
    assert_eq!(store.reviews(Timestamp(0), before(days(90)), 10).await.unwrap(), all);
    assert_eq!(store.reviews(Timestamp(0), days(90), 10).await.unwrap(), all[..2]);
    store.purge(days(90)).await.unwrap();
    assert_eq!(store.reviews(Timestamp(0), days(90), 10).await.unwrap(), all[..2]);
}

async fn a_budget_is_never_overspent<S: Store + 'static>(store: Arc<S>) {
    let at = Timestamp::from_seconds(1_700_000_000);
    let spenders: Vec<_> = (0..20)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.spend("day", 3, 10, at).await.unwrap() })
        })
        .collect();
    let mut spent = 0;
    for spender in spenders {
        spent += if spender.await.unwrap() { 3 } else { 0 };
    }
    assert_eq!(spent, 9);
    assert!(store.spend("day", 1, 10, at).await.unwrap(), "up to the limit");
    assert!(!store.spend("day", 1, 10, at).await.unwrap(), "one past it");
    assert!(!store.spend("other", 11, 10, at).await.unwrap(), "never as much at once");
    assert!(store.spend("other", 10, 10, at).await.unwrap());
    // What was not used is there again, and never more than was spent.
    store.give_back("other", 4).await.unwrap();
    assert!(!store.spend("other", 5, 10, at).await.unwrap());
    assert!(store.spend("other", 4, 10, at).await.unwrap());
    store.give_back("nothing", 4).await.unwrap();
    store.give_back("day", 1000).await.unwrap();
    assert!(!store.spend("day", 11, 10, at).await.unwrap());
    let most = 1 << 40;
    assert!(store.spend("large", most, most, at).await.unwrap() && !store.spend("large", 1, most, at).await.unwrap());
}

async fn rows_change_by_transition_only(store: &dyn Store) {
    assert_eq!(store.row(key(1)).await.unwrap(), Row::default());
    let Verdict::Mine(row) = store.transition(key(1), &claim("a", 0)).await.unwrap() else { panic!("not mine") };
    assert_eq!(store.row(key(1)).await.unwrap(), *row);
    assert_eq!(store.row(key(2)).await.unwrap(), Row::default());
    let hidden = store.transition(key(1), &claim("b", 1)).await.unwrap();
    assert_eq!(hidden, Verdict::Hide { until: Timestamp::from_seconds(60) });
    assert_eq!(store.row(key(1)).await.unwrap().wanted, 1);
    let late = Transition::Release { epoch: 9, exit: Exit::Free };
    assert_eq!(store.transition(key(1), &late).await.unwrap(), Verdict::Late);
    let release = Transition::Release { epoch: 1, exit: Exit::Free };
    assert!(matches!(store.transition(key(1), &release).await.unwrap(), Verdict::Mine(_)));
    assert_eq!(store.row(key(1)).await.unwrap().holder, None);
}

async fn of_many_claims_at_once_one_wins<S: Store + 'static>(store: Arc<S>) {
    let claims: Vec<_> = (0..16)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.transition(key(1), &claim(&n.to_string(), 0)).await.unwrap() })
        })
        .collect();
    let mut winners = 0;
    for claim in claims {
        winners += u32::from(matches!(claim.await.unwrap(), Verdict::Mine(_)));
    }
    assert_eq!(winners, 1);
    assert_eq!(store.row(key(1)).await.unwrap().wanted, 15);
}

async fn results_expire_at_their_instant(store: &dyn Store) {
    let name = ResultKey("k".into());
    let at = Timestamp::from_seconds;
    assert_eq!(store.result(&name, at(0)).await.unwrap(), None);
    store.put_result(&name, vec![1, 2, 3], at(10)).await.unwrap();
    assert_eq!(store.result(&name, at(9)).await.unwrap(), Some(vec![1, 2, 3]));
    assert_eq!(store.result(&name, at(10)).await.unwrap(), None);
    store.put_result(&name, vec![4], at(20)).await.unwrap();
    assert_eq!(store.result(&name, at(11)).await.unwrap(), Some(vec![4]));
}

async fn events_are_appended_once_in_order(store: &dyn Store) {
    let (session, other) = (SessionId("s".into()), SessionId("t".into()));
    let at = Timestamp::from_seconds;
    for n in 0..3u8 {
        assert_eq!(store.append(&session, n.into(), vec![n], at(10)).await.unwrap(), Appended::Stored);
    }
    assert_eq!(store.append(&session, 1, vec![9], at(10)).await.unwrap(), Appended::Conflict);
    assert_eq!(store.append(&other, 0, vec![7], at(10)).await.unwrap(), Appended::Stored);
    assert_eq!(store.events(&session, at(0)).await.unwrap(), [[0], [1], [2]]);
    assert_eq!(store.events(&session, at(10)).await.unwrap(), Vec::<Vec<u8>>::new());
    store.append(&session, 3, vec![3], at(99)).await.unwrap();
    assert_eq!(store.events(&session, at(10)).await.unwrap(), Vec::<Vec<u8>>::new(), "it is over as one");
    store.end_session(&session).await.unwrap();
    assert_eq!(store.events(&session, at(0)).await.unwrap(), Vec::<Vec<u8>>::new());
    assert_eq!(store.events(&other, at(0)).await.unwrap(), [[7]]);
}

async fn kept_reports_are_replaced_and_dropped(store: &dyn Store) {
    let at = Timestamp::from_seconds;
    let name: RepoName = "Acme/Shop".parse().unwrap();
    let pull = key(1).pull;
    store.keep_report(key(1), &name, vec![1], at(10)).await.unwrap();
    store.keep_report(key(1), &name, vec![2], at(20)).await.unwrap();
    assert_eq!(store.kept_report(&name, pull, at(15)).await.unwrap(), Some((key(1), vec![2])));
    let lower: RepoName = "acme/shop".parse().unwrap();
    assert!(store.kept_report(&lower, pull, at(15)).await.unwrap().is_some(), "names have no case");
    assert_eq!(store.kept_report(&name, pull, at(20)).await.unwrap(), None);
    assert_eq!(store.kept_report(&name, key(2).pull, at(0)).await.unwrap(), None);
    store.drop_report(key(1)).await.unwrap();
    assert_eq!(store.kept_report(&name, pull, at(0)).await.unwrap(), None);
}

async fn a_purge_takes_only_what_is_over(store: &dyn Store) {
    let at = Timestamp::from_seconds;
    store.put_result(&ResultKey("old".into()), vec![1], at(10)).await.unwrap();
    store.put_result(&ResultKey("new".into()), vec![1], at(99)).await.unwrap();
    store.append(&SessionId("s".into()), 0, vec![1], at(10)).await.unwrap();
    store.keep_report(key(1), &"a/b".parse().unwrap(), vec![1], at(10)).await.unwrap();
    store.transition(key(1), &claim("a", 0)).await.unwrap();
    let purged = store.purge(at(50)).await.unwrap();
    assert_eq!(store.result(&ResultKey("new".into()), at(50)).await.unwrap(), Some(vec![1]));
    // An engine whose service deletes in its own time purges nothing.
    if purged > 0 {
        assert_eq!(store.result(&ResultKey("old".into()), at(0)).await.unwrap(), None);
    }
    assert_eq!(store.row(key(1)).await.unwrap().epoch, 1, "rows don't expire");
}

async fn oversized_values_are_refused(store: &dyn Store) {
    let at = Timestamp::from_seconds;
    let name = ResultKey("large".into());
    assert!(store.put_result(&name, vec![0; super::MAX_VALUE + 1], at(10)).await.is_err());
    assert!(store.put_result(&name, vec![0; super::MAX_VALUE], at(10)).await.is_ok());
    assert_eq!(store.result(&name, at(0)).await.unwrap().map(|v| v.len()), Some(super::MAX_VALUE));
}
