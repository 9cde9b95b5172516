//! A person's word that the next sweep may stop as many as it finds idle.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use berth_core::idle::Override;
use jiff::Timestamp;

use super::update::{Item, Outcome, Update};
use super::{attribute, number, text};
use crate::error::CallError;
use crate::settings::{SettingsError, Variables};

/// The row `kind = override`, `id = sweep` of the table `Fleet`. There is one at a time.
#[derive(Clone, Debug)]
pub struct SweepOverride {
    client: Client,
    table: String,
}

impl SweepOverride {
    /// The row in the table that the variables name.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        let table = variables.required("BERTH_FLEET_TABLE")?.to_owned();
        Ok(Self {
            client: Client::new(config),
            table,
        })
    }

    /// Gives an override, in place of any that was given before.
    pub async fn give(&self, given: &Override) -> Result<(), CallError> {
        let update = Update::new()
            .set("by", text(&given.by))
            .set("reason", text(&given.reason))
            .set("at", attribute(given.at)?)
            .remove("usedAt");
        update.send(&self.client, &self.table, key()).await.map(drop)
    }

    /// Takes an override back that was not used; false if there is none.
    pub async fn take_back(&self) -> Result<bool, CallError> {
        let update = Update::new()
            .remove("by")
            .remove("reason")
            .remove("at")
            .when_exists("at")
            .when_absent("usedAt");
        let taken = update.send(&self.client, &self.table, key()).await?;
        Ok(matches!(taken, Outcome::Written(_)))
    }

    /// The override that was given and not used, if it still holds.
    pub async fn unused(&self, now: Timestamp) -> Result<Option<Override>, CallError> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key()));
        let output = request.consistent_read(true).send().await;
        let row = output.map_err(|error| CallError::of("dynamodb:GetItem", error))?.item;
        let given = row
            .filter(|row| row.contains_key("at") && !row.contains_key("usedAt"))
            .map(serde_dynamo::from_item);
        let given: Option<Override> = given
            .transpose()
            .map_err(|error| CallError::incomplete("read of Fleet", &error.to_string()))?;
        Ok(given.filter(|given| given.holds(now)))
    }

    /// Uses up an override; false if another sweep has, or another override has taken its place.
    pub async fn use_up(&self, given: &Override, now: Timestamp) -> Result<bool, CallError> {
        let used_at = number(now.as_millisecond());
        let update = Update::new()
            .set("usedAt", used_at.clone())
            .when("at", "=", attribute(given.at)?)
            .when_absent("usedAt");
        Ok(match update.send(&self.client, &self.table, key()).await? {
            Outcome::Written(_) => true,
            // A repeated attempt finds the work of the first one, whose answer was lost.
            Outcome::Refused(found) => found.is_some_and(|row| row.get("usedAt") == Some(&used_at)),
        })
    }

    /// Has an override that this sweep used up count for the next one as well, because it was not done. One that has taken
    /// its place since stays as it is.
    pub async fn carry_over(&self, given: &Override, used_at: Timestamp) -> Result<(), CallError> {
        let update = Update::new()
            .remove("usedAt")
            .when("at", "=", attribute(given.at)?)
            .when("usedAt", "=", number(used_at.as_millisecond()));
        update.send(&self.client, &self.table, key()).await.map(drop)
    }
}

fn key() -> Item {
    Item::from([("kind".to_owned(), text("override")), ("id".to_owned(), text("sweep"))])
}
