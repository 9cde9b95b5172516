//! The `Activity` table: one small row for each tenant that is meant to run.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use berth_core::api::Activity;
use berth_core::idle::{ActivityRow, IdlePolicy, Recorded, judge};
use berth_core::tenant::{Generation, TenantId};
use jiff::Timestamp;

use super::update::{Item, Outcome, Update};
use super::{number, text};
use crate::error::CallError;
use crate::settings::{SettingsError, Variables};

/// The table `Activity`, partition key `tenantId`. *The presence of `lastActivity` means: heartbeats are accepted.*
#[derive(Clone, Debug)]
pub struct ActivityTable {
    pub(crate) client: Client,
    pub(crate) table: String,
}

impl ActivityTable {
    /// The table that the variables name.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        let table = variables.required("BERTH_ACTIVITY_TABLE")?.to_owned();
        Ok(Self {
            client: Client::new(config),
            table,
        })
    }

    /// What the row says, and what a sweep would decide on it now.
    pub async fn read(
        &self,
        id: &TenantId,
        policy: &IdlePolicy,
        now: Timestamp,
    ) -> Result<Option<Activity>, CallError> {
        const ACTION: &str = "dynamodb:GetItem";
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(id)))
            .consistent_read(true);
        let output = request.send().await.map_err(|error| CallError::of(ACTION, error))?;
        let Some(row) = output.item.as_ref().and_then(row) else {
            return Ok(None);
        };
        let instant = |recorded: &Recorded| match recorded {
            Recorded::Millis(millis) => Timestamp::from_millisecond(*millis).ok(),
            Recorded::Absent | Recorded::Garbage(_) => None,
        };
        Ok(Some(Activity {
            last_activity: instant(&row.last_activity),
            hold_until: instant(&row.hold_until).filter(|until| *until > now),
            verdict: judge(&row, policy, now),
        }))
    }

    /// Accepts heartbeats for this generation. A tenant that is already accepting them keeps its clock; `idle_after` is
    /// `None` for one that is never stopped for idleness.
    pub async fn open(
        &self,
        id: &TenantId,
        generation: Generation,
        idle_after: Option<Duration>,
        now_ms: i64,
    ) -> Result<Outcome<Item>, CallError> {
        Update::new()
            .set("epoch", number(generation))
            .set_or_remove("idleAfter", idle_after.map(|span| number(span.as_secs())))
            .set_if_absent("lastActivity", number(now_ms))
            .when_absent_or("epoch", "<=", number(generation))
            .send(&self.client, &self.table, key(id))
            .await
    }

    /// The tenant can be used from `since_ms` on: its idle clock starts no earlier, and it is protected until
    /// `protected_ms`. A row that accepts no heartbeats, or is of another generation, is left.
    pub async fn started(
        &self,
        id: &TenantId,
        generation: Generation,
        since_ms: i64,
        protected_ms: i64,
    ) -> Result<Outcome<Item>, CallError> {
        Update::new()
            .set("lastActivity", number(since_ms))
            .set("notBefore", number(protected_ms))
            .when("lastActivity", "<", number(since_ms))
            .when("epoch", "<=", number(generation))
            .send(&self.client, &self.table, key(id))
            .await
    }

    /// Accepts no more heartbeats, because the tenant is about to be stopped; a row of a later generation is left.
    pub async fn refuse(&self, id: &TenantId, generation: Generation) -> Result<Outcome<Item>, CallError> {
        Update::new()
            .remove("lastActivity")
            .when("epoch", "<=", number(generation))
            .send(&self.client, &self.table, key(id))
            .await
    }

    /// Removes the row of a tenant that is down; a row of a later generation is left.
    pub async fn close(&self, id: &TenantId, generation: Generation) -> Result<(), CallError> {
        const ACTION: &str = "dynamodb:DeleteItem";
        let sent = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(id)))
            .condition_expression("attribute_not_exists(epoch) OR epoch <= :generation")
            .expression_attribute_values(":generation", number(generation))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(
                    aws_sdk_dynamodb::operation::delete_item::DeleteItemError::is_conditional_check_failed_exception,
                ) =>
            {
                Ok(())
            }
            Err(error) => Err(CallError::of(ACTION, error)),
        }
    }
}

/// A row as the idle decision reads it; `None` for one without a readable tenant, epoch or idle time, which is left
/// alone.
pub(crate) fn row(item: &Item) -> Option<ActivityRow> {
    let whole = |name: &str| item.get(name)?.as_n().ok()?.parse::<u64>().ok();
    Some(ActivityRow {
        tenant: item.get("tenantId")?.as_s().ok()?.parse().ok()?,
        epoch: Generation(whole("epoch")?),
        idle_after: match item.get("idleAfter") {
            None => None,
            Some(_) => Some(Duration::from_secs(whole("idleAfter")?)),
        },
        last_activity: recorded(item.get("lastActivity")),
        hold_until: recorded(item.get("holdUntil")),
        not_before: recorded(item.get("notBefore")),
        claimed: whole("claimed").map(Generation),
    })
}

fn recorded(value: Option<&AttributeValue>) -> Recorded {
    match value {
        None => Recorded::Absent,
        Some(AttributeValue::N(number)) => number
            .parse()
            .map_or_else(|_| Recorded::Garbage(number.clone()), Recorded::Millis),
        Some(other) => Recorded::Garbage(format!("{other:?}")),
    }
}

pub(crate) fn key(id: &TenantId) -> Item {
    Item::from([("tenantId".to_owned(), text(id))])
}
