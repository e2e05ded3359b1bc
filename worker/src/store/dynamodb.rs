//! The store of a fleet: one DynamoDB table. Every promise of the trait is one conditional write there; deletion of what
//! is over is DynamoDB's (TTL), and reading never shows it.

mod history;
mod leases;
mod rows;
mod table;
mod values;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use eco_coder_shared::aws::{Fault, count};
use eco_coder_shared::env::{SharedEnv, Timestamp};
use eco_coder_shared::ids::{PullKey, PullNumber, RepoId, RepoName};
use tracing::Instrument as _;

pub use self::table::create;

use self::rows::Remembered;
use self::table::{get_number, get_text, keys, number, over, text};
use self::values::refused;
use super::history::Reviewed;
use super::{Appended, MAX_VALUE, ResultKey, SessionId, Store, StoreError};
use crate::claim::{Row, Transition, Verdict};

/// The DynamoDB engine.
pub struct DynamoStore {
    client: Client,
    table: String,
    env: SharedEnv,
    rows: Remembered,
}

impl DynamoStore {
    /// The store in `table`; asks nothing of AWS yet.
    pub fn new(sdk: &aws_config::SdkConfig, table: String, env: SharedEnv) -> Self {
        Self { client: Client::new(sdk), table, env, rows: Remembered::default() }
    }

    /// What is wrong with the table, in words for an operator; nothing if it is as it should be.
    pub async fn look(&self) -> Result<Vec<String>, StoreError> {
        table::look(&self.client, &self.table).await
    }
}

fn pull_pk(key: PullKey) -> String {
    format!("PULL#{}#{}", key.repo_id, key.pull)
}

fn result_pk(key: &ResultKey) -> String {
    format!("RESULT#{}", key.0)
}

fn session_pk(session: &SessionId) -> String {
    format!("SESSION#{}", session.0)
}

fn kept_pk(name: &str, pull: PullNumber) -> String {
    format!("KEPT#{name}#{pull}")
}

fn note_pk(name: &str) -> String {
    format!("NOTE#{name}")
}

fn bounded(what: &'static str, value: &[u8]) -> Result<(), StoreError> {
    if value.len() > MAX_VALUE { Err(StoreError::TooLarge { what, bytes: value.len() }) } else { Ok(()) }
}

#[async_trait]
impl Store for DynamoStore {
    async fn row(&self, key: PullKey) -> Result<Row, StoreError> {
        self.row_now(key).await
    }

    async fn transition(&self, key: PullKey, transition: &Transition) -> Result<Verdict, StoreError> {
        self.change_row(key, transition).await
    }

    async fn result(&self, key: &ResultKey, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        match self.get(&result_pk(key), "VALUE").await?.filter(|item| over(item) > now) {
            Some(item) => self.value("result", &item).await,
            None => Ok(None),
        }
    }

    async fn put_result(&self, key: &ResultKey, value: Vec<u8>, expires: Timestamp) -> Result<(), StoreError> {
        bounded("result", &value)?;
        let item = self.item(&result_pk(key), "VALUE", value, expires).await?;
        // Chunks that were replaced end with their time: somebody may be reading them.
        self.put(item).await.map(drop)
    }

    async fn append(
        &self,
        session: &SessionId,
        sequence: u32,
        event: Vec<u8>,
        expires: Timestamp,
    ) -> Result<Appended, StoreError> {
        bounded("session event", &event)?;
        let mut item = self.item(&session_pk(session), &format!("EVENT#{sequence:010}"), event, expires).await?;
        let token = self.env.random_id();
        item.insert("token".to_owned(), text(&token));
        let asked = count("dynamodb", "PutItem");
        let call = self.client.put_item().table_name(&self.table).set_item(Some(item.clone()));
        let call = call.condition_expression("attribute_not_exists(pk)").return_values_on_condition_check_failure(
            aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld,
        );
        let Err(error) = call.send().instrument(asked).await else { return Ok(Appended::Stored) };
        match refused(&error) {
            // Ours: the answer to the first try was lost, and the SDK repeated it.
            Some(there) if get_text(&there, "token") == Some(&token) => Ok(Appended::Stored),
            Some(_) => {
                self.forget_chunks(Some(item)).await?;
                Ok(Appended::Conflict)
            }
            None => Err(StoreError::Unavailable(Fault::new("dynamodb:PutItem", &error).words)),
        }
    }

    async fn events(&self, session: &SessionId, now: Timestamp) -> Result<Vec<Vec<u8>>, StoreError> {
        let items = self.query(&session_pk(session), "EVENT#").await?;
        // A session is over as one, with its first event: what is left of it would not replay.
        if items.iter().any(|item| over(item) <= now) {
            return Ok(Vec::new());
        }
        let mut events = Vec::with_capacity(items.len());
        for item in &items {
            let Some(event) = self.value("session event", item).await? else { return Ok(Vec::new()) };
            events.push(event);
        }
        Ok(events)
    }

    async fn end_session(&self, session: &SessionId) -> Result<(), StoreError> {
        let items = self.query(&session_pk(session), "").await?;
        self.delete_all(items).await
    }

    async fn keep_report(
        &self,
        key: PullKey,
        name: &RepoName,
        sealed: Vec<u8>,
        expires: Timestamp,
    ) -> Result<(), StoreError> {
        bounded("report", &sealed)?;
        let name = name.as_str().to_ascii_lowercase();
        let mut report = self.item(&kept_pk(&name, key.pull), "REPORT", sealed, expires).await?;
        report.insert("repo_id".to_owned(), number(key.repo_id));
        let replaced = self.put(report).await?;
        self.forget_chunks(replaced).await?;
        // Where it is, for whoever knows the repository by its number only.
        let mut pointer = keys(&pull_pk(key), "KEPT");
        pointer.insert("name".to_owned(), text(&name));
        table::expiring(&mut pointer, expires);
        let before = self.put(pointer).await?;
        match before.as_ref().and_then(|pointer| get_text(pointer, "name")).filter(|before| *before != name) {
            // Renamed since.
            Some(before) => {
                let old = self.delete(&kept_pk(before, key.pull), "REPORT").await?;
                self.forget_chunks(old).await
            }
            None => Ok(()),
        }
    }

    async fn kept_report(
        &self,
        name: &RepoName,
        pull: PullNumber,
        now: Timestamp,
    ) -> Result<Option<(PullKey, Vec<u8>)>, StoreError> {
        let name = name.as_str().to_ascii_lowercase();
        let Some(item) = self.get(&kept_pk(&name, pull), "REPORT").await?.filter(|item| over(item) > now) else {
            return Ok(None);
        };
        let corrupt = || StoreError::Corrupt { what: "report", cause: "it has no repository".to_owned() };
        let repo_id = RepoId(get_number(&item, "repo_id").ok_or_else(corrupt)?);
        Ok(self.value("report", &item).await?.map(|report| (PullKey { repo_id, pull }, report)))
    }

    async fn drop_report(&self, key: PullKey) -> Result<(), StoreError> {
        let Some(pointer) = self.delete(&pull_pk(key), "KEPT").await? else { return Ok(()) };
        let Some(name) = get_text(&pointer, "name") else { return Ok(()) };
        let report = self.delete(&kept_pk(name, key.pull), "REPORT").await?;
        self.forget_chunks(report).await
    }

    async fn record(&self, review: &Reviewed) -> Result<(), StoreError> {
        self.record_review(review).await
    }

    async fn reviews(&self, from: Timestamp, now: Timestamp, most: usize) -> Result<Vec<Reviewed>, StoreError> {
        self.reviews_since(from, now, most).await
    }

    async fn spend(&self, name: &str, amount: u64, limit: u64, expires: Timestamp) -> Result<bool, StoreError> {
        self.spend_of(name, amount, limit, expires).await
    }

    async fn give_back(&self, name: &str, amount: u64) -> Result<(), StoreError> {
        self.give_back_of(name, amount).await
    }

    async fn lease(&self, name: &str, holder: &str, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        self.take_lease(name, holder, now, until).await
    }

    async fn end_lease(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        self.let_go(name, holder).await
    }

    async fn noted(&self, name: &str, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        match self.get(&note_pk(name), "VALUE").await?.filter(|item| over(item) > now) {
            Some(item) => self.value("note", &item).await,
            None => Ok(None),
        }
    }

    async fn note(&self, name: &str, value: Vec<u8>, expires: Timestamp) -> Result<(), StoreError> {
        bounded("note", &value)?;
        let item = self.item(&note_pk(name), "VALUE", value, expires).await?;
        let replaced = self.put(item).await?;
        self.forget_chunks(replaced).await
    }

    /// DynamoDB does it by itself.
    async fn purge(&self, _: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.delete("CHECK", "CHECK").await.map(drop)
    }
}

#[cfg(test)]
mod tests;
