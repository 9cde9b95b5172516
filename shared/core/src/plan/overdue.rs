//! When waiting has gone on for too long.

use jiff::Timestamp;

use super::{Failure, Wait};
use crate::tenant::{Phase, Tenant, deadline, is_overdue, phase};

/// The step that is named where nothing was done but wait.
pub(crate) const WAITING: &str = "wait";

/// What to say of a tenant that has been waiting for `wait` for longer than the deadline of its phase; `None` before that,
/// and once it has been said.
pub fn overdue(tenant: &Tenant, wait: &Wait, now: Timestamp) -> Option<Failure> {
    if !is_overdue(tenant, now) {
        return None;
    }
    let phase = phase(tenant);
    let minutes = deadline(phase).map_or(0, |deadline| deadline.as_secs() / 60);
    let state = match phase {
        Phase::Provisioning => "being provisioned",
        Phase::Starting => "starting",
        Phase::Stopping => "stopping",
        Phase::Deleting => "being deleted",
        Phase::Running | Phase::Stopped | Phase::Failed | Phase::Deleted => return None,
    };
    Some(Failure {
        code: "deadline",
        message: format!(
            "it has been {state} for more than {minutes} minutes, waiting for {wait}; should that still come, it recovers \
             by itself, and a retry tries again"
        ),
        step: WAITING,
    })
}
