//! Values of any size in items of 400 KB: what is larger goes into chunks first, and is there when the item that names
//! them is. Chunks are named by a nonce, so that two writers never mix, and end with their time if nobody names them.

use std::time::Duration;

use aws_sdk_dynamodb::types::{DeleteRequest, PutRequest, WriteRequest};
use eco_coder_shared::aws::{Fault, count};
use eco_coder_shared::env::Timestamp;
use tracing::Instrument as _;

use super::DynamoStore;
use super::table::{
    CHUNKS, Item, MAX_INLINE, NONCE, PK, SK, VALUE, bytes, expiring, get_bytes, get_number, get_text, keys, number,
    text,
};
use crate::store::{MAX_VALUE, StoreError};

/// DynamoDB's own limit of a batch.
const MAX_WRITES: usize = 25;
/// How often a batch's unprocessed rest is sent again, with growing pauses.
const TRIES: u32 = 6;

impl DynamoStore {
    /// The item for `value`, whose chunks, if it needs any, are written now.
    pub(super) async fn item(
        &self,
        pk: &str,
        sk: &str,
        value: Vec<u8>,
        expires: Timestamp,
    ) -> Result<Item, StoreError> {
        let mut item = keys(pk, sk);
        expiring(&mut item, expires);
        if value.len() <= MAX_INLINE {
            item.insert(VALUE.to_owned(), bytes(value));
            return Ok(item);
        }
        let nonce = self.env.random_id();
        let mut writes = Vec::new();
        for (n, part) in value.chunks(MAX_INLINE).enumerate() {
            let mut chunk = keys(pk, &chunk_key(&nonce, n));
            expiring(&mut chunk, expires);
            chunk.insert(VALUE.to_owned(), bytes(part.to_vec()));
            let put = PutRequest::builder().set_item(Some(chunk)).build();
            let put = put.map_err(|e| StoreError::Unavailable(e.to_string()))?;
            writes.push(WriteRequest::builder().put_request(put).build());
        }
        item.insert(CHUNKS.to_owned(), number(writes.len()));
        item.insert(NONCE.to_owned(), text(nonce));
        self.write_all(writes).await?;
        Ok(item)
    }

    /// The value of `item`; `None` if its chunks are gone, or not all there: then it was never whole, or is over.
    pub(super) async fn value(&self, what: &'static str, item: &Item) -> Result<Option<Vec<u8>>, StoreError> {
        let corrupt = |cause: &str| StoreError::Corrupt { what, cause: cause.to_owned() };
        if let Some(value) = get_bytes(item, VALUE) {
            return Ok(Some(value));
        }
        let (Some(pk), Some(nonce), Some(chunks)) =
            (get_text(item, PK), get_text(item, NONCE), get_number::<usize>(item, CHUNKS))
        else {
            return Err(corrupt("it has neither a value nor chunks"));
        };
        if chunks > MAX_VALUE.div_ceil(MAX_INLINE) {
            return Err(corrupt("it has more chunks than a value can have"));
        }
        let parts = self.query(pk, &format!("CHUNK#{nonce}#")).await?;
        if parts.len() != chunks {
            return Ok(None);
        }
        let mut value = Vec::new();
        for (n, part) in parts.iter().enumerate() {
            if get_text(part, SK) != Some(&chunk_key(nonce, n)) {
                return Ok(None);
            }
            value.extend(get_bytes(part, VALUE).ok_or_else(|| corrupt("a chunk is empty"))?);
        }
        Ok(Some(value))
    }

    /// All items of a partition, or those whose sort key begins so, in its order. Consistent.
    pub(super) async fn query(&self, pk: &str, prefix: &str) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut from = None;
        loop {
            let asked = count("dynamodb", "Query");
            let call = self.client.query().table_name(&self.table).consistent_read(true);
            let call = call.expression_attribute_values(":pk", text(pk)).set_exclusive_start_key(from);
            let call = if prefix.is_empty() {
                call.key_condition_expression("pk = :pk")
            } else {
                call.key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                    .expression_attribute_values(":prefix", text(prefix))
            };
            let page = call
                .send()
                .instrument(asked)
                .await
                .map_err(|e| StoreError::Unavailable(Fault::new("dynamodb:Query", &e).words))?;
            items.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(items);
            }
        }
    }

    /// Deletes items by their keys.
    pub(super) async fn delete_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        let writes = items
            .into_iter()
            .filter_map(|mut item| {
                let key: Item = [PK, SK].into_iter().filter_map(|name| item.remove_entry(name)).collect();
                let delete = DeleteRequest::builder().set_key(Some(key)).build().ok()?;
                Some(WriteRequest::builder().delete_request(delete).build())
            })
            .collect();
        self.write_all(writes).await
    }

    /// Writes in batches; what DynamoDB leaves unprocessed is sent again.
    async fn write_all(&self, writes: Vec<WriteRequest>) -> Result<(), StoreError> {
        let mut left = writes;
        let mut tries = 0;
        while !left.is_empty() {
            let rest = left.split_off(left.len().min(MAX_WRITES));
            let sent = left.len();
            let asked = count("dynamodb", "BatchWriteItem");
            let answer = self.client.batch_write_item().request_items(&self.table, left).send().instrument(asked).await;
            let answer =
                answer.map_err(|e| StoreError::Unavailable(Fault::new("dynamodb:BatchWriteItem", &e).words))?;
            let unprocessed: Vec<_> = answer.unprocessed_items.unwrap_or_default().into_values().flatten().collect();
            if unprocessed.len() == sent {
                tries += 1;
                if tries == TRIES {
                    let words = "dynamodb:BatchWriteItem: the table takes no more writes now; it is tried again later";
                    return Err(StoreError::Unavailable(words.to_owned()));
                }
                let pause = Duration::from_millis(50) * 2_u32.pow(tries);
                tokio::time::sleep(self.env.between(pause / 2, pause)).await;
            }
            left = unprocessed;
            left.extend(rest);
        }
        Ok(())
    }

    /// One item by its keys. Consistent.
    pub(super) async fn get(&self, pk: &str, sk: &str) -> Result<Option<Item>, StoreError> {
        let asked = count("dynamodb", "GetItem");
        let call = self.client.get_item().table_name(&self.table).consistent_read(true);
        let answer = call.set_key(Some(keys(pk, sk))).send().instrument(asked).await;
        let answer = answer.map_err(|e| StoreError::Unavailable(Fault::new("dynamodb:GetItem", &e).words))?;
        Ok(answer.item)
    }

    /// Puts an item in place of whatever was there, and returns that.
    pub(super) async fn put(&self, item: Item) -> Result<Option<Item>, StoreError> {
        let asked = count("dynamodb", "PutItem");
        let call = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let answer = call.return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld).send().instrument(asked).await;
        let answer = answer.map_err(|e| StoreError::Unavailable(Fault::new("dynamodb:PutItem", &e).words))?;
        Ok(answer.attributes)
    }

    /// Deletes an item, and returns it.
    pub(super) async fn delete(&self, pk: &str, sk: &str) -> Result<Option<Item>, StoreError> {
        let asked = count("dynamodb", "DeleteItem");
        let call = self.client.delete_item().table_name(&self.table).set_key(Some(keys(pk, sk)));
        let answer = call.return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld).send().instrument(asked).await;
        let answer = answer.map_err(|e| StoreError::Unavailable(Fault::new("dynamodb:DeleteItem", &e).words))?;
        Ok(answer.attributes)
    }

    /// Forgets the chunks that a replaced item named.
    pub(super) async fn forget_chunks(&self, replaced: Option<Item>) -> Result<(), StoreError> {
        let Some(item) = replaced else { return Ok(()) };
        let (Some(pk), Some(nonce)) = (get_text(&item, PK), get_text(&item, NONCE)) else { return Ok(()) };
        let chunks: usize = get_number(&item, CHUNKS).unwrap_or(0);
        let keys = (0..chunks.min(MAX_VALUE.div_ceil(MAX_INLINE))).map(|n| keys(pk, &chunk_key(nonce, n)));
        self.delete_all(keys.collect()).await
    }
}

fn chunk_key(nonce: &str, n: usize) -> String {
    format!("CHUNK#{nonce}#{n:04}")
}

/// Is it a write that the condition refused? Then what is there.
pub(super) fn refused<R>(
    error: &aws_sdk_dynamodb::error::SdkError<aws_sdk_dynamodb::operation::put_item::PutItemError, R>,
) -> Option<Item> {
    use aws_sdk_dynamodb::operation::put_item::PutItemError;
    match error.as_service_error()? {
        PutItemError::ConditionalCheckFailedException(e) => Some(e.item().cloned().unwrap_or_default()),
        _ => None,
    }
}
