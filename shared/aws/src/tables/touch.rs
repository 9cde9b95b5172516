//! What callers write into the `Activity` table: heartbeats and holds.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use berth_core::tenant::TenantId;
use jiff::Timestamp;

use super::activity::{ActivityTable, key};
use super::number;
use super::update::{Item, Outcome, Update};
use crate::error::CallError;

/// What became of a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// It was written.
    Written,
    /// The row has one that is fresh enough; perhaps this very one, if the first answer was lost.
    Fresh,
    /// The row accepts no heartbeats.
    NotServing,
    /// There is no row.
    Absent,
}

impl ActivityTable {
    /// Writes a heartbeat of `now` over one from before `stale`. One call, one attribute, and never a new row.
    ///
    /// Not an [`Update`]: that asks for the row that it wrote, which the role of the only caller must not see.
    pub async fn touch(&self, id: &TenantId, now: Timestamp, stale: Timestamp) -> Result<Touched, CallError> {
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(id)))
            .update_expression("SET lastActivity = :now")
            .condition_expression("attribute_exists(lastActivity) AND lastActivity < :stale")
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":stale", number(stale.as_millisecond()))
            .return_values(ReturnValue::None)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Touched::Written),
            Err(SdkError::ServiceError(context)) if context.err().is_conditional_check_failed_exception() => {
                let UpdateItemError::ConditionalCheckFailedException(failed) = context.into_err() else {
                    return Ok(Touched::Absent);
                };
                Ok(match failed.item.filter(|item| !item.is_empty()) {
                    Some(row) if row.contains_key("lastActivity") => Touched::Fresh,
                    Some(_) => Touched::NotServing,
                    None => Touched::Absent,
                })
            }
            Err(error) => Err(CallError::of("dynamodb:UpdateItem", error)),
        }
    }

    /// Holds a tenant that accepts heartbeats until then, in place of any hold that it has.
    pub async fn hold(&self, id: &TenantId, until: Timestamp) -> Result<Outcome<Item>, CallError> {
        Update::new()
            .set("holdUntil", number(until.as_millisecond()))
            .when_exists("lastActivity")
            .send(&self.client, &self.table, key(id))
            .await
    }

    /// Ends the hold of a tenant, if it has one.
    pub async fn release(&self, id: &TenantId) -> Result<Outcome<Item>, CallError> {
        Update::new()
            .remove("holdUntil")
            .when_exists("tenantId")
            .send(&self.client, &self.table, key(id))
            .await
    }
}
