//! A task as `DescribeTasks` and as events show it.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::containers::{Container, Health, State, task_health};
use super::{Status, Task, TaskKey};
use crate::names::{epoch, iso};
use crate::tags;
use crate::world::World;

/// Whom a task is shown to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    /// A caller of the API.
    Caller,
    /// `EventBridge`.
    Event,
}

impl World {
    /// A task as `DescribeTasks` shows it, less its tags.
    pub(crate) fn show_task(&self, key: TaskKey) -> Value {
        let Some(task) = self.tasks.get(key) else {
            return Value::Null;
        };
        let mut shown = self.common(task, Reader::Caller);
        shown.insert("healthStatus".to_owned(), json!(task_health(&task.containers).name()));
        shown.insert("inferenceAccelerators".to_owned(), json!([]));
        shown.insert("platformFamily".to_owned(), json!(task.platform_family));
        shown.insert("fargateEphemeralStorage".to_owned(), json!({"sizeInGiB": task.storage}));
        shown.insert("tags".to_owned(), json!([]));
        Value::Object(shown)
    }

    /// The same with its tags.
    pub(crate) fn show_task_with_tags(&self, key: TaskKey) -> Value {
        let mut shown = self.show_task(key);
        if let (Some(task), Value::Object(members)) = (self.tasks.get(key), &mut shown) {
            members.insert("tags".to_owned(), tags::list(&task.tags));
        }
        shown
    }

    /// The `detail` of a task's state change. Source: Amazon ECS Developer Guide, "Amazon ECS task state change
    /// events": the task as `DescribeTasks` returns it, but with the interface as type `eni`, with `updatedAt`, and
    /// without tags, health and the platform's family.
    pub(crate) fn task_event(&self, key: TaskKey) -> Value {
        let Some(task) = self.tasks.get(key) else {
            return Value::Null;
        };
        let mut shown = self.common(task, Reader::Event);
        shown.insert("updatedAt".to_owned(), iso(task.times.updated));
        Value::Object(shown)
    }

    fn common(&self, task: &Task, reader: Reader) -> Map<String, Value> {
        let (time, kind): (fn(Timestamp) -> Value, _) = match reader {
            Reader::Caller => (epoch, "ElasticNetworkInterface"),
            Reader::Event => (iso, "eni"),
        };
        let containers: Vec<_> = task
            .containers
            .iter()
            .map(|container| show_container(task, container, reader))
            .collect();
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| {
            shown.insert(name.to_owned(), value);
        };
        put("attachments", Value::Array(vec![task.interface.show(kind)]));
        put(
            "attributes",
            json!([{"name": "ecs.cpu-architecture", "value": task.architecture}]),
        );
        put("availabilityZone", json!(task.zone));
        put(
            "clusterArn",
            json!(self.config.ecs_arn(&format!("cluster/{}", task.cluster))),
        );
        put("containers", Value::Array(containers));
        put("cpu", json!(task.cpu));
        put("memory", json!(task.memory));
        put("desiredStatus", json!(task.desired_status()));
        put("enableExecuteCommand", json!(task.exec));
        put("ephemeralStorage", json!({"sizeInGiB": task.storage}));
        put("group", json!(task.group));
        put("lastStatus", json!(task.status.name()));
        put("launchType", json!("FARGATE"));
        put("overrides", task.overrides.clone());
        put("platformVersion", json!(task.platform_version));
        put("taskArn", json!(task.arn));
        put("taskDefinitionArn", json!(task.definition.arn(&self.config)));
        put("version", json!(task.version));
        show_happenings(task, time, &mut put);
        shown
    }
}

/// The members that a task has only once something has happened to it.
fn show_happenings(task: &Task, time: fn(Timestamp) -> Value, put: &mut impl FnMut(&str, Value)) {
    if let Some(starter) = &task.started_by {
        put("startedBy", json!(starter));
    }
    if let Some(provider) = task.launch.provider() {
        put("capacityProviderName", json!(provider));
    }
    if let Some(connected) = task.times.connected {
        put("connectivity", json!("CONNECTED"));
        put("connectivityAt", time(connected));
    }
    if let Some(stop) = &task.stop {
        put("stoppedReason", json!(stop.reason));
        put("stopCode", json!(stop.code.name()));
    }
    for (name, at) in [
        ("createdAt", Some(task.times.created)),
        ("pullStartedAt", task.times.pull_started),
        ("pullStoppedAt", task.times.pull_stopped),
        ("startedAt", task.times.started),
        ("stoppingAt", task.times.stopping),
        ("executionStoppedAt", task.times.execution_stopped),
        ("stoppedAt", task.times.stopped),
    ] {
        if let Some(at) = at {
            put(name, time(at));
        }
    }
}

fn show_container(task: &Task, container: &Container, reader: Reader) -> Value {
    let interfaces = match task.interface.address() {
        Some(address) if task.status != Status::Provisioning => {
            json!([{"attachmentId": task.interface.attachment, "privateIpv4Address": address}])
        }
        _ => json!([]),
    };
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| {
        shown.insert(name.to_owned(), value);
    };
    put("containerArn", json!(container.arn));
    put("taskArn", json!(task.arn));
    put("name", json!(container.spec.name));
    put("image", json!(container.spec.image));
    put("lastStatus", json!(container.status()));
    put("networkInterfaces", interfaces);
    put("cpu", json!(container.spec.cpu.to_string()));
    let texts = [
        ("imageDigest", container.digest.clone()),
        ("runtimeId", container.runtime.clone()),
        ("reason", container.reason.clone()),
        ("memory", container.spec.memory.map(|memory| memory.to_string())),
        (
            "memoryReservation",
            container.spec.memory_reservation.map(|memory| memory.to_string()),
        ),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            put(name, json!(text));
        }
    }
    if let State::Stopped { code: Some(code) } = container.state {
        put("exitCode", json!(code));
    }
    if reader == Reader::Caller {
        put("networkBindings", json!([]));
        let health = if container.spec.health_check.is_some() {
            container.health
        } else {
            Health::Unknown
        };
        put("healthStatus", json!(health.name()));
    }
    Value::Object(shown)
}
