//! Looks at the world from outside the API: for invariants, dashboards and tests. They cost no call and change nothing.

use jiff::Timestamp;
use serde_json::Value;

use crate::world::World;

/// A task at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskGlance<'a> {
    /// Its ARN.
    pub arn: &'a str,
    /// Its group: `service:<name>` for a service's task.
    pub group: &'a str,
    /// Who started it: a deployment's id for a service's task.
    pub started_by: Option<&'a str>,
    /// The family of its definition.
    pub family: &'a str,
    /// The revision of its definition.
    pub revision: u32,
    /// `lastStatus`.
    pub status: &'a str,
    /// `desiredStatus`.
    pub desired_status: &'a str,
    /// `version`.
    pub version: u64,
    /// When it was created.
    pub created: Timestamp,
}

/// A service at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceGlance<'a> {
    /// Its ARN.
    pub arn: &'a str,
    /// Its name.
    pub name: &'a str,
    /// `status`.
    pub status: &'a str,
    /// `desiredCount`.
    pub desired: u32,
}

impl World {
    /// All tasks that are remembered, oldest first. Those that are not STOPPED are still being paid for.
    pub fn tasks(&self) -> impl Iterator<Item = TaskGlance<'_>> {
        self.tasks.iter().map(|task| TaskGlance {
            arn: &task.arn,
            group: &task.group,
            started_by: task.started_by.as_deref(),
            family: &task.definition.family,
            revision: task.definition.revision,
            status: task.status.name(),
            desired_status: task.desired_status(),
            version: task.version,
            created: task.times.created,
        })
    }

    /// All services that are remembered, oldest first.
    pub fn services(&self) -> impl Iterator<Item = ServiceGlance<'_>> {
        self.services.iter().map(|service| ServiceGlance {
            arn: &service.arn,
            name: &service.name,
            status: service.status.name(),
            desired: service.desired,
        })
    }

    /// A task as `DescribeTasks` would show it, tags included; none if nobody remembers it.
    pub fn task(&self, arn: &str) -> Option<Value> {
        let key = self.tasks.by_id(arn.rsplit_once('/').map_or(arn, |(_, id)| id))?;
        Some(self.show_task_with_tags(key))
    }

    /// The ids of all access points.
    pub fn access_points(&self) -> impl Iterator<Item = &str> {
        self.file_systems.access_point_ids()
    }

    /// The ARNs of all revisions that are ACTIVE, by family and number.
    pub fn active_definitions(&self) -> impl Iterator<Item = String> {
        self.definitions.active().map(|id| id.arn(&self.config))
    }
}
