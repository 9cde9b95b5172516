//! Tasks: what they are, where they are found.

pub(crate) mod actions;
pub(crate) mod containers;
pub(crate) mod ending;
pub(crate) mod life;
pub(crate) mod network;
pub(crate) mod overrides;
pub(crate) mod run;
pub(crate) mod stop;
pub(crate) mod view;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::definition::store::RevisionId;
use crate::service::ServiceKey;
use crate::tags::Tags;
use containers::Container;
use network::{Addresses, Interface};
use stop::Stop;

/// A task's number within the world; tasks are numbered in the order of their creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct TaskKey(u64);

/// A task's `lastStatus`. Source: Amazon ECS Developer Guide, "Amazon ECS task lifecycle".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Status {
    Provisioning,
    Pending,
    Activating,
    Running,
    Deactivating,
    Stopping,
    Deprovisioning,
    Stopped,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Activating => "ACTIVATING",
            Self::Running => "RUNNING",
            Self::Deactivating => "DEACTIVATING",
            Self::Stopping => "STOPPING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
        }
    }

    /// Whether the task counts as pending: on its way to RUNNING.
    pub(crate) fn is_pending(self) -> bool {
        self < Self::Running
    }

    /// Whether the task counts for `maximumPercent`, which limits tasks that are RUNNING or PENDING only.
    pub(crate) fn is_running_or_pending(self) -> bool {
        self <= Self::Running
    }
}

/// One task on Fargate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) cluster: String,
    pub(crate) definition: RevisionId,
    pub(crate) service: Option<ServiceKey>,
    pub(crate) group: String,
    pub(crate) started_by: Option<String>,
    pub(crate) launch: Launch,
    pub(crate) cpu: String,
    pub(crate) memory: String,
    pub(crate) storage: i64,
    pub(crate) overrides: Value,
    pub(crate) tags: Tags,
    pub(crate) exec: bool,
    pub(crate) platform_version: String,
    pub(crate) platform_family: String,
    pub(crate) architecture: String,
    pub(crate) zone: String,
    pub(crate) interface: Interface,
    pub(crate) containers: Vec<Container>,
    pub(crate) status: Status,
    pub(crate) version: u64,
    pub(crate) times: Times,
    pub(crate) stop: Option<Stop>,
}

/// On which capacity a task runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Launch {
    /// Launch type FARGATE, without a capacity provider.
    #[default]
    Fargate,
    /// Capacity provider FARGATE.
    Provider,
    /// Capacity provider `FARGATE_SPOT`.
    Spot,
}

impl Launch {
    /// The capacity provider's name, if there is one.
    pub(crate) fn provider(self) -> Option<&'static str> {
        match self {
            Self::Fargate => None,
            Self::Provider => Some("FARGATE"),
            Self::Spot => Some("FARGATE_SPOT"),
        }
    }
}

/// When a task came where.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Times {
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) connected: Option<Timestamp>,
    pub(crate) pull_started: Option<Timestamp>,
    pub(crate) pull_stopped: Option<Timestamp>,
    pub(crate) started: Option<Timestamp>,
    pub(crate) stopping: Option<Timestamp>,
    pub(crate) execution_stopped: Option<Timestamp>,
    pub(crate) stopped: Option<Timestamp>,
}

impl From<Timestamp> for Times {
    /// Of a task that is created now.
    fn from(now: Timestamp) -> Self {
        Self {
            created: now,
            updated: now,
            connected: None,
            pull_started: None,
            pull_stopped: None,
            started: None,
            stopping: None,
            execution_stopped: None,
            stopped: None,
        }
    }
}

impl Task {
    /// Whether ECS wants it to run.
    pub(crate) fn wanted(&self) -> bool {
        self.stop.is_none()
    }

    pub(crate) fn desired_status(&self) -> &'static str {
        if self.wanted() { "RUNNING" } else { "STOPPED" }
    }
}

/// All tasks that are still remembered, and the ways to find them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tasks {
    all: BTreeMap<TaskKey, Task>,
    next: u64,
    by_id: HashMap<String, TaskKey>,
    by_starter: BTreeMap<String, BTreeSet<TaskKey>>,
    by_family: BTreeMap<String, BTreeSet<TaskKey>>,
    pub(crate) by_service: BTreeMap<ServiceKey, BTreeSet<TaskKey>>,
    pub(crate) addresses: Addresses,
    pub(crate) tokens: BTreeMap<String, run::Token>,
}

impl Tasks {
    pub(crate) fn get(&self, key: TaskKey) -> Option<&Task> {
        self.all.get(&key)
    }

    pub(crate) fn get_mut(&mut self, key: TaskKey) -> Option<&mut Task> {
        self.all.get_mut(&key)
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Task> {
        self.all.values()
    }

    /// How many there ever were.
    pub(crate) fn ever(&self) -> u64 {
        self.next
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<TaskKey> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn of_service(&self, service: ServiceKey) -> impl DoubleEndedIterator<Item = (TaskKey, &Task)> {
        self.by_service
            .get(&service)
            .into_iter()
            .flatten()
            .filter_map(|key| Some((*key, self.all.get(key)?)))
    }

    pub(crate) fn of_starter(&self, starter: &str) -> Option<&BTreeSet<TaskKey>> {
        self.by_starter.get(starter)
    }

    pub(crate) fn of_family(&self, family: &str) -> Option<&BTreeSet<TaskKey>> {
        self.by_family.get(family)
    }

    pub(crate) fn add(&mut self, task: Task) -> TaskKey {
        let key = TaskKey(self.next);
        self.next += 1;
        self.by_id.insert(task.id.clone(), key);
        if let Some(starter) = &task.started_by {
            self.by_starter.entry(starter.clone()).or_default().insert(key);
        }
        self.by_family
            .entry(task.definition.family.clone())
            .or_default()
            .insert(key);
        if let Some(service) = task.service {
            self.by_service.entry(service).or_default().insert(key);
        }
        self.all.insert(key, task);
        key
    }

    pub(crate) fn forget(&mut self, key: TaskKey) -> Option<Task> {
        let task = self.all.remove(&key)?;
        self.by_id.remove(&task.id);
        if let Some(starter) = &task.started_by {
            drop_from(&mut self.by_starter, starter, key);
        }
        drop_from(&mut self.by_family, &task.definition.family, key);
        if let Some(service) = task.service {
            drop_from(&mut self.by_service, &service, key);
        }
        Some(task)
    }
}

fn drop_from<K: Ord>(index: &mut BTreeMap<K, BTreeSet<TaskKey>>, entry: &K, key: TaskKey) {
    if let Some(keys) = index.get_mut(entry) {
        keys.remove(&key);
        if keys.is_empty() {
            index.remove(entry);
        }
    }
}
