//! One state of one task, and one change of a deployment.

use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::tenant::ServiceName;

/// Where a task is in its life, in the order of the ECS page "Amazon ECS task lifecycle".
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum TaskStatus {
    /// Its network interface is being made.
    Provisioning,
    /// Its image is being pulled.
    Pending,
    /// It runs, but is not yet registered where it is to be found.
    Activating,
    /// Its containers run.
    Running,
    /// It is being taken out of where it is registered.
    Deactivating,
    /// Its containers have been told to stop; the stop timeout runs.
    Stopping,
    /// Its network interface is being removed; no container runs.
    Deprovisioning,
    /// It is gone, and no longer billed.
    Stopped,
    /// It is gone, and ECS is about to forget it.
    Deleted,
    /// A status that ECS did not document when this was written.
    Unknown(String),
}

impl TaskStatus {
    const KNOWN: [(Self, &'static str); 9] = [
        (Self::Provisioning, "PROVISIONING"),
        (Self::Pending, "PENDING"),
        (Self::Activating, "ACTIVATING"),
        (Self::Running, "RUNNING"),
        (Self::Deactivating, "DEACTIVATING"),
        (Self::Stopping, "STOPPING"),
        (Self::Deprovisioning, "DEPROVISIONING"),
        (Self::Stopped, "STOPPED"),
        (Self::Deleted, "DELETED"),
    ];

    /// The place in the life of a task, from 0; none for a status that is not known.
    pub fn rank(&self) -> Option<usize> {
        Self::KNOWN.iter().position(|(status, _)| status == self)
    }

    /// Whether the task is gone: nothing of it runs or is billed. An unknown status is not gone.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Stopped | Self::Deleted)
    }

    /// Whether the task is on its way up or running, so that its address is or becomes good.
    pub fn is_rising_or_running(&self) -> bool {
        matches!(
            self,
            Self::Provisioning | Self::Pending | Self::Activating | Self::Running
        )
    }
}

impl fmt::Display for TaskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Self::KNOWN
            .iter()
            .find(|(status, _)| status == self)
            .map(|(_, name)| *name);
        f.write_str(match self {
            Self::Unknown(text) => text,
            _ => known.unwrap_or_default(),
        })
    }
}

impl From<&str> for TaskStatus {
    fn from(text: &str) -> Self {
        let known = Self::KNOWN.into_iter().find(|(_, name)| *name == text);
        known.map_or_else(|| Self::Unknown(text.to_owned()), |(status, _)| status)
    }
}

impl From<String> for TaskStatus {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<TaskStatus> for String {
    fn from(status: TaskStatus) -> Self {
        status.to_string()
    }
}

impl FromStr for TaskStatus {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::from(text))
    }
}

/// What ECS is steering a task towards (`Task.desiredStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DesiredStatus {
    /// It is to run.
    Running,
    /// It is to stop, whatever it does at this moment.
    Stopped,
    /// ECS said something else, or nothing.
    Unknown,
}

/// How a task ended. ECS forgets it within the hour, so this is the only copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stopped {
    /// `Task.stopCode`: one of ECS's seven `TaskStopCode`s, a newer one, or empty if ECS gave none.
    pub code: String,
    /// `Task.stoppedReason`, with what the main container's `reason` adds (such as `OutOfMemoryError`).
    pub reason: String,
    /// The main container's exit code; a container that never ran has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// When the task was gone, in milliseconds.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
}

/// One state of one task of one of our services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskObservation {
    /// The ARN of the cluster.
    pub cluster: String,
    /// The service that the task belongs to, and with it the tenant.
    pub service: ServiceName,
    /// The ARN of the task.
    pub task_arn: String,
    /// When ECS created the task; the later of two tasks is the current one.
    pub created_at: Timestamp,
    /// `detail.version`: grows by one with each change of this task.
    pub version: u64,
    /// Where the task is in its life.
    pub last_status: TaskStatus,
    /// What ECS is steering it towards.
    pub desired_status: DesiredStatus,
    /// The ARN of the definition's revision.
    pub definition_arn: String,
    /// `startedBy`: the deployment that started the task.
    pub deployment_id: Option<String>,
    /// The address of the task's network interface; none as soon as the task is to stop, is stopping or has stopped,
    /// although ECS still lists the interface then.
    pub private_ip: Option<IpAddr>,
    /// When its containers began to run; a task that never ran has none.
    pub started_at: Option<Timestamp>,
    /// How it ended; only of a task that is gone.
    pub stopped: Option<Stopped>,
}

/// A deployment of one of our services changed its state.
///
/// These events carry no version: they are a reason to look again, not a truth to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentChange {
    /// The name or ARN of the cluster, as the service's ARN gives it.
    pub cluster: String,
    /// The service.
    pub service: ServiceName,
    /// The deployment, as `startedBy` of its tasks names it.
    pub deployment_id: String,
    /// What became of it.
    pub state: DeploymentState,
    /// ECS's words.
    pub reason: String,
    /// When.
    pub updated_at: Option<Timestamp>,
}

/// `detail.eventName` of "Amazon ECS service deployment state change events".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeploymentState {
    /// Begun, or begun to roll back.
    InProgress,
    /// The service is steady.
    Completed,
    /// The circuit breaker gave it up.
    Failed,
    /// A name that was not documented when this was written.
    Unknown(String),
}
