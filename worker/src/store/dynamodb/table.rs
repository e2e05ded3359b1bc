//! The one table: its keys, its attributes, and how it is made.
//!
//! | `pk` | `sk` | what |
//! |---|---|---|
//! | `PULL#<repository>#<number>` | `ROW` | the pull request's row: `row` (JSON), `version`, `token` of the last write |
//! | | `KEPT` | where its kept report is: `name` |
//! | | `REVIEW#<epoch>` | a review in the history: `review` (JSON), and for the index its `day` and `at` |
//! | `RESULT#<key>` | `VALUE` | a result |
//! | `SESSION#<id>` | `EVENT#<sequence>` | an event |
//! | `KEPT#<owner/name>#<number>` | `REPORT` | a report that could not be posted, with `repo_id` |
//! | `BUDGET#<name>` | `SPENT` | what is spent of a budget: `spent` |
//! | `LEASE#<name>` | `LEASE` | a lease of the whole fleet: `holder` |
//! | `NOTE#<name>` | `VALUE` | what workers noted for each other |
//! | any | `CHUNK#<nonce>#<n>` | a part of a value that is larger than an item can be |
//!
//! A value is in `value`, or in chunks: then `chunks` says how many, and `nonce` which. `expires` is DynamoDB's TTL, in
//! seconds; it deletes days late, so `over` (milliseconds) decides when reading.
//!
//! The index `by_time` has the partition key `day` (`2026-11-24`, UTC) and the sort key `at` (ms since 1970), and all
//! attributes. Only reviews are in it.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TableDescription, TimeToLiveSpecification,
};
use eco_coder_shared::aws::{Fault, count};
use eco_coder_shared::env::Timestamp;

use crate::store::StoreError;

pub(super) const PK: &str = "pk";
pub(super) const SK: &str = "sk";
pub(super) const VALUE: &str = "value";
pub(super) const CHUNKS: &str = "chunks";
pub(super) const NONCE: &str = "nonce";
pub(super) const EXPIRES: &str = "expires";
pub(super) const OVER: &str = "over";
pub(super) const BY_TIME: &str = "by_time";
pub(super) const DAY: &str = "day";
pub(super) const AT: &str = "at";

/// An item is 400 KB at most, its keys and attribute names included.
pub(super) const MAX_INLINE: usize = 350 * 1024;

pub(super) type Item = HashMap<String, AttributeValue>;

/// Makes the table as it has to be: on demand, with TTL. For tests and first steps; a fleet's is made by its template.
pub async fn create(client: &Client, table: &str) -> Result<(), StoreError> {
    let key = |name: &str, kind: KeyType| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    let attribute = |name: &str, kind| AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build();
    let (text, number) = (ScalarAttributeType::S, ScalarAttributeType::N);
    let broken = |e: aws_sdk_dynamodb::error::BuildError| StoreError::Unavailable(e.to_string());
    let by_time = GlobalSecondaryIndex::builder()
        .index_name(BY_TIME)
        .key_schema(key(DAY, KeyType::Hash).map_err(broken)?)
        .key_schema(key(AT, KeyType::Range).map_err(broken)?)
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()
        .map_err(broken)?;
    count("dynamodb", "CreateTable");
    client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute(PK, text.clone()).map_err(broken)?)
        .attribute_definitions(attribute(SK, text.clone()).map_err(broken)?)
        .attribute_definitions(attribute(DAY, text).map_err(broken)?)
        .attribute_definitions(attribute(AT, number).map_err(broken)?)
        .global_secondary_indexes(by_time)
        .key_schema(key(PK, KeyType::Hash).map_err(broken)?)
        .key_schema(key(SK, KeyType::Range).map_err(broken)?)
        .send()
        .await
        .map_err(|e| StoreError::Unavailable(Fault::new("dynamodb:CreateTable", &e).words))?;
    let ttl = TimeToLiveSpecification::builder().attribute_name(EXPIRES).enabled(true).build().map_err(broken)?;
    count("dynamodb", "UpdateTimeToLive");
    client
        .update_time_to_live()
        .table_name(table)
        .time_to_live_specification(ttl)
        .send()
        .await
        .map_err(|e| StoreError::Unavailable(Fault::new("dynamodb:UpdateTimeToLive", &e).words))?;
    Ok(())
}

/// What is wrong with the table, in words for an operator; nothing if it is as it should be.
pub(super) async fn look(client: &Client, table: &str) -> Result<Vec<String>, StoreError> {
    count("dynamodb", "DescribeTable");
    let described = client.describe_table().table_name(table).send().await;
    let described = described.map_err(|e| StoreError::Unavailable(Fault::new("dynamodb:DescribeTable", &e).words))?;
    count("dynamodb", "DescribeTimeToLive");
    let ttl = client.describe_time_to_live().table_name(table).send().await;
    let ttl = ttl.map_err(|e| StoreError::Unavailable(Fault::new("dynamodb:DescribeTimeToLive", &e).words))?;
    let is = |keys: &[KeySchemaElement], name: &str, kind: &KeyType| {
        keys.iter().any(|k| k.attribute_name() == name && k.key_type() == kind)
    };
    let keys = described.table().map(TableDescription::key_schema).unwrap_or_default();
    let indexes = described.table().map(TableDescription::global_secondary_indexes).unwrap_or_default();
    let by_time = indexes.iter().find(|index| index.index_name() == Some(BY_TIME));
    let is_by_time =
        by_time.is_some_and(|i| is(i.key_schema(), DAY, &KeyType::Hash) && is(i.key_schema(), AT, &KeyType::Range));
    let mut wrong = Vec::new();
    if !is_by_time {
        wrong.push(format!(
            "the table {table} has no index {BY_TIME}, so the history can't be read; add it: partition key {DAY} (string), \
             sort key {AT} (number), all attributes"
        ));
    }
    if !is(keys, PK, &KeyType::Hash) || !is(keys, SK, &KeyType::Range) {
        wrong
            .push(format!("the table {table} has other keys than {PK} and {SK}; name one that was made for eco-coder"));
    }
    if ttl.time_to_live_description().and_then(|t| t.attribute_name()) != Some(EXPIRES) {
        wrong.push(format!("the table {table} keeps everything for ever; set its TTL attribute to {EXPIRES}"));
    }
    Ok(wrong)
}

/// The two keys.
pub(super) fn keys(pk: &str, sk: &str) -> Item {
    HashMap::from([(PK.to_owned(), text(pk)), (SK.to_owned(), text(sk))])
}

pub(super) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(super) fn number(number: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(format!("{number}"))
}

pub(super) fn bytes(bytes: Vec<u8>) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

/// Writes when it is over: to the millisecond for us, in seconds (rounded up) for DynamoDB.
pub(super) fn expiring(item: &mut Item, at: Timestamp) {
    item.insert(EXPIRES.to_owned(), number(at.0.div_euclid(1000) + 1));
    item.insert(OVER.to_owned(), number(at.0));
}

pub(super) fn get_text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

pub(super) fn get_number<N: std::str::FromStr>(item: &Item, name: &str) -> Option<N> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

pub(super) fn get_bytes(item: &Item, name: &str) -> Option<Vec<u8>> {
    item.get(name)?.as_b().ok().map(|blob| blob.as_ref().to_vec())
}

/// When it is over, by our own reckoning.
pub(super) fn over(item: &Item) -> Timestamp {
    Timestamp(get_number(item, OVER).unwrap_or(0))
}
