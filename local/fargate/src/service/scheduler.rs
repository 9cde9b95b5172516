//! The service scheduler: looks at a service whenever something about it has changed, and does what the plan says.

use std::time::Duration;

use jiff::Timestamp;

use super::deployment::{Action, Rollout};
use super::plan::{Member, Plan, Side, Situation, Starts, Worth, plan};
use super::{ServiceKey, ServiceStatus};
use crate::placement::Capacity;
use crate::task::containers::{Health, task_health};
use crate::task::overrides::{self, Overrides};
use crate::task::run::NewTask;
use crate::task::stop::{Cause, Stop, StopCode};
use crate::task::{Status, Task, TaskKey};
use crate::world::{Due, World};

/// How long a task without a health check must run to count as healthy. Source:
/// DeploymentConfiguration.minimumHealthyPercent: "40 seconds after a task reaches a RUNNING state".
const SETTLING: Duration = Duration::from_secs(40);
/// How long an INACTIVE service is remembered. Source: `DeleteService`: it can still be described, but may be purged.
const MEMORY: Duration = Duration::from_hours(24);

impl World {
    /// Has the scheduler look at a service soon.
    pub(crate) fn poke_service(&mut self, key: ServiceKey) {
        let span = self.dice.span(500, 1500);
        self.look_at(key, self.now + span);
    }

    fn look_at(&mut self, key: ServiceKey, at: Timestamp) {
        let Some(service) = self.services.get_mut(key) else {
            return;
        };
        let later = service.next_look.is_none_or(|planned| at < planned);
        if later && service.status != ServiceStatus::Inactive {
            service.next_look = Some(at);
            self.agenda.plan(at, Due::Service(key));
        }
    }

    pub(crate) fn service_due(&mut self, key: ServiceKey) {
        let now = self.now;
        let Some(service) = self.services.get_mut(key) else {
            return;
        };
        if service.next_look != Some(now) || service.status == ServiceStatus::Inactive {
            return;
        }
        service.next_look = None;
        self.drop_replaced(key);
        let Some(situation) = self.situation(key) else { return };
        let plan = plan(&situation);
        let idle = plan == Plan::default();
        self.stop_surplus(key, &plan.stop);
        self.start_missing(key, plan.start);
        if idle {
            self.settle(key, &situation);
        } else if let Some(service) = self.services.get_mut(key) {
            service.steady = false;
        }
        self.plan_next_look(key, &situation);
    }

    /// Forgets the deployments that are replaced. Source: Deployment.status: an ACTIVE deployment still has running
    /// tasks. One that has FAILED is shown until the one after it is completed.
    fn drop_replaced(&mut self, key: ServiceKey) {
        let Some(service) = self.services.get_mut(key) else {
            return;
        };
        let live = service.live.iter().filter_map(|task| self.tasks.get(*task));
        let serving: Vec<_> = live
            .filter(|task| task.status.is_running_or_pending())
            .map(|task| &task.started_by)
            .collect();
        let mut dropped = Vec::new();
        let mut place = 0;
        service.deployments.retain(|deployment| {
            place += 1;
            let serves = serving.iter().any(|starter| starter.as_deref() == Some(&deployment.id));
            let kept = place == 1 || serves || deployment.rollout == Rollout::Failed;
            if !kept {
                dropped.push(deployment.definition.clone());
            }
            kept
        });
        for definition in dropped {
            self.release_definition(&definition);
        }
    }

    /// What the plan is made from.
    fn situation(&self, key: ServiceKey) -> Option<Situation> {
        let service = self.services.get(key)?;
        let primary = service.primary()?;
        let desired = if service.status == ServiceStatus::Active {
            service.desired
        } else {
            0
        };
        let starts = match primary.rollout {
            Rollout::Failed => Starts::Never,
            _ if self.now < primary.not_before => Starts::Delayed,
            _ => Starts::Allowed,
        };
        let limits = service.settings.limits;
        let live = service
            .live
            .iter()
            .filter_map(|task| Some((*task, self.tasks.get(*task)?)));
        let members = live
            .filter(|(_, task)| task.status.is_running_or_pending())
            .map(|(key, task)| Member {
                key,
                side: if task.started_by.as_deref() == Some(&primary.id) {
                    Side::New
                } else {
                    Side::Old
                },
                worth: self.worth(task),
                wanted: task.wanted(),
            });
        Some(Situation {
            desired,
            least_healthy: limits.least_healthy(desired),
            most_running: limits.most_running(desired),
            starts,
            members: members.collect(),
        })
    }

    fn worth(&self, task: &Task) -> Worth {
        let checked = has_check(task);
        match (task.status, task_health(&task.containers)) {
            (_, Health::Unhealthy) => Worth::Unhealthy,
            (Status::Running, Health::Healthy) => Worth::Healthy,
            (Status::Running, Health::Unknown) if !checked && self.settled(task) => Worth::Healthy,
            (Status::Running, Health::Unknown) => Worth::Fresh,
            _ => Worth::Pending,
        }
    }

    fn settled(&self, task: &Task) -> bool {
        task.times.started.is_some_and(|started| self.now >= started + SETTLING)
    }

    fn stop_surplus(&mut self, key: ServiceKey, tasks: &[TaskKey]) {
        let mut stopped = Vec::new();
        for task in tasks {
            let Some(found) = self.tasks.get(*task) else { continue };
            let unhealthy = task_health(&found.containers) == Health::Unhealthy;
            let deployment = found.started_by.clone().unwrap_or_default();
            stopped.push(format!("(task {})", found.id));
            let (reason, cause) = if unhealthy {
                ("Task failed container health checks".to_owned(), Cause::Health)
            } else {
                (
                    format!("Scaling activity initiated by (deployment {deployment})"),
                    Cause::Intended,
                )
            };
            self.request_stop(
                *task,
                Stop {
                    code: StopCode::ServiceSchedulerInitiated,
                    reason,
                    cause,
                },
            );
        }
        if !stopped.is_empty() {
            self.say(
                key,
                &format!("has stopped {} running tasks: {}.", stopped.len(), stopped.join(" ")),
            );
        }
    }

    fn start_missing(&mut self, key: ServiceKey, count: u32) {
        if count == 0 {
            return;
        }
        if self.capacity == Capacity::Unavailable {
            self.placement_failed(key);
            return;
        }
        let Some(new) = self.new_service_task(key) else { return };
        let mut started = Vec::new();
        for _ in 0..count {
            if self.draw_launches(1).is_err() {
                // Fargate's own launch rate: the rest is tried again.
                self.look_at(key, self.now + Duration::from_secs(1));
                break;
            }
            let task = self.launch(&new);
            started.extend(self.tasks.get(task).map(|task| format!("(task {})", task.id)));
            if let Some(service) = self.services.get_mut(key) {
                service.live.insert(task);
            }
        }
        if !started.is_empty() {
            self.say(
                key,
                &format!("has started {} tasks: {}.", started.len(), started.join(" ")),
            );
        }
    }

    /// A task of the PRIMARY deployment.
    fn new_service_task(&self, key: ServiceKey) -> Option<NewTask> {
        let service = self.services.get(key)?;
        let primary = service.primary()?;
        let revision = self.definitions.get(&primary.definition)?;
        let mut tags = match service.settings.text("propagateTags") {
            "SERVICE" => service.tags.clone(),
            "TASK_DEFINITION" => revision.tags.clone(),
            _ => crate::tags::Tags::new(),
        };
        if service.settings.flag("enableECSManagedTags") {
            tags.insert("aws:ecs:clusterName".to_owned(), service.cluster.clone());
            tags.insert("aws:ecs:serviceName".to_owned(), service.name.clone());
        }
        Some(NewTask {
            cluster: service.cluster.clone(),
            definition: primary.definition.clone(),
            service: Some(key),
            group: format!("service:{}", service.name),
            started_by: Some(primary.id.clone()),
            placement: primary.placement.clone(),
            overrides: Overrides {
                shown: overrides::none(&revision.containers),
                size: None,
                storage: None,
            },
            tags,
            exec: service.settings.flag("enableExecuteCommand"),
        })
    }

    /// Nothing is left to do now: perhaps the service is as it should be, or all its tasks are gone.
    fn settle(&mut self, key: ServiceKey, situation: &Situation) {
        let Some(service) = self.services.get(key) else { return };
        if service.status == ServiceStatus::Draining {
            // Source: DeleteService: INACTIVE once all tasks are STOPPING or STOPPED.
            let mut live = service.live.iter().filter_map(|task| self.tasks.get(*task));
            if live.all(|task| task.status >= Status::Stopping) {
                self.retire_service(key);
            }
            return;
        }
        let healthy = |member: &Member| member.side == Side::New && member.worth == Worth::Healthy && member.wanted;
        let there = situation.members.len() == situation.desired as usize && situation.members.iter().all(healthy);
        if !there {
            return;
        }
        if service
            .primary()
            .is_some_and(|primary| primary.rollout == Rollout::InProgress)
        {
            self.complete_deployment(key);
        }
        let news = self
            .services
            .get_mut(key)
            .is_some_and(|service| !std::mem::replace(&mut service.steady, true));
        if news {
            self.say(key, "has reached a steady state.");
            self.emit_action(key, Action::SteadyState);
        }
    }

    /// Besides what changes, only the end of a delay or of a task's first seconds needs another look.
    fn plan_next_look(&mut self, key: ServiceKey, situation: &Situation) {
        let Some(service) = self.services.get(key) else { return };
        let delay = service
            .primary()
            .filter(|primary| primary.rollout != Rollout::Failed)
            .map(|primary| primary.not_before);
        let fresh = situation.members.iter().filter(|member| member.worth == Worth::Fresh);
        let settled = fresh
            .filter_map(|member| self.tasks.get(member.key)?.times.started)
            .map(|at| at + SETTLING);
        if let Some(at) = delay.into_iter().chain(settled).filter(|at| *at > self.now).min() {
            self.look_at(key, at);
        }
    }

    fn retire_service(&mut self, key: ServiceKey) {
        let Some(service) = self.services.get_mut(key) else {
            return;
        };
        service.status = ServiceStatus::Inactive;
        service.last_definition = service.primary().map(|primary| primary.definition.clone());
        let deployments = std::mem::take(&mut service.deployments);
        for deployment in deployments {
            self.release_definition(&deployment.definition);
        }
        self.agenda.plan(self.now + MEMORY, Due::ForgetService(key));
    }

    pub(crate) fn forget_service(&mut self, key: ServiceKey) {
        self.pasts.forget_service(key);
        let Some(service) = self.services.remove(key) else {
            return;
        };
        if let Some(cluster) = self.clusters.get_mut(&service.cluster)
            && cluster.services.get(&service.name) == Some(&key)
        {
            cluster.services.remove(&service.name);
        }
    }
}

pub(super) fn has_check(task: &Task) -> bool {
    task.containers
        .iter()
        .any(|container| container.spec.essential && container.spec.health_check.is_some())
}
