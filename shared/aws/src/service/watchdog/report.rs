//! What a sweep saw, decided and did, for the log, the metrics and the caller.

use berth_core::api::SweepView;
use berth_core::idle::Admission;
use serde::Serialize;

use super::{Driven, Ended, Wakes};
use crate::telemetry::{Metric, RUNNING, STARTS_LATE, STOPS_LATE, SWEEP_INCOMPLETE, SWEEP_REFUSED, Telemetry, Unit};

/// How many findings ended in which way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ends {
    /// Stops.
    pub stopped: usize,
    /// Stops for claims of earlier sweeps.
    pub healed: usize,
    /// Claims that were lost, most often to work, or given back because somebody protects the tenant.
    pub lost_claims: usize,
    /// Intents that had moved on, or tenants that were gone.
    pub superseded: usize,
    /// Timestamps that were replaced.
    pub repaired: usize,
    /// Tenants for which a call failed.
    pub failed: usize,
}

/// What a sweep saw, decided and did.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What it saw and decided.
    #[serde(flatten)]
    pub found: SweepView,
    /// What it did.
    pub ends: Ends,
    /// Who was overdue; `None` if that is not known.
    pub overdue: Option<Driven>,
    /// What came of wakes that were booked; `None` if it is not known who is to wake.
    pub woken: Option<Wakes>,
}

impl Ends {
    pub(super) fn count(&mut self, end: Ended) {
        match end {
            Ended::Stopped => self.stopped += 1,
            Ended::Healed => self.healed += 1,
            Ended::LostClaim | Ended::GivenBack => self.lost_claims += 1,
            Ended::Superseded | Ended::Gone => self.superseded += 1,
            Ended::Repaired => self.repaired += 1,
            Ended::Failed => self.failed += 1,
            Ended::RepairedByOthers | Ended::Left => {}
        }
    }
}

impl Report {
    /// One line for people and one for the alarms.
    pub(super) fn tell(&self, telemetry: &Telemetry) {
        let (found, ends) = (&self.found, &self.ends);
        tracing::info!(
            complete = found.complete,
            pages = found.pages,
            unreadable = found.unreadable,
            running = found.running,
            idle = found.verdicts.idle,
            refused = self.is_refused(),
            stopped = ends.stopped,
            healed = ends.healed,
            lost_claims = ends.lost_claims,
            repaired = ends.repaired,
            failed = ends.failed,
            overdue = self.overdue.map(|driven| driven.nudged),
            woken = self.woken.map(|wakes| wakes.woken),
            "sweep"
        );
        telemetry.tell(found.at, None, &self.metrics());
    }

    fn is_refused(&self) -> bool {
        matches!(self.found.admission, Admission::Refused { .. })
    }

    fn metrics(&self) -> Vec<Metric> {
        let count = |name, value: usize| (name, Unit::Count, as_f64(value));
        let (found, ends) = (&self.found, &self.ends);
        let mut metrics = vec![
            count(RUNNING, found.running),
            count("Idle", found.verdicts.idle),
            count("IdleStops", ends.stopped + ends.healed),
            count(SWEEP_REFUSED, usize::from(self.is_refused())),
            count(SWEEP_INCOMPLETE, usize::from(!found.complete)),
            count("SweepFailures", ends.failed),
            count("BadTimestamps", found.verdicts.bad_timestamp),
        ];
        if let Some(driven) = self.overdue {
            metrics.push(count("Overdue", driven.nudged));
            metrics.push(count(STARTS_LATE, driven.starts_late));
            metrics.push(count(STOPS_LATE, driven.stops_late));
        }
        metrics
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts of tenants fit into 53 bits")]
fn as_f64(count: usize) -> f64 {
    count as f64
}
