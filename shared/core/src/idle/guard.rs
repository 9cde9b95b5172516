//! The guard against stopping many tenants for one reason that is not theirs.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::judge::after;

/// How many stops of one sweep are believable.
///
/// A fleet falls asleep tenant by tenant. If many are idle in the same minute, it is more likely that heartbeats do not
/// arrive than that all have stopped working.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopGuard {
    /// So many are always believed: in a small fleet a share means nothing.
    pub always: usize,
    /// And so many of a hundred running.
    pub percent: usize,
}

impl Default for StopGuard {
    /// Ten, or a fifth of the running: an evening's end in one time zone stays below; lost heartbeats do not.
    fn default() -> Self {
        Self {
            always: 10,
            percent: 20,
        }
    }
}

/// A person's word that one sweep may stop as many as it finds idle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Override {
    /// Who gave it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

impl Override {
    /// How long it waits to be used. Whoever gave it has looked at the fleet of that hour, not at tomorrow's.
    pub const LASTS: Duration = Duration::from_hours(1);

    /// Until when it may be used.
    pub fn until(&self) -> Timestamp {
        after(self.at, Self::LASTS)
    }

    /// Whether it may still be used.
    pub fn holds(&self, now: Timestamp) -> bool {
        now.duration_since(self.at).unsigned_abs() <= Self::LASTS
    }
}

/// All that an admission is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepCase {
    /// The guard that was in force.
    pub guard: StopGuard,
    /// How many tenants the sweep wants to stop.
    pub wanted: usize,
    /// Of how many running that it saw.
    pub running: usize,
    /// The override that was there to be used.
    pub override_once: Option<Override>,
}

impl SweepCase {
    /// The admission.
    pub fn admit(&self) -> Admission {
        self.guard.admit(self.wanted, self.running, self.override_once.clone())
    }
}

/// Whether a sweep may stop what it found idle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "admission")]
pub enum Admission {
    /// It may.
    Granted,
    /// It may, because of an override, which is used up by it.
    GrantedByOverride(Override),
    /// It may not stop a single one.
    Refused {
        /// How many it wanted to stop.
        wanted: usize,
        /// How many it might have stopped.
        limit: usize,
        /// Of how many running.
        running: usize,
    },
}

impl StopGuard {
    /// How many stops are believed of a sweep that saw so many running.
    pub fn limit(&self, running: usize) -> usize {
        let share = running.saturating_mul(self.percent) / 100;
        self.always.max(share)
    }

    /// Decides on a sweep that saw `running` tenants and found `wanted` of them idle. An override that is not needed is
    /// not used up. A sweep that saw only a part of the fleet counts only that part, which makes the limit smaller.
    pub fn admit(&self, wanted: usize, running: usize, override_once: Option<Override>) -> Admission {
        let limit = self.limit(running);
        match override_once {
            _ if wanted <= limit => Admission::Granted,
            Some(given) => Admission::GrantedByOverride(given),
            None => Admission::Refused { wanted, limit, running },
        }
    }
}
