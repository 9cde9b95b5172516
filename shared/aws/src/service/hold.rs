//! Holds: "I am busy until then". Called by provision, because activity may write `lastActivity` only.

use std::time::Duration;

use aws_config::SdkConfig;
use berth_core::api::HoldRequest;
use berth_core::explain::Ruling;
use berth_core::idle::{Hold, HoldTooShort, cap_hold};
use berth_core::tenant::TenantId;
use serde_json::json;

use crate::clock::Clock;
use crate::error::CallError;
use crate::service::idle_defaults;
use crate::settings::{SettingsError, Variables};
use crate::tables::{ActivityTable, Entry, Item, Ledger, Outcome};

/// What holds need.
#[derive(Clone, Debug)]
pub struct Holds {
    clock: Clock,
    activity: ActivityTable,
    ledger: Ledger,
    longest: Duration,
}

/// What became of a request for a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It is held, for the time asked for or for the longest that there is.
    Granted(Hold),
    /// The time asked for is no time.
    TooShort(HoldTooShort),
    /// It accepts no heartbeats: it sleeps or is being stopped, and must be woken first.
    NotRunning,
    /// It has no row; it sleeps, or does not exist.
    Absent,
}

/// What became of the release of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// There is none now.
    Done,
    /// It has no row; it sleeps, or does not exist.
    Absent,
}

/// How much of a reason is kept.
const REASON_KEPT: usize = 200;

impl Holds {
    /// From the variables that holds read.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        Ok(Self {
            clock: Clock::of(config),
            activity: ActivityTable::new(config, variables)?,
            ledger: Ledger::new(config, variables)?,
            longest: idle_defaults::policy(variables)?.longest_hold,
        })
    }
}

/// Holds a running tenant from now, in place of any hold that it has, and records why.
pub async fn hold(holds: &Holds, id: &TenantId, request: &HoldRequest, by: &str) -> Result<Held, CallError> {
    let now = holds.clock.now();
    let hold = match cap_hold(now, Duration::from_secs(request.seconds), holds.longest) {
        Ok(hold) => hold,
        Err(too_short) => return Ok(Held::TooShort(too_short)),
    };
    match holds.activity.hold(id, hold.until).await? {
        Outcome::Written(_) => {}
        Outcome::Refused(found) => return Ok(found.map_or(Held::Absent, |_: Item| Held::NotRunning)),
    }
    let ruling = Ruling::Hold {
        asked: request.seconds,
        longest: holds.longest,
        until: hold.until,
        reason: request.reason.chars().take(REASON_KEPT).collect(),
        by: by.to_owned(),
    };
    holds.ledger.record(id, &Entry::of(now, &ruling)).await?;
    Ok(Held::Granted(hold))
}

/// Ends a tenant's hold, and records who did.
pub async fn release(holds: &Holds, id: &TenantId, by: &str) -> Result<Released, CallError> {
    let Outcome::Written(_) = holds.activity.release(id).await? else {
        return Ok(Released::Absent);
    };
    let decision = "hold-released".to_owned();
    let entry = Entry {
        at: holds.clock.now(),
        decision,
        on: json!({ "by": by }),
    };
    holds.ledger.record(id, &entry).await?;
    Ok(Released::Done)
}
