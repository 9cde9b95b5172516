//! Rollouts, and who is driving one.

use aws_config::SdkConfig;
use berth_core::release::RolloutId;
use berth_core::rollout::{Rollout, Step, Tally};
use jiff::Timestamp;

use super::fleet::{FleetTable, Swapped, Version, versioned};
use super::update::{Item, Update};
use super::{attribute, number};
use crate::error::CallError;
use crate::settings::{SettingsError, Variables};

/// The rows `kind = rollout` of the table `Fleet`.
#[derive(Clone, Debug)]
pub struct Rollouts {
    fleet: FleetTable,
}

/// A rollout as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct RolloutRow {
    /// The rollout.
    pub rollout: Rollout,
    /// The version of its row.
    pub version: Version,
    /// Until when somebody else is making the moves that they decided on. Whoever looked at the fleet meanwhile would see
    /// half of them and decide on too many.
    pub driven_until: Option<Timestamp>,
    /// How many tenants were where before the last step that changed anything.
    pub tally: Tally,
}

const KIND: &str = "rollout";
const DRIVEN_UNTIL: &str = "drivenUntil";
const TALLY: &str = "tally";

impl Rollouts {
    /// The rows in the table that the variables name.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        let fleet = FleetTable::new(config, variables)?;
        Ok(Self { fleet })
    }

    /// A rollout.
    pub async fn get(&self, id: RolloutId) -> Result<Option<RolloutRow>, CallError> {
        let row = self.fleet.get(KIND, &id.to_string()).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Writes a rollout that is being started.
    pub async fn create(&self, rollout: &Rollout) -> Result<Swapped, CallError> {
        self.swap(rollout, Version::ABSENT, |update| update).await
    }

    /// Writes a rollout over the version that was read.
    pub async fn store(&self, rollout: &Rollout, seen: Version) -> Result<Swapped, CallError> {
        self.swap(rollout, seen, |update| update).await
    }

    /// Writes what a step came to over the version that it was decided on, and keeps other drivers off it until then.
    pub async fn claim(&self, step: &Step, seen: Version, until: Timestamp) -> Result<Swapped, CallError> {
        let until = number(until.as_millisecond());
        let tally = attribute(step.tally)?;
        let with = |update: Update| update.set(DRIVEN_UNTIL, until).set(TALLY, tally);
        self.swap(&step.next, seen, with).await
    }

    /// Lets other drivers at it again, if nobody has written it since.
    pub async fn free(&self, id: RolloutId, version: Version) -> Result<(), CallError> {
        let update = Update::new().remove(DRIVEN_UNTIL).when("version", "=", number(version));
        self.fleet.update(KIND, &id.to_string(), update).await.map(drop)
    }

    async fn swap(
        &self,
        rollout: &Rollout,
        seen: Version,
        with: impl FnOnce(Update) -> Update,
    ) -> Result<Swapped, CallError> {
        let id = rollout.id.to_string();
        self.fleet.swap((KIND, &id), rollout, seen, with).await
    }
}

fn read(row: &Item) -> Result<RolloutRow, CallError> {
    let stored = versioned(row)?;
    let driven_until = row.get(DRIVEN_UNTIL).and_then(|value| value.as_n().ok());
    let millis = driven_until.and_then(|until| until.parse().ok());
    Ok(RolloutRow {
        rollout: stored.value,
        version: stored.version,
        tally: row
            .get(TALLY)
            .and_then(|tally| serde_dynamo::from_attribute_value(tally.clone()).ok())
            .unwrap_or_default(),
        driven_until: millis.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
    })
}
