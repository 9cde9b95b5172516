//! What a service's tasks make of their deployments: successes, failures, and delays of the next start.

use super::Service;
use super::deployment::{Deployment, Rollout, start_delay};
use super::scheduler::has_check;
use super::settings::Reset;
use crate::task::TaskKey;
use crate::task::containers::{Health, task_health};
use crate::task::stop::Cause;
use crate::world::World;

/// False starts in a row from which on the service is told to be impaired.
const IMPAIRED: u32 = 3;

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
        let now = self.now;
        let Some(found) = self.tasks.get(task) else { return };
        let Some(key) = found.service else { return };
        let started = found.times.started.is_some();
        let failure = match found.stop.as_ref().map(|stop| stop.cause) {
            Some(Cause::Health) => true,
            Some(Cause::Other) => !started,
            Some(Cause::Intended) | None => false,
        };
        let Some(deployment) = self.deployment_of(task).filter(|_| failure) else {
            return;
        };
        if deployment.rollout == Rollout::InProgress {
            deployment.failed += 1;
        }
        let mut impaired = false;
        if !started {
            deployment.false_starts += 1;
            deployment.not_before = now + start_delay(deployment.false_starts);
            impaired = deployment.false_starts == IMPAIRED;
        }
        if impaired {
            self.say(key, "is unable to consistently start tasks successfully.");
            self.emit_action(key, "WARN", "SERVICE_TASK_START_IMPAIRED");
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
