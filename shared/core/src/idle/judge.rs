//! One row, one verdict.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ActivityRow, Recorded};
use crate::tenant::Generation;

/// What a fleet agrees on about time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct IdlePolicy {
    /// How far the clocks of two functions may differ. Every stop waits this much longer than it would with one clock.
    #[serde(with = "super::seconds")]
    #[cfg_attr(feature = "openapi", schemars(with = "u64"))]
    pub skew: Duration,
    /// How much later than recorded a tenant may have worked: a heartbeat within this of the recorded one is not written.
    #[serde(with = "super::seconds")]
    #[cfg_attr(feature = "openapi", schemars(with = "u64"))]
    pub coalesce: Duration,
    /// The longest hold. A hold that ends later than this from now was not written by Berth.
    #[serde(with = "super::seconds")]
    #[cfg_attr(feature = "openapi", schemars(with = "u64"))]
    pub longest_hold: Duration,
}

impl Default for IdlePolicy {
    /// Two minutes of skew: Lambda's hosts are kept within a second of each other, a developer's machine is not; more
    /// delays each stop and is paid for. Half a minute of coalescing: heartbeats of every page a user opens cost two
    /// writes a minute at most. An hour of hold: a leaked one costs at most that.
    fn default() -> Self {
        Self {
            skew: Duration::from_mins(2),
            coalesce: Duration::from_secs(30),
            longest_hold: Duration::from_hours(1),
        }
    }
}

/// What the row must still say when a stop is claimed: exactly what the verdict was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// `lastActivity`, in milliseconds.
    pub last_activity: i64,
    /// `epoch`.
    pub epoch: Generation,
    /// `idleAfter`, in seconds.
    pub idle_after: u64,
    /// `holdUntil` and `notBefore`, if there, are no later than this, in milliseconds.
    pub over_by: i64,
}

/// All that a verdict is made of. The ledger keeps it, so that each decision can be made again and gives the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Case {
    /// The row that was seen.
    pub row: ActivityRow,
    /// The policy that was in force.
    pub policy: IdlePolicy,
    /// When.
    pub now: Timestamp,
}

impl Case {
    /// The verdict.
    pub fn judge(&self) -> Verdict {
        judge(&self.row, &self.policy, self.now)
    }

    /// What keeps the tenant up; nothing if it is idle, or not for a sweep to stop.
    pub fn keepers(&self) -> Vec<Keeper> {
        let Some(idle_after) = self
            .row
            .idle_after
            .filter(|_| self.row.last_activity != Recorded::Absent)
        else {
            return Vec::new();
        };
        let Ok(times) = read_times(&self.row, &self.policy, self.now) else {
            return Vec::new();
        };
        let (work, others) = keepers(idle_after, &times, &self.policy);
        let all = std::iter::once(work).chain(others.into_iter().flatten());
        all.filter(|keeper| keeper.ends > self.now).collect()
    }
}

/// One thing that keeps a tenant up for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Keeper {
    /// What.
    pub by: KeptUp,
    /// The moment that is recorded: of the last work, of the end of the hold, of the end of the protection.
    pub recorded: Timestamp,
    /// Until when it keeps the tenant up, the idle time and the tolerance for clocks included.
    pub ends: Timestamp,
}

/// The kinds of things that keep a tenant up; of two that end together the later one here is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum KeptUp {
    /// It worked.
    Work,
    /// It has not been up for its minimum, or somebody protects it.
    Protection,
    /// It said that it is busy.
    Hold,
}

/// How a timestamp that cannot be true is made true. Each attribute is written only if it still is what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", tag = "attribute")]
pub enum Repair {
    /// `lastActivity` becomes now: the tenant gets one idle time, and no more unless it works.
    LastActivity {
        /// What was seen.
        seen: String,
    },
    /// `holdUntil` is removed.
    HoldUntil {
        /// What was seen.
        seen: String,
    },
    /// `notBefore` is removed.
    NotBefore {
        /// What was seen.
        seen: String,
    },
}

/// What a sweep makes of a row. Instants are when the stop would be due, the tolerance for clocks included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "verdict")]
pub enum Verdict {
    /// It may be stopped.
    Idle {
        /// When it last worked.
        since: Timestamp,
        /// Since when it may be stopped.
        due: Timestamp,
        /// What the stop must still see.
        claim: Claim,
    },
    /// It worked too recently.
    Active {
        /// When it last worked.
        since: Timestamp,
        /// When it is stopped if nothing else happens.
        stops_at: Timestamp,
    },
    /// It said that it is busy.
    Held {
        /// Until when.
        until: Timestamp,
        /// When it is stopped if nothing else happens.
        stops_at: Timestamp,
    },
    /// It has not been up for its minimum, or somebody protects it.
    Protected {
        /// Until when.
        until: Timestamp,
        /// When it is stopped if nothing else happens.
        stops_at: Timestamp,
    },
    /// It has no idle time.
    AlwaysOn,
    /// It takes no heartbeats, and no sweep claimed it: it is starting, or being stopped by other means.
    NotServing,
    /// A sweep claimed it and the row is still there: the intent may never have been written, so it is written again.
    Claimed {
        /// The generation that the stop follows.
        epoch: Generation,
    },
    /// A timestamp cannot be true. It is not a reason to stop: it is repaired, and judged again.
    BadTimestamp(Repair),
}

impl Repair {
    /// The name of the attribute.
    pub fn attribute(&self) -> &'static str {
        match self {
            Self::LastActivity { .. } => "lastActivity",
            Self::HoldUntil { .. } => "holdUntil",
            Self::NotBefore { .. } => "notBefore",
        }
    }
}

impl Verdict {
    /// When the tenant is stopped if nothing else happens; none if never, or not by a sweep.
    pub fn stops_at(&self) -> Option<Timestamp> {
        match self {
            Self::Idle { due, .. } => Some(*due),
            Self::Active { stops_at, .. } | Self::Held { stops_at, .. } | Self::Protected { stops_at, .. } => {
                Some(*stops_at)
            }
            Self::AlwaysOn | Self::NotServing | Self::Claimed { .. } | Self::BadTimestamp(_) => None,
        }
    }
}

/// 2020-01-01: no tenant worked before Berth was there. It catches seconds that were taken for milliseconds.
const NO_WORK_BEFORE: i64 = 1_577_836_800_000;

/// Judges a row at `now`.
pub fn judge(row: &ActivityRow, policy: &IdlePolicy, now: Timestamp) -> Verdict {
    if row.last_activity == Recorded::Absent {
        return if row.claimed == Some(row.epoch) {
            Verdict::Claimed { epoch: row.epoch }
        } else {
            Verdict::NotServing
        };
    }
    let Some(idle_after) = row.idle_after else {
        return Verdict::AlwaysOn;
    };
    match read_times(row, policy, now) {
        Ok(times) => weigh(row, idle_after, &times, policy, now),
        Err(repair) => Verdict::BadTimestamp(repair),
    }
}

/// The row's instants, each of which can be true.
struct Times {
    worked: Timestamp,
    held: Option<Timestamp>,
    protected: Option<Timestamp>,
}

fn read_times(row: &ActivityRow, policy: &IdlePolicy, now: Timestamp) -> Result<Times, Repair> {
    let possible = |recorded: &Recorded, latest: Timestamp| match recorded {
        Recorded::Absent => Ok(None),
        Recorded::Millis(ms) if *ms < NO_WORK_BEFORE || *ms > latest.as_millisecond() => Err(ms.to_string()),
        Recorded::Millis(ms) => Timestamp::from_millisecond(*ms).map(Some).map_err(|_| ms.to_string()),
        Recorded::Garbage(text) => Err(text.clone()),
    };
    let soon = after(now, policy.skew);
    let worked = possible(&row.last_activity, soon).map_err(|seen| Repair::LastActivity { seen })?;
    let longest_hold = after(soon, policy.longest_hold);
    Ok(Times {
        worked: worked.unwrap_or(now),
        held: possible(&row.hold_until, longest_hold).map_err(|seen| Repair::HoldUntil { seen })?,
        protected: possible(&row.not_before, Timestamp::MAX).map_err(|seen| Repair::NotBefore { seen })?,
    })
}

/// Its work, and what else keeps or has kept the tenant up.
fn keepers(idle_after: Duration, times: &Times, policy: &IdlePolicy) -> (Keeper, [Option<Keeper>; 2]) {
    let keeper = |by, recorded, span| Keeper {
        by,
        recorded,
        ends: after(after(recorded, span), policy.skew),
    };
    let rested = policy.coalesce.saturating_add(idle_after);
    let protection = |until| keeper(KeptUp::Protection, until, Duration::ZERO);
    let hold = |until| keeper(KeptUp::Hold, until, Duration::ZERO);
    let others = [times.protected.map(protection), times.held.map(hold)];
    (keeper(KeptUp::Work, times.worked, rested), others)
}

/// What keeps the tenant up longest decides, and is the reason.
fn weigh(row: &ActivityRow, idle_after: Duration, times: &Times, policy: &IdlePolicy, now: Timestamp) -> Verdict {
    let since = times.worked;
    let (work, others) = keepers(idle_after, times, policy);
    let longest = others.into_iter().flatten().fold(work, |longest, other| {
        let order = |keeper: &Keeper| (keeper.ends, keeper.by);
        if order(&other) > order(&longest) {
            other
        } else {
            longest
        }
    });
    let stops_at = longest.ends;
    if stops_at > now {
        let until = longest.recorded;
        return match longest.by {
            KeptUp::Work => Verdict::Active { since, stops_at },
            KeptUp::Protection => Verdict::Protected { until, stops_at },
            KeptUp::Hold => Verdict::Held { until, stops_at },
        };
    }
    let claim = Claim {
        last_activity: since.as_millisecond(),
        epoch: row.epoch,
        idle_after: idle_after.as_secs(),
        over_by: before(now, policy.skew).as_millisecond(),
    };
    Verdict::Idle {
        since,
        due: stops_at,
        claim,
    }
}

/// `at` and a span later; the end of time if that is beyond it.
pub(super) fn after(at: Timestamp, span: Duration) -> Timestamp {
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// `at` and a span earlier; the beginning of time if that is before it.
pub(super) fn before(at: Timestamp, span: Duration) -> Timestamp {
    at.checked_sub(span).unwrap_or(Timestamp::MIN)
}
