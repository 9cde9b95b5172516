//! What a sweep reads and writes in the `Activity` table.

use aws_sdk_dynamodb::types::AttributeValue;
use berth_core::idle::Claim;
use berth_core::tenant::{Generation, TenantId};
use jiff::Timestamp;

use super::activity::{ActivityTable, key};
use super::number;
use super::update::{Item, Outcome, Update};
use crate::error::CallError;

/// One page of a segment of the table.
#[derive(Debug)]
pub struct Seen {
    /// The rows as they are stored.
    pub rows: Vec<Item>,
    /// Where the next page of the segment starts.
    pub next: Option<Item>,
}

impl ActivityTable {
    /// A page of one of `segments` parts of the table. It may miss the last second's writes: what is decided on it is
    /// claimed by condition, and what it misses is seen a minute later, at half the price of a consistent read.
    pub async fn scan(&self, segment: i32, segments: i32, from: Option<Item>) -> Result<Seen, CallError> {
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .segment(segment)
            .total_segments(segments)
            .set_exclusive_start_key(from);
        let output = scan
            .send()
            .await
            .map_err(|error| CallError::of("dynamodb:Scan", error))?;
        let next = output.last_evaluated_key.filter(|key| !key.is_empty());
        let rows = output.items.unwrap_or_default();
        Ok(Seen { rows, next })
    }

    /// Claims a tenant for a stop: from `now` on it accepts no heartbeats. Refused if anything that the claim was made of
    /// has changed.
    pub async fn claim(&self, id: &TenantId, claim: &Claim, now: Timestamp) -> Result<Outcome<Item>, CallError> {
        let claimed = Update::new()
            .remove("lastActivity")
            .set("claimed", number(claim.epoch))
            .set("claimedAt", number(now.as_millisecond()))
            .when("lastActivity", "=", number(claim.last_activity))
            .when("epoch", "=", number(claim.epoch))
            .when("idleAfter", "=", number(claim.idle_after))
            .when_absent_or("holdUntil", "<=", number(claim.over_by))
            .when_absent_or("notBefore", "<=", number(claim.over_by))
            .send(&self.client, &self.table, key(id))
            .await?;
        Ok(match claimed {
            // A repeated attempt finds the work of the first one, whose answer was lost.
            Outcome::Refused(Some(found)) if is_claimed(&found, claim.epoch) => Outcome::Written(found),
            other => other,
        })
    }

    /// Gives a claim of this epoch back: the tenant accepts heartbeats again, as if it had worked `now`, and no sweep puts
    /// it to sleep before `not_before`.
    pub async fn give_back(
        &self,
        id: &TenantId,
        epoch: Generation,
        now: Timestamp,
        not_before: Timestamp,
    ) -> Result<Outcome<Item>, CallError> {
        Update::new()
            .set("lastActivity", number(now.as_millisecond()))
            .set("notBefore", number(not_before.as_millisecond()))
            .remove("claimed")
            .remove("claimedAt")
            .when("claimed", "=", number(epoch))
            .when("epoch", "=", number(epoch))
            .when_absent("lastActivity")
            .send(&self.client, &self.table, key(id))
            .await
    }

    /// Puts a moment, or nothing, in place of a timestamp that cannot be true, if it still is what was `seen`.
    pub async fn repair(
        &self,
        id: &TenantId,
        attribute: &str,
        seen: AttributeValue,
        becomes: Option<Timestamp>,
    ) -> Result<Outcome<Item>, CallError> {
        Update::new()
            .set_or_remove(attribute, becomes.map(|at| number(at.as_millisecond())))
            .when(attribute, "=", seen)
            .send(&self.client, &self.table, key(id))
            .await
    }
}

/// The row is claimed for a stop of this epoch.
fn is_claimed(row: &Item, epoch: Generation) -> bool {
    let is = |name: &str| row.get(name) == Some(&number(epoch));
    !row.contains_key("lastActivity") && is("claimed") && is("epoch")
}
