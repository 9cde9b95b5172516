//! The definition registry: which revision a fingerprint was registered as.
//!
//! `RegisterTaskDefinition` has no idempotency token and a budget of one call per second, so whoever wants to register
//! claims the fingerprint's row first. A claim that was never answered runs out; its successor finds a revision that was
//! registered without being recorded by the tag `berth:fingerprint`.
//!
//! Rows live in the `Fleet` table. Definitions that several tenants may share are `kind = definition`; one that names a
//! tenant's access point is `kind = definition#<tenant>`, so that what belongs to a tenant alone is one Query.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use berth_core::definition::{Fingerprint, Revision};
use berth_core::tenant::{Generation, TenantId};
use jiff::Timestamp;

use super::update::{Item, Outcome, Update};
use super::{number, text};
use crate::error::CallError;
use crate::settings::{SettingsError, Variables};

/// The registry's rows of the table `Fleet`.
#[derive(Clone, Debug)]
pub struct DefinitionRegistry {
    client: Client,
    table: String,
}

/// Who a definition is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Any tenant whose rendering is equal.
    Anyone,
    /// This incarnation of a tenant: the definition names its access point.
    Tenant(TenantId, Generation),
}

/// What the registry answers to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is registered as this revision.
    Registered(String),
    /// It is the caller's to register. `Again` if an earlier claim ran out, so that a revision may exist unrecorded.
    Granted(Attempt),
    /// Somebody else is registering it.
    Held,
}

/// Whether somebody has tried before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Nobody has.
    First,
    /// Somebody has, and did not record what came of it.
    Again,
}

/// What the registry knows of a definition for one incarnation of a tenant alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Own {
    /// It is registered.
    Registered(Revision),
    /// It was claimed, and it is not known what came of it.
    Claimed {
        /// The family that was to be registered into.
        family: String,
        /// What was to be registered.
        fingerprint: Fingerprint,
    },
}

/// How long a claim holds: longer than an invocation of reconcile may run, so that it never runs out under its owner.
const CLAIM: Duration = Duration::from_mins(1);

impl DefinitionRegistry {
    /// The registry in the table that the variables name.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        let table = variables.required("BERTH_FLEET_TABLE")?.to_owned();
        Ok(Self {
            client: Client::new(config),
            table,
        })
    }

    /// The revision of a fingerprint, if it is registered; a claim under way is not shown.
    pub async fn find(&self, owner: &Owner, fingerprint: &Fingerprint) -> Result<Option<String>, CallError> {
        const ACTION: &str = "dynamodb:GetItem";
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(owner, fingerprint)));
        let output = request
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| CallError::of(ACTION, error))?;
        Ok(output.item.as_ref().and_then(arn_of))
    }

    /// Claims the right to register a fingerprint into a family.
    pub async fn claim(
        &self,
        owner: &Owner,
        fingerprint: &Fingerprint,
        family: &str,
        now: Timestamp,
    ) -> Result<Claim, CallError> {
        let now_ms = now.as_millisecond();
        let until = now_ms.saturating_add(i64::try_from(CLAIM.as_millis()).unwrap_or(i64::MAX));
        let mut update = Update::new()
            .set("claimedUntil", number(until))
            .set("family", text(family))
            .append("claims", number(now_ms));
        if let Owner::Tenant(_, incarnation) = owner {
            update = update.set("incarnation", number(incarnation));
        }
        let update = update
            .when_absent("arn")
            .when_absent_or("claimedUntil", "<=", number(now_ms));
        Ok(
            match update.send(&self.client, &self.table, key(owner, fingerprint)).await? {
                Outcome::Written(row) => {
                    let claims = row
                        .get("claims")
                        .and_then(|value| value.as_l().ok())
                        .map_or(1, Vec::len);
                    Claim::Granted(if claims > 1 { Attempt::Again } else { Attempt::First })
                }
                Outcome::Refused(row) => row.as_ref().and_then(arn_of).map_or(Claim::Held, Claim::Registered),
            },
        )
    }

    /// Records the revision that a claimed fingerprint was registered as.
    pub async fn record(&self, owner: &Owner, fingerprint: &Fingerprint, arn: &str) -> Result<(), CallError> {
        let update = Update::new()
            .set("arn", text(arn))
            .remove("claimedUntil")
            .remove("claims");
        update
            .send(&self.client, &self.table, key(owner, fingerprint))
            .await
            .map(drop)
    }

    /// Gives a claim back whose registration was refused.
    pub async fn release(&self, owner: &Owner, fingerprint: &Fingerprint) -> Result<(), CallError> {
        let update = Update::new()
            .remove("claimedUntil")
            .when_exists("claimedUntil")
            .when_absent("arn");
        update
            .send(&self.client, &self.table, key(owner, fingerprint))
            .await
            .map(drop)
    }

    /// Forgets a revision that can no longer be used, so that the fingerprint is registered anew.
    pub async fn forget(&self, owner: &Owner, fingerprint: &Fingerprint, arn: &str) -> Result<(), CallError> {
        let update = Update::new().remove("arn").when("arn", "=", text(arn));
        update
            .send(&self.client, &self.table, key(owner, fingerprint))
            .await
            .map(drop)
    }

    /// What was registered, or perhaps was, for this incarnation of a tenant alone.
    pub async fn own(&self, tenant: &TenantId, incarnation: Generation) -> Result<Vec<Own>, CallError> {
        let rows = self.owned_rows(tenant, incarnation).await?;
        Ok(rows.iter().filter_map(own_of).collect())
    }

    /// Drops a row: its revision is deregistered, or nothing came of its claim.
    pub async fn drop_row(&self, owner: &Owner, fingerprint: &Fingerprint) -> Result<(), CallError> {
        const ACTION: &str = "dynamodb:DeleteItem";
        let request = self.client.delete_item().table_name(&self.table);
        let sent = request.set_key(Some(key(owner, fingerprint))).send().await;
        sent.map(drop).map_err(|error| CallError::of(ACTION, error))
    }

    async fn owned_rows(&self, tenant: &TenantId, incarnation: Generation) -> Result<Vec<Item>, CallError> {
        const ACTION: &str = "dynamodb:Query";
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("kind = :kind")
            .filter_expression("incarnation = :incarnation")
            .expression_attribute_values(":kind", text(format!("definition#{tenant}")))
            .expression_attribute_values(":incarnation", number(incarnation));
        let mut rows = Vec::new();
        let mut pages = query.into_paginator().items().send();
        while let Some(row) = pages.next().await {
            rows.push(row.map_err(|error| CallError::of(ACTION, error))?);
        }
        Ok(rows)
    }
}

fn key(owner: &Owner, fingerprint: &Fingerprint) -> Item {
    let kind = match owner {
        Owner::Anyone => "definition".to_owned(),
        Owner::Tenant(tenant, _) => format!("definition#{tenant}"),
    };
    Item::from([("kind".to_owned(), text(kind)), ("id".to_owned(), text(fingerprint))])
}

fn arn_of(row: &Item) -> Option<String> {
    row.get("arn").and_then(|value| value.as_s().ok()).cloned()
}

fn own_of(row: &Item) -> Option<Own> {
    let word = |name: &str| row.get(name).and_then(|value| value.as_s().ok());
    let fingerprint = word("id")?.parse().ok()?;
    Some(match arn_of(row) {
        Some(arn) => Own::Registered(Revision { fingerprint, arn }),
        None => Own::Claimed {
            family: word("family")?.clone(),
            fingerprint,
        },
    })
}
