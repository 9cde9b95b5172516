//! Whole tables, for a rollout: all of it consistently, or an error.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use berth_core::rollout::Activity;
use berth_core::tenant::{Tenant, TenantId};
use jiff::Timestamp;

use super::activity::ActivityTable;
use super::tenants::Tenants;
use super::text;
use super::update::Item;
use crate::error::CallError;

impl Tenants {
    /// Everyone who is not deleted and not merely asleep: who runs, is to run, or crashed until it was stopped.
    ///
    /// Consistently, because a move that was made a second ago and not seen would be made up for by one too many; a
    /// row that cannot be read is an error, because nothing is decided on half a fleet.
    pub async fn awake(&self) -> Result<Vec<Tenant>, CallError> {
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .filter_expression("intent = :running OR intentReason = :looped")
            .expression_attribute_values(":running", text("running"))
            .expression_attribute_values(":looped", text("crash-loop"));
        let mut tenants = Vec::new();
        each(scan, |row| {
            tenants.push(super::tenants::row(row)?);
            Ok(())
        })
        .await?;
        Ok(tenants)
    }

    /// Every revision that a tenant's service, task or last good definition is, whatever the tenant is meant to become.
    ///
    /// Consistently and whole, because what is missing here is deregistered.
    pub async fn definitions_in_use(&self) -> Result<HashSet<String>, CallError> {
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .projection_expression(
                "applied.definitionArn, lastGood.definitionArn, ahead.definitionArn, observed.definitionArn",
            );
        let mut used = HashSet::new();
        each(scan, |row| {
            used.extend(
                ["applied", "lastGood", "ahead", "observed"]
                    .into_iter()
                    .filter_map(|part| {
                        let part = row.get(part)?.as_m().ok()?;
                        part.get("definitionArn")?.as_s().ok().cloned()
                    }),
            );
            Ok(())
        })
        .await?;
        Ok(used)
    }

    /// Everyone of whom there is something to keep: all but the deleted.
    pub async fn kept(&self) -> Result<Vec<Tenant>, CallError> {
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .filter_expression("intent <> :deleted")
            .expression_attribute_values(":deleted", text("deleted"));
        let mut tenants = Vec::new();
        each(scan, |row| {
            tenants.push(super::tenants::row(row)?);
            Ok(())
        })
        .await?;
        Ok(tenants)
    }
}

impl ActivityTable {
    /// When everyone worked last, and until when they are busy. A moment that is not one is left out here; the sweep
    /// repairs it.
    pub async fn everyone(&self) -> Result<HashMap<TenantId, Activity>, CallError> {
        let scan = self.client.scan().table_name(&self.table);
        let mut everyone = HashMap::new();
        each(scan, |row| {
            let id = row.get("tenantId").and_then(|id| id.as_s().ok()?.parse().ok());
            everyone.extend(id.map(|id| (id, activity(&row))));
            Ok(())
        })
        .await?;
        Ok(everyone)
    }
}

/// Takes each row of a scan; the first trouble ends it, for half of a table is not the table.
async fn each(scan: ScanFluentBuilder, mut take: impl FnMut(Item) -> Result<(), CallError>) -> Result<(), CallError> {
    const ACTION: &str = "dynamodb:Scan";
    let mut rows = scan.into_paginator().items().send();
    while let Some(row) = rows.next().await {
        take(row.map_err(|error| CallError::of(ACTION, error))?)?;
    }
    Ok(())
}

fn activity(row: &Item) -> Activity {
    let moment = |name: &str| -> Option<Timestamp> {
        let AttributeValue::N(millis) = row.get(name)? else {
            return None;
        };
        Timestamp::from_millisecond(millis.parse().ok()?).ok()
    };
    Activity {
        last: moment("lastActivity"),
        busy_until: moment("holdUntil").max(moment("notBefore")),
    }
}
