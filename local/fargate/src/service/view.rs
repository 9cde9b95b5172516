//! A service as `DescribeServices` shows it.

use serde_json::{Value, json};

use super::deployment::Deployment;
use super::{Service, ServiceKey};
use crate::names::epoch;
use crate::tags;
use crate::task::{Status, Task};
use crate::world::World;

/// How many tasks of a service or deployment are RUNNING and PENDING.
#[derive(Default)]
struct Counts {
    running: u32,
    pending: u32,
    wanted: u32,
}

impl World {
    /// A service less its tags.
    pub(crate) fn show_service(&self, key: ServiceKey) -> Value {
        let Some(service) = self.services.get(key) else {
            return Value::Null;
        };
        let counts = self.counts(service, |_| true);
        let mut shown = service.settings.shown.clone();
        let deployments: Vec<_> = service
            .deployments
            .iter()
            .enumerate()
            .map(|(place, d)| self.show_deployment(service, d, if place == 0 { "PRIMARY" } else { "ACTIVE" }))
            .collect();
        let messages = service.messages.iter();
        let events: Vec<_> = messages
            .map(|m| json!({"id": m.id, "createdAt": epoch(m.at), "message": m.text}))
            .collect();
        let members = json!({
            "serviceArn": service.arn,
            "serviceName": service.name,
            "clusterArn": self.config.ecs_arn(&format!("cluster/{}", service.cluster)),
            "status": service.status.name(),
            "desiredCount": service.desired,
            "runningCount": counts.running,
            "pendingCount": counts.pending,
            "createdAt": epoch(service.created),
            "createdBy": format!("arn:aws:iam::{}:root", self.config.account),
            "roleArn": format!("arn:aws:iam::{}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS", self.config.account),
            "resourceManagementType": "CUSTOMER",
        });
        if let Value::Object(members) = members {
            shown.extend(members);
        }
        shown.insert("deployments".to_owned(), Value::Array(deployments));
        shown.insert("events".to_owned(), Value::Array(events));
        if let Some(definition) = service
            .primary()
            .map(|primary| &primary.definition)
            .or(service.last_definition.as_ref())
        {
            shown.insert("taskDefinition".to_owned(), json!(definition.arn(&self.config)));
        }
        if let Some(primary) = service.primary() {
            shown.extend(show_placement(primary));
        }
        Value::Object(shown)
    }

    /// The same with its tags.
    pub(crate) fn show_service_with_tags(&self, key: ServiceKey) -> Value {
        let mut shown = self.show_service(key);
        if let (Some(service), Value::Object(members)) = (self.services.get(key), &mut shown) {
            members.insert("tags".to_owned(), tags::list(&service.tags));
        }
        shown
    }

    fn counts(&self, service: &Service, which: impl Fn(&Task) -> bool) -> Counts {
        let mut counts = Counts::default();
        for task in service
            .live
            .iter()
            .filter_map(|key| self.tasks.get(*key))
            .filter(|task| which(task))
        {
            counts.running += u32::from(task.status == Status::Running);
            counts.pending += u32::from(task.status.is_pending());
            counts.wanted += u32::from(task.wanted());
        }
        counts
    }

    fn show_deployment(&self, service: &Service, deployment: &Deployment, status: &str) -> Value {
        let counts = self.counts(service, |task| task.started_by.as_deref() == Some(&deployment.id));
        let members = json!({
            "id": deployment.id,
            "status": status,
            "taskDefinition": deployment.definition.arn(&self.config),
            "desiredCount": if status == "PRIMARY" { service.desired } else { counts.wanted },
            "pendingCount": counts.pending,
            "runningCount": counts.running,
            "failedTasks": deployment.failed,
            "createdAt": epoch(deployment.created),
            "updatedAt": epoch(deployment.updated),
            "rolloutState": deployment.rollout.name(),
            "rolloutStateReason": deployment.reason,
        });
        let mut shown = show_placement(deployment);
        if let Value::Object(members) = members {
            shown.extend(members);
        }
        Value::Object(shown)
    }
}

/// Where a deployment's tasks run. `LATEST` is shown as it was given.
fn show_placement(deployment: &Deployment) -> serde_json::Map<String, Value> {
    let placement = &deployment.placement;
    let mut shown = serde_json::Map::new();
    match &placement.strategy {
        Some(strategy) => shown.insert("capacityProviderStrategy".to_owned(), strategy.clone()),
        None => shown.insert("launchType".to_owned(), json!("FARGATE")),
    };
    shown.insert("platformVersion".to_owned(), json!(placement.platform_version));
    shown.insert("platformFamily".to_owned(), json!("Linux"));
    shown.insert("networkConfiguration".to_owned(), placement.network.clone());
    shown
}
