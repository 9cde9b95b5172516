//! Starting tasks: `RunTask`, and what the service scheduler shares with it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::containers::{Container, Health, State};
use super::network::Interface;
use super::overrides::{self, Overrides};
use super::{Status, Task, TaskKey, Times};
use crate::definition::store::RevisionId;
use crate::placement::{Capacity, NO_CAPACITY, Placement};
use crate::service::ServiceKey;
use crate::tags::{self, Tags};
use crate::throttle::Category;
use crate::wire::args::Args;
use crate::wire::error::{Answer, ApiError};
use crate::wire::object;
use crate::world::World;

/// How long a client token is remembered. Source: Amazon ECS API Reference, "Ensuring idempotency".
pub(crate) const TOKEN_LIFE: Duration = Duration::from_hours(24);

/// A `RunTask` request that was done under a client token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Token {
    request: Map<String, Value>,
    tasks: Vec<TaskKey>,
    arns: Vec<String>,
    until: Timestamp,
}

/// All that a new task is made from.
pub(crate) struct NewTask {
    pub(crate) cluster: String,
    pub(crate) definition: RevisionId,
    pub(crate) service: Option<ServiceKey>,
    pub(crate) group: String,
    pub(crate) started_by: Option<String>,
    pub(crate) placement: Placement,
    pub(crate) overrides: Overrides,
    pub(crate) tags: Tags,
    pub(crate) exec: bool,
}

impl World {
    pub(crate) fn run_task(&mut self, args: Args<'_>) -> Answer {
        let cluster = self.cluster_of(args)?;
        if let Some(token) = args.named("clientToken") {
            check_token(token, 64)?;
            if let Some(answer) = self.repeated(&cluster, token, args) {
                return answer;
            }
        }
        let count = args.int("count").unwrap_or(1);
        if !(1..=10).contains(&count) {
            return Err(ApiError::parameter("Count must be between 1 and 10."));
        }
        check_started_by(args.text("startedBy").unwrap_or_default())?;
        if args.text("propagateTags") == Some("SERVICE") {
            return Err(ApiError::parameter(
                "Invalid propagateTags value: SERVICE can't be used when running a task.",
            ));
        }
        let new = self.read_run(args, cluster.clone())?;
        self.draw_launches(u32::try_from(count).unwrap_or(1))?;
        if self.capacity == Capacity::Unavailable {
            let failure = object([
                ("arn", new.definition.arn(&self.config).into()),
                ("reason", NO_CAPACITY.into()),
            ]);
            return Ok(object([
                ("tasks", Value::Array(Vec::new())),
                ("failures", Value::Array(vec![failure])),
            ]));
        }
        let tasks: Vec<_> = (0..count).map(|_| self.launch(&new)).collect();
        if let Some(token) = args.named("clientToken") {
            self.remember(&cluster, token, args, &tasks);
        }
        Ok(self.run_reply(&tasks))
    }

    fn run_reply(&self, tasks: &[TaskKey]) -> Value {
        let shown: Vec<_> = tasks.iter().map(|key| self.show_task_with_tags(*key)).collect();
        object([("tasks", Value::Array(shown)), ("failures", Value::Array(Vec::new()))])
    }

    /// Takes launches from Fargate's own bucket.
    pub(crate) fn draw_launches(&mut self, count: u32) -> Result<(), ApiError> {
        match self.config.throttling {
            crate::names::Throttling::Documented => self.buckets.draw(Category::FargateLaunch, count, self.now),
            crate::names::Throttling::Off => Ok(()),
        }
    }

    fn read_run(&mut self, args: Args<'_>, cluster: String) -> Result<NewTask, ApiError> {
        let given = args
            .named("taskDefinition")
            .ok_or_else(|| ApiError::client("TaskDefinition can not be blank."))?;
        let definition = self.definitions.usable(given, &self.config)?;
        let Some(revision) = self.definitions.get(&definition) else {
            return Err(ApiError::client("TaskDefinition not found."));
        };
        let placement = Placement::read(args, &revision.body)?;
        let overrides = overrides::read(args.object("overrides"), &revision.body, &revision.containers)?;
        let mut tags = tags::read(args)?;
        if args.text("propagateTags") == Some("TASK_DEFINITION") {
            let own = std::mem::take(&mut tags);
            tags.extend(revision.tags.clone());
            tags.extend(own);
        }
        if args.flag("enableECSManagedTags") == Some(true) {
            tags.insert("aws:ecs:clusterName".to_owned(), cluster.clone());
        }
        let exec = args.flag("enableExecuteCommand").unwrap_or(false);
        check_exec(exec, &revision.body)?;
        let group = args
            .named("group")
            .map_or_else(|| format!("family:{}", definition.family), str::to_owned);
        let started_by = args.named("startedBy").map(str::to_owned);
        Ok(NewTask {
            cluster,
            definition,
            service: None,
            group,
            started_by,
            placement,
            overrides,
            tags,
            exec,
        })
    }

    /// The answer to a token that was used before and has not expired.
    fn repeated(&mut self, cluster: &str, token: &str, args: Args<'_>) -> Option<Answer> {
        let known = self.tasks.tokens.get(&token_key(cluster, token))?;
        if known.until <= self.now {
            return None;
        }
        if known.request == without_token(args) {
            return Some(Ok(self.run_reply(&known.tasks)));
        }
        let message = "The client token is already in use with a different RunTask request.";
        Some(Err(
            ApiError::new("ConflictException", message).with("resourceIds", known.arns.clone())
        ))
    }

    fn remember(&mut self, cluster: &str, token: &str, args: Args<'_>, tasks: &[TaskKey]) {
        let now = self.now;
        if self.tasks.tokens.len() % 1024 == 1023 {
            self.tasks.tokens.retain(|_, known| known.until > now);
        }
        let started = tasks
            .iter()
            .filter_map(|key| self.tasks.get(*key).map(|task| task.arn.clone()))
            .collect();
        let known = Token {
            request: without_token(args),
            tasks: tasks.to_vec(),
            arns: started,
            until: now + TOKEN_LIFE,
        };
        self.tasks.tokens.insert(token_key(cluster, token), known);
    }

    /// Makes a task. From here on it lives by itself.
    pub(crate) fn launch(&mut self, new: &NewTask) -> TaskKey {
        let id = self.dice.hex(32);
        let arn = self.config.ecs_arn(&format!("task/{}/{id}", new.cluster));
        let revision = self.definitions.get(&new.definition);
        let specs = revision.map(|revision| revision.containers.clone()).unwrap_or_default();
        let containers = specs.into_iter().map(|spec| Container {
            arn: self
                .config
                .ecs_arn(&format!("container/{}/{id}/{}", new.cluster, self.dice.uuid())),
            behaviour: self.images.get(&spec.image).copied().unwrap_or_default(),
            spec,
            state: State::Waiting,
            health: Health::Unknown,
            digest: None,
            runtime: None,
            reason: None,
        });
        let containers = containers.collect();
        let subnets = &new.placement.subnets;
        let pick = self.dice.below(subnets.len() as u64);
        let place = usize::try_from(pick).unwrap_or(0);
        let subnet = subnets.get(place).cloned().unwrap_or_default();
        let zone = format!(
            "{}{}",
            self.config.region,
            ["a", "b", "c"].get(place % 3).unwrap_or(&"a")
        );
        let task = Task {
            arn: arn.clone(),
            id,
            zone,
            containers,
            interface: Interface::new(subnet, &mut self.dice),
            ..self.blank(new)
        };
        let key = self.tasks.add(task);
        self.definitions.refer(&new.definition);
        if let Some(cluster) = self.clusters.get_mut(&new.cluster) {
            cluster.tasks.insert(key);
        }
        let detail = self.task_event(key);
        self.emit_ecs("ECS Task State Change", &arn, detail);
        let span = self.dice.span(2000, 4000);
        self.plan_task(key, span, super::life::TaskStep::Attached);
        key
    }

    /// A task as it is at its creation, still without its id and its containers.
    fn blank(&self, new: &NewTask) -> Task {
        let unknown = Map::new();
        let definition = Args(
            self.definitions
                .get(&new.definition)
                .map_or(&unknown, |revision| &revision.body),
        );
        let size = |member: &str, overridden: Option<u64>| {
            overridden.map_or_else(
                || definition.text(member).unwrap_or_default().to_owned(),
                |size| size.to_string(),
            )
        };
        let storage = definition
            .object("ephemeralStorage")
            .and_then(|storage| storage.int("sizeInGiB"));
        let platform = definition.object("runtimePlatform");
        let windows = platform
            .and_then(|p| p.text("operatingSystemFamily"))
            .filter(|family| *family != "LINUX");
        let arm = platform.and_then(|p| p.text("cpuArchitecture")) == Some("ARM64");
        Task {
            id: String::new(),
            arn: String::new(),
            cluster: new.cluster.clone(),
            definition: new.definition.clone(),
            service: new.service,
            group: new.group.clone(),
            started_by: new.started_by.clone(),
            launch: new.placement.launch,
            cpu: size("cpu", new.overrides.size.map(|size| size.cpu)),
            memory: size("memory", new.overrides.size.map(|size| size.memory)),
            // Source: EphemeralStorage: tasks without one have 20 GiB.
            storage: new.overrides.storage.or(storage).unwrap_or(20),
            overrides: new.overrides.shown.clone(),
            tags: new.tags.clone(),
            exec: new.exec,
            platform_version: new.placement.effective_version().to_owned(),
            platform_family: windows.unwrap_or("Linux").to_owned(),
            architecture: if arm { "arm64" } else { "x86_64" }.to_owned(),
            zone: String::new(),
            interface: Interface::default(),
            containers: Vec::new(),
            status: Status::Provisioning,
            version: 1,
            times: Times::from(self.now),
            stop: None,
        }
    }
}

fn token_key(cluster: &str, token: &str) -> String {
    format!("{cluster}/{token}")
}

fn without_token(args: Args<'_>) -> Map<String, Value> {
    args.0
        .iter()
        .filter(|(name, _)| *name != "clientToken")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Source: RunTaskRequest.clientToken (64) and CreateServiceRequest.clientToken (36): characters 33 to 126.
pub(crate) fn check_token(token: &str, longest: usize) -> Result<(), ApiError> {
    if token.len() > longest || !token.bytes().all(|byte| (33..=126).contains(&byte)) {
        let message = format!("Client token must be up to {longest} ASCII characters in the range of 33-126.");
        return Err(ApiError::parameter(message));
    }
    Ok(())
}

/// Source: RunTaskRequest.startedBy.
fn check_started_by(text: &str) -> Result<(), ApiError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-/_".contains(c);
    if text.len() > 128 || !text.chars().all(legal) {
        let message = "startedBy is up to 128 letters, numbers, hyphens, forward slashes and underscores.";
        return Err(ApiError::parameter(message));
    }
    Ok(())
}

/// Source: `CreateService` and `RunTask`: ECS Exec needs a task role.
pub(crate) fn check_exec(exec: bool, definition: &Map<String, Value>) -> Result<(), ApiError> {
    if exec && Args(definition).named("taskRoleArn").is_none() {
        let message = "The service couldn't be created or task run because a valid taskRoleArn is not being used. \
                       Specify a valid task role in your task definition and try again.";
        return Err(ApiError::parameter(message));
    }
    Ok(())
}
