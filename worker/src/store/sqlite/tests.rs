use std::sync::Arc;

use super::*;
use crate::store::contract;

mod retention;
mod versions;

#[tokio::test]
async fn the_contract_holds_in_memory() {
    contract::run_all(|| Arc::new(SqliteStore::in_memory().unwrap())).await;
}

#[tokio::test]
async fn the_contract_holds_in_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let number = std::sync::atomic::AtomicU32::new(0);
    contract::run_all(|| {
        let n = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Arc::new(SqliteStore::open(&dir.path().join(format!("{n}.db"))).unwrap())
    })
    .await;
}

#[tokio::test]
async fn rows_outlive_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let key = contract::key(1);
    let store = SqliteStore::open(&path).unwrap();
    store.transition(key, &contract::claim("a", 10)).await.unwrap();
    drop(store);
    assert_eq!(SqliteStore::open(&path).unwrap().row(key).await.unwrap().epoch, 1);
}
