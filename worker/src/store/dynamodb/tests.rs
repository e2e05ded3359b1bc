//! The engine against an emulator: the whole contract, and what a table in use can look like.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::error::ErrorMetadata;
use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemOutput;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::types::WriteRequest;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use eco_coder_shared::env::{Env, SystemEnv};
use eco_coder_shared::testing::ministack;

use super::table::{CHUNKS, MAX_INLINE, NONCE, VALUE};
use super::*;
use crate::claim::Exit;
use crate::store::contract::{claim, key, run_all};

async fn store() -> DynamoStore {
    let store = DynamoStore::new(&ministack::sdk().await, SystemEnv.random_id(), Arc::new(SystemEnv));
    create(&store.client, &store.table).await.unwrap();
    store
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_contract() {
    let fresh = || Arc::new(tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(store())));
    run_all(fresh).await;
}

#[tokio::test]
async fn a_table_that_was_made_here_is_right_and_a_missing_one_is_named() {
    let store = store().await;
    assert_eq!(store.look().await.unwrap(), Vec::<String>::new());
    store.check().await.unwrap();
    let nowhere = DynamoStore { table: "nowhere".to_owned(), ..store };
    let error = nowhere.check().await.unwrap_err().to_string();
    assert!(error.contains("dynamodb:DeleteItem") && error.contains("ResourceNotFound"), "{error}");
}

#[tokio::test]
async fn values_at_and_above_an_item_s_limit_come_back_whole_and_by_their_own_writer() {
    let store = store().await;
    let name = ResultKey("k".into());
    for length in [0, MAX_INLINE, MAX_INLINE + 1, 3 * MAX_INLINE] {
        let value: Vec<u8> = (0..=250).cycle().take(length).collect();
        store.put_result(&name, value.clone(), at(10)).await.unwrap();
        assert_eq!(store.result(&name, at(0)).await.unwrap(), Some(value), "{length}");
    }
    let session = SessionId("s".into());
    let large = vec![7; 2 * MAX_INLINE];
    assert_eq!(store.append(&session, 0, large.clone(), at(10)).await.unwrap(), Appended::Stored);
    assert_eq!(store.append(&session, 0, vec![8; 2 * MAX_INLINE], at(10)).await.unwrap(), Appended::Conflict);
    assert_eq!(store.events(&session, at(0)).await.unwrap(), [large]);
    store.end_session(&session).await.unwrap();
    assert_eq!(store.query(&session_pk(&session), "").await.unwrap(), Vec::new());
}

#[tokio::test]
async fn a_value_whose_chunks_are_not_all_there_is_none() {
    let store = store().await;
    let name = ResultKey("k".into());
    store.put_result(&name, vec![1; 3 * MAX_INLINE], at(10)).await.unwrap();
    let chunks = store.query(&result_pk(&name), "CHUNK#").await.unwrap();
    store.delete_all(vec![chunks[1].clone()]).await.unwrap();
    assert_eq!(store.result(&name, at(0)).await.unwrap(), None);
}

#[tokio::test]
async fn an_item_of_another_form_is_corrupt_and_no_panic() {
    let store = store().await;
    let name = ResultKey("k".into());
    let mut item = keys(&result_pk(&name), "VALUE");
    table::expiring(&mut item, at(10));
    store.put(item.clone()).await.unwrap();
    assert!(matches!(store.result(&name, at(0)).await, Err(StoreError::Corrupt { .. })));
    item.insert(CHUNKS.to_owned(), number(u64::MAX));
    item.insert(NONCE.to_owned(), text("n"));
    store.put(item.clone()).await.unwrap();
    assert!(matches!(store.result(&name, at(0)).await, Err(StoreError::Corrupt { .. })));
    item.insert(VALUE.to_owned(), text("no bytes"));
    store.put(item).await.unwrap();
    assert!(matches!(store.result(&name, at(0)).await, Err(StoreError::Corrupt { .. })));
    let mut row = keys(&pull_pk(key(1)), "ROW");
    row.insert("row".to_owned(), text("{"));
    row.insert("version".to_owned(), number(1));
    store.put(row).await.unwrap();
    assert!(matches!(store.row(key(1)).await, Err(StoreError::Corrupt { .. })));
    assert!(matches!(store.transition(key(1), &claim("a", 0)).await, Err(StoreError::Corrupt { .. })));
}

#[tokio::test]
async fn what_one_process_remembers_of_a_row_is_no_more_than_a_guess() {
    let (one, two) = (store().await, DynamoStore::new(&ministack::sdk().await, String::new(), Arc::new(SystemEnv)));
    let two = DynamoStore { table: one.table.clone(), ..two };
    let Verdict::Mine(first) = one.transition(key(1), &claim("a", 0)).await.unwrap() else { panic!("not mine") };
    // The lease is over; the other process takes the row.
    let Verdict::Mine(second) = two.transition(key(1), &claim("b", 61)).await.unwrap() else { panic!("not mine") };
    assert_eq!(second.epoch, first.epoch + 1);
    let release = |row: &Row| Transition::Release { epoch: row.epoch, exit: Exit::Free };
    assert_eq!(one.transition(key(1), &release(&first)).await.unwrap(), Verdict::Late);
    assert!(matches!(two.transition(key(1), &release(&second)).await.unwrap(), Verdict::Mine(_)));
    // And a row that looked busy, but is free again.
    let Verdict::Mine(third) = one.transition(key(1), &claim("c", 62)).await.unwrap() else { panic!("not mine") };
    assert_eq!(third.epoch, second.epoch + 1);
}

fn mocked(rules: &[&Rule]) -> DynamoStore {
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::Sequential, rules);
    DynamoStore { client, table: "t".to_owned(), env: Arc::new(SystemEnv), rows: Remembered::default() }
}

#[tokio::test]
async fn a_role_that_may_not_write_is_told_which_action_it_needs() {
    let denied = mock!(Client::put_item).then_error(|| {
        PutItemError::generic(ErrorMetadata::builder().code("AccessDeniedException").message("no").build())
    });
    let error = mocked(&[&denied]).put_result(&ResultKey("k".into()), vec![1], at(9)).await.unwrap_err().to_string();
    assert!(error.contains("allow dynamodb:PutItem"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_a_batch_leaves_unprocessed_is_sent_again_and_not_for_ever() {
    let left = |writes: Vec<WriteRequest>| BatchWriteItemOutput::builder().unprocessed_items("t", writes).build();
    let write = || {
        let put = aws_sdk_dynamodb::types::PutRequest::builder().set_item(Some(keys("RESULT#k", "CHUNK#n#0001")));
        WriteRequest::builder().put_request(put.build().unwrap()).build()
    };
    let some = mock!(Client::batch_write_item).then_output(move || left(vec![write()]));
    let none = mock!(Client::batch_write_item).then_output(|| BatchWriteItemOutput::builder().build());
    let put = mock!(Client::put_item).then_output(|| PutItemOutput::builder().build());
    let store = mocked(&[&some, &none, &put]);
    store.put_result(&ResultKey("k".into()), vec![1; 2 * MAX_INLINE], at(9)).await.unwrap();
    assert_eq!((some.num_calls(), none.num_calls(), put.num_calls()), (1, 1, 1));

    let stuck = mock!(Client::batch_write_item).then_output(move || left(vec![write(), write()]));
    let never = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&stuck]);
    let store = DynamoStore { client: never, ..store };
    let error = store.put_result(&ResultKey("k".into()), vec![1; 2 * MAX_INLINE], at(9)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

#[test]
fn dynamodb_deletes_no_sooner_than_it_is_over() {
    let mut item = keys("a", "b");
    table::expiring(&mut item, Timestamp(10_001));
    assert_eq!(get_number::<i64>(&item, "expires"), Some(11));
    assert_eq!(over(&item), Timestamp(10_001));
    assert!(Duration::from_secs(11) > Duration::from_millis(10_001));
}
