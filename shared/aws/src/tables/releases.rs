//! The bases of releases, and which release is promoted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use berth_core::definition::Base;
use berth_core::release::{Pointer, ReleaseId};

use super::text;
use super::update::Item;
use crate::error::CallError;
use crate::settings::{SettingsError, Variables};

/// The rows of the table `Fleet` that say which base is which release: `kind = base` (never changes once written) and
/// the pointer (`kind = pointer`, `id = release`).
#[derive(Clone, Debug)]
pub struct Releases {
    client: Client,
    table: String,
    bases: Arc<Mutex<HashMap<ReleaseId, Arc<Base>>>>,
}

impl Releases {
    /// The rows in the table that the variables name.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        let table = variables.required("BERTH_FLEET_TABLE")?.to_owned();
        Ok(Self {
            client: Client::new(config),
            table,
            bases: Arc::default(),
        })
    }

    /// Which releases are current. It is read anew each time: a warm function must not provision on a base that has
    /// been replaced.
    pub async fn pointer(&self) -> Result<Pointer, CallError> {
        let row = self.get("pointer", "release").await?;
        row.map_or_else(
            || Ok(Pointer::default()),
            |row| parse(row.get("value").unwrap_or(&text("{}"))),
        )
    }

    /// The base of a release. A release's base never changes, so a process reads each one once.
    pub async fn base(&self, release: ReleaseId) -> Result<Arc<Base>, CallError> {
        if let Some(base) = self.bases.lock().ok().and_then(|bases| bases.get(&release).cloned()) {
            return Ok(base);
        }
        let row = self.get("base", &release.to_string()).await?;
        let value = row.and_then(|mut row| row.remove("value"));
        let value =
            value.ok_or_else(|| CallError::incomplete("read of Fleet", &format!("no base of release {release}")))?;
        let base = Base::from_response(parse(&value)?);
        let base = Arc::new(base.map_err(|error| CallError::incomplete("read of Fleet", &error.to_string()))?);
        if let Ok(mut bases) = self.bases.lock() {
            bases.insert(release, Arc::clone(&base));
        }
        Ok(base)
    }

    async fn get(&self, kind: &str, id: &str) -> Result<Option<Item>, CallError> {
        const ACTION: &str = "dynamodb:GetItem";
        let key = Item::from([("kind".to_owned(), text(kind)), ("id".to_owned(), text(id))]);
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .consistent_read(true);
        let output = request.send().await.map_err(|error| CallError::of(ACTION, error))?;
        Ok(output.item)
    }
}

/// Values are kept as JSON text: a base must come back exactly as ECS returned it, and the pointer is compared whole.
fn parse<T: serde::de::DeserializeOwned>(value: &aws_sdk_dynamodb::types::AttributeValue) -> Result<T, CallError> {
    let unreadable = |why: String| CallError::incomplete("read of Fleet", &why);
    let json = value
        .as_s()
        .map_err(|_| unreadable("a value that is not text".to_owned()))?;
    serde_json::from_str(json).map_err(|error| unreadable(error.to_string()))
}
