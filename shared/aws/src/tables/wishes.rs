//! The rollout that somebody asked for last.

use aws_config::SdkConfig;
use berth_core::release::ReleaseId;
use berth_core::rollout::PolicyChange;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fleet::{FleetTable, Swapped, Version, Versioned, versioned};
use crate::error::CallError;
use crate::settings::{SettingsError, Variables};

/// The row `kind = wish`, `id = rollout` of the table `Fleet`. Whoever asks writes it; rebase, which alone may read the
/// base, grants it at the next minute.
#[derive(Clone, Debug)]
pub struct Wishes {
    fleet: FleetTable,
}

/// A rollout that somebody asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wish {
    /// To which release; to the newest base if to none.
    pub release: Option<ReleaseId>,
    /// How it is to differ from the fleet's policy.
    pub policy: PolicyChange,
    /// Who asked.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What came of it, once something has.
    pub answer: Option<Value>,
}

const ROW: (&str, &str) = ("wish", "rollout");

impl Wishes {
    /// The row in the table that the variables name.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        let fleet = FleetTable::new(config, variables)?;
        Ok(Self { fleet })
    }

    /// What was asked for last.
    pub async fn last(&self) -> Result<Option<Versioned<Wish>>, CallError> {
        let row = self.fleet.get(ROW.0, ROW.1).await?;
        row.map(|row| versioned(&row)).transpose()
    }

    /// Writes a wish, or its answer, over the version that was read.
    pub async fn write(&self, wish: &Wish, seen: Version) -> Result<Swapped, CallError> {
        self.fleet.swap(ROW, wish, seen, |update| update).await
    }
}
