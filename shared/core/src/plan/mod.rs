//! What to do next so that a tenant becomes what it should be.
//!
//! [`next`] looks at the row, at the goal and at what has been learned of AWS so far, and answers with the one thing to
//! do now, or with the reason for doing nothing. Looking is a step like any other: a plan asks for exactly the facts
//! that it needs, so no call is made that decides nothing. The executor carries the step out, puts what it learned
//! into the row and the [`World`], and asks again; once nothing is left to do, asking again answers the same.

mod down;
mod goal;
mod overdue;
mod retire;
mod step;
mod tidy;
mod up;
mod world;

#[cfg(test)]
mod tests;

pub use goal::{Failure, Goal, Replacing, Target};
pub(crate) use overdue::WAITING;
pub use overdue::overdue;
pub use step::{Next, Proof, Step, Wait};
pub use world::{ActiveService, DeploymentState, Heartbeats, Reached, Service, World};

use crate::event::TaskStatus;
use crate::tenant::{Order, ServiceName, Tenant, Wanted};

/// The next step towards the goal, or why there is none.
///
/// Strictness: for a tenant with a volume no step starts a task before every other task of the tenant is proven to be
/// STOPPED. ECS's `maximumPercent` does not give that: it counts tasks that are PENDING or RUNNING, and a container in
/// its stop timeout is neither ("Amazon ECS service deployment parameters").
pub fn next(tenant: &Tenant, goal: &Goal, world: &World) -> Next {
    if let Some(incarnation) = tenant.retiring.first() {
        return retire::next(tenant, *incarnation, world);
    }
    match (tenant.intent.state, goal) {
        (Wanted::Deleted, _) if tenant.made.deleted_at.is_some() => Next::Rest,
        (Wanted::Deleted, _) => retire::next(tenant, tenant.incarnation, world),
        (Wanted::Stopped, _) | (Wanted::Running, Goal::Down) => down::next(tenant, world),
        (Wanted::Running, Goal::Up(target)) => up::next(tenant, target, world),
        (Wanted::Running, Goal::Impossible(failure)) => down::give_up(tenant, failure, world),
    }
}

/// `Ok` once every task of the service is proven to be STOPPED, else what to do or to wait for.
fn at_rest(tenant: &Tenant, name: &ServiceName, world: &World) -> Result<(), Next> {
    if let Some(Service::Active(service)) = &world.service {
        if let Some(step) = stop_to_record(tenant, service, world) {
            return Err(Next::Do(step));
        }
        if service.has_tasks() {
            return Err(Next::Wait(Wait::TasksToStop(Vec::new())));
        }
    }
    let Some(tasks) = &world.tasks else {
        return Err(Next::Do(Step::LookAtTasks(name.clone())));
    };
    let alive: Vec<String> = tasks
        .iter()
        .filter(|task| task.last_status != TaskStatus::Stopped)
        .map(|task| task.task_arn.clone())
        .chain(world.unlisted.clone())
        .collect();
    match world.unsure_until {
        _ if !alive.is_empty() => Err(Next::Wait(Wait::TasksToStop(alive))),
        Some(until) => Err(Next::Wait(Wait::ToBeSure(until))),
        None => Ok(()),
    }
}

/// The record that ECS was told in this pass to let the service have no task, if a later look could be misled without.
///
/// A task that is RUNNING was started longer ago than looks are behind, because ECS takes longer than that to bring it up.
/// So where the last task was RUNNING when its service was emptied, looks show all there is. Else one may just have been
/// started that they do not show yet.
fn stop_to_record(tenant: &Tenant, service: &ActiveService, world: &World) -> Option<Step> {
    let at = world.emptied_at?;
    let told = tenant.made.told.as_ref();
    let recorded = told.is_some_and(|told| told.order == Order::Stop && told.at == at);
    let lately = told.is_some_and(|told| at < told.shows_at());
    let shown = service.running > 0 && service.pending == 0;
    (!recorded && (lately || !shown)).then_some(Step::ConfirmStop(at))
}
