//! Which observation wins.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{TaskObservation, TaskStatus};

/// What a tenant's row stores of its current task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observed {
    /// The ARN of the task.
    pub task_arn: String,
    /// `detail.version` of the observation.
    pub version: u64,
    /// When ECS created the task, in milliseconds.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
    /// Where the task is in its life.
    pub last_status: TaskStatus,
    /// The address of its network interface, as long as it may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_ip: Option<IpAddr>,
    /// When its containers began to run, in milliseconds.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub started_at: Option<Timestamp>,
    /// The ARN of the definition's revision.
    pub definition_arn: String,
    /// The deployment that started the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<String>,
}

impl Observed {
    /// Where the tenant is to be reached: the address of a running task, and of no other.
    pub fn endpoint(&self) -> Option<IpAddr> {
        self.private_ip.filter(|_| self.last_status == TaskStatus::Running)
    }
}

impl From<&TaskObservation> for Observed {
    fn from(new: &TaskObservation) -> Self {
        Self {
            task_arn: new.task_arn.clone(),
            version: new.version,
            created_at: new.created_at,
            last_status: new.last_status.clone(),
            private_ip: new.private_ip,
            started_at: new.started_at,
            definition_arn: new.definition_arn.clone(),
            deployment_id: new.deployment_id.clone(),
        }
    }
}

/// Whether an observation is newer than what is stored, and if not, why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Nothing was stored.
    First,
    /// A later state of the stored task.
    Newer,
    /// A later task than the stored one.
    NewTask,
    /// The stored state, once more.
    Repeated,
    /// An earlier state of the stored task.
    Stale,
    /// A state of a task that a later one has replaced: it neither clears the endpoint nor finishes a deployment.
    OlderTask,
}

impl Gate {
    /// Whether the observation is to be stored.
    pub fn applies(self) -> bool {
        match self {
            Self::First | Self::Newer | Self::NewTask => true,
            Self::Repeated | Self::Stale | Self::OlderTask => false,
        }
    }
}

/// Compares an observation with what is stored.
///
/// Of one task the higher version is newer ("Amazon ECS events": `detail.version`). Of two tasks the one that was created
/// later is the current one; should both be of the same millisecond, the ARNs decide, so that every order of arrival
/// ends in the same row.
pub fn judge_observation(stored: Option<&Observed>, new: &TaskObservation) -> Gate {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let Some(stored) = stored else { return Gate::First };
    if stored.task_arn == new.task_arn {
        return match new.version.cmp(&stored.version) {
            Greater => Gate::Newer,
            Equal => Gate::Repeated,
            Less => Gate::Stale,
        };
    }
    if (new.created_at, &new.task_arn) > (stored.created_at, &stored.task_arn) {
        Gate::NewTask
    } else {
        Gate::OlderTask
    }
}
