//! Clusters: names under which services and tasks live.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::page::page;
use crate::service::ServiceKey;
use crate::tags::{self, Tags};
use crate::task::{Status, TaskKey};
use crate::wire::args::Args;
use crate::wire::error::{Answer, ApiError};
use crate::world::World;

/// All clusters by name, deleted ones too.
pub(crate) type Clusters = BTreeMap<String, Cluster>;

/// One cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cluster {
    pub(crate) arn: String,
    pub(crate) active: bool,
    pub(crate) tags: Tags,
    /// The members of the request that come back as they were given.
    given: Map<String, Value>,
    /// The newest service of each name.
    pub(crate) services: BTreeMap<String, ServiceKey>,
    /// The tasks that are still remembered.
    pub(crate) tasks: BTreeSet<TaskKey>,
}

impl World {
    /// The name of the cluster that a request means: its `cluster` member, a name or ARN, or else `default`.
    /// The cluster must be ACTIVE.
    pub(crate) fn cluster_of(&self, args: Args<'_>) -> Result<String, ApiError> {
        let name = self.cluster_name(args.named("cluster").unwrap_or("default"));
        match self.clusters.get(name) {
            Some(cluster) if cluster.active => Ok(name.to_owned()),
            _ => Err(ApiError::new("ClusterNotFoundException", "Cluster not found.")),
        }
    }

    fn cluster_name<'a>(&self, given: &'a str) -> &'a str {
        self.config
            .ecs_resource(given)
            .and_then(|resource| resource.strip_prefix("cluster/"))
            .unwrap_or(given)
    }

    /// A cluster that exists already is returned as it is: `CreateCluster` is idempotent by name.
    pub(crate) fn create_cluster(&mut self, args: Args<'_>) -> Answer {
        let name = args.named("clusterName").unwrap_or("default");
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.len() > 255 || !name.chars().all(legal) {
            return Err(ApiError::parameter(
                "The cluster name is up to 255 letters, numbers, underscores and hyphens.",
            ));
        }
        let tags = tags::read(args)?;
        let arn = self.config.ecs_arn(&format!("cluster/{name}"));
        if self.clusters.get(name).is_none_or(|cluster| !cluster.active) {
            let kept = [
                "settings",
                "configuration",
                "capacityProviders",
                "defaultCapacityProviderStrategy",
            ];
            let given = kept
                .iter()
                .filter_map(|key| Some(((*key).to_owned(), args.get(key)?.clone())))
                .collect();
            let cluster = Cluster {
                arn,
                active: true,
                tags,
                given,
                services: BTreeMap::new(),
                tasks: BTreeSet::new(),
            };
            self.clusters.insert(name.to_owned(), cluster);
        }
        Ok(json!({"cluster": self.show_cluster(name, args)}))
    }

    pub(crate) fn describe_clusters(&mut self, args: Args<'_>) -> Value {
        let asked = args.texts("clusters").collect::<Vec<_>>();
        let asked = if asked.is_empty() { vec!["default"] } else { asked };
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        for given in asked {
            let name = self.cluster_name(given);
            if self.clusters.contains_key(name) {
                found.push(self.show_cluster(name, args));
            } else {
                let arn = self.config.ecs_arn(&format!("cluster/{name}"));
                failures.push(json!({"arn": arn, "reason": "MISSING"}));
            }
        }
        json!({"clusters": found, "failures": failures})
    }

    /// Source: Amazon ECS API Reference, `DeleteCluster`: services and tasks must be gone; the cluster is then INACTIVE.
    pub(crate) fn delete_cluster(&mut self, args: Args<'_>) -> Answer {
        let name = self.cluster_of(args)?;
        let Some(cluster) = self.clusters.get(&name) else {
            return Ok(Value::Null);
        };
        if cluster.services.values().any(|key| self.services.is_alive(*key)) {
            let message = "The Cluster cannot be deleted while Services are active.";
            return Err(ApiError::new("ClusterContainsServicesException", message));
        }
        let live = |key: &TaskKey| self.tasks.get(*key).is_some_and(|task| task.status != Status::Stopped);
        if cluster.tasks.iter().any(live) {
            let message = "The Cluster cannot be deleted while Tasks are active.";
            return Err(ApiError::new("ClusterContainsTasksException", message));
        }
        if let Some(cluster) = self.clusters.get_mut(&name) {
            cluster.active = false;
        }
        Ok(json!({"cluster": self.show_cluster(&name, args)}))
    }

    pub(crate) fn list_clusters(&mut self, args: Args<'_>) -> Answer {
        let active = self
            .clusters
            .iter()
            .filter(|(_, cluster)| cluster.active)
            .map(|(name, _)| name.clone());
        let page = page(active, args, 100)?;
        let clusters: Vec<_> = page
            .keys
            .iter()
            .map(|name| self.config.ecs_arn(&format!("cluster/{name}")))
            .collect();
        Ok(json!({"clusterArns": clusters, "nextToken": page.next}))
    }

    fn show_cluster(&self, name: &str, args: Args<'_>) -> Value {
        let Some(cluster) = self.clusters.get(name) else {
            return Value::Null;
        };
        let (mut running, mut pending) = (0, 0);
        for task in cluster.tasks.iter().filter_map(|key| self.tasks.get(*key)) {
            running += u32::from(task.status == Status::Running);
            pending += u32::from(task.status.is_pending());
        }
        let services = cluster
            .services
            .values()
            .filter(|key| self.services.is_active(**key))
            .count();
        let mut shown = cluster.given.clone();
        let members = json!({
            "clusterArn": cluster.arn,
            "clusterName": name,
            "status": if cluster.active { "ACTIVE" } else { "INACTIVE" },
            "registeredContainerInstancesCount": 0,
            "runningTasksCount": running,
            "pendingTasksCount": pending,
            "activeServicesCount": services,
            "statistics": [],
            "tags": if args.includes("include", "TAGS") { tags::list(&cluster.tags) } else { json!([]) },
        });
        for (key, default) in [("settings", json!([])), ("capacityProviders", json!([]))] {
            shown.entry(key).or_insert(default);
        }
        shown.entry("defaultCapacityProviderStrategy").or_insert(json!([]));
        if let Value::Object(members) = members {
            shown.extend(members);
        }
        Value::Object(shown)
    }
}
