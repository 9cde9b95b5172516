//! Rows of the `Fleet` table that hold one value as JSON text and change by compare-and-swap on their version.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::update::{Item, Outcome, Update};
use super::{number, text};
use crate::error::CallError;
use crate::settings::{SettingsError, Variables};

/// The table `Fleet`, partition key `kind`, sort key `id`.
#[derive(Clone, Debug)]
pub(super) struct FleetTable {
    client: Client,
    table: String,
}

/// How often a row was written; a row that is not there has version 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version(u64);

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Version {
    /// The version of a row that is not there.
    pub const ABSENT: Self = Self(0);
}

/// A value, and the version that it was read at.
#[derive(Clone, Debug, PartialEq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// The version of its row.
    pub version: Version,
}

/// What became of a compare-and-swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swapped {
    /// It was written; the row has this version now.
    Done(Version),
    /// Somebody else wrote first.
    Raced,
}

impl FleetTable {
    /// The table that the variables name.
    pub(super) fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        let table = variables.required("BERTH_FLEET_TABLE")?.to_owned();
        Ok(Self {
            client: Client::new(config),
            table,
        })
    }

    /// A row, read consistently.
    pub(super) async fn get(&self, kind: &str, id: &str) -> Result<Option<Item>, CallError> {
        const ACTION: &str = "dynamodb:GetItem";
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(kind, id)))
            .consistent_read(true);
        let output = request.send().await.map_err(|error| CallError::of(ACTION, error))?;
        Ok(output.item)
    }

    /// The values of a kind, read consistently.
    pub(super) async fn list<T: DeserializeOwned>(&self, kind: &str) -> Result<Vec<Versioned<T>>, CallError> {
        self.rows(kind).await?.iter().map(versioned).collect()
    }

    /// Every row of a kind, read consistently. Half a list is an error, not a list.
    pub(super) async fn rows(&self, kind: &str) -> Result<Vec<Item>, CallError> {
        const ACTION: &str = "dynamodb:Query";
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("kind = :kind")
            .expression_attribute_values(":kind", text(kind));
        let mut rows = Vec::new();
        let mut pages = query.into_paginator().items().send();
        while let Some(row) = pages.next().await {
            rows.push(row.map_err(|error| CallError::of(ACTION, error))?);
        }
        Ok(rows)
    }

    /// Writes a value over the version that was read; `with` adds the attributes beside it.
    pub(super) async fn swap<T: Serialize>(
        &self,
        (kind, id): (&str, &str),
        value: &T,
        seen: Version,
        with: impl FnOnce(Update) -> Update,
    ) -> Result<Swapped, CallError> {
        let unwritable = |error: serde_json::Error| CallError::incomplete("write of Fleet", &error.to_string());
        let json = text(serde_json::to_string(value).map_err(unwritable)?);
        let next = Version(seen.0 + 1);
        let update = Update::new().set("value", json.clone()).set("version", number(next.0));
        let update = match seen {
            Version::ABSENT => update.when_absent("version"),
            Version(version) => update.when("version", "=", number(version)),
        };
        Ok(match self.update(kind, id, with(update)).await? {
            Outcome::Written(_) => Swapped::Done(next),
            // A repeated attempt finds the work of the first one, whose answer was lost.
            Outcome::Refused(Some(found)) if found.get("value") == Some(&json) && version_of(&found) == next => {
                Swapped::Done(next)
            }
            Outcome::Refused(_) => Swapped::Raced,
        })
    }

    /// Changes a row.
    pub(super) async fn update(&self, kind: &str, id: &str, update: Update) -> Result<Outcome<Item>, CallError> {
        update.send(&self.client, &self.table, key(kind, id)).await
    }

    /// Deletes a row.
    pub(super) async fn delete(&self, kind: &str, id: &str) -> Result<(), CallError> {
        const ACTION: &str = "dynamodb:DeleteItem";
        let request = self.client.delete_item().table_name(&self.table);
        let sent = request.set_key(Some(key(kind, id))).send().await;
        sent.map(drop).map_err(|error| CallError::of(ACTION, error))
    }
}

/// The value of a row with its version.
pub(super) fn versioned<T: DeserializeOwned>(row: &Item) -> Result<Versioned<T>, CallError> {
    let unreadable = |why: &str| CallError::incomplete("read of Fleet", why);
    let json = row.get("value").and_then(|value| value.as_s().ok());
    let json = json.ok_or_else(|| unreadable("a row without a value that is text"))?;
    Ok(Versioned {
        value: serde_json::from_str(json).map_err(|error| unreadable(&error.to_string()))?,
        version: version_of(row),
    })
}

fn version_of(row: &Item) -> Version {
    let version = row.get("version").and_then(|value| value.as_n().ok());
    Version(version.and_then(|version| version.parse().ok()).unwrap_or_default())
}

fn key(kind: &str, id: &str) -> Item {
    Item::from([("kind".to_owned(), text(kind)), ("id".to_owned(), text(id))])
}
