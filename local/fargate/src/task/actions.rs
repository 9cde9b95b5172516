//! The actions on tasks that exist: `StopTask`, `DescribeTasks`, `ListTasks`; and interruptions.

use serde_json::{Value, json};

use super::stop::{Cause, Stop, StopCode};
use super::{Status, TaskKey};
use crate::page::page;
use crate::tags::Include;
use crate::wire::args::Args;
use crate::wire::error::{Answer, ApiError};
use crate::wire::object;
use crate::world::World;

/// Why Fargate takes a task's place away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// Fargate retires the host. Source: Amazon ECS Developer Guide, "Task retirement and maintenance".
    Retirement,
    /// Fargate Spot wants the capacity back. Source: "Amazon ECS clusters for Fargate", termination notices.
    Spot,
}

/// There is no such task that could be interrupted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the id or ARN of a task that is to run")]
pub struct NoSuchTask(pub String);

impl World {
    /// The task that a caller means by its id or ARN within this cluster.
    fn task_of(&self, cluster: &str, given: &str) -> Option<TaskKey> {
        let id = if given.starts_with("arn:") {
            let resource = self.config.ecs_resource(given)?.strip_prefix("task/")?;
            resource.rsplit_once('/').map_or(resource, |(_, id)| id)
        } else {
            given
        };
        let key = self.tasks.by_id(id)?;
        let found = self.tasks.get(key)?;
        let matches = found.cluster == cluster && (!given.starts_with("arn:") || found.arn == given);
        matches.then_some(key)
    }

    pub(crate) fn stop_task(&mut self, args: Args<'_>) -> Answer {
        let cluster = self.cluster_of(args)?;
        let given = args.text("task").unwrap_or_default();
        let found = self.task_of(&cluster, given);
        let key = found.ok_or_else(|| ApiError::parameter("The referenced task was not found."))?;
        let reason = args.named("reason").unwrap_or("Task stopped by user").to_owned();
        if reason.chars().count() > 1024 {
            return Err(ApiError::parameter("The reason is longer than 1024 characters."));
        }
        self.request_stop(
            key,
            Stop {
                code: StopCode::UserInitiated,
                reason,
                cause: Cause::Other,
            },
        );
        Ok(object([("task", self.show_task(key))]))
    }

    pub(crate) fn describe_tasks(&mut self, args: Args<'_>) -> Answer {
        let cluster = self.cluster_of(args)?;
        let asked: Vec<_> = args.texts("tasks").collect();
        if asked.is_empty() {
            return Err(ApiError::parameter("Tasks cannot be empty."));
        }
        if asked.len() > 100 {
            return Err(ApiError::parameter("tasks can have at most 100 items."));
        }
        let include = Include::read(args);
        let (mut tasks, mut failures) = (Vec::new(), Vec::new());
        for given in asked {
            let found = self.task_of(&cluster, given).filter(|key| !self.is_unseen(*key));
            match found {
                Some(key) => tasks.push(self.read_task(key, include)),
                None => failures.push(json!({"arn": self.task_arn(&cluster, given), "reason": "MISSING"})),
            }
        }
        Ok(object([
            ("tasks", Value::Array(tasks)),
            ("failures", Value::Array(failures)),
        ]))
    }

    /// A task as a read sees it that may be behind.
    fn read_task(&mut self, key: TaskKey, include: Include) -> Value {
        let mut shown = match self.past_of_task(key) {
            Some(past) => past,
            None => self.show_task_with_tags(key),
        };
        if let (Include::Nothing, Value::Object(members)) = (include, &mut shown) {
            members.insert("tags".to_owned(), Value::Array(Vec::new()));
        }
        shown
    }

    fn is_unseen(&mut self, key: TaskKey) -> bool {
        let created = self.tasks.get(key).map(|task| task.times.created);
        created.is_some_and(|created| self.unseen(created))
    }

    fn task_arn(&self, cluster: &str, given: &str) -> String {
        if given.starts_with("arn:") {
            given.to_owned()
        } else {
            self.config.ecs_arn(&format!("task/{cluster}/{given}"))
        }
    }

    /// Source: `ListTasksRequest`: the filters are combined, but `startedBy` stands alone; by default the tasks whose
    /// desired status is RUNNING; PENDING finds nothing.
    pub(crate) fn list_tasks(&mut self, args: Args<'_>) -> Answer {
        let cluster = self.cluster_of(args)?;
        let starter = args.named("startedBy");
        let others = ["serviceName", "family", "containerInstance", "daemonName"];
        if starter.is_some() && others.iter().any(|filter| args.named(filter).is_some()) {
            return Err(ApiError::parameter("startedBy cannot be combined with other filters."));
        }
        if args.named("serviceName").is_some() && args.named("family").is_some() {
            return Err(ApiError::parameter("cannot specify both service and family"));
        }
        let keys = self.candidates(args, &cluster)?;
        let wanted = match args.text("desiredStatus") {
            Some("STOPPED") => Some(false),
            Some("PENDING") => None,
            _ => Some(true),
        };
        let launch = args.text("launchType").is_none_or(|launch| launch == "FARGATE");
        let right = keys.into_iter().filter(|key| {
            let task = self.tasks.get(*key);
            launch && task.is_some_and(|task| task.cluster == cluster && Some(task.wanted()) == wanted)
        });
        let right: Vec<_> = right.collect();
        let seen: Vec<_> = right.into_iter().filter(|key| !self.is_unseen(*key)).collect();
        let page = page(seen.into_iter(), args, 100)?;
        let tasks: Vec<_> = page
            .keys
            .iter()
            .filter_map(|key| self.tasks.get(*key).map(|task| task.arn.as_str()))
            .collect();
        Ok(json!({"taskArns": tasks, "nextToken": page.next}))
    }

    /// The tasks that the most selective filter leaves, in the order of their creation.
    fn candidates(&self, args: Args<'_>, cluster: &str) -> Result<Vec<TaskKey>, ApiError> {
        if args.named("containerInstance").is_some() || args.named("daemonName").is_some() {
            return Ok(Vec::new());
        }
        if let Some(starter) = args.named("startedBy") {
            return Ok(self.tasks.of_starter(starter).into_iter().flatten().copied().collect());
        }
        if let Some(family) = args.named("family") {
            return Ok(self.tasks.of_family(family).into_iter().flatten().copied().collect());
        }
        if let Some(service) = args.named("serviceName") {
            let missing = || ApiError::new("ServiceNotFoundException", "Service not found.");
            let service = self.service_of(cluster, service).ok_or_else(missing)?;
            return Ok(self.tasks.of_service(service).map(|(key, _)| key).collect());
        }
        Ok(self
            .clusters
            .get(cluster)
            .into_iter()
            .flat_map(|cluster| cluster.tasks.iter().copied())
            .collect())
    }

    /// Takes a task's place away: the task stops with the code and reason that Fargate gives.
    pub fn interrupt(&mut self, task: &str, interruption: Interruption) -> Result<(), NoSuchTask> {
        let id = task.rsplit_once('/').map_or(task, |(_, id)| id);
        let live = |key: &TaskKey| {
            self.tasks
                .get(*key)
                .is_some_and(|t| t.wanted() && t.status < Status::Deactivating)
        };
        let key = self
            .tasks
            .by_id(id)
            .filter(live)
            .ok_or_else(|| NoSuchTask(task.to_owned()))?;
        let (code, reason) = match interruption {
            Interruption::Retirement => (
                StopCode::TerminationNotice,
                "ECS is performing maintenance on the underlying infrastructure hosting the task.",
            ),
            Interruption::Spot => (StopCode::SpotInterruption, "Your Spot Task was interrupted."),
        };
        self.request_stop(
            key,
            Stop {
                code,
                reason: reason.to_owned(),
                cause: Cause::Intended,
            },
        );
        Ok(())
    }
}
