//! The containers of a live task.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::definition::container::{Condition, ContainerSpec};
use crate::image::Behaviour;

/// One container.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Container {
    pub(crate) arn: String,
    pub(crate) spec: ContainerSpec,
    pub(crate) behaviour: Behaviour,
    pub(crate) state: State,
    pub(crate) health: Health,
    pub(crate) digest: Option<String>,
    pub(crate) runtime: Option<String>,
    pub(crate) reason: Option<String>,
}

/// Where a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    /// It is not started: its image is not pulled, or it waits for another one.
    Waiting,
    /// It is being started.
    Starting,
    Running {
        since: Timestamp,
    },
    /// It has stopped; without a code it never ran.
    Stopped {
        code: Option<i32>,
    },
}

/// A container's `healthStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Health {
    Unknown,
    Healthy,
    Unhealthy,
}

impl Health {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Healthy => "HEALTHY",
            Self::Unhealthy => "UNHEALTHY",
        }
    }
}

impl Container {
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self.state, State::Stopped { .. })
    }

    /// Whether it ever ran.
    pub(crate) fn has_run(&self) -> bool {
        matches!(self.state, State::Running { .. } | State::Stopped { code: Some(_) })
    }

    /// A container's `lastStatus`.
    pub(crate) fn status(&self) -> &'static str {
        match self.state {
            State::Waiting | State::Starting => "PENDING",
            State::Running { .. } => "RUNNING",
            State::Stopped { .. } => "STOPPED",
        }
    }

    fn meets(&self, condition: Condition) -> bool {
        match condition {
            Condition::Start => self.has_run(),
            Condition::Complete => matches!(self.state, State::Stopped { code: Some(_) }),
            Condition::Success => self.state == State::Stopped { code: Some(0) },
            Condition::Healthy => self.is_running() && self.health == Health::Healthy,
        }
    }

    /// Whether this condition can no longer be met.
    fn can_never_meet(&self, condition: Condition) -> bool {
        match self.state {
            State::Stopped { code } => match condition {
                Condition::Start | Condition::Complete => code.is_none(),
                Condition::Success => code != Some(0),
                Condition::Healthy => true,
            },
            _ => condition == Condition::Healthy && self.health == Health::Unhealthy,
        }
    }
}

/// The places of the containers that wait and need wait no longer.
pub(crate) fn ready(containers: &[Container]) -> Vec<usize> {
    let met = |container: &Container| {
        let mut conditions = container.spec.waits_for.iter();
        conditions.all(|wait| containers.get(wait.on).is_none_or(|other| other.meets(wait.condition)))
    };
    places(containers, |container| {
        container.state == State::Waiting && met(container)
    })
}

/// Whether a container waits for what can never be.
pub(crate) fn stuck(containers: &[Container]) -> bool {
    let hopeless = |container: &Container| {
        let mut conditions = container.spec.waits_for.iter();
        conditions.any(|wait| {
            containers
                .get(wait.on)
                .is_some_and(|other| other.can_never_meet(wait.condition))
        })
    };
    containers
        .iter()
        .any(|container| container.state == State::Waiting && hopeless(container))
}

/// The places of the containers that can be told to stop: those that run and that no running one depends on.
/// Source: ContainerDefinition.dependsOn: for shutdown the order is reversed.
pub(crate) fn stoppable(containers: &[Container]) -> Vec<usize> {
    let needed = |place: usize| {
        let mut running = containers.iter().filter(|container| container.is_running());
        running.any(|container| container.spec.waits_for.iter().any(|wait| wait.on == place))
    };
    let mut all = places(containers, Container::is_running);
    all.retain(|place| !needed(*place));
    all
}

fn places(containers: &[Container], wanted: impl Fn(&Container) -> bool) -> Vec<usize> {
    containers
        .iter()
        .enumerate()
        .filter(|(_, container)| wanted(container))
        .map(|(place, _)| place)
        .collect()
}

/// The `healthStatus` of a task: that of its essential containers that have a health check.
/// Source: Amazon ECS Developer Guide, "Determine Amazon ECS task health using container health checks".
pub(crate) fn task_health(containers: &[Container]) -> Health {
    let mut checked = containers
        .iter()
        .filter(|c| c.spec.essential && c.spec.health_check.is_some())
        .peekable();
    if checked.peek().is_none() {
        return Health::Unknown;
    }
    let (mut worst, mut unknown) = (Health::Healthy, false);
    for container in checked {
        unknown |= container.health == Health::Unknown;
        worst = worst.max(container.health);
    }
    match worst {
        Health::Unhealthy => Health::Unhealthy,
        _ if unknown => Health::Unknown,
        other => other,
    }
}
