//! What the ledger keeps.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::{CrashBudget, Crashes};
use crate::idle::{Admission, Case, Repair, SweepCase};
use crate::tenant::{DueWake, WakeCase};

/// One decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// When it was taken.
    pub at: Timestamp,
    /// What was decided (`idle-stop`, `definition-failed`, `rollout-started`, …).
    pub decision: String,
    /// What it was decided on.
    pub on: Value,
}

/// A decision that a rule has taken, with all that the rule was given. Other entries are somebody's word or what AWS
/// has told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "decision", content = "on")]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Ruling {
    /// A tenant was idle, and was put to sleep.
    IdleStop {
        /// What was seen.
        case: Case,
    },
    /// A tenant that an earlier sweep had claimed was put to sleep.
    IdleStopHealed {
        /// What was seen.
        case: Case,
    },
    /// A timestamp could not be true, and was replaced.
    TimestampRepaired {
        /// What was seen.
        case: Case,
        /// What was replaced.
        repair: Repair,
    },
    /// A sweep found more idle than is believable, and stopped none.
    SweepRefused {
        /// What was seen.
        case: SweepCase,
        /// What was decided.
        admission: Admission,
        /// Whether the whole fleet was seen.
        complete: bool,
    },
    /// A sweep found more idle than is believable, and stopped them because of somebody's word.
    SweepOverridden {
        /// What was seen.
        case: SweepCase,
        /// What was decided.
        admission: Admission,
        /// Whether the whole fleet was seen.
        complete: bool,
    },
    /// A wake that was booked came due.
    ScheduledWake {
        /// What was seen.
        case: WakeCase,
        /// What came of it.
        #[serde(flatten)]
        outcome: DueWake,
    },
    /// A hold was granted.
    Hold {
        /// For how many seconds it was asked.
        asked: u64,
        /// The longest that there was.
        #[serde(with = "crate::idle::seconds")]
        longest: Duration,
        /// Until when it was granted.
        until: Timestamp,
        /// What the tenant is busy with.
        reason: String,
        /// Who asked.
        by: String,
    },
    /// A tenant crashed too often, and was stopped.
    CrashLoop {
        /// When it crashed.
        crashes: Crashes,
        /// What was allowed.
        #[serde(flatten)]
        budget: CrashBudget,
    },
}

impl Entry {
    /// The entry of a ruling.
    pub fn of(at: Timestamp, ruling: &Ruling) -> Self {
        // It cannot fail: every key of a ruling is text.
        let mut members = serde_json::to_value(ruling).unwrap_or_default();
        let mut take = |name: &str| members.get_mut(name).map(Value::take).unwrap_or_default();
        Self {
            at,
            decision: take("decision").as_str().unwrap_or_default().to_owned(),
            on: take("on"),
        }
    }

    /// The ruling that this is the entry of; `None` if no rule has made it, or not one that is known here.
    pub fn ruling(&self) -> Option<Ruling> {
        let members = serde_json::json!({ "decision": self.decision, "on": self.on });
        serde_json::from_value(members).ok()
    }
}
