//! What has been learned of AWS in this pass.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Failure;
use crate::definition::Revision;
use crate::event::{TaskObservation, TaskStatus};
use crate::tenant::{Applied, Order, Tenant, Told};

/// What has been learned of AWS in this pass. `None` means *not looked yet*; a call that failed never gets here, so an
/// error cannot be mistaken for an absence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    /// The service of the incarnation that the pass is about.
    pub service: Option<Service>,
    /// Every task of that service that may still be alive, or was so lately.
    pub tasks: Option<Vec<TaskObservation>>,
    /// The task that the row knows and that ECS did not show although it cannot have forgotten it yet.
    pub unlisted: Option<String>,
    /// Until when a task of the service may be alive that no look shows.
    pub unsure_until: Option<Timestamp>,
    /// When ECS was told in this pass to let the service have no task.
    pub emptied_at: Option<Timestamp>,
    /// Why the tenant cannot be given a bundle of its template, as a look in this pass has shown.
    pub undeliverable: Option<Failure>,
    /// The registered revision of the target's fingerprint.
    pub definition: Option<String>,
    /// The revisions that were registered for this incarnation alone.
    pub own_definitions: Option<Vec<Revision>>,
    /// The revision that ECS did not take any more in this pass, so that it was registered anew; that is done once.
    pub renewed: Option<String>,
    /// The definition that ECS was told to run in this pass.
    pub told: Option<String>,
    /// Whether heartbeats are accepted, as far as this pass has seen to it.
    pub heartbeats: Option<Heartbeats>,
    /// In this pass the generation was proven to be reached.
    pub reached: Option<Reached>,
}

/// A generation that was proven to be reached in this pass: nobody has to look once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The definition that was the last good one before.
    pub before: Option<Applied>,
}

/// Whether heartbeats are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeats {
    /// For the present generation.
    Open,
    /// Not any more.
    Closed,
}

/// A service, as `DescribeServices` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Service {
    /// MISSING: there is none, and the name can be created.
    Absent,
    /// INACTIVE: it was deleted, and the name can be created again.
    Inactive,
    /// DRAINING: it is being deleted; the name can be neither used nor created.
    Draining,
    /// ACTIVE.
    Active(ActiveService),
}

/// An ACTIVE service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveService {
    /// The revision of its PRIMARY deployment.
    pub definition_arn: String,
    /// How many tasks it should have.
    pub desired: u32,
    /// How many tasks are RUNNING.
    pub running: u32,
    /// How many tasks are on their way to RUNNING.
    pub pending: u32,
    /// What became of its PRIMARY deployment.
    pub deployment: DeploymentState,
}

impl ActiveService {
    /// Whether ECS starts no task of this definition any more: its deployment has FAILED, and only another one changes that
    /// ("Amazon ECS deployment circuit breaker").
    pub fn has_given_up(&self, definition_arn: &str) -> bool {
        self.definition_arn == definition_arn && matches!(self.deployment, DeploymentState::Failed { .. })
    }
}

/// What became of a deployment (`rolloutState`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeploymentState {
    /// It goes on, or ECS does not say.
    InProgress,
    /// The service reached a steady state with it.
    Completed,
    /// The circuit breaker gave it up.
    Failed {
        /// `rolloutStateReason`.
        reason: String,
    },
}

impl ActiveService {
    /// It has tasks that are RUNNING or on their way there.
    pub fn has_tasks(&self) -> bool {
        self.running + self.pending > 0
    }
}

/// How long ECS remembers a task after it has stopped, at least (API Reference, `DescribeTasks`: "recently stopped tasks
/// might appear ... for at least one hour").
const REMEMBERED: Duration = Duration::from_hours(1);

impl World {
    /// What a look at the service has shown, at `now`. What ECS was told a moment ago is believed rather than a look that
    /// says otherwise.
    pub fn with_look(&mut self, shown: Service, told: Option<&Told>, now: Timestamp) {
        let lately = told.filter(|told| now < told.shows_at());
        self.with_service(lately.map_or(shown.clone(), |told| as_told(&told.order, shown)));
    }

    /// What a look at the tasks has shown, at `now`.
    ///
    /// A look may be behind. So a task that is younger than ECS's memory is not gone because a look does not show it; one
    /// that the row knows to be STOPPED is so, because that is final; and as long as the last task may have been started
    /// too lately to be shown, an empty look proves nothing.
    pub fn with_tasks(&mut self, tasks: Vec<TaskObservation>, tenant: &Tenant, now: Timestamp) {
        let seen = tenant.observed.as_ref();
        let unlisted = seen.filter(|seen| {
            let young = now.duration_since(seen.created_at).unsigned_abs() < REMEMBERED;
            young && !seen.last_status.is_gone() && tasks.iter().all(|task| task.task_arn != seen.task_arn)
        });
        self.unlisted = unlisted.map(|seen| seen.task_arn.clone());
        let ended = |task: &TaskObservation| {
            seen.is_some_and(|seen| seen.task_arn == task.task_arn && seen.last_status == TaskStatus::Stopped)
        };
        self.tasks = Some(tasks.into_iter().filter(|task| !ended(task)).collect());
        let told = tenant.made.told.as_ref().map(Told::shows_at);
        self.unsure_until = told.filter(|shows_at| now < *shows_at);
    }

    /// What is known of the service, by its answer or by a look: its tasks must be looked at again.
    pub fn with_service(&mut self, service: Service) {
        self.service = Some(service);
        self.tasks = None;
    }

    /// What is known after ECS was told, by `now`, to let the service have no task, and answered with it.
    pub fn with_emptied(&mut self, service: Service, now: Timestamp) {
        self.with_service(service);
        self.emptied_at = Some(now);
    }
}

/// A service that was given this order a moment ago, and that a look shows as `shown`.
fn as_told(order: &Order, shown: Service) -> Service {
    match (order, shown) {
        (Order::Run(told), Service::Active(service)) if service.desired > 0 && service.definition_arn == *told => {
            // It may be the deployment before this one that a look shows as given up.
            let deployment = match service.deployment {
                DeploymentState::Failed { .. } => DeploymentState::InProgress,
                going @ (DeploymentState::InProgress | DeploymentState::Completed) => going,
            };
            Service::Active(ActiveService { deployment, ..service })
        }
        (Order::Run(told), _) => Service::Active(ActiveService {
            definition_arn: told.clone(),
            desired: 1,
            running: 0,
            pending: 1,
            deployment: DeploymentState::InProgress,
        }),
        (Order::Stop, Service::Active(service)) => Service::Active(ActiveService {
            desired: 0,
            running: 0,
            pending: 0,
            ..service
        }),
        (Order::Stop, Service::Absent) => Service::Active(ActiveService {
            definition_arn: String::new(),
            desired: 0,
            running: 0,
            pending: 0,
            deployment: DeploymentState::InProgress,
        }),
        (Order::Stop, gone @ (Service::Draining | Service::Inactive)) => gone,
    }
}
