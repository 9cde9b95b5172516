//! Towards nothing: what is left of an incarnation of a tenant.

use super::{Heartbeats, Next, Service, Step, World, at_rest};
use crate::tenant::{Generation, ServiceName, Tenant};

/// The next step towards nothing being left of this incarnation: tasks, service, revisions, access point, in the order
/// in which each could still be using the next.
pub(super) fn next(tenant: &Tenant, incarnation: Generation, world: &World) -> Next {
    let name = ServiceName::new(tenant.tenant_id.clone(), incarnation);
    let current = incarnation == tenant.incarnation;
    match &world.service {
        None if current && tenant.has_task_up() => return Next::Do(Step::Stop(name)),
        None => return Next::Do(Step::LookAtService(name)),
        Some(Service::Active(service)) if service.desired > 0 => return Next::Do(Step::Stop(name)),
        Some(Service::Active(_)) => {
            return at_rest(tenant, &name, world).map_or_else(|next| next, |()| Next::Do(Step::DeleteService(name)));
        }
        Some(Service::Draining) => {
            if let Err(next) = at_rest(tenant, &name, world) {
                return next;
            }
        }
        Some(Service::Absent | Service::Inactive) => {}
    }
    if current && world.heartbeats != Some(Heartbeats::Closed) {
        return Next::Do(Step::CloseActivity);
    }
    match &world.own_definitions {
        None => return Next::Do(Step::LookAtOwnDefinitions(incarnation)),
        Some(own) => {
            if let Some(revision) = own.first() {
                return Next::Do(Step::Deregister(revision.clone()));
            }
        }
    }
    if let Some(access_point) = tenant
        .made
        .access_point
        .as_ref()
        .filter(|point| point.incarnation == incarnation)
    {
        return Next::Do(Step::DeleteAccessPoint(access_point.clone()));
    }
    if let Some(claim) = tenant
        .made
        .files_claim
        .as_ref()
        .filter(|claim| claim.incarnation == incarnation)
    {
        // It may have been made without the row being told. Asked for once more, EFS says which one it is.
        return Next::Do(Step::CreateAccessPoint {
            file_system_id: claim.file_system_id.clone(),
            incarnation,
        });
    }
    Next::Do(if current { Step::Bury } else { Step::Forget(incarnation) })
}
