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
pub use world::{ActiveService, Definition, DeploymentState, Heartbeats, Reached, Service, World};

use crate::event::TaskStatus;
use crate::tenant::{ServiceName, Tenant, Wanted};

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

/// Whether a service that reads as having no task may have been told to run one since: a look may be behind ("`RunTask`":
/// the API is eventually consistent). Then it is told to have none, and the answer to that is believed. It is so for one
/// that reads as absent, and as long as the row does not know what came of the last run.
fn perhaps_behind(tenant: &Tenant, service: &Service, world: &World) -> bool {
    let doubtful = match service {
        Service::Absent => true,
        Service::Active(_) => tenant.last_run_is_open(),
        Service::Draining | Service::Inactive => false,
    };
    doubtful && !world.emptied
}

/// `Ok` once every task of the service is proven to be STOPPED, else what to do or to wait for.
fn at_rest(name: &ServiceName, world: &World) -> Result<(), Next> {
    if let Some(Service::Active(service)) = &world.service
        && service.has_tasks()
    {
        return Err(Next::Wait(Wait::TasksToStop(Vec::new())));
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
    if alive.is_empty() {
        Ok(())
    } else {
        Err(Next::Wait(Wait::TasksToStop(alive)))
    }
}
