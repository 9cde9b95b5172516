//! What the simulator needs to know of a container definition to let it live.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::wire::args::Args;

/// A container of a definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ContainerSpec {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) essential: bool,
    pub(crate) cpu: i64,
    pub(crate) memory: Option<i64>,
    pub(crate) memory_reservation: Option<i64>,
    pub(crate) waits_for: Vec<Dependency>,
    /// How long the container has between SIGTERM and SIGKILL.
    pub(crate) stop_timeout: Duration,
    pub(crate) health_check: Option<HealthCheck>,
    pub(crate) restart: Option<Restart>,
}

/// That a container starts only after another one has come so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Dependency {
    /// The place of the other container in the definition.
    pub(crate) on: usize,
    pub(crate) condition: Condition,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Condition {
    Start,
    Complete,
    Success,
    Healthy,
}

/// A health check's times. Source: `HealthCheck`, with its defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HealthCheck {
    pub(crate) interval: Duration,
    pub(crate) retries: u32,
    pub(crate) start_period: Duration,
}

/// A restart policy that is on. Source: `ContainerRestartPolicy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Restart {
    pub(crate) ignored: Vec<i64>,
    /// A container that ran for less than this is not restarted.
    pub(crate) attempt_period: Duration,
}

/// The containers of a normalised definition.
pub(crate) fn read_all(definition: Args<'_>) -> Vec<ContainerSpec> {
    let names: Vec<_> = definition
        .objects("containerDefinitions")
        .map(|c| c.text("name").unwrap_or_default())
        .collect();
    definition
        .objects("containerDefinitions")
        .map(|container| read(container, &names))
        .collect()
}

fn read(container: Args<'_>, names: &[&str]) -> ContainerSpec {
    let waits_for = container.objects("dependsOn").filter_map(|dependency| {
        let name = dependency.text("containerName")?;
        let condition = match dependency.text("condition")? {
            "COMPLETE" => Condition::Complete,
            "SUCCESS" => Condition::Success,
            "HEALTHY" => Condition::Healthy,
            _ => Condition::Start,
        };
        Some(Dependency {
            on: names.iter().position(|other| *other == name)?,
            condition,
        })
    });
    ContainerSpec {
        name: container.text("name").unwrap_or_default().to_owned(),
        image: container.text("image").unwrap_or_default().to_owned(),
        essential: container.flag("essential").unwrap_or(true),
        cpu: container.int("cpu").unwrap_or(0),
        memory: container.int("memory"),
        memory_reservation: container.int("memoryReservation"),
        waits_for: waits_for.collect(),
        stop_timeout: seconds(container, "stopTimeout", 30),
        health_check: container.object("healthCheck").map(|check| HealthCheck {
            interval: seconds(check, "interval", 30),
            retries: check.int("retries").and_then(|n| u32::try_from(n).ok()).unwrap_or(3),
            start_period: seconds(check, "startPeriod", 0),
        }),
        restart: container
            .object("restartPolicy")
            .filter(|policy| policy.flag("enabled") == Some(true))
            .map(|policy| Restart {
                ignored: policy
                    .list("ignoredExitCodes")
                    .iter()
                    .filter_map(Value::as_i64)
                    .collect(),
                attempt_period: seconds(policy, "restartAttemptPeriod", 300),
            }),
    }
}

fn seconds(args: Args<'_>, name: &str, default: u64) -> Duration {
    Duration::from_secs(args.int(name).and_then(|n| u64::try_from(n).ok()).unwrap_or(default))
}
