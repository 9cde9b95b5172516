//! The ledger: what was decided, on what, and by whom; kept for 90 days.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
pub use berth_core::explain::Entry;
use berth_core::tenant::TenantId;

use super::update::Item;
use super::{number, text};
use crate::error::CallError;
use crate::settings::{SettingsError, Variables};

/// The ledger's rows of the table `Fleet`: `kind = ledger#<subject>`, `id` = the moment and a name.
#[derive(Clone, Debug)]
pub struct Ledger {
    client: Client,
    table: String,
}

/// A page of decisions.
#[derive(Clone, Debug, PartialEq)]
pub struct Decisions {
    /// The decisions.
    pub entries: Vec<Entry>,
    /// The key of the last one, if there may be more.
    pub last: Option<String>,
}

/// How long a decision is kept: a quarter, so that a bill can be explained when it comes.
const KEPT: Duration = Duration::from_hours(2160);

impl Ledger {
    /// The ledger in the table that the variables name.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        let table = variables.required("BERTH_FLEET_TABLE")?.to_owned();
        Ok(Self {
            client: Client::new(config),
            table,
        })
    }

    /// Writes a decision about a tenant. The same decision at the same moment is one entry, however often it is told.
    pub async fn record(&self, tenant: &TenantId, entry: &Entry) -> Result<(), CallError> {
        self.record_about(&format!("ledger#{tenant}"), entry).await
    }

    /// Writes a decision about the whole fleet.
    pub async fn record_fleet(&self, entry: &Entry) -> Result<(), CallError> {
        self.record_about("ledger", entry).await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one creating Put of the ledger, conditional on absence"
    )]
    async fn record_about(&self, kind: &str, entry: &Entry) -> Result<(), CallError> {
        const ACTION: &str = "dynamodb:PutItem";
        let at_ms = entry.at.as_millisecond();
        let expires = at_ms / 1000 + i64::try_from(KEPT.as_secs()).unwrap_or(i64::MAX);
        let on = serde_dynamo::to_attribute_value(&entry.on)
            .map_err(|error| CallError::incomplete(ACTION, &error.to_string()))?;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("kind", text(kind))
            .item("id", text(format!("{at_ms:015}#{}", entry.decision)))
            .item("at", text(entry.at))
            .item("decision", text(&entry.decision))
            .item("on", on)
            .item("expiresAt", number(expires))
            .condition_expression("attribute_not_exists(kind)");
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(
                    aws_sdk_dynamodb::operation::put_item::PutItemError::is_conditional_check_failed_exception,
                ) =>
            {
                Ok(())
            }
            Err(error) => Err(CallError::of(ACTION, error)),
        }
    }

    /// The newest decisions about a tenant, newest first, from before this one on.
    pub async fn newest(&self, tenant: &TenantId, limit: i32, before: Option<&str>) -> Result<Decisions, CallError> {
        const ACTION: &str = "dynamodb:Query";
        let kind = text(format!("ledger#{tenant}"));
        let start = before.map(|id| Item::from([("kind".to_owned(), kind.clone()), ("id".to_owned(), text(id))]));
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("kind = :kind")
            .expression_attribute_values(":kind", kind)
            .scan_index_forward(false)
            .limit(limit)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| CallError::of(ACTION, error))?;
        let last = output.last_evaluated_key.as_ref().and_then(|key| key.get("id"));
        let last = last.and_then(|id| id.as_s().ok()).cloned();
        let rows = output.items.unwrap_or_default().into_iter();
        let entries = rows.filter_map(|row| serde_dynamo::from_item(row).ok()).collect();
        Ok(Decisions { entries, last })
    }
}
