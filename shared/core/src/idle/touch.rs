//! What callers say about a tenant's work: heartbeats and holds.

use std::time::Duration;

use jiff::Timestamp;

use super::judge::{after, before};

/// A heartbeat at `now` is written only over an activity earlier than this; a later one is fresh enough.
///
/// The window bounds what heartbeats cost. [`judge`](super::judge()) waits this much longer, so that no tenant is stopped
/// earlier for a heartbeat that was not written.
pub fn refresh_before(now: Timestamp, coalesce: Duration) -> Timestamp {
    before(now, coalesce)
}

/// A hold as it is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// When it ends.
    pub until: Timestamp,
    /// How long that is from now: less than asked for, if that was too long.
    pub granted: Duration,
}

/// A hold of no time at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hold lasts at least one second; to release one, send DELETE")]
pub struct HoldTooShort;

/// Grants a hold from `now`, but none longer than `longest`.
pub fn cap_hold(now: Timestamp, asked: Duration, longest: Duration) -> Result<Hold, HoldTooShort> {
    if asked < Duration::from_secs(1) {
        return Err(HoldTooShort);
    }
    let granted = asked.min(longest);
    Ok(Hold {
        until: after(now, granted),
        granted,
    })
}
