//! What a pass came to, for the log and for the alarms.

use berth_core::release::Ignored;
use serde::Serialize;

use super::{Drive, Looked, Standing};
use crate::telemetry::{Metric, RELEASE_REJECTED, ROLLOUT_PAUSED, Unit};

/// What an invocation did.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Why an event was no reason to do anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignored: Option<Ignored>,
    /// What a look at the base came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looked: Option<Looked>,
    /// What came of a rollout that somebody asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wish: Option<Looked>,
    /// What a drive came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drive: Option<Drive>,
}

impl Report {
    /// What is known after the pass: what it did not come to know is not told.
    pub(super) fn metrics(&self) -> Vec<Metric> {
        let standing = self.drive.as_ref().and_then(standing);
        let paused = standing.map(|standing| standing == Standing::Paused);
        let by_drive = (standing == Some(Standing::Rejected)).then_some(true);
        let by_look = [&self.looked, &self.wish].into_iter().flatten().find_map(is_rejected);
        let flag = |name, raised: bool| (name, Unit::Count, f64::from(u8::from(raised)));
        let paused = paused.map(|paused| flag(ROLLOUT_PAUSED, paused));
        let rejected = by_drive.or(by_look).map(|rejected| flag(RELEASE_REJECTED, rejected));
        paused.into_iter().chain(rejected).collect()
    }
}

/// How the newest rollout stands; `None` if another driver knows.
fn standing(drive: &Drive) -> Option<Standing> {
    match drive {
        Drive::Nothing | Drive::Over { .. } => Some(Standing::Ended),
        Drive::Stepped { standing, .. } => Some(*standing),
        Drive::Driven { .. } | Drive::Raced => None,
    }
}

/// Whether the newest base is a release that was rejected; `None` if that was not found out.
fn is_rejected(looked: &Looked) -> Option<bool> {
    match looked {
        Looked::Rejected { .. } | Looked::Refused { .. } => Some(true),
        Looked::Promoted { .. } | Looked::OnTrial { .. } | Looked::Started { .. } => Some(false),
        Looked::NoRelease { .. }
        | Looked::InvalidPolicy { .. }
        | Looked::NotAtRest { .. }
        | Looked::NoBase
        | Looked::Undecided { .. }
        | Looked::Raced => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(looked: Option<Looked>, drive: Drive) -> Vec<(&'static str, u8)> {
        let report = Report {
            looked,
            drive: Some(drive),
            ..Report::default()
        };
        let metrics = report.metrics().into_iter();
        metrics.map(|(name, _, value)| (name, u8::from(value > 0.0))).collect()
    }

    fn stepped(standing: Standing) -> Drive {
        Drive::Stepped {
            rollout: "ro2".parse().unwrap(),
            standing,
            tally: berth_core::rollout::Tally::default(),
            moved: 0,
            lost: 0,
            why_not: Vec::new(),
        }
    }

    #[test]
    fn a_rollout_that_waits_and_a_release_that_was_refused_are_told() {
        let release = "r2".parse().unwrap();
        assert_eq!(told(None, stepped(Standing::Going)), [("RolloutPaused", 0)]);
        assert_eq!(told(None, stepped(Standing::Paused)), [("RolloutPaused", 1)]);
        let rejected = [("RolloutPaused", 0), ("ReleaseRejected", 1)];
        assert_eq!(told(None, stepped(Standing::Rejected)), rejected);
        assert_eq!(told(Some(Looked::Refused { release }), Drive::Nothing), rejected);
        let well = [("RolloutPaused", 0), ("ReleaseRejected", 0)];
        assert_eq!(told(Some(Looked::Promoted { release }), Drive::Nothing), well);
        assert_eq!(told(Some(Looked::NoBase), Drive::Raced), []);
    }
}
