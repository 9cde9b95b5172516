//! Releases, their bases, and which release is promoted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_config::SdkConfig;
use berth_core::definition::Base;
use berth_core::release::{Pointer, Release, ReleaseId, ReleaseState};

use super::fleet::{FleetTable, Swapped, Version, Versioned, versioned};
use super::text;
use super::update::Update;
use crate::error::CallError;
use crate::settings::{SettingsError, Variables};

/// The rows of the table `Fleet` that say what was released: `kind = release`, the base of each (`kind = base`, which
/// never changes once written) and the pointer (`kind = pointer`, `id = release`).
#[derive(Clone, Debug)]
pub struct Releases {
    fleet: FleetTable,
    bases: Arc<Mutex<HashMap<ReleaseId, Arc<Base>>>>,
}

impl Releases {
    /// The rows in the table that the variables name.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        Ok(Self {
            fleet: FleetTable::new(config, variables)?,
            bases: Arc::default(),
        })
    }

    /// Which releases are current. It is read anew each time: a warm function must not provision on a base that has
    /// been replaced.
    pub async fn pointer(&self) -> Result<Pointer, CallError> {
        Ok(self.pointer_row().await?.value)
    }

    /// The pointer with its version, for whoever is going to change it.
    pub async fn pointer_row(&self) -> Result<Versioned<Pointer>, CallError> {
        let row = self.fleet.get("pointer", "release").await?;
        let absent = Versioned {
            value: Pointer::default(),
            version: Version::ABSENT,
        };
        row.map_or(Ok(absent), |row| versioned(&row))
    }

    /// Moves the pointer, if it is what was read.
    pub async fn point(&self, pointer: &Pointer, seen: Version) -> Result<Swapped, CallError> {
        let row = ("pointer", "release");
        self.fleet.swap(row, pointer, seen, |update| update).await
    }

    /// The base of a release. A release's base never changes, so a process reads each one once.
    pub async fn base(&self, release: ReleaseId) -> Result<Arc<Base>, CallError> {
        if let Some(base) = self.bases.lock().ok().and_then(|bases| bases.get(&release).cloned()) {
            return Ok(base);
        }
        let row = self.fleet.get("base", &release.to_string()).await?;
        let row =
            row.ok_or_else(|| CallError::incomplete("read of Fleet", &format!("no base of release {release}")))?;
        let base = Base::from_response(versioned(&row)?.value);
        let base = Arc::new(base.map_err(|error| CallError::incomplete("read of Fleet", &error.to_string()))?);
        if let Ok(mut bases) = self.bases.lock() {
            bases.insert(release, Arc::clone(&base));
        }
        Ok(base)
    }

    /// Keeps the base of a release, unless that is done: ECS forgets a revision that nobody uses.
    pub async fn keep_base(&self, release: ReleaseId, base: &Base) -> Result<(), CallError> {
        let update = Update::new().set("value", text(base.to_json())).when_absent("value");
        self.fleet.update("base", &release.to_string(), update).await.map(drop)
    }

    /// Every release that was ever seen.
    pub async fn all(&self) -> Result<Vec<Release>, CallError> {
        let rows = self.fleet.list("release").await?;
        Ok(rows.into_iter().map(|row| row.value).collect())
    }

    /// A release.
    pub async fn get(&self, id: ReleaseId) -> Result<Option<Release>, CallError> {
        let row = self.fleet.get("release", &id.to_string()).await?;
        let row = row.map(|row| versioned(&row)).transpose()?;
        Ok(row.map(|row| row.value))
    }

    /// Writes the row of a release that was just found.
    pub async fn create(&self, release: &Release) -> Result<Swapped, CallError> {
        let id = release.id.to_string();
        let row = ("release", id.as_str());
        self.fleet.swap(row, release, Version::ABSENT, |update| update).await
    }

    /// Says what became of a release, unless its row says so already. What was written, if anything was.
    pub async fn judge(&self, id: ReleaseId, state: ReleaseState) -> Result<Option<Release>, CallError> {
        let name = id.to_string();
        let row = self.fleet.get("release", &name).await?;
        let row = row.ok_or_else(|| CallError::incomplete("read of Fleet", &format!("no row of release {id}")))?;
        let Versioned {
            value: release,
            version,
        } = versioned::<Release>(&row)?;
        let Some(release) = release.told(state) else {
            return Ok(None);
        };
        let row = ("release", name.as_str());
        Ok(match self.fleet.swap(row, &release, version, |update| update).await? {
            Swapped::Done(_) => Some(release),
            Swapped::Raced => None,
        })
    }
}
