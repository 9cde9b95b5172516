//! Deployments: how a service comes to run what it should.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Message, ServiceKey};
use crate::definition::store::RevisionId;
use crate::names::iso;
use crate::placement::Placement;
use crate::world::World;

/// One deployment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Deployment {
    pub(crate) id: String,
    pub(crate) definition: RevisionId,
    pub(crate) placement: Placement,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) origin: Origin,
    pub(crate) rollout: Rollout,
    pub(crate) reason: String,
    /// `failedTasks`: failures since the last healthy task.
    pub(crate) failed: u32,
    /// How many tasks in a row never came to RUNNING: what the start of the next one is delayed by.
    pub(crate) false_starts: u32,
    /// Before this time no task is started.
    pub(crate) not_before: Timestamp,
}

/// Where a deployment comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Origin {
    /// A caller asked for it.
    Request,
    /// The circuit breaker took back the one before. It is not taken back itself.
    Rollback,
}

/// Why a deployment begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    Request,
    /// With the reason that is told.
    Rollback(String),
}

/// A deployment's `rolloutState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Rollout {
    InProgress,
    Completed,
    Failed,
}

impl Rollout {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

/// A service action event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    SteadyState,
    StartImpaired,
    PlacementFailure,
}

/// What was deployed successfully.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Completed {
    pub(crate) deployment: String,
    pub(crate) definition: RevisionId,
    pub(crate) placement: Placement,
}

/// The delay of a start after this many false starts in a row. Source: Amazon ECS Developer Guide, "Amazon ECS service
/// throttle logic": the delay grows up to 27 minutes; the steps are the simulator's.
pub(crate) fn start_delay(false_starts: u32) -> Duration {
    const LONGEST: Duration = Duration::from_mins(27);
    match false_starts {
        0 => Duration::ZERO,
        n => Duration::from_secs(10)
            .saturating_mul(1 << (n - 1).min(16))
            .min(LONGEST),
    }
}

/// The most events that `DescribeServices` shows. Source: Service.events: "Only the 100 most recent events".
const MOST_MESSAGES: usize = 100;

impl World {
    /// Begins a deployment; the ones before it become ACTIVE until it is completed.
    pub(crate) fn begin_deployment(
        &mut self,
        key: ServiceKey,
        definition: RevisionId,
        placement: Placement,
        beginning: Beginning,
    ) {
        let id = self.dice.deployment();
        self.definitions.refer(&definition);
        let (origin, reason) = match beginning {
            Beginning::Request => (Origin::Request, format!("ECS deployment {id} in progress.")),
            Beginning::Rollback(reason) => (Origin::Rollback, reason),
        };
        let deployment = Deployment {
            id: id.clone(),
            definition,
            placement,
            created: self.now,
            updated: self.now,
            origin,
            rollout: Rollout::InProgress,
            reason: reason.clone(),
            failed: 0,
            false_starts: 0,
            not_before: self.now,
        };
        let Some(service) = self.services.get_mut(key) else {
            return;
        };
        service.deployments.insert(0, deployment);
        service.steady = false;
        self.emit_deployment(key, &id, "SERVICE_DEPLOYMENT_IN_PROGRESS", &reason);
        self.poke_service(key);
    }

    /// The PRIMARY deployment has reached its steady state: it alone remains.
    pub(crate) fn complete_deployment(&mut self, key: ServiceKey) {
        let now = self.now;
        let Some(service) = self.services.get_mut(key) else {
            return;
        };
        let Some(primary) = service.deployments.first_mut() else {
            return;
        };
        primary.rollout = Rollout::Completed;
        primary.reason = format!("ECS deployment {} completed.", primary.id);
        primary.updated = now;
        primary.failed = 0;
        let (id, reason) = (primary.id.clone(), primary.reason.clone());
        service.completed = Some(Completed {
            deployment: id.clone(),
            definition: primary.definition.clone(),
            placement: primary.placement.clone(),
        });
        let replaced: Vec<_> = service.deployments.drain(1..).collect();
        for deployment in replaced {
            self.release_definition(&deployment.definition);
        }
        self.emit_deployment(key, &id, "SERVICE_DEPLOYMENT_COMPLETED", &reason);
        self.say(key, &format!("(deployment {id}) deployment completed."));
    }

    /// Source: Amazon ECS Developer Guide, "Amazon ECS service deployment state change events".
    pub(crate) fn emit_deployment(&mut self, key: ServiceKey, id: &str, name: &str, reason: &str) {
        let Some(service) = self.services.get(key) else { return };
        let kind = if name == "SERVICE_DEPLOYMENT_FAILED" {
            "ERROR"
        } else {
            "INFO"
        };
        let detail = json!({
            "eventType": kind,
            "eventName": name,
            "deploymentId": id,
            "updatedAt": iso(self.now),
            "reason": reason,
        });
        let arn = service.arn.clone();
        self.emit_ecs("ECS Deployment State Change", &arn, detail);
    }

    /// Source: Amazon ECS Developer Guide, "Amazon ECS service action events".
    pub(crate) fn emit_action(&mut self, key: ServiceKey, action: Action) {
        let Some(service) = self.services.get(key) else { return };
        let (kind, name, reason) = match action {
            Action::SteadyState => ("INFO", "SERVICE_STEADY_STATE", None),
            Action::StartImpaired => ("WARN", "SERVICE_TASK_START_IMPAIRED", None),
            Action::PlacementFailure => ("ERROR", "SERVICE_TASK_PLACEMENT_FAILURE", Some("RESOURCE:FARGATE")),
        };
        let mut detail = json!({
            "eventType": kind,
            "eventName": name,
            "clusterArn": self.config.ecs_arn(&format!("cluster/{}", service.cluster)),
            "createdAt": iso(self.now),
        });
        if let (Some(reason), Some(members)) = (reason, detail.as_object_mut()) {
            members.insert("reason".to_owned(), json!(reason));
        }
        let arn = service.arn.clone();
        self.emit_ecs("ECS Service Action", &arn, detail);
    }

    /// Adds to the service's own list of events.
    pub(crate) fn say(&mut self, key: ServiceKey, text: &str) {
        let (id, at) = (self.dice.uuid(), self.now);
        let Some(service) = self.services.get_mut(key) else {
            return;
        };
        let text = format!("(service {}) {text}", service.name);
        service.messages.push_front(Message { id, at, text });
        service.messages.truncate(MOST_MESSAGES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_grows_to_27_minutes_and_no_further() {
        let seconds = |n| start_delay(n).as_secs();
        assert_eq!(
            [0, 1, 2, 3, 8, 9, 10, 1000].map(seconds),
            [0, 10, 20, 40, 1280, 1620, 1620, 1620]
        );
    }
}
