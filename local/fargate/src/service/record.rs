//! What a service's tasks make of their deployments: successes, failures, and delays of the next start.

use super::deployment::{Action, Deployment, Rollout, start_delay};
use super::scheduler::has_check;
use super::settings::Reset;
use super::{Service, ServiceKey};
use crate::placement::NO_CAPACITY;
use crate::task::TaskKey;
use crate::task::containers::{Health, task_health};
use crate::task::stop::Cause;
use crate::world::World;

/// False starts in a row from which on the service is told to be impaired.
const IMPAIRED: u32 = 3;

/// Whether a task that failed had come to RUNNING.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    Came,
    Failed,
}

impl World {
    /// A service's task is RUNNING: the next start is not delayed, and without a health check it is a success.
    pub(crate) fn service_task_started(&mut self, task: TaskKey) {
        let unchecked = self.tasks.get(task).is_some_and(|task| !has_check(task));
        if let Some(deployment) = self.deployment_of(task) {
            deployment.false_starts = 0;
        }
        if unchecked {
            self.reset_failures(task);
        }
    }

    /// A health check has given its verdict.
    pub(crate) fn service_task_checked(&mut self, task: TaskKey) {
        let Some(found) = self.tasks.get(task) else { return };
        let (health, service) = (task_health(&found.containers), found.service);
        if health == Health::Healthy {
            self.reset_failures(task);
        }
        if let Some(service) = service {
            self.poke_service(service);
        }
    }

    fn reset_failures(&mut self, task: TaskKey) {
        let service = self
            .tasks
            .get(task)
            .and_then(|task| task.service)
            .and_then(|key| self.services.get(key));
        let breaker = service.and_then(|service| service.settings.limits.breaker);
        if breaker.is_some_and(|breaker| breaker.reset == Reset::Never) {
            return;
        }
        if let Some(deployment) = self.deployment_of(task) {
            deployment.failed = 0;
        }
    }

    fn deployment_of(&mut self, task: TaskKey) -> Option<&mut Deployment> {
        let task = self.tasks.get(task)?;
        let service: &mut Service = self.services.get_mut(task.service?)?;
        service
            .deployments
            .iter_mut()
            .find(|deployment| task.started_by.as_deref() == Some(&deployment.id))
    }

    /// A service's task is to stop: perhaps its deployment has failed once more.
    pub(crate) fn service_task_stopping(&mut self, task: TaskKey) {
        let Some(found) = self.tasks.get(task) else { return };
        let Some(key) = found.service else { return };
        let started = found.times.started.is_some();
        let failure = match found.stop.as_ref().map(|stop| stop.cause) {
            Some(Cause::Health) => true,
            Some(Cause::Other) => !started,
            Some(Cause::Intended) | None => false,
        };
        if let Some(deployment) = self.deployment_of(task).filter(|_| failure) {
            let id = deployment.id.clone();
            self.record_failure(key, &id, if started { Start::Came } else { Start::Failed });
        }
    }

    /// There was no capacity for a task. Source: `Deployment.failedTasks`: a task that cannot be launched is a failure.
    pub(super) fn placement_failed(&mut self, key: ServiceKey) {
        let Some(id) = self
            .services
            .get(key)
            .and_then(|service| Some(service.primary()?.id.clone()))
        else {
            return;
        };
        self.say(key, &format!("was unable to place a task. Reason: {NO_CAPACITY}"));
        self.emit_action(key, Action::PlacementFailure);
        self.record_failure(key, &id, Start::Failed);
    }

    fn record_failure(&mut self, key: ServiceKey, deployment: &str, start: Start) {
        let now = self.now;
        let Some(service) = self.services.get_mut(key) else {
            return;
        };
        let Some(deployment) = service.deployments.iter_mut().find(|one| one.id == deployment) else {
            return;
        };
        if deployment.rollout == Rollout::InProgress {
            deployment.failed += 1;
        }
        let mut impaired = false;
        if start == Start::Failed {
            deployment.false_starts += 1;
            deployment.not_before = now + start_delay(deployment.false_starts);
            impaired = deployment.false_starts == IMPAIRED;
        }
        if impaired {
            self.say(key, "is unable to consistently start tasks successfully.");
            self.emit_action(key, Action::StartImpaired);
        }
        self.judge_deployment(key);
    }

    /// A service's task has STOPPED.
    pub(crate) fn service_task_stopped(&mut self, task: TaskKey) {
        let service = self.tasks.get(task).and_then(|task| task.service);
        if let Some(service) = service.and_then(|key| self.services.get_mut(key)) {
            service.live.remove(&task);
        }
    }
}
