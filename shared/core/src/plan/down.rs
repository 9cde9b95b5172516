//! Towards no task at all.

use super::{Failure, Heartbeats, Next, Proof, Service, Step, World, at_rest};
use crate::tenant::Tenant;

/// The next step towards no task, for a tenant that is meant to sleep.
pub(super) fn next(tenant: &Tenant, world: &World) -> Next {
    if tenant.is_settled() && !tenant.has_live_task() {
        return Next::Rest;
    }
    if tenant.still_sleeps() {
        return Next::Do(Step::Settle(Proof::Stopped));
    }
    to_rest(tenant, world).map_or_else(|next| next, |()| Next::Do(Step::Settle(Proof::Stopped)))
}

/// The next step for a tenant that is meant to run and cannot: what ECS still tries costs money and comes to nothing.
pub(super) fn give_up(tenant: &Tenant, failure: &Failure, world: &World) -> Next {
    if tenant.terminal_error().is_some() && tenant.due_at.is_none() && !tenant.has_live_task() {
        return Next::Rest;
    }
    to_rest(tenant, world).map_or_else(|next| next, |()| Next::Do(Step::GiveUp(failure.clone())))
}

/// `Ok` once no task of the tenant is left and no heartbeat is accepted.
fn to_rest(tenant: &Tenant, world: &World) -> Result<(), Next> {
    let name = tenant.service();
    match &world.service {
        // ECS's answer shows what a look would have.
        None if tenant.has_task_up() => return Err(Next::Do(Step::Stop(name))),
        None => return Err(Next::Do(Step::LookAtService(name))),
        Some(Service::Active(service)) if service.desired > 0 => return Err(Next::Do(Step::Stop(name))),
        Some(Service::Active(_) | Service::Draining) => at_rest(tenant, &name, world)?,
        Some(Service::Absent | Service::Inactive) => {}
    }
    match world.heartbeats {
        Some(Heartbeats::Closed) => Ok(()),
        Some(Heartbeats::Open) | None => Err(Next::Do(Step::CloseActivity)),
    }
}
