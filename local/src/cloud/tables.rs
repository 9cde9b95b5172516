//! The tables: kept by the embedded engine, or, in the simulation, as plain items.

use std::path::Path;

use bytes::Bytes;
use http::Response;
use jiff::Timestamp;

use super::dynamodb::{Embedded, StoreError};
use super::items::Items;

/// All tables of the account.
#[derive(Debug)]
pub enum Tables {
    /// By the embedded engine: the whole API, and a file to keep them in.
    Embedded(Embedded),
    /// In memory: as much of the API as the functions call, several times as fast.
    Plain(Items),
    /// Both ways, each call answered alike.
    #[cfg(test)]
    Compared(Embedded, Items),
}

impl Tables {
    /// The tables that [`Tables::save`] wrote into this file.
    pub fn load(file: &Path) -> Result<Self, StoreError> {
        Embedded::load(file).map(Self::Embedded)
    }

    /// Writes all tables into a file that does not exist yet.
    pub fn save(&self, file: &Path) -> Result<(), StoreError> {
        match self {
            Self::Embedded(tables) => tables.save(file),
            Self::Plain(_) => Err(StoreError::not_kept()),
            #[cfg(test)]
            Self::Compared(..) => Err(StoreError::not_kept()),
        }
    }

    pub(super) fn set_now(&mut self, now: Timestamp) -> Result<(), StoreError> {
        match self {
            Self::Embedded(tables) => tables.set_now(now),
            Self::Plain(_) => Ok(()),
            #[cfg(test)]
            Self::Compared(tables, _) => tables.set_now(now),
        }
    }

    pub(super) fn call(&mut self, action: &str, body: &Bytes) -> Response<Bytes> {
        match self {
            Self::Embedded(tables) => tables.call(action, body),
            Self::Plain(items) => items.call(action, body),
            #[cfg(test)]
            Self::Compared(tables, items) => {
                compared(action, body, tables.call(action, body), &items.call(action, body))
            }
        }
    }
}

/// The embedded engine's answer, which the other one equals.
#[cfg(test)]
fn compared(action: &str, body: &Bytes, one: Response<Bytes>, other: &Response<Bytes>) -> Response<Bytes> {
    let told = |response: &Response<Bytes>| {
        let body: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
        (response.status(), body)
    };
    // What a table looks like is told at more length than anybody reads.
    if !matches!(action, "CreateTable" | "DescribeTable" | "UpdateTimeToLive") {
        assert_eq!(told(&one), told(other), "{action} {body:?}");
    }
    one
}
