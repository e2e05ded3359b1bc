//! The history of reviews, by day; and what is spent of budgets.

use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use eco_coder_shared::aws::{Fault, count};
use eco_coder_shared::env::Timestamp;
use tracing::Instrument as _;

use super::table::{AT, BY_TIME, DAY, EXPIRES, OVER, expiring, get_text, keys, number, over, text};
use super::{DynamoStore, pull_pk};
use crate::store::StoreError;
use crate::store::history::{self, Reviewed};

const REVIEW: &str = "review";

/// `2026-11-24`, UTC.
fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

impl DynamoStore {
    pub(super) async fn record_review(&self, review: &Reviewed) -> Result<(), StoreError> {
        let mut item = keys(&pull_pk(review.key()), &format!("REVIEW#{:020}", review.epoch));
        let json = serde_json::to_string(review).map_err(|e| StoreError::Unavailable(e.to_string()))?;
        item.insert(REVIEW.to_owned(), text(json));
        item.insert(DAY.to_owned(), text(day(review.at)));
        item.insert(AT.to_owned(), number(review.at.0));
        expiring(&mut item, review.expires());
        self.put(item).await.map(drop)
    }

    /// Asks day by day, from the newest: a day is one partition of the index.
    pub(super) async fn reviews_since(
        &self,
        from: Timestamp,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<Reviewed>, StoreError> {
        let from = from.max(history::oldest(now));
        let mut found: Vec<Reviewed> = Vec::new();
        let mut at = now;
        loop {
            self.reviews_of(&day(at), from, now, most, &mut found).await?;
            if found.len() >= most || day(at) <= day(from) {
                return Ok(found);
            }
            at = at - Duration::from_hours(24);
        }
    }

    async fn reviews_of(
        &self,
        day: &str,
        from: Timestamp,
        now: Timestamp,
        most: usize,
        found: &mut Vec<Reviewed>,
    ) -> Result<(), StoreError> {
        let mut start = None;
        while found.len() < most {
            let asked = count("dynamodb", "Query");
            let call = self.client.query().table_name(&self.table).index_name(BY_TIME).scan_index_forward(false);
            let call = call
                .key_condition_expression("#day = :day AND #at >= :from")
                .expression_attribute_names("#day", DAY)
                .expression_attribute_names("#at", AT)
                .expression_attribute_values(":day", text(day))
                .expression_attribute_values(":from", number(from.0));
            let left = i32::try_from(most - found.len()).unwrap_or(i32::MAX);
            let page = call.limit(left).set_exclusive_start_key(start).send().instrument(asked).await;
            let page = page.map_err(|e| StoreError::Unavailable(Fault::new("dynamodb:Query", &e).words))?;
            for item in page.items.unwrap_or_default().iter().filter(|item| over(item) > now) {
                let corrupt = |cause: String| StoreError::Corrupt { what: "review", cause };
                let json = get_text(item, REVIEW).ok_or_else(|| corrupt("it has none".to_owned()))?;
                found.push(serde_json::from_str(json).map_err(|e| corrupt(e.to_string()))?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// One conditional addition. If its answer is lost and the SDK repeats it, the amount counts twice: too careful, never too
    /// generous.
    pub(super) async fn spend_of(
        &self,
        name: &str,
        amount: u64,
        limit: u64,
        expires: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(room) = limit.checked_sub(amount) else { return Ok(false) };
        let asked = count("dynamodb", "UpdateItem");
        let call = self.client.update_item().table_name(&self.table);
        let answer = call
            .set_key(Some(keys(&format!("BUDGET#{name}"), "SPENT")))
            .update_expression("ADD spent :amount SET #expires = :expires, #over = :over")
            .condition_expression("attribute_not_exists(spent) OR spent <= :room")
            .expression_attribute_names("#expires", EXPIRES)
            .expression_attribute_names("#over", OVER)
            .expression_attribute_values(":amount", number(amount))
            .expression_attribute_values(":room", number(room))
            .expression_attribute_values(":expires", number(expires.0.div_euclid(1000) + 1))
            .expression_attribute_values(":over", number(expires.0))
            .send()
            .instrument(asked)
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(e) if matches!(e.as_service_error(), Some(UpdateItemError::ConditionalCheckFailedException(_))) => {
                Ok(false)
            }
            Err(e) => Err(StoreError::Unavailable(Fault::new("dynamodb:UpdateItem", &e).words)),
        }
    }

    /// One subtraction, of what is there. If its answer is lost and the SDK repeats it, the amount is given back twice; it never
    /// falls below zero.
    pub(super) async fn give_back_of(&self, name: &str, amount: u64) -> Result<(), StoreError> {
        let asked = count("dynamodb", "UpdateItem");
        let call = self.client.update_item().table_name(&self.table);
        let answer = call
            .set_key(Some(keys(&format!("BUDGET#{name}"), "SPENT")))
            .update_expression("SET spent = spent - :amount")
            .condition_expression("spent >= :amount")
            .expression_attribute_values(":amount", number(amount))
            .send()
            .instrument(asked)
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(e) if matches!(e.as_service_error(), Some(UpdateItemError::ConditionalCheckFailedException(_))) => {
                Ok(())
            }
            Err(e) => Err(StoreError::Unavailable(Fault::new("dynamodb:UpdateItem", &e).words)),
        }
    }
}
