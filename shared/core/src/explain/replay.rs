//! Making a decision again.

use super::{Entry, Ruling};
use crate::event::Crashes;
use crate::idle::{Admission, Verdict, cap_hold};

/// What became of making a decision again on what the ledger has kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    /// The same was decided.
    Same,
    /// Something else was: the rule has changed since, or not all that it depends on was kept.
    Different {
        /// What the rule says now.
        now: String,
    },
    /// No rule has made it: it is somebody's word, or what AWS has told.
    NoRule,
}

/// The decisions that rules make. An entry of one of these names that is not read as a [`Ruling`] was not kept whole.
const RULED: [&str; 8] = [
    "idle-stop",
    "idle-stop-healed",
    "timestamp-repaired",
    "sweep-refused",
    "sweep-overridden",
    "scheduled-wake",
    "hold",
    "crash-loop",
];

/// Makes the decision of an entry again.
pub fn replay(entry: &Entry) -> Replay {
    let Some(ruling) = entry.ruling() else {
        return if RULED.contains(&entry.decision.as_str()) {
            Replay::Different {
                now: "what it was decided on was not kept whole".to_owned(),
            }
        } else {
            Replay::NoRule
        };
    };
    let compare = |same: bool, now: &dyn std::fmt::Debug| {
        if same {
            Replay::Same
        } else {
            Replay::Different {
                now: format!("{now:?}"),
            }
        }
    };
    match ruling {
        Ruling::IdleStop { case } => {
            let now = case.judge();
            compare(matches!(now, Verdict::Idle { .. }), &now)
        }
        Ruling::IdleStopHealed { case } => {
            let now = case.judge();
            compare(matches!(now, Verdict::Claimed { .. }), &now)
        }
        Ruling::TimestampRepaired { case, repair } => {
            let now = case.judge();
            compare(now == Verdict::BadTimestamp(repair), &now)
        }
        Ruling::SweepRefused { case, admission, .. } => {
            let now = case.admit();
            compare(now == admission && matches!(now, Admission::Refused { .. }), &now)
        }
        Ruling::SweepOverridden { case, admission, .. } => {
            let now = case.admit();
            compare(now == admission && matches!(now, Admission::GrantedByOverride(_)), &now)
        }
        Ruling::ScheduledWake { case, outcome } => {
            let now = case.judge();
            compare(now == outcome, &now)
        }
        Ruling::Hold {
            asked, longest, until, ..
        } => {
            let now = cap_hold(entry.at, std::time::Duration::from_secs(asked), longest);
            compare(now.is_ok_and(|hold| hold.until == until), &now)
        }
        Ruling::CrashLoop { crashes, budget } => {
            let counted = crashes.instants().iter();
            let again = counted.fold(Crashes::default(), |crashes, at| crashes.with(*at, budget));
            compare(again.exhaust(budget), &again)
        }
    }
}
