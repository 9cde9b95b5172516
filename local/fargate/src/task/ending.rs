//! The end of a task: from the wish that it stop to the time when nobody remembers it.
//!
//! Source: Amazon ECS Developer Guide, "Amazon ECS task lifecycle"; `StopTask`.

use std::time::Duration;

use super::containers::{self, Container, State};
use super::life::TaskStep;
use super::network::InterfaceStatus;
use super::stop::Stop;
use super::{Status, TaskKey};
use crate::image::Behaviour;
use crate::world::World;

/// How long a stopped task is remembered. Source: `DescribeTasks`: "at least one hour".
const MEMORY: Duration = Duration::from_hours(1);

impl World {
    /// Says that a task is to stop. One that is to stop already keeps its first reason.
    pub(crate) fn request_stop(&mut self, key: TaskKey, stop: Stop) {
        if self.tasks.get(key).is_none_or(|task| !task.wanted()) {
            return;
        }
        let now = self.now;
        self.change_task(key, |task| {
            task.stop = Some(stop);
            task.times.stopping = Some(now);
        });
        self.service_task_stopping(key);
        let span = self.dice.span(500, 1500);
        self.plan_task(key, span, TaskStep::Leaves);
    }

    /// The task is no longer PENDING or RUNNING. One that has a running container still has to end it.
    pub(super) fn leaves(&mut self, key: TaskKey) {
        let Some(task) = self.tasks.get(key) else { return };
        if task.containers.iter().any(Container::is_running) || task.status == Status::Running {
            self.change_task(key, |task| task.status = Status::Deactivating);
            let span = self.dice.span(500, 1500);
            self.plan_task(key, span, TaskStep::Terminated);
        } else {
            self.execution_over(key);
        }
    }

    pub(super) fn terminated(&mut self, key: TaskKey) {
        self.change_task(key, |task| task.status = Status::Stopping);
        self.terminate_more(key);
    }

    /// Sends SIGTERM to the containers whose turn it is; when none is left the task's execution is over.
    pub(super) fn terminate_more(&mut self, key: TaskKey) {
        let Some(task) = self.tasks.get(key) else { return };
        let turn: Vec<_> = containers::stoppable(&task.containers)
            .into_iter()
            .filter_map(|place| Some((place, task.containers.get(place)?)))
            .map(|(place, container)| (place, container.behaviour, container.spec.stop_timeout))
            .collect();
        if turn.is_empty() {
            self.execution_over(key);
        }
        for (place, behaviour, timeout) in turn {
            let (span, code) = match behaviour {
                Behaviour::IgnoresSigterm => (timeout, 137),
                _ => (self.dice.span(200, 1900).min(timeout), 0),
            };
            self.plan_task(key, span, TaskStep::Killed { place, code });
        }
    }

    fn execution_over(&mut self, key: TaskKey) {
        let now = self.now;
        self.change_task(key, |task| {
            task.status = Status::Deprovisioning;
            task.times.execution_stopped = Some(now);
            for container in &mut task.containers {
                if !container.is_stopped() {
                    container.state = State::Stopped { code: None };
                }
            }
        });
        let span = self.dice.span(1000, 4000);
        self.plan_task(key, span, TaskStep::Detached);
    }

    pub(super) fn detached(&mut self, key: TaskKey) {
        let now = self.now;
        let Some(task) = self.tasks.get_mut(key) else { return };
        let address = task.interface.made.as_ref().map(|made| made.address);
        let definition = task.definition.clone();
        if let Some(address) = address {
            self.tasks.addresses.give_back(address);
        }
        self.change_task(key, |task| {
            task.status = Status::Stopped;
            task.times.stopped = Some(now);
            task.interface.status = InterfaceStatus::Deleted;
        });
        self.release_definition(&definition);
        self.service_task_stopped(key);
        self.plan_task(key, MEMORY, TaskStep::Forgotten);
    }

    pub(super) fn forget_task(&mut self, key: TaskKey) {
        self.pasts.forget_task(key);
        let Some(task) = self.tasks.forget(key) else { return };
        if let Some(cluster) = self.clusters.get_mut(&task.cluster) {
            cluster.tasks.remove(&key);
        }
    }
}
