//! From ECS's JSON to observations.

use jiff::{SignedDuration, Timestamp, Unit};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{DeploymentChange, DeploymentState, DesiredStatus, Stopped, TaskObservation, TaskStatus};
use crate::tenant::ServiceName;

/// Whose tasks are ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Our clusters, each by ARN or by name.
    pub clusters: Vec<String>,
    /// The name of the container whose exit code counts; without it, the first that failed.
    pub main_container: Option<String>,
}

impl Scope {
    /// Two ARNs must be equal; if either is only a name, the names must be.
    fn has_cluster(&self, given: &str) -> bool {
        let is_arn = |text: &str| text.starts_with("arn:");
        let name = |text: &str| text.rsplit('/').next().map(str::to_owned);
        let same = |ours: &str| ours == given || (!(is_arn(ours) && is_arn(given)) && name(ours) == name(given));
        !given.is_empty() && self.clusters.iter().any(|ours| same(ours))
    }
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A task of ours.
    Task(TaskObservation),
    /// A deployment of ours.
    Deployment(DeploymentChange),
    /// Something else.
    NotOurs(NotOurs),
}

/// Why an event is not ours. Counted, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOurs {
    /// Neither a task's nor a deployment's change of state.
    OtherKind,
    /// Another cluster.
    OtherCluster,
    /// A task that no service started.
    NoService,
    /// A service whose name is not one of ours.
    OtherService,
}

/// Why a task or an event of ours cannot be read: it lacks what gives it an identity or an order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} of ECS has no usable {member:?}, without which it cannot be ordered; nothing was changed")]
pub struct Unreadable {
    /// Which kind of document.
    pub what: &'static str,
    /// The member that is missing, or of another type than documented.
    pub member: &'static str,
}

/// Reads an event, with its envelope, of "Amazon ECS task state change events" or "Amazon ECS service deployment state change
/// events".
pub fn read_event(envelope: &Value, scope: &Scope) -> Result<Reading, Unreadable> {
    let text = |name| envelope.get(name).and_then(Value::as_str).unwrap_or_default();
    let detail = envelope.get("detail").unwrap_or(&Value::Null);
    let sent_at = text("time").parse().ok();
    match (text("source"), text("detail-type")) {
        ("aws.ecs", "ECS Task State Change") => read_task(detail, sent_at, scope),
        ("aws.ecs", "ECS Deployment State Change") => {
            let resource = envelope.pointer("/resources/0").and_then(Value::as_str);
            read_deployment(resource.unwrap_or_default(), detail, scope)
        }
        _ => Ok(Reading::NotOurs(NotOurs::OtherKind)),
    }
}

/// Reads one of the `tasks` of a `DescribeTasks` answer, as JSON on the wire.
pub fn read_described_task(task: &Value, scope: &Scope) -> Result<Reading, Unreadable> {
    read_task(task, None, scope)
}

/// Reads a member as what it should be, and as nothing if it is missing, null or something else.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(from: D) -> Result<T, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(from)?).unwrap_or_default())
}

/// An instant: RFC 3339 in events, seconds with a fraction in answers. Kept to the millisecond, as events give it, so
/// that both name the same instant.
#[derive(Clone, Copy, Debug, Default)]
struct Instant(Option<Timestamp>);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let exact = match Value::deserialize(from)? {
            Value::String(text) => text.parse().ok(),
            Value::Number(seconds) => seconds
                .as_f64()
                .and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok())
                .and_then(|since_epoch| Timestamp::from_duration(since_epoch).ok()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        Ok(Self(exact.and_then(|at: Timestamp| at.round(Unit::Millisecond).ok())))
    }
}

/// `Task` of the ECS API, and `detail` of a task's event.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireTask {
    #[serde(deserialize_with = "lenient")]
    cluster_arn: String,
    #[serde(deserialize_with = "lenient")]
    group: String,
    #[serde(deserialize_with = "lenient")]
    task_arn: String,
    #[serde(deserialize_with = "lenient")]
    task_definition_arn: String,
    #[serde(deserialize_with = "lenient")]
    started_by: Option<String>,
    #[serde(deserialize_with = "lenient")]
    version: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    last_status: String,
    #[serde(deserialize_with = "lenient")]
    desired_status: String,
    #[serde(deserialize_with = "lenient")]
    stop_code: String,
    #[serde(deserialize_with = "lenient")]
    stopped_reason: String,
    #[serde(deserialize_with = "lenient")]
    attachments: Vec<WireAttachment>,
    #[serde(deserialize_with = "lenient")]
    containers: Vec<WireContainer>,
    created_at: Instant,
    started_at: Instant,
    stopped_at: Instant,
    updated_at: Instant,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireAttachment {
    #[serde(deserialize_with = "lenient")]
    r#type: String,
    #[serde(deserialize_with = "lenient")]
    status: String,
    #[serde(deserialize_with = "lenient")]
    details: Vec<WirePair>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WirePair {
    #[serde(deserialize_with = "lenient")]
    name: String,
    #[serde(deserialize_with = "lenient")]
    value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireContainer {
    #[serde(deserialize_with = "lenient")]
    name: String,
    #[serde(deserialize_with = "lenient")]
    exit_code: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    reason: String,
}

/// The service that a name belongs to, if it is one of ours.
fn our_service(cluster: &str, service: Option<&str>, scope: &Scope) -> Result<ServiceName, NotOurs> {
    if !scope.has_cluster(cluster) {
        return Err(NotOurs::OtherCluster);
    }
    let name = service.ok_or(NotOurs::NoService)?;
    name.parse().map_err(|_| NotOurs::OtherService)
}

fn read_task(task: &Value, sent_at: Option<Timestamp>, scope: &Scope) -> Result<Reading, Unreadable> {
    let lacks = |member| Unreadable { what: "a task", member };
    let wire = WireTask::deserialize(task).map_err(|_| lacks("detail"))?;
    let service = match our_service(&wire.cluster_arn, wire.group.strip_prefix("service:"), scope) {
        Ok(service) => service,
        Err(why) => return Ok(Reading::NotOurs(why)),
    };
    if wire.task_arn.is_empty() {
        return Err(lacks("taskArn"));
    }
    let created_at = wire.created_at.0.ok_or_else(|| lacks("createdAt"))?;
    let last_status = TaskStatus::from(wire.last_status.as_str());
    let desired_status = match wire.desired_status.as_str() {
        "RUNNING" => DesiredStatus::Running,
        "STOPPED" => DesiredStatus::Stopped,
        _ => DesiredStatus::Unknown,
    };
    let usable = last_status.is_rising_or_running() && desired_status != DesiredStatus::Stopped;
    let ended_at = wire
        .stopped_at
        .0
        .or(wire.updated_at.0)
        .or(sent_at)
        .unwrap_or(created_at);
    Ok(Reading::Task(TaskObservation {
        service,
        created_at,
        version: wire.version.ok_or_else(|| lacks("version"))?,
        desired_status,
        private_ip: wire.address().filter(|_| usable),
        started_at: wire.started_at.0,
        stopped: last_status.is_gone().then(|| wire.ending(ended_at, scope)),
        last_status,
        cluster: wire.cluster_arn,
        task_arn: wire.task_arn,
        definition_arn: wire.task_definition_arn,
        deployment_id: wire.started_by,
    }))
}

impl WireTask {
    /// The address of the interface that is there: `eni` in events, `ElasticNetworkInterface` in answers.
    fn address(&self) -> Option<std::net::IpAddr> {
        let leaving = |status: &str| matches!(status, "DETACHING" | "DETACHED" | "DELETED" | "FAILED");
        let interfaces = || {
            let ours = |a: &&WireAttachment| matches!(a.r#type.as_str(), "eni" | "ElasticNetworkInterface");
            self.attachments.iter().filter(ours).filter(|a| !leaving(&a.status))
        };
        let named = |name: &str| {
            let details = interfaces().flat_map(|interface| &interface.details);
            details
                .filter(|pair| pair.name == name)
                .find_map(|pair| pair.value.parse().ok())
        };
        named("privateIPv4Address").or_else(|| named("ipv6Address"))
    }

    fn ending(&self, at: Timestamp, scope: &Scope) -> Stopped {
        let blamed = self.blamed_container(scope);
        let addition = blamed
            .map(|c| c.reason.as_str())
            .filter(|r| !r.is_empty() && !self.stopped_reason.contains(r));
        Stopped {
            code: self.stop_code.clone(),
            reason: match addition {
                Some(addition) if self.stopped_reason.is_empty() => addition.to_owned(),
                Some(addition) => format!("{}: {addition}", self.stopped_reason),
                None => self.stopped_reason.clone(),
            },
            exit_code: blamed.and_then(|container| container.exit_code),
            at,
        }
    }

    /// The main container; if that is not named, the first that failed, and if none did, the first that ended. Sidecars
    /// that AWS injects come along in `containers` and are not told apart there.
    fn blamed_container(&self, scope: &Scope) -> Option<&WireContainer> {
        if let Some(main) = &scope.main_container {
            return self.containers.iter().find(|container| container.name == *main);
        }
        let failed = self
            .containers
            .iter()
            .find(|container| container.exit_code.is_some_and(|code| code != 0));
        failed.or_else(|| {
            self.containers
                .iter()
                .find(|c| c.exit_code.is_some() || !c.reason.is_empty())
        })
    }
}

/// `detail` of a deployment's event.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireDeployment {
    #[serde(deserialize_with = "lenient")]
    event_name: String,
    #[serde(deserialize_with = "lenient")]
    deployment_id: String,
    #[serde(deserialize_with = "lenient")]
    reason: String,
    updated_at: Instant,
}

fn read_deployment(service_arn: &str, detail: &Value, scope: &Scope) -> Result<Reading, Unreadable> {
    let lacks = |member| Unreadable {
        what: "a deployment event",
        member,
    };
    let mut parts = service_arn.rsplit('/');
    let (name, cluster) = (parts.next(), parts.next().unwrap_or_default());
    let service = match our_service(cluster, name, scope) {
        Ok(service) => service,
        Err(why) => return Ok(Reading::NotOurs(why)),
    };
    let wire = WireDeployment::deserialize(detail).map_err(|_| lacks("detail"))?;
    if wire.deployment_id.is_empty() {
        return Err(lacks("deploymentId"));
    }
    Ok(Reading::Deployment(DeploymentChange {
        cluster: cluster.to_owned(),
        service,
        deployment_id: wire.deployment_id,
        state: match wire.event_name.as_str() {
            "SERVICE_DEPLOYMENT_IN_PROGRESS" => DeploymentState::InProgress,
            "SERVICE_DEPLOYMENT_COMPLETED" => DeploymentState::Completed,
            "SERVICE_DEPLOYMENT_FAILED" => DeploymentState::Failed,
            other => DeploymentState::Unknown(other.to_owned()),
        },
        reason: wire.reason,
        updated_at: wire.updated_at.0,
    }))
}
