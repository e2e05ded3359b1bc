//! Leases of the whole fleet: each transition is one conditional write, and its end is compared here, since DynamoDB deletes
//! in its own time.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use eco_coder_shared::aws::{Fault, count};
use eco_coder_shared::env::Timestamp;

use super::DynamoStore;
use super::table::{EXPIRES, OVER, keys, number, text};
use crate::store::StoreError;

fn pk(name: &str) -> String {
    format!("LEASE#{name}")
}

impl DynamoStore {
    /// If its answer is lost and the SDK repeats it, the holder has it already: the same is answered.
    pub(super) async fn take_lease(
        &self,
        name: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        count("dynamodb", "UpdateItem");
        let call = self.client.update_item().table_name(&self.table);
        let answer = call
            .set_key(Some(keys(&pk(name), "LEASE")))
            .update_expression("SET holder = :holder, #expires = :expires, #over = :over")
            .condition_expression("attribute_not_exists(pk) OR holder = :holder OR #over <= :now")
            .expression_attribute_names("#expires", EXPIRES)
            .expression_attribute_names("#over", OVER)
            .expression_attribute_values(":holder", text(holder))
            .expression_attribute_values(":expires", number(until.0.div_euclid(1000) + 1))
            .expression_attribute_values(":over", number(until.0))
            .expression_attribute_values(":now", number(now.0))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(e) if matches!(e.as_service_error(), Some(UpdateItemError::ConditionalCheckFailedException(_))) => {
                Ok(false)
            }
            Err(e) => Err(StoreError::Unavailable(Fault::new("dynamodb:UpdateItem", &e).words)),
        }
    }

    pub(super) async fn let_go(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        count("dynamodb", "DeleteItem");
        let call = self.client.delete_item().table_name(&self.table);
        let answer = call
            .set_key(Some(keys(&pk(name), "LEASE")))
            .condition_expression("holder = :holder")
            .expression_attribute_values(":holder", text(holder))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(e) if matches!(e.as_service_error(), Some(DeleteItemError::ConditionalCheckFailedException(_))) => {
                Ok(())
            }
            Err(e) => Err(StoreError::Unavailable(Fault::new("dynamodb:DeleteItem", &e).words)),
        }
    }
}
