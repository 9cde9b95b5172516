//! What is truly there, whatever a read would show: for tests that compare it with what callers believe.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::definition::store::RevisionStatus;
use crate::service::ServiceStatus;
use crate::task::Status;
use crate::world::World;

/// A task, as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskTruth<'a> {
    /// Its ARN.
    pub arn: &'a str,
    /// The name of its service.
    pub service: Option<&'a str>,
    /// The deployment that started it.
    pub started_by: Option<&'a str>,
    /// When it was made.
    pub created: Timestamp,
    /// `lastStatus`.
    pub status: &'static str,
    /// Whether it is STOPPED.
    pub stopped: bool,
}

/// A service that is not INACTIVE, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTruth<'a> {
    /// Its name.
    pub name: &'a str,
    /// How many tasks it should have.
    pub desired: u32,
    /// The ARN of the task definition of its PRIMARY deployment.
    pub definition_arn: Option<String>,
    /// Whether it is ACTIVE; else it is DRAINING.
    pub active: bool,
}

/// A bucket of the ECS API, as it was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketTruth {
    /// Which category of actions draws from it.
    pub name: String,
    /// The most tokens that it holds.
    pub burst: u32,
    /// The fewest that it ever held.
    pub lowest: u32,
}

impl World {
    /// How many tasks there ever were; the newest are the last of [`World::every_task`].
    pub fn tasks_ever(&self) -> u64 {
        self.tasks.ever()
    }

    /// Every task that is still remembered, oldest first.
    pub fn every_task(&self) -> impl DoubleEndedIterator<Item = TaskTruth<'_>> {
        self.tasks.iter().map(|task| TaskTruth {
            arn: &task.arn,
            service: task
                .service
                .and_then(|key| self.services.get(key))
                .map(|service| service.name.as_str()),
            started_by: task.started_by.as_deref(),
            created: task.times.created,
            status: task.status.name(),
            stopped: task.status == Status::Stopped,
        })
    }

    /// Every service that is ACTIVE or DRAINING.
    pub fn every_service(&self) -> impl Iterator<Item = ServiceTruth<'_>> {
        let alive = self
            .services
            .iter()
            .filter(|service| service.status != ServiceStatus::Inactive);
        alive.map(|service| ServiceTruth {
            name: &service.name,
            desired: service.desired,
            definition_arn: service.primary().map(|primary| primary.definition.arn(&self.config)),
            active: service.status == ServiceStatus::Active,
        })
    }

    /// Every bucket of the API that was drawn from.
    pub fn every_bucket(&self) -> impl Iterator<Item = BucketTruth> {
        let drawn = self.buckets.lowest();
        drawn.map(|(name, burst, lowest)| BucketTruth { name, burst, lowest })
    }

    /// The id and the path of every access point that is not being deleted.
    pub fn every_access_point(&self) -> impl Iterator<Item = (&str, &str)> {
        let points = self.file_systems.lasting_points();
        points.map(|(id, point)| (id, point.root.get("Path").and_then(Value::as_str).unwrap_or("/")))
    }

    /// The ARN and the tags of every ACTIVE revision of a family.
    pub fn every_active_revision<'a>(
        &'a self,
        family: &'a str,
    ) -> impl Iterator<Item = (String, &'a BTreeMap<String, String>)> + 'a {
        let revisions = self
            .definitions
            .families
            .get(family)
            .into_iter()
            .flat_map(|found| &found.revisions);
        let active = revisions.filter(|(_, revision)| revision.status == RevisionStatus::Active);
        active.map(move |(number, revision)| {
            let arn = self.config.ecs_arn(&format!("task-definition/{family}:{number}"));
            (arn, &revision.tags)
        })
    }
}
