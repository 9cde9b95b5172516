//! The `Activity` table: one small row for each tenant that is meant to run.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use berth_core::idle::{ActivityRow, Case, IdlePolicy, Recorded};
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

/// What a row says from the moment on at which a tenant accepts heartbeats for a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The generation.
    pub generation: Generation,
    /// How long it may be idle; none if it is never stopped for idleness.
    pub idle_after: Option<Duration>,
    /// The moment.
    pub now: Timestamp,
    /// No sweep puts it to sleep before this.
    pub not_before: Timestamp,
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

    /// The row, as a sweep would judge it now; `None` if there is none that can be read.
    pub async fn case(&self, id: &TenantId, policy: IdlePolicy, now: Timestamp) -> Result<Option<Case>, CallError> {
        const ACTION: &str = "dynamodb:GetItem";
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(id)))
            .consistent_read(true);
        let output = request.send().await.map_err(|error| CallError::of(ACTION, error))?;
        let row = output.item.as_ref().and_then(row);
        Ok(row.map(|row| Case { row, policy, now }))
    }

    /// Accepts heartbeats for a generation. A tenant that is already accepting them keeps its clock.
    pub async fn open(&self, id: &TenantId, opening: &Opening) -> Result<Outcome<Item>, CallError> {
        let generation = number(opening.generation);
        Update::new()
            .set("epoch", generation.clone())
            .set_or_remove("idleAfter", opening.idle_after.map(|span| number(span.as_secs())))
            .set("notBefore", number(opening.not_before.as_millisecond()))
            .set_if_absent("lastActivity", number(opening.now.as_millisecond()))
            .remove("claimed")
            .remove("claimedAt")
            .when_absent_or("epoch", "<=", generation)
            .send(&self.client, &self.table, key(id))
            .await
    }

    /// The tenant can be used since `since`: its idle clock starts no earlier, and no sweep puts it to sleep before
    /// `not_before`. A row that accepts no heartbeats, or is of a later generation, is left.
    pub async fn started(
        &self,
        id: &TenantId,
        generation: Generation,
        since: Timestamp,
        not_before: Timestamp,
    ) -> Result<(), CallError> {
        let (since, not_before) = (number(since.as_millisecond()), number(not_before.as_millisecond()));
        let protected = Update::new()
            .set("notBefore", not_before.clone())
            .when("epoch", "<=", number(generation));
        let both = protected
            .clone()
            .set("lastActivity", since.clone())
            .when("lastActivity", "<", since);
        let Outcome::Refused(Some(found)) = both.send(&self.client, &self.table, key(id)).await? else {
            return Ok(());
        };
        // It has worked since: its clock is right, and only the protection of its start is to end.
        if found.contains_key("lastActivity") && found.get("notBefore") != Some(&not_before) {
            let protected = protected.when_exists("lastActivity");
            protected.send(&self.client, &self.table, key(id)).await?;
        }
        Ok(())
    }

    /// No sweep puts the tenant to sleep before this, if it accepts heartbeats; a later protection stays.
    pub async fn protect(&self, id: &TenantId, until: Timestamp) -> Result<Outcome<Item>, CallError> {
        let until = number(until.as_millisecond());
        Update::new()
            .set("notBefore", until.clone())
            .when_exists("lastActivity")
            .when_absent_or("notBefore", "<", until)
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
        claimed_at: recorded(item.get("claimedAt")),
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
