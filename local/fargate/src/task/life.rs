//! A task's life: what happens to it by itself, and when.
//!
//! Source: Amazon ECS Developer Guide, "Amazon ECS task lifecycle". The spans are the simulator's: a healthy task is
//! RUNNING 8 to 18 seconds after its creation.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::containers::{self, Container, Health, State};
use super::stop::{Cause, Stop, StopCode};
use super::{Status, Task, TaskKey};
use crate::image::Behaviour;
use crate::world::{Due, World};

/// What happens to a task at a planned time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum TaskStep {
    /// Its interface is attached: PROVISIONING ends.
    Attached,
    /// It has a place: PENDING ends, and the images are pulled.
    Placed,
    /// The images are pulled.
    Pulled,
    /// A container has been started, or could not be.
    Started(usize),
    /// A container ends by itself if it still runs and was started `start` milliseconds after the epoch.
    Ends { place: usize, start: i64 },
    /// A container's health check gives its first verdict.
    Checked { place: usize, start: i64 },
    /// A task that is told to stop leaves RUNNING.
    Leaves,
    /// SIGTERM is sent.
    Terminated,
    /// A container ends because of a signal.
    Killed { place: usize, code: i32 },
    /// Its interface is gone: DEPROVISIONING ends.
    Detached,
    /// Nobody remembers it any more.
    Forgotten,
}

impl World {
    pub(crate) fn task_step(&mut self, key: TaskKey, step: TaskStep) {
        let Some(task) = self.tasks.get(key) else { return };
        let (status, wanted) = (task.status, task.wanted());
        match step {
            TaskStep::Attached if status == Status::Provisioning && wanted => self.attached(key),
            TaskStep::Placed if status == Status::Pending && wanted => self.placed(key),
            TaskStep::Pulled if status == Status::Activating && wanted => self.pulled(key),
            TaskStep::Started(place) if wanted => self.container_started(key, place),
            TaskStep::Ends { place, start } => self.container_ends(key, place, start),
            TaskStep::Checked { place, start } => self.container_checked(key, place, start),
            TaskStep::Leaves if !wanted && status <= Status::Running => self.leaves(key),
            TaskStep::Terminated if status == Status::Deactivating => self.terminated(key),
            TaskStep::Killed { place, code } => self.container_killed(key, place, code),
            TaskStep::Detached if status == Status::Deprovisioning => self.detached(key),
            TaskStep::Forgotten => self.forget_task(key),
            _ => {}
        }
    }

    pub(crate) fn plan_task(&mut self, key: TaskKey, after: Duration, step: TaskStep) {
        self.agenda.plan(self.now + after, Due::Task(key, step));
    }

    /// Changes a task, and tells the world about it: the version grows and an event is emitted.
    pub(crate) fn change_task(&mut self, key: TaskKey, change: impl FnOnce(&mut Task)) {
        let now = self.now;
        self.keep_past_of_task(key);
        if let Some(service) = self.tasks.get(key).and_then(|task| task.service) {
            self.keep_past_of_service(service);
        }
        let Some(task) = self.tasks.get_mut(key) else { return };
        change(task);
        task.version += 1;
        task.times.updated = now;
        let service = task.service;
        let (arn, detail) = (task.arn.clone(), self.task_event(key));
        self.emit_ecs("ECS Task State Change", &arn, detail);
        if let Some(service) = service {
            self.poke_service(service);
        }
    }

    fn attached(&mut self, key: TaskKey) {
        let now = self.now;
        if let Some(task) = self.tasks.all.get_mut(&key) {
            task.interface.attach(&mut self.tasks.addresses, &mut self.dice);
            task.times.connected = Some(now);
        }
        self.change_task(key, |task| task.status = Status::Pending);
        let span = self.dice.span(1000, 2000);
        self.plan_task(key, span, TaskStep::Placed);
    }

    fn placed(&mut self, key: TaskKey) {
        let now = self.now;
        self.change_task(key, |task| {
            task.status = Status::Activating;
            task.times.pull_started = Some(now);
        });
        let span = self.dice.span(3000, 8000);
        self.plan_task(key, span, TaskStep::Pulled);
    }

    fn pulled(&mut self, key: TaskKey) {
        let now = self.now;
        let Some(task) = self.tasks.get_mut(key) else { return };
        let bad = task
            .containers
            .iter()
            .position(|container| container.behaviour == Behaviour::PullError);
        if let Some(bad) = bad {
            let image = task
                .containers
                .get(bad)
                .map(|c| c.spec.image.clone())
                .unwrap_or_default();
            let reason = format!(
                "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: not found"
            );
            self.failed_to_start(key, bad, reason);
            return;
        }
        task.times.pull_stopped = Some(now);
        for container in &mut task.containers {
            container.digest = Some(digest(&container.spec.image));
        }
        self.start_ready_containers(key);
    }

    /// Starts what waits for nothing any more.
    fn start_ready_containers(&mut self, key: TaskKey) {
        let Some(task) = self.tasks.get_mut(key) else { return };
        let ready = containers::ready(&task.containers);
        for place in ready {
            let span = self.dice.span(1000, 2500);
            let Some(container) = self.tasks.get_mut(key).and_then(|task| task.containers.get_mut(place)) else {
                return;
            };
            container.state = State::Starting;
            let slow = match container.behaviour {
                Behaviour::Slow(seconds) => Duration::from_secs(u64::from(seconds)),
                _ => Duration::ZERO,
            };
            self.plan_task(key, span + slow, TaskStep::Started(place));
        }
        let stuck = self
            .tasks
            .get(key)
            .is_some_and(|task| task.wanted() && containers::stuck(&task.containers));
        if stuck {
            let reason = "Container dependency could not be satisfied: a container that others depend on has failed";
            self.request_stop(
                key,
                Stop {
                    code: StopCode::TaskFailedToStart,
                    reason: reason.to_owned(),
                    cause: Cause::Other,
                },
            );
        }
    }

    fn container_started(&mut self, key: TaskKey, place: usize) {
        let now = self.now;
        let runtime = self.dice.below(4_000_000_000);
        let Some(task) = self.tasks.get_mut(key) else { return };
        let Some(container) = task.containers.get_mut(place) else {
            return;
        };
        if container.behaviour == Behaviour::NeverStarts {
            let reason = "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: \
                          exec: no such file or directory";
            self.failed_to_start(key, place, reason.to_owned());
            return;
        }
        container.state = State::Running { since: now };
        container.runtime = Some(format!("{}-{runtime:010}", task.id));
        self.plan_container(key, place);
        let Some(task) = self.tasks.get(key) else { return };
        let all = task.containers.iter().all(Container::has_run);
        if all && task.status == Status::Activating {
            self.change_task(key, |task| {
                task.status = Status::Running;
                task.times.started = Some(now);
            });
            self.service_task_started(key);
        }
        self.start_ready_containers(key);
    }

    /// Plans what a container that has just started will do by itself.
    fn plan_container(&mut self, key: TaskKey, place: usize) {
        let start = self.now.as_millisecond();
        let Some(container) = self.tasks.get(key).and_then(|task| task.containers.get(place)) else {
            return;
        };
        let (behaviour, check) = (container.behaviour, container.spec.health_check);
        let end = match behaviour {
            Behaviour::Exits(_) | Behaviour::OutOfMemory => Some(self.dice.span(2000, 9000)),
            Behaviour::Crashes(seconds) => Some(Duration::from_secs(u64::from(seconds))),
            _ => None,
        };
        if let Some(end) = end {
            self.plan_task(key, end, TaskStep::Ends { place, start });
        }
        if let Some(check) = check {
            // A healthy container passes its first check; an unhealthy one fails all that it may after its start period.
            let verdict = match behaviour {
                Behaviour::Unhealthy => check.start_period + check.interval * check.retries.max(1),
                _ => check.interval,
            };
            self.plan_task(key, verdict, TaskStep::Checked { place, start });
        }
    }

    fn container_ends(&mut self, key: TaskKey, place: usize, start: i64) {
        let now = self.now;
        let Some(task) = self.tasks.get_mut(key) else { return };
        let Some(container) = task.containers.get_mut(place) else {
            return;
        };
        let State::Running { since } = container.state else {
            return;
        };
        if since.as_millisecond() != start {
            return;
        }
        let code = match container.behaviour {
            Behaviour::Exits(code) => code,
            Behaviour::OutOfMemory => 137,
            _ => 1,
        };
        let ran = Duration::from_millis((now.as_millisecond() - start).unsigned_abs());
        let restarts = container
            .spec
            .restart
            .as_ref()
            .is_some_and(|policy| ran >= policy.attempt_period && !policy.ignored.contains(&i64::from(code)));
        if restarts && task.stop.is_none() {
            container.state = State::Running { since: now };
            container.health = Health::Unknown;
            self.plan_container(key, place);
            return;
        }
        if container.behaviour == Behaviour::OutOfMemory {
            container.reason = Some("OutOfMemoryError: Container killed due to memory usage".to_owned());
        }
        container.state = State::Stopped { code: Some(code) };
        self.container_stopped(key, place);
    }

    fn container_killed(&mut self, key: TaskKey, place: usize, code: i32) {
        let Some(container) = self.tasks.get_mut(key).and_then(|task| task.containers.get_mut(place)) else {
            return;
        };
        if container.is_running() {
            container.state = State::Stopped { code: Some(code) };
            self.container_stopped(key, place);
        }
    }

    /// A container has ended: an essential one takes its task with it.
    fn container_stopped(&mut self, key: TaskKey, place: usize) {
        let Some(task) = self.tasks.get(key) else { return };
        let essential = task
            .containers
            .get(place)
            .is_some_and(|container| container.spec.essential);
        match task.status {
            Status::Stopping => self.terminate_more(key),
            Status::Activating | Status::Running if essential && task.wanted() => {
                let reason = "Essential container in task exited".to_owned();
                let code = StopCode::EssentialContainerExited;
                self.request_stop(
                    key,
                    Stop {
                        code,
                        reason,
                        cause: Cause::Other,
                    },
                );
            }
            Status::Activating | Status::Running if task.wanted() => {
                self.change_task(key, |_| {});
                self.start_ready_containers(key);
            }
            _ => {}
        }
    }

    fn container_checked(&mut self, key: TaskKey, place: usize, start: i64) {
        let Some(task) = self.tasks.get_mut(key) else { return };
        let Some(container) = task.containers.get_mut(place) else {
            return;
        };
        let current = matches!(container.state, State::Running { since } if since.as_millisecond() == start);
        if !current {
            return;
        }
        let healthy = container.behaviour != Behaviour::Unhealthy;
        container.health = if healthy { Health::Healthy } else { Health::Unhealthy };
        self.start_ready_containers(key);
        self.service_task_checked(key);
    }

    fn failed_to_start(&mut self, key: TaskKey, place: usize, reason: String) {
        if let Some(container) = self.tasks.get_mut(key).and_then(|task| task.containers.get_mut(place)) {
            container.state = State::Stopped { code: None };
            container.reason = Some(reason.clone());
        }
        self.request_stop(
            key,
            Stop {
                code: StopCode::TaskFailedToStart,
                reason,
                cause: Cause::Other,
            },
        );
    }
}

/// A digest that is the same whenever the image's name is (FNV-1a; nothing is really pulled).
fn digest(image: &str) -> String {
    let hash = |seed: u64| {
        image.bytes().fold(seed, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    let (a, b) = (hash(0xcbf2_9ce4_8422_2325), hash(0x9e37_79b9_7f4a_7c15));
    let (c, d) = (hash(0xd6e8_feb8_6659_fd93), hash(0xa076_1d64_78bd_642f));
    format!("sha256:{a:016x}{b:016x}{c:016x}{d:016x}")
}
