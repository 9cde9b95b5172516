//! Why a task ended, and when a tenant has crashed too often.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::TaskObservation;

/// Why a task ended, as far as it decides what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// It had run, and then its own container ended or failed its health check. This spends the crash budget: ECS
    /// restarts such a task for ever, without the deployment ever failing.
    Crash,
    /// It never ran. ECS's deployment circuit breaker counts these.
    NeverRan,
    /// The service was scaled in or took another definition: Berth's own doing.
    Scaled,
    /// Somebody stopped the task by hand.
    ByHand,
    /// AWS took the machine: Spot interruption, Fargate retirement, failed hardware.
    Infrastructure,
    /// A code that was not documented when this was written, or none. It is kept for the reader, and blames nobody.
    Unknown,
}

/// The end of ECS's reason for a task that it replaces because of health checks ("Stopped tasks error messages").
const HEALTH_CHECKS: &str = "health checks";

/// Why this task ended; none if it has not.
///
/// The codes are ECS's `TaskStopCode`s. Fargate retirement comes as `ServiceSchedulerInitiated` or `TerminationNotice`
/// ("Task retirement and maintenance for AWS Fargate on Amazon ECS"), and so is never a crash.
pub fn stop_cause(task: &TaskObservation) -> Option<StopCause> {
    let stopped = task.stopped.as_ref()?;
    let own_fault = if task.started_at.is_some() {
        StopCause::Crash
    } else {
        StopCause::NeverRan
    };
    Some(match stopped.code.as_str() {
        "EssentialContainerExited" => own_fault,
        "TaskFailedToStart" => StopCause::NeverRan,
        "ServiceSchedulerInitiated" if stopped.reason.contains(HEALTH_CHECKS) => own_fault,
        "ServiceSchedulerInitiated" => StopCause::Scaled,
        "UserInitiated" => StopCause::ByHand,
        "SpotInterruption" | "TerminationNotice" | "InfrastructureHealth" => StopCause::Infrastructure,
        _ => StopCause::Unknown,
    })
}

/// How many crashes a tenant may have before it is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrashBudget {
    /// The crash that is one too many: with 5, the fifth stops the tenant.
    pub limit: usize,
    /// Within which time they count.
    #[serde(with = "crate::idle::seconds")]
    pub window: Duration,
}

impl Default for CrashBudget {
    /// Five in ten minutes: a container that starts and dies within two minutes is stopped after ten, and one that dies
    /// of something rare never is. A smaller limit stops tenants over a short outage of what they depend on; a larger
    /// one pays for a loop that no restart cures.
    fn default() -> Self {
        Self {
            limit: 5,
            window: Duration::from_mins(10),
        }
    }
}

/// When a tenant crashed: the stop instants of the tasks, oldest first. A task stops once, so its instant is its name,
/// and an event that comes twice is counted once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<i64>", into = "Vec<i64>")]
pub struct Crashes(Vec<Timestamp>);

impl Crashes {
    /// The crashes and one more, without those that no longer count. The order in which they are told does not matter.
    #[must_use]
    pub fn with(&self, crash: Timestamp, budget: CrashBudget) -> Self {
        let mut all = self.0.clone();
        all.push(crash);
        all.sort_unstable();
        all.dedup();
        let from = all.last().and_then(|last| last.checked_sub(budget.window).ok());
        all.retain(|at| from.is_none_or(|from| *at > from));
        let surplus = all.len().saturating_sub(budget.limit);
        all.drain(..surplus);
        Self(all)
    }

    /// Whether they are too many.
    pub fn exhaust(&self, budget: CrashBudget) -> bool {
        self.0.len() >= budget.limit
    }

    /// Oldest first.
    pub fn instants(&self) -> &[Timestamp] {
        &self.0
    }
}

impl From<Vec<i64>> for Crashes {
    fn from(millis: Vec<i64>) -> Self {
        Self(
            millis
                .into_iter()
                .filter_map(|ms| Timestamp::from_millisecond(ms).ok())
                .collect(),
        )
    }
}

impl From<Crashes> for Vec<i64> {
    fn from(crashes: Crashes) -> Self {
        crashes.0.into_iter().map(Timestamp::as_millisecond).collect()
    }
}
