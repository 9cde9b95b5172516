//! A world to test, spoken to as any caller speaks to it.

use std::time::Duration;

use berth_fargate::{Config, World};
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

/// A world with the cluster `main`, and all events that it has delivered.
pub(crate) struct Region {
    pub(crate) world: World,
    pub(crate) events: Vec<Value>,
}

/// An answer that is an error: its code and its body.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) body: Value,
}

pub(crate) fn region(seed: u64) -> Region {
    let config = Config::new(seed, "2026-01-01T00:00:00Z".parse().unwrap());
    let mut region = Region {
        world: World::new(config),
        events: Vec::new(),
    };
    region.ok("CreateCluster", &json!({"clusterName": "main"}));
    region
}

impl Region {
    pub(crate) fn call(&mut self, action: &str, body: &Value) -> Result<Value, Refused> {
        let target = format!("AmazonEC2ContainerServiceV20141113.{action}");
        let request = Request::post("/")
            .header("x-amz-target", target)
            .body(Bytes::from(body.to_string()))
            .unwrap();
        self.send(&request, "__type")
    }

    pub(crate) fn efs(&mut self, method: &str, path: &str, body: &Value) -> Result<Value, Refused> {
        let uri = format!("/2015-02-01/{path}");
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .body(Bytes::from(body.to_string()))
            .unwrap();
        self.send(&request, "ErrorCode")
    }

    fn send(&mut self, request: &Request<Bytes>, code: &str) -> Result<Value, Refused> {
        let response = self.world.call(request);
        let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        if response.status().is_success() {
            return Ok(body);
        }
        let code = body.get(code).and_then(Value::as_str).unwrap_or_default().to_owned();
        Err(Refused {
            status: response.status().as_u16(),
            code,
            body,
        })
    }

    /// The answer of a call that must succeed.
    pub(crate) fn ok(&mut self, action: &str, body: &Value) -> Value {
        self.call(action, body)
            .unwrap_or_else(|refused| panic!("{action}: {refused:?}"))
    }

    /// The error code of a call that must fail.
    pub(crate) fn code(&mut self, action: &str, body: &Value) -> String {
        match self.call(action, body) {
            Ok(answer) => panic!("{action} was not refused: {answer}"),
            Err(refused) => refused.code,
        }
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.world.advance_to(self.world.now() + Duration::from_secs(seconds));
        let events = self.world.take_events();
        self.events.extend(events);
    }

    /// Lets seconds pass until `done`; fails after `within` of them.
    pub(crate) fn until(&mut self, within: u64, mut done: impl FnMut(&mut Self) -> bool) {
        for _ in 0..within {
            if done(self) {
                return;
            }
            self.pass(1);
        }
        panic!("not within {within} s: {:#}", self.service());
    }

    pub(crate) fn register(&mut self, definition: &Value) -> String {
        let reply = self.ok("RegisterTaskDefinition", definition);
        text(&reply, "/taskDefinition/taskDefinitionArn")
    }

    /// Registers a definition whose only container has this image and these further members.
    pub(crate) fn register_image(&mut self, image: &str, members: &Value) -> String {
        self.register(&with_main(&definition(), &merged(&json!({"image": image}), members)))
    }

    pub(crate) fn run(&mut self, definition: &str) -> String {
        let reply = self.ok("RunTask", &run(definition));
        text(&reply, "/tasks/0/taskArn")
    }

    pub(crate) fn task(&mut self, arn: &str) -> Value {
        let reply = self.ok(
            "DescribeTasks",
            &json!({"cluster": "main", "tasks": [arn], "include": ["TAGS"]}),
        );
        reply.pointer("/tasks/0").cloned().unwrap_or_default()
    }

    pub(crate) fn status(&mut self, arn: &str) -> String {
        text(&self.task(arn), "/lastStatus")
    }

    pub(crate) fn reach(&mut self, arn: &str, status: &str) -> Value {
        self.until(600, |region| region.status(arn) == status);
        self.task(arn)
    }

    pub(crate) fn create(&mut self, definition: &str, members: &Value) -> Value {
        let body = merged(&service(definition), members);
        self.ok("CreateService", &body)
    }

    pub(crate) fn update(&mut self, members: &Value) -> Value {
        self.ok(
            "UpdateService",
            &merged(&json!({"cluster": "main", "service": "s"}), members),
        )
    }

    pub(crate) fn service(&mut self) -> Value {
        let reply = self.ok(
            "DescribeServices",
            &json!({"cluster": "main", "services": ["s"], "include": ["TAGS"]}),
        );
        reply.pointer("/services/0").cloned().unwrap_or_default()
    }

    /// Waits until the service `s` has this many running tasks and one deployment, which is completed.
    pub(crate) fn steady(&mut self, count: u64) -> Value {
        self.until(900, |region| {
            let service = region.service();
            let states: Vec<_> = list(&service, "/deployments")
                .iter()
                .map(|d| text(d, "/rolloutState"))
                .collect();
            service["runningCount"] == count && service["pendingCount"] == 0 && states == ["COMPLETED"]
        });
        self.service()
    }

    /// The tasks of the service `s` that ECS wants in this status.
    pub(crate) fn tasks(&mut self, desired: &str) -> Vec<Value> {
        let reply = self.ok(
            "ListTasks",
            &json!({"cluster": "main", "serviceName": "s", "desiredStatus": desired}),
        );
        let found: Vec<String> = list(&reply, "/taskArns").iter().map(|arn| text(arn, "")).collect();
        found.iter().map(|arn| self.task(arn)).collect()
    }

    pub(crate) fn of_kind(&mut self, kind: &str) -> Vec<Value> {
        self.pass(0);
        self.events
            .iter()
            .filter(|event| event["detail-type"] == kind)
            .cloned()
            .collect()
    }

    /// The names of deployment and service events so far.
    pub(crate) fn names(&mut self, kind: &str) -> Vec<String> {
        self.of_kind(kind)
            .iter()
            .map(|event| text(event, "/detail/eventName"))
            .collect()
    }
}

pub(crate) fn definition() -> Value {
    json!({
        "family": "app", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "containerDefinitions": [{"name": "main", "image": "healthy"}],
    })
}

/// The definition with members of its first container set.
pub(crate) fn with_main(definition: &Value, members: &Value) -> Value {
    let mut changed = definition.clone();
    let main = changed.pointer_mut("/containerDefinitions/0").unwrap();
    *main = merged(main, members);
    changed
}

/// An object with the members of both; the second's win, and null takes a member away.
pub(crate) fn merged(first: &Value, second: &Value) -> Value {
    let mut all = first.as_object().cloned().unwrap_or_default();
    for (name, value) in second.as_object().into_iter().flatten() {
        if value.is_null() {
            all.remove(name);
        } else {
            all.insert(name.clone(), value.clone());
        }
    }
    Value::Object(all)
}

pub(crate) fn network() -> Value {
    json!({"awsvpcConfiguration": {"subnets": ["subnet-a", "subnet-b"]}})
}

pub(crate) fn run(definition: &str) -> Value {
    json!({"cluster": "main", "taskDefinition": definition, "launchType": "FARGATE", "networkConfiguration": network()})
}

pub(crate) fn service(definition: &str) -> Value {
    json!({
        "cluster": "main", "serviceName": "s", "taskDefinition": definition, "desiredCount": 1, "launchType": "FARGATE",
        "networkConfiguration": network(),
        "deploymentConfiguration": {"minimumHealthyPercent": 0, "maximumPercent": 100},
    })
}

pub(crate) fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

pub(crate) fn list(value: &Value, pointer: &str) -> Vec<Value> {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}
