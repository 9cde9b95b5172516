//! Where a tenant is on its way, as a function of its row, and how long it may be there.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::Observed;
use crate::tenant::{Reason, Tenant, Wanted};

/// Where a tenant is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Wanted up; ECS has not been told yet, for the first time of this incarnation.
    Provisioning,
    /// Wanted up; no task of it is RUNNING with an address at which it can be reached.
    Starting,
    /// Wanted up, and its current task is RUNNING and can be reached.
    Running,
    /// Wanted down; not proven that every task is STOPPED.
    Stopping,
    /// Wanted down, and every task is proven to be STOPPED.
    Stopped,
    /// It is not what it should be: trying again is of no use without a change, or it has taken longer than it may. The row
    /// says why.
    Failed,
    /// Wanted gone; something is left of it.
    Deleting,
    /// Nothing is left but the row, until its time to live ends.
    Deleted,
}

/// The phase of a tenant.
pub fn phase(tenant: &Tenant) -> Phase {
    let settled = tenant
        .made
        .settled
        .is_some_and(|settled| settled.generation == tenant.intent.generation)
        && !tenant.has_live_task();
    match tenant.intent.state {
        Wanted::Deleted if tenant.made.deleted_at.is_some() => Phase::Deleted,
        Wanted::Stopped if settled && tenant.intent.reason == Reason::CrashLoop => Phase::Failed,
        Wanted::Stopped if settled => Phase::Stopped,
        Wanted::Running if is_running(tenant) => Phase::Running,
        Wanted::Running | Wanted::Stopped | Wanted::Deleted if tenant.terminal_error().is_some() => Phase::Failed,
        Wanted::Deleted => Phase::Deleting,
        Wanted::Stopped => Phase::Stopping,
        Wanted::Running if tenant.made.applied.is_none() => Phase::Provisioning,
        Wanted::Running => Phase::Starting,
    }
}

/// A task of this incarnation can be reached.
fn is_running(tenant: &Tenant) -> bool {
    let address = tenant.observed.as_ref().and_then(Observed::endpoint);
    tenant.retiring.is_empty() && address.is_some()
}

/// How long a tenant may be in a phase before somebody must look at it again; `None` for the phases that last.
///
/// ECS needs one to two minutes for a Fargate start with a fresh image and at most 120 s of stop timeout plus the
/// detachment of the network interface for a stop; a health check may take ten minutes by itself. Looking earlier is
/// cheap (a few reads) and harmless (reconcile is level-triggered); looking later is how a lost event is noticed late.
pub fn patience(phase: Phase) -> Option<Duration> {
    match phase {
        Phase::Provisioning | Phase::Deleting => Some(Duration::from_mins(2)),
        Phase::Starting | Phase::Stopping => Some(Duration::from_mins(3)),
        Phase::Running | Phase::Stopped | Phase::Failed | Phase::Deleted => None,
    }
}

/// The phase that leads to what is wanted.
pub fn towards(wanted: Wanted) -> Phase {
    match wanted {
        Wanted::Running => Phase::Starting,
        Wanted::Stopped => Phase::Stopping,
        Wanted::Deleted => Phase::Deleting,
    }
}

/// How long a tenant may be on its way in a phase. After that it has failed, and the row says what it was waiting for;
/// `None` for the phases that last.
///
/// A start has the ten minutes that a container's health checks may take by themselves (API Reference, `HealthCheck`:
/// 300 s of `startPeriod` and up to ten retries of up to 300 s; deployments with more than that fail here first), and what
/// Fargate needs before; a stop at most 120 s of stop timeout, three times over.
pub fn deadline(phase: Phase) -> Option<Duration> {
    match phase {
        Phase::Provisioning | Phase::Deleting | Phase::Stopping => Some(Duration::from_mins(10)),
        Phase::Starting => Some(Duration::from_mins(15)),
        Phase::Running | Phase::Stopped | Phase::Failed | Phase::Deleted => None,
    }
}

/// The tenant has been in its phase for longer than the deadline of that.
pub fn is_overdue(tenant: &Tenant, now: Timestamp) -> bool {
    let since = tenant.unsettled_at.unwrap_or(tenant.intent.at);
    deadline(phase(tenant)).is_some_and(|deadline| now.duration_since(since).unsigned_abs() > deadline && since < now)
}
