//! Pull-request rows: a transition is one conditional write, against the version that was read last. Rows that this process
//! wrote itself are remembered, so that a renewal or a release costs no read; that memory is only ever a guess that the
//! condition checks.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use eco_coder_shared::aws::{Fault, count};
use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::PullKey;
use tracing::Instrument as _;

use super::DynamoStore;
use super::table::{Item, expiring, get_number, get_text, keys, number, over, text};
use super::values::refused;
use crate::claim::{self, Row, Transition, Verdict};
use crate::store::{ROW_DAYS, StoreError};

const ROW: &str = "row";
const VERSION: &str = "version";
const TOKEN: &str = "token";

/// Rows remembered at once; then all are forgotten, which costs a read each.
const MAX_REMEMBERED: usize = 4096;
/// Writers that a transition gives way to before it gives up. Each of them has got something done.
const MAX_TRIES: u32 = 64;

/// A row as it was written, and the version that it has.
#[derive(Debug, Clone, Default)]
struct Written {
    row: Row,
    /// From 1; 0: there is none.
    version: u64,
    /// When the item is over.
    over: Timestamp,
}

/// What this process knows of rows.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<HashMap<PullKey, Written>>);

impl Remembered {
    fn get(&self, key: PullKey) -> Option<Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }

    fn put(&self, key: PullKey, written: Written) {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.len() >= MAX_REMEMBERED {
            rows.clear();
        }
        rows.insert(key, written);
    }

    fn forget(&self, key: PullKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }
}

fn pk(key: PullKey) -> String {
    super::pull_pk(key)
}

fn written(item: &Item) -> Result<Written, StoreError> {
    let corrupt = |cause: String| StoreError::Corrupt { what: "row", cause };
    let row = get_text(item, ROW).ok_or_else(|| corrupt("it has no row".to_owned()))?;
    Ok(Written {
        row: serde_json::from_str(row).map_err(|e| corrupt(e.to_string()))?,
        version: get_number(item, VERSION).ok_or_else(|| corrupt("it has no version".to_owned()))?,
        over: over(item),
    })
}

impl DynamoStore {
    async fn read_row(&self, key: PullKey) -> Result<Written, StoreError> {
        self.get(&pk(key), "ROW").await?.as_ref().map_or_else(|| Ok(Written::default()), written)
    }

    pub(super) async fn row_now(&self, key: PullKey) -> Result<Row, StoreError> {
        Ok(self.read_row(key).await?.row)
    }

    /// Performs a transition; writers that come between are given way to.
    pub(super) async fn change_row(&self, key: PullKey, transition: &Transition) -> Result<Verdict, StoreError> {
        let (mut known, mut sure) = match self.rows.get(key) {
            Some(written) => (written, false),
            None => (self.read_row(key).await?, true),
        };
        for _ in 0..MAX_TRIES {
            let (changed, verdict) = claim::apply(&known.row, transition);
            let Some(row) = changed else {
                if sure {
                    return Ok(verdict);
                }
                // A guess that nothing checks is none.
                (known, sure) = (self.read_row(key).await?, true);
                continue;
            };
            let over = match transition {
                // Every round begins with a claim: that is when the row was last of use.
                Transition::Claim { now, .. } => *now + Duration::from_hours(24) * ROW_DAYS,
                _ => known.over,
            };
            let next = Written { row, version: known.version + 1, over };
            match self.write_row(key, known.version, &next).await? {
                Put::Written => {
                    self.rows.put(key, next);
                    return Ok(verdict);
                }
                Put::Other(other) => (known, sure) = (*other, true),
            }
        }
        self.rows.forget(key);
        Err(StoreError::Unavailable("too many workers write the same pull request's row at once".to_owned()))
    }

    /// Writes version `next` if the row still has version `version`.
    async fn write_row(&self, key: PullKey, version: u64, next: &Written) -> Result<Put, StoreError> {
        let token = self.env.random_id();
        let mut item = keys(&pk(key), "ROW");
        let row = serde_json::to_string(&next.row).map_err(|e| StoreError::Unavailable(e.to_string()))?;
        item.insert(ROW.to_owned(), text(row));
        item.insert(VERSION.to_owned(), number(next.version));
        item.insert(TOKEN.to_owned(), text(&token));
        expiring(&mut item, next.over);
        let call = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let call = if version == 0 {
            call.condition_expression("attribute_not_exists(pk)")
        } else {
            call.condition_expression("version = :version").expression_attribute_values(":version", number(version))
        };
        let asked = count("dynamodb", "PutItem");
        let Err(error) = call.send().instrument(asked).await else { return Ok(Put::Written) };
        let Some(there) = refused(&error) else {
            self.rows.forget(key);
            return Err(StoreError::Unavailable(Fault::new("dynamodb:PutItem", &error).words));
        };
        if get_text(&there, TOKEN) == Some(&token) {
            // Ours: the answer to the first try was lost, and the SDK repeated it.
            return Ok(Put::Written);
        }
        // DynamoDB's TTL has taken it meanwhile, or whoever answers doesn't say: read again.
        let other = if there.is_empty() { self.read_row(key).await? } else { written(&there)? };
        Ok(Put::Other(Box::new(other)))
    }
}

enum Put {
    Written,
    /// Another writer came between.
    Other(Box<Written>),
}
