//! The deployment circuit breaker.
//!
//! Source: Amazon ECS Developer Guide, "How the Amazon ECS deployment circuit breaker detects failures";
//! `DeploymentCircuitBreaker`; Deployment.failedTasks.

use super::ServiceKey;
use super::deployment::{Beginning, Origin, Rollout};
use super::settings::Rollback;
use crate::world::World;

impl World {
    /// Has the PRIMARY deployment fail if it has failed too often.
    pub(crate) fn judge_deployment(&mut self, key: ServiceKey) {
        let now = self.now;
        let Some(service) = self.services.get_mut(key) else {
            return;
        };
        let Some(breaker) = service.settings.limits.breaker else {
            return;
        };
        let threshold = breaker.threshold.failures(service.desired);
        let Some(primary) = service.deployments.first_mut() else {
            return;
        };
        if primary.rollout != Rollout::InProgress || primary.failed < threshold {
            return;
        }
        primary.rollout = Rollout::Failed;
        primary.updated = now;
        "ECS deployment circuit breaker: tasks failed to start.".clone_into(&mut primary.reason);
        let (id, reason) = (primary.id.clone(), primary.reason.clone());
        self.say(
            key,
            &format!("(deployment {id}) deployment failed: tasks failed to start."),
        );
        self.emit_deployment(key, &id, "SERVICE_DEPLOYMENT_FAILED", &reason);
        if breaker.rollback == Rollback::On {
            self.roll_back(key);
        }
    }

    /// Deploys again what was last deployed successfully, if there is such a thing and this was not tried just now.
    fn roll_back(&mut self, key: ServiceKey) {
        let Some(service) = self.services.get(key) else { return };
        let Some(good) = service.completed.clone() else { return };
        if service
            .primary()
            .is_none_or(|primary| primary.origin == Origin::Rollback)
        {
            return;
        }
        self.say(key, &format!("rolling back to deployment {}.", good.deployment));
        let reason = format!(
            "ECS deployment circuit breaker: rolling back to deploymentId {}.",
            good.deployment
        );
        self.begin_deployment(key, good.definition, good.placement, Beginning::Rollback(reason));
    }
}
