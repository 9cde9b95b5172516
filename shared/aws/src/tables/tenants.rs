//! The `Tenants` table: what should be, what was made, what was observed.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use berth_core::tenant::{Booked, Tenant, TenantId, Wanted};
use jiff::Timestamp;

use super::update::{Item, Outcome, Update};
use super::{number, text};
use crate::error::CallError;
use crate::settings::{SettingsError, Variables};

/// The table `Tenants`, partition key `tenantId`, with two sparse indexes: `Due` of what is not settled, and `Wake` of who
/// is booked to wake.
#[derive(Clone, Debug)]
pub struct Tenants {
    pub(super) client: Client,
    pub(super) table: String,
}

/// The partition of the indexes `Due` and `Wake` that tenants are in.
const SHARD: &str = "tenant";

/// A tenant that somebody must look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overdue {
    /// Who.
    pub tenant: TenantId,
    /// Since when it is on its way.
    pub since: Timestamp,
    /// What it should be.
    pub wanted: Option<Wanted>,
}

/// A page of rows and where the next one starts.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// The last tenant of the page, if there may be more.
    pub last: Option<TenantId>,
}

impl Tenants {
    /// The table that the variables name.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        let table = variables.required("BERTH_TENANTS_TABLE")?.to_owned();
        Ok(Self {
            client: Client::new(config),
            table,
        })
    }

    /// The tenant's row, read consistently.
    pub async fn get(&self, id: &TenantId) -> Result<Option<Tenant>, CallError> {
        const ACTION: &str = "dynamodb:GetItem";
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(id)))
            .consistent_read(true);
        let output = request.send().await.map_err(|error| CallError::of(ACTION, error))?;
        output.item.map(row).transpose()
    }

    /// Creates the row, unless there is one.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one creating Put of this table, conditional on absence"
    )]
    pub async fn create(&self, tenant: &Tenant) -> Result<Outcome<()>, CallError> {
        const ACTION: &str = "dynamodb:PutItem";
        let mut item: Item =
            serde_dynamo::to_item(tenant).map_err(|error| CallError::incomplete(ACTION, &error.to_string()))?;
        item.retain(|_, value| !matches!(value, AttributeValue::Null(_)));
        if tenant.due_at.is_some() {
            item.insert("dueShard".to_owned(), text(SHARD));
        }
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match put.condition_expression("attribute_not_exists(tenantId)").send().await {
            Ok(_) => Ok(Outcome::Written(())),
            Err(error)
                if error.as_service_error().is_some_and(
                    aws_sdk_dynamodb::operation::put_item::PutItemError::is_conditional_check_failed_exception,
                ) =>
            {
                Ok(Outcome::Refused(Some(())))
            }
            Err(error) => Err(CallError::of(ACTION, error)),
        }
    }

    /// Changes the row of a tenant that exists.
    pub async fn update(&self, id: &TenantId, update: Update) -> Result<Outcome<Tenant>, CallError> {
        update
            .when_exists("tenantId")
            .send(&self.client, &self.table, key(id))
            .await?
            .try_map(row)
    }

    /// A page of at most `limit` tenants, in no particular order.
    pub async fn list(&self, limit: i32, after: Option<&TenantId>) -> Result<Page<Tenant>, CallError> {
        self.scan(Some(limit), after).await
    }

    /// A page of as many tenants as fit into one answer, 1 MB (Scan, "Paginating the results").
    pub async fn page(&self, after: Option<&TenantId>) -> Result<Page<Tenant>, CallError> {
        self.scan(None, after).await
    }

    async fn scan(&self, limit: Option<i32>, after: Option<&TenantId>) -> Result<Page<Tenant>, CallError> {
        const ACTION: &str = "dynamodb:Scan";
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .set_limit(limit)
            .set_exclusive_start_key(after.map(key));
        let output = scan.send().await.map_err(|error| CallError::of(ACTION, error))?;
        let last = output.last_evaluated_key.as_ref().and_then(id_of);
        let rows = output
            .items
            .unwrap_or_default()
            .into_iter()
            .map(row)
            .collect::<Result<_, _>>()?;
        Ok(Page { rows, last })
    }

    /// The tenants that somebody must look at by now, the most overdue first; at most one page.
    pub async fn due(&self, now: Timestamp) -> Result<Vec<Overdue>, CallError> {
        let rows = self.index("Due", "dueShard = :shard AND dueAt <= :now", now).await?;
        Ok(rows.iter().filter_map(overdue).collect())
    }

    /// The tenants that are booked to wake by now, the earliest first; at most one page.
    pub async fn to_wake(&self, now: Timestamp) -> Result<Vec<TenantId>, CallError> {
        let rows = self.index("Wake", "wakeShard = :shard AND wakeAt <= :now", now).await?;
        Ok(rows.iter().filter_map(id_of).collect())
    }

    async fn index(&self, name: &str, condition: &str, now: Timestamp) -> Result<Vec<Item>, CallError> {
        const ACTION: &str = "dynamodb:Query";
        let query = self.client.query().table_name(&self.table).index_name(name);
        let query = query
            .key_condition_expression(condition)
            .expression_attribute_values(":shard", text(SHARD))
            .expression_attribute_values(":now", number(now.as_millisecond()));
        let output = query.send().await.map_err(|error| CallError::of(ACTION, error))?;
        Ok(output.items.unwrap_or_default())
    }

    /// What a tenant should be, and nothing else of its row, which the caller may not be allowed to see.
    pub async fn wanted(&self, id: &TenantId) -> Result<Option<Wanted>, CallError> {
        const ACTION: &str = "dynamodb:GetItem";
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(id)))
            .projection_expression("tenantId, intent")
            .consistent_read(true);
        let output = request.send().await.map_err(|error| CallError::of(ACTION, error))?;
        let Some(row) = output.item else { return Ok(None) };
        let wanted =
            wanted_of(&row).ok_or_else(|| CallError::incomplete("read of Tenants", "a row without an intent"))?;
        Ok(Some(wanted))
    }
}

impl Update {
    /// The tenant is on its way since `since`, and somebody must look at it when it has been for so long, unless it is settled
    /// before.
    #[must_use]
    pub fn on_the_way(self, since: Timestamp, patience: Duration) -> Self {
        let due = since.checked_add(patience).unwrap_or(since);
        self.set("unsettledAt", number(since.as_millisecond())).due_again(due)
    }

    /// Somebody must look at the tenant again then; it is on its way for as long as it was.
    #[must_use]
    pub fn due_again(self, at: Timestamp) -> Self {
        self.set("dueAt", number(at.as_millisecond()))
            .set("dueShard", text(SHARD))
    }

    /// Nobody needs to look at the tenant.
    #[must_use]
    pub fn not_due(self) -> Self {
        self.remove("dueAt").remove("dueShard").remove("unsettledAt")
    }

    /// What is booked for the tenant is this, and nothing else.
    pub fn book(self, booked: &Booked) -> Result<Self, CallError> {
        let until = booked.protected_until.map(super::attribute).transpose()?;
        let wake = booked.wake.as_ref();
        Ok(self
            .set_or_remove("protectedUntil", until)
            .set_or_remove("wakeAt", wake.map(|wake| number(wake.at.as_millisecond())))
            .set_or_remove("wakeShard", wake.map(|_| text(SHARD)))
            .set_or_remove("wakeBy", wake.map(|wake| text(&wake.by)))
            .set_or_remove(
                "wakeProtectFor",
                wake.and_then(|wake| wake.protect_for)
                    .map(|span| number(span.as_secs())),
            ))
    }

    /// Only if what is booked is still what was seen.
    #[must_use]
    pub fn when_booked(self, seen: &Booked) -> Self {
        match &seen.wake {
            Some(wake) => self.when("wakeAt", "=", number(wake.at.as_millisecond())),
            None => self.when_absent("wakeAt"),
        }
    }
}

fn key(id: &TenantId) -> Item {
    Item::from([("tenantId".to_owned(), text(id))])
}

fn id_of(item: &Item) -> Option<TenantId> {
    item.get("tenantId")
        .and_then(|value| value.as_s().ok())
        .and_then(|id| id.parse().ok())
}

fn overdue(item: &Item) -> Option<Overdue> {
    let moment = |name: &str| Timestamp::from_millisecond(item.get(name)?.as_n().ok()?.parse().ok()?).ok();
    Some(Overdue {
        tenant: id_of(item)?,
        since: moment("unsettledAt").or_else(|| moment("dueAt"))?,
        wanted: wanted_of(item),
    })
}

fn wanted_of(item: &Item) -> Option<Wanted> {
    let wanted = item.get("intent")?.as_s().ok()?;
    serde_json::from_value(wanted.as_str().into()).ok()
}

/// A row that cannot be read is left alone: nothing is decided on half a row.
pub(super) fn row(item: Item) -> Result<Tenant, CallError> {
    serde_dynamo::from_item(item).map_err(|error| CallError::incomplete("read of Tenants", &error.to_string()))
}
