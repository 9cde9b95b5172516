//! Rollouts and plans as the API answers, as far as they are printed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// A rollout.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rollout {
    pub(super) id: String,
    pub(super) release: String,
    pub(super) from: Option<String>,
    pub(super) by: String,
    pub(super) started_at: Timestamp,
    pub(super) promoted_at: Option<Timestamp>,
    pub(super) status: Status,
    #[serde(default)]
    pub(super) tally: Tally,
    #[serde(default)]
    pub(super) failures: BTreeMap<String, Failure>,
    #[serde(default)]
    pub(super) accepted: u64,
    /// Absent in the answers of an API that is older than this command.
    pub(super) policy: Option<Policy>,
}

/// Where it is.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Status {
    pub(super) phase: String,
    pub(super) wave: Option<usize>,
    pub(super) until: Option<Timestamp>,
    pub(super) since: Option<Timestamp>,
    pub(super) paused: Option<Value>,
    pub(super) by: Option<String>,
}

/// How many tenants are where.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tally {
    pub(super) running: u64,
    pub(super) skipped: u64,
    pub(super) waiting: u64,
    pub(super) pending: u64,
    pub(super) moving: u64,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) unknown: u64,
}

/// Why a tenant failed.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Failure {
    pub(super) code: String,
    pub(super) message: String,
}

/// How carefully it goes.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Policy {
    pub(super) waves: Vec<u8>,
    pub(super) tolerance: u64,
}

impl Tally {
    /// Everyone whom the rollout moves, has moved or will move.
    pub(super) fn population(&self) -> u64 {
        self.waiting + self.pending + self.moving + self.succeeded + self.failed + self.unknown
    }
}

/// Where a rollout is, as one looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    Going,
    Paused,
    /// Everyone who is to be moved was, or a newer rollout does.
    Arrived,
    /// It ended otherwise.
    Ended,
}

impl Rollout {
    pub(super) fn course(&self) -> Course {
        match self.status.phase.as_str() {
            "completed" | "superseded" => Course::Arrived,
            "rejected" | "rolledBack" | "aborted" => Course::Ended,
            _ if self.status.paused.is_some() => Course::Paused,
            _ => Course::Going,
        }
    }

    /// Why it is paused, and what helps.
    pub(super) fn pause(&self) -> Option<String> {
        let reason = self.status.paused.as_ref()?;
        let text = |name: &str| reason.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| reason.get(name).and_then(Value::as_u64).unwrap_or_default();
        Some(match text("kind") {
            "budget" => format!("{} failed, and {} may", number("failed"), number("tolerance")),
            "unknown" => {
                let tenants = reason.get("tenants").and_then(Value::as_array);
                let ids: Vec<&str> = tenants.into_iter().flatten().filter_map(Value::as_str).collect();
                format!("nobody knows how it went with {}", ids.join(", "))
            }
            "operator" => format!("{} said so", text("by")),
            _ => reason.to_string(),
        })
    }
}

/// A plan.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Plan {
    pub(super) release: Option<String>,
    pub(super) from: Option<String>,
    #[serde(default)]
    pub(super) changes: Vec<Change>,
    pub(super) waves: Vec<Wave>,
    #[serde(default)]
    pub(super) waiting: Vec<(String, Why)>,
    #[serde(default)]
    pub(super) skipped: Vec<(String, Why)>,
    pub(super) in_flight_limit: u64,
    pub(super) registering_seconds: u64,
    pub(super) total_seconds: u64,
}

/// A difference between two bases.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Change {
    pub(super) kind: String,
    pub(super) path: String,
    #[serde(default)]
    pub(super) value: Value,
    #[serde(default)]
    pub(super) from: Value,
    #[serde(default)]
    pub(super) to: Value,
    /// How many tenants keep what they have there, because it is their own.
    #[serde(default)]
    pub(super) kept_by: u64,
}

/// A wave of a plan.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Wave {
    pub(super) name: String,
    pub(super) tenants: Vec<String>,
    pub(super) seconds: u64,
}

/// Why a tenant is not moved, or not now.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Why {
    pub(super) why: String,
}
