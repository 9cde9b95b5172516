//! `CreateService`, `DeleteService`, `DescribeServices` and `ListServices`.

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Map, Value, json};

use super::deployment::Beginning;
use super::settings::Settings;
use super::{Service, ServiceKey, ServiceStatus, Token};
use crate::page::page;
use crate::placement::Placement;
use crate::tags;
use crate::tags::Include;
use crate::task::run::{TOKEN_LIFE, check_exec, check_token};
use crate::wire::args::Args;
use crate::wire::error::{Answer, ApiError};
use crate::wire::object;
use crate::world::World;

/// Source: "Amazon ECS service quotas", tasks per service.
const MOST_TASKS: i64 = 5000;

impl World {
    /// The service that a caller means by its name or ARN within this cluster, whatever its status.
    pub(crate) fn service_of(&self, cluster: &str, given: &str) -> Option<ServiceKey> {
        let name = if given.starts_with("arn:") {
            self.config
                .ecs_resource(given)?
                .strip_prefix("service/")?
                .strip_prefix(cluster)?
                .strip_prefix('/')?
        } else {
            given
        };
        self.clusters.get(cluster)?.services.get(name).copied()
    }

    pub(crate) fn create_service(&mut self, args: Args<'_>) -> Answer {
        let cluster = self.cluster_of(args)?;
        let name = args.text("serviceName").unwrap_or_default();
        check_name(name)?;
        let token = args.named("clientToken");
        if let Some(token) = token {
            check_token(token, 36)?;
            if let Some(answer) = self.created_before(&cluster, token, args) {
                return answer;
            }
        }
        self.check_free(&cluster, name)?;
        let desired = desired_count(args)?.ok_or_else(|| ApiError::parameter("desiredCount must be specified."))?;
        let given = args
            .named("taskDefinition")
            .ok_or_else(|| ApiError::parameter("TaskDefinition must be specified."))?;
        let settings = Settings::read(args)?;
        let tags = tags::read(args)?;
        let definition = self.definitions.usable(given, &self.config)?;
        let body = self.definitions.get(&definition).map(|revision| &revision.body);
        let body = body.ok_or_else(|| ApiError::client("TaskDefinition not found."))?;
        let placement = Placement::read(args, body)?;
        check_exec(settings.flag("enableExecuteCommand"), body)?;
        let key = self.services.add(Service {
            name: name.to_owned(),
            arn: self.config.ecs_arn(&format!("service/{cluster}/{name}")),
            cluster: cluster.clone(),
            status: ServiceStatus::Active,
            created: self.now,
            desired,
            settings,
            tags,
            deployments: Vec::new(),
            completed: None,
            last_definition: None,
            messages: VecDeque::new(),
            live: BTreeSet::new(),
            next_look: None,
            steady: false,
        });
        if let Some(cluster) = self.clusters.get_mut(&cluster) {
            cluster.services.insert(name.to_owned(), key);
        }
        if let Some(token) = token {
            self.remember_creation(&cluster, token, args, key);
        }
        self.begin_deployment(key, definition, placement, Beginning::Request);
        Ok(object([("service", self.show_service_with_tags(key))]))
    }

    /// The answer to a token that was used before and has not expired.
    fn created_before(&self, cluster: &str, token: &str, args: Args<'_>) -> Option<Answer> {
        let known = self.services.tokens.get(&format!("{cluster}/{token}"))?;
        if known.until <= self.now || !self.services.is_alive(known.service) {
            return None;
        }
        if known.request == *args.0 {
            return Some(Ok(object([("service", self.show_service_with_tags(known.service))])));
        }
        Some(Err(ApiError::parameter("Creation of service was not idempotent.")))
    }

    fn remember_creation(&mut self, cluster: &str, token: &str, args: Args<'_>, service: ServiceKey) {
        let now = self.now;
        if self.services.tokens.len() % 1024 == 1023 {
            self.services.tokens.retain(|_, known| known.until > now);
        }
        let known = Token {
            request: args.0.clone(),
            service,
            until: now + TOKEN_LIFE,
        };
        self.services.tokens.insert(format!("{cluster}/{token}"), known);
    }

    /// Source: `DeleteService`: a name in ACTIVE or DRAINING status cannot be created.
    fn check_free(&self, cluster: &str, name: &str) -> Result<(), ApiError> {
        let Some(services) = self.clusters.get(cluster).map(|cluster| &cluster.services) else {
            return Ok(());
        };
        match services
            .get(name)
            .and_then(|key| self.services.get(*key))
            .map(|service| service.status)
        {
            Some(ServiceStatus::Active) => return Err(ApiError::parameter("Creation of service was not idempotent.")),
            Some(ServiceStatus::Draining) => {
                return Err(ApiError::parameter("Unable to Start a service that is still Draining."));
            }
            Some(ServiceStatus::Inactive) | None => {}
        }
        let most = self.config.services_per_cluster;
        if services.len() >= most {
            let alive = services.values().filter(|key| self.services.is_alive(**key)).count();
            if alive >= most {
                let message = format!("The maximum number of services of a cluster is {most}.");
                return Err(ApiError::parameter(message));
            }
        }
        Ok(())
    }

    /// Source: `DeleteService`.
    pub(crate) fn delete_service(&mut self, args: Args<'_>) -> Answer {
        let cluster = self.cluster_of(args)?;
        let given = args.text("service").unwrap_or_default();
        let missing = || ApiError::new("ServiceNotFoundException", "Service not found.");
        let key = self.service_of(&cluster, given).ok_or_else(missing)?;
        let service = self.services.get_mut(key).ok_or_else(missing)?;
        match service.status {
            ServiceStatus::Inactive => return Err(missing()),
            ServiceStatus::Active if service.desired > 0 && args.flag("force") != Some(true) => {
                return Err(ApiError::parameter(
                    "The service cannot be stopped while it is scaled above 0.",
                ));
            }
            ServiceStatus::Active | ServiceStatus::Draining => {}
        }
        self.keep_past_of_service(key);
        let Some(service) = self.services.get_mut(key) else {
            return Err(missing());
        };
        service.status = ServiceStatus::Draining;
        service.desired = 0;
        self.poke_service(key);
        Ok(object([("service", self.show_service(key))]))
    }

    pub(crate) fn describe_services(&mut self, args: Args<'_>) -> Answer {
        let cluster = self.cluster_of(args)?;
        let asked: Vec<_> = args.texts("services").collect();
        if asked.is_empty() {
            return Err(ApiError::parameter("Services cannot be empty."));
        }
        if asked.len() > 10 {
            return Err(ApiError::parameter("services can have at most 10 items."));
        }
        let include = Include::read(args);
        let (mut services, mut failures) = (Vec::new(), Vec::new());
        for given in asked {
            let found = self
                .service_of(&cluster, given)
                .filter(|key| !self.is_unseen_service(*key));
            match found {
                Some(key) => services.push(self.read_service(key, include)),
                None => failures.push(json!({"arn": self.service_arn(&cluster, given), "reason": "MISSING"})),
            }
        }
        Ok(object([
            ("services", Value::Array(services)),
            ("failures", Value::Array(failures)),
        ]))
    }

    fn service_arn(&self, cluster: &str, given: &str) -> String {
        if given.starts_with("arn:") {
            given.to_owned()
        } else {
            self.config.ecs_arn(&format!("service/{cluster}/{given}"))
        }
    }

    /// A service as a read sees it that may be behind.
    fn read_service(&mut self, key: ServiceKey, include: Include) -> Value {
        let mut shown = match self.past_of_service(key) {
            Some(past) => past,
            None => self.show_service_with_tags(key),
        };
        if let (Include::Nothing, Value::Object(members)) = (include, &mut shown) {
            members.remove("tags");
        }
        shown
    }

    fn is_unseen_service(&mut self, key: ServiceKey) -> bool {
        let created = self.services.get(key).map(|service| service.created);
        created.is_some_and(|created| self.unseen(created))
    }

    /// Source: `ListServices`: ten to a page by default; `DeleteService`: those in DRAINING or INACTIVE are not listed.
    pub(crate) fn list_services(&mut self, args: Args<'_>) -> Answer {
        let cluster = self.cluster_of(args)?;
        let none = args.named("launchType").is_some_and(|launch| launch != "FARGATE")
            || args
                .named("schedulingStrategy")
                .is_some_and(|strategy| strategy != "REPLICA")
            || args
                .named("resourceManagementType")
                .is_some_and(|kind| kind != "CUSTOMER");
        let all = self
            .clusters
            .get(&cluster)
            .into_iter()
            .flat_map(|cluster| &cluster.services);
        let right: Vec<_> = all
            .filter(|(_, key)| !none && self.services.is_active(**key))
            .map(|(n, k)| (n.clone(), *k))
            .collect();
        let seen: Vec<_> = right
            .into_iter()
            .filter(|(_, key)| !self.is_unseen_service(*key))
            .map(|(name, _)| name)
            .collect();
        let page = page(seen.into_iter(), args, 10)?;
        let services: Vec<_> = page
            .keys
            .iter()
            .map(|name| self.config.ecs_arn(&format!("service/{cluster}/{name}")))
            .collect();
        Ok(json!({"serviceArns": services, "nextToken": page.next}))
    }
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 255 || !name.chars().all(legal) {
        let message = "The service name is 1 to 255 letters, numbers, underscores and hyphens.";
        return Err(ApiError::parameter(message));
    }
    Ok(())
}

/// `desiredCount`, if it is given.
pub(crate) fn desired_count(args: Args<'_>) -> Result<Option<u32>, ApiError> {
    match args.int("desiredCount") {
        None => Ok(None),
        Some(count @ 0..=MOST_TASKS) => Ok(u32::try_from(count).ok()),
        Some(_) => Err(ApiError::parameter(format!(
            "desiredCount must be between 0 and {MOST_TASKS}."
        ))),
    }
}

/// A revision's body; empty if it is gone.
pub(crate) fn body_of(revision: Option<&crate::definition::store::Revision>) -> Map<String, Value> {
    revision.map(|revision| revision.body.clone()).unwrap_or_default()
}
