//! Until when a tenant that is being started, or was, is not put to sleep.

use std::time::Duration;

use jiff::Timestamp;

use super::judge::after;
use crate::event::TaskStatus;
use crate::tenant::{Phase, Tenant, deadline};

/// `notBefore` of a tenant that accepts heartbeats from `now` on, and is to be up for `min_uptime` at least.
///
/// A tenant without a running task is being started, which may take as long as that phase may last: nobody can work
/// with it yet, so its idle time has not begun. What the start takes less is given back once it runs.
pub fn not_before(tenant: &Tenant, min_uptime: Duration, now: Timestamp) -> Timestamp {
    let runs = |status: &TaskStatus| *status == TaskStatus::Running;
    let running = tenant.observed.as_ref().filter(|task| runs(&task.last_status));
    let own = match running {
        Some(task) => after(task.started_at.unwrap_or(now), min_uptime),
        None => after(now, deadline(Phase::Starting).unwrap_or_default()),
    };
    own.max(tenant.booked.protected_until.unwrap_or(own))
}
