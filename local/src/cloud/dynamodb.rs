//! `DynamoDB`: the crate `dynoxide-rs`, embedded. This module is the only one that knows it.
//!
//! Why this crate: `docs/decisions/embedded-dynamodb.md`.

use std::fmt;
use std::path::Path;

use bytes::Bytes;
use dynoxide::storage_backend::ManualClock;
use dynoxide::{Database, DynoxideError};
use http::{Response, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::reply::{Failure, json_reply, reply};

const MEDIA_TYPE: &str = "application/x-amz-json-1.0";

/// How often expired items are swept, in seconds. AWS promises "within a few days"; an hour shows the effect.
const SWEEP_EVERY: i64 = 3_600;

/// The tables could not be made, read or written.
#[derive(Debug, thiserror::Error)]
#[error("the tables could not be {doing}: {why}")]
pub struct StoreError {
    doing: &'static str,
    why: String,
}

impl StoreError {
    /// Tables that are in memory only cannot be saved.
    pub(super) fn not_kept() -> Self {
        Self {
            doing: "written",
            why: "they are kept in memory only".to_owned(),
        }
    }

    fn new(doing: &'static str) -> impl FnOnce(DynoxideError) -> Self {
        move |error| Self {
            doing,
            why: error.to_string(),
        }
    }
}

/// All tables of the account, in an SQL database.
pub struct Embedded {
    database: Database,
    clock: ManualClock,
    swept_at: i64,
}

impl fmt::Debug for Embedded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Embedded").finish_non_exhaustive()
    }
}

impl Embedded {
    /// No tables yet.
    pub(super) fn in_memory() -> Result<Self, StoreError> {
        let clock = ManualClock::new(0);
        let database = Database::memory_with_clock(clock.arc()).map_err(StoreError::new("made"))?;
        Ok(Self {
            database,
            clock,
            swept_at: 0,
        })
    }

    /// The tables that were saved into this file.
    pub(super) fn load(file: &Path) -> Result<Self, StoreError> {
        let tables = Self::in_memory()?;
        tables
            .database
            .restore_from(&file.to_string_lossy())
            .map_err(StoreError::new("read"))?;
        Ok(tables)
    }

    /// Writes all tables into a file that does not exist yet.
    pub(super) fn save(&self, file: &Path) -> Result<(), StoreError> {
        self.database
            .vacuum_into(&file.to_string_lossy())
            .map_err(StoreError::new("written"))
    }

    pub(super) fn set_now(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let second = now.as_second();
        self.clock.set(u64::try_from(second).unwrap_or(0));
        if second - self.swept_at >= SWEEP_EVERY {
            self.swept_at = second;
            self.database.sweep_ttl().map_err(StoreError::new("swept"))?;
        }
        Ok(())
    }

    pub(super) fn call(&self, action: &str, body: &Bytes) -> Response<Bytes> {
        let database = &self.database;
        match action {
            "CreateTable" => answer(action, body, |input| database.create_table(input)),
            "DeleteTable" => answer(action, body, |input| database.delete_table(input)),
            "DescribeTable" => answer(action, body, |input| database.describe_table(input)),
            "ListTables" => answer(action, body, |input| database.list_tables(input)),
            "UpdateTable" => answer(action, body, |input| database.update_table(input)),
            "PutItem" => answer(action, body, |input| database.put_item(input)),
            "GetItem" => answer(action, body, |input| database.get_item(input)),
            "DeleteItem" => answer(action, body, |input| database.delete_item(input)),
            "UpdateItem" => answer(action, body, |input| database.update_item(input)),
            "Query" => answer(action, body, |input| database.query(input)),
            "Scan" => answer(action, body, |input| database.scan(input)),
            "BatchGetItem" => answer(action, body, |input| database.batch_get_item(input)),
            "BatchWriteItem" => answer(action, body, |input| database.batch_write_item(input)),
            "TransactWriteItems" => answer(action, body, |input| database.transact_write_items(input)),
            "TransactGetItems" => answer(action, body, |input| database.transact_get_items(input)),
            "UpdateTimeToLive" => answer(action, body, |input| database.update_time_to_live(input)),
            "DescribeTimeToLive" => answer(action, body, |input| database.describe_time_to_live(input)),
            "TagResource" => answer(action, body, |input| database.tag_resource(input)),
            "UntagResource" => answer(action, body, |input| database.untag_resource(input)),
            "ListTagsOfResource" => answer(action, body, |input| database.list_tags_of_resource(input)),
            _ => json_reply(Err(Failure::new("UnknownOperationException", "")), MEDIA_TYPE),
        }
    }
}

fn answer<I: DeserializeOwned, O: Serialize>(
    action: &str,
    body: &Bytes,
    act: impl FnOnce(I) -> dynoxide::Result<O>,
) -> Response<Bytes> {
    let outcome = serde_json::from_slice(body)
        .map_err(|error| unread(&error.to_string()))
        .and_then(act);
    match outcome {
        Ok(output) => json_reply(
            serde_json::to_value(output).map_err(|error| Failure::new("InternalServerError", error.to_string())),
            MEDIA_TYPE,
        ),
        Err(error) => {
            let error = worded(action, error);
            let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::BAD_REQUEST);
            reply(status, MEDIA_TYPE, error.to_json())
        }
    }
}

/// The error of an input that could not be read. The crate marks its class in front of the message, and serde adds the
/// position behind it.
fn unread(message: &str) -> DynoxideError {
    let bare = |message: &str| match message.rsplit_once(" at line ") {
        Some((text, position)) if position.contains(" column ") => text.to_owned(),
        _ => message.to_owned(),
    };
    let marked = |marker: &str| message.strip_prefix(marker);
    if let Some(text) = marked("VALIDATION:") {
        DynoxideError::ValidationException(bare(text))
    } else if let Some(text) = marked("VALIDATION_REQUEST:") {
        DynoxideError::EnvelopedValidation(bare(text))
    } else if let Some(text) = marked("VALIDATION_AS_READ:") {
        DynoxideError::ValidationException(text.to_owned())
    } else if let Some(text) = marked("SERIALIZATION_AS_READ:") {
        DynoxideError::SerializationException(text.to_owned())
    } else {
        DynoxideError::SerializationException(bare(marked("SERIALIZATION:").unwrap_or(message)))
    }
}

/// An error as this action words it: three of them count the mistakes in front of some.
fn worded(action: &str, error: DynoxideError) -> DynoxideError {
    match (action, error) {
        ("PutItem" | "UpdateItem" | "DeleteItem", DynoxideError::EnvelopedValidation(message)) => {
            DynoxideError::ValidationException(format!("1 validation error detected: {message}"))
        }
        (_, DynoxideError::EnvelopedValidation(message)) => DynoxideError::ValidationException(message),
        (_, error) => error,
    }
}
