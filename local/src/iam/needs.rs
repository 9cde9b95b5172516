//! What a call must be allowed.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Request;
use serde_json::Value;

use super::{Need, body, dynamodb};
use crate::cloud::{Call, Service, form_value, query_value, s3_target};
use crate::template::Stack;

/// The account and Region that ARNs are in, and what else of a stack they depend on.
#[derive(Clone, Debug)]
pub(super) struct Place {
    account: &'static str,
    region: String,
    /// The partition key of each table.
    pub(super) partition_keys: BTreeMap<String, String>,
}

impl Place {
    pub(super) fn of(stack: &Stack, region: &str) -> Self {
        let partition_keys = stack.tables.iter().filter_map(|table| {
            let keys = table.create.get("KeySchema")?.as_array()?;
            let hash = keys
                .iter()
                .find(|key| key.get("KeyType").and_then(Value::as_str) == Some("HASH"))?;
            Some((text(&table.create, "TableName"), text(hash, "AttributeName")))
        });
        Self {
            account: "123456789012",
            region: region.to_owned(),
            partition_keys: partition_keys.collect(),
        }
    }

    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }
}

/// What this call must be allowed.
pub(super) fn of(place: &Place, call: &Call, request: &Request<Bytes>) -> Vec<Need> {
    match call.service {
        Service::DynamoDb => vec![dynamodb::need(place, &call.action, &body(request))],
        Service::Ecs => ecs(place, &call.action, &body(request)),
        Service::Efs => efs(place, &call.action, request),
        Service::Sqs => {
            let url = text(&body(request), "QueueUrl");
            let name = url.rsplit('/').next().unwrap_or_default();
            vec![need("sqs", &call.action, place.arn("sqs", name))]
        }
        Service::Ecr => {
            let body = body(request);
            let (registry, repository) = (text(&body, "registryId"), text(&body, "repositoryName"));
            let arn = format!("arn:aws:ecr:{}:{registry}:repository/{repository}", place.region);
            vec![need("ecr", &call.action, arn)]
        }
        Service::CloudFormation => cloudformation(place, &call.action, request),
        Service::S3 => vec![s3(&call.action, request)],
    }
}

fn need(service: &str, action: &str, resource: String) -> Need {
    Need {
        action: format!("{service}:{action}"),
        resource,
        keys: BTreeMap::new(),
    }
}

impl Need {
    fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.keys.entry(key).or_default().push(value.into());
        self
    }
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn has_tags(value: &Value, name: &str) -> bool {
    value
        .get(name)
        .and_then(Value::as_array)
        .is_some_and(|tags| !tags.is_empty())
}

fn ecs(place: &Place, action: &str, body: &Value) -> Vec<Need> {
    let cluster = text(body, "cluster");
    let cluster = cluster.rsplit('/').next().unwrap_or_default();
    let in_cluster = |resource: String| {
        let arn = place.arn("ecs", &format!("cluster/{cluster}"));
        need("ecs", action, resource).with("ecs:cluster", arn)
    };
    let each = |kind: &str, names: &str| {
        let names = body.get(names).and_then(Value::as_array).into_iter().flatten();
        let names = names.filter_map(Value::as_str);
        let arns = names.map(|name| place.arn("ecs", &format!("{kind}/{cluster}/{}", last(name))));
        arns.map(&in_cluster).collect::<Vec<_>>()
    };
    let service = |name: &str| place.arn("ecs", &format!("service/{cluster}/{}", last(&text(body, name))));
    let tagged = |resource: String| need("ecs", "TagResource", resource).with("ecs:CreateAction", action);
    match action {
        "CreateService" | "UpdateService" => {
            let arn = service(if action == "CreateService" {
                "serviceName"
            } else {
                "service"
            });
            let call = in_cluster(arn.clone());
            let call = match body.get("taskDefinition").and_then(Value::as_str) {
                Some(definition) => call.with("ecs:task-definition", definition),
                None => call,
            };
            let tags = has_tags(body, "tags").then(|| tagged(arn));
            [call].into_iter().chain(tags).collect()
        }
        "DeleteService" => vec![in_cluster(service("service"))],
        "DescribeServices" => each("service", "services"),
        "DescribeTasks" => each("task", "tasks"),
        "ListTasks" => vec![in_cluster("*".to_owned())],
        "RegisterTaskDefinition" => {
            let arn = place.arn("ecs", &format!("task-definition/{}:*", text(body, "family")));
            let tags = has_tags(body, "tags").then(|| tagged(arn.clone()));
            let roles = ["taskRoleArn", "executionRoleArn"].map(|name| text(body, name));
            let roles = roles.into_iter().filter(|role| !role.is_empty());
            let passed =
                roles.map(|role| need("iam", "PassRole", role).with("iam:PassedToService", "ecs-tasks.amazonaws.com"));
            [need("ecs", action, arn)]
                .into_iter()
                .chain(tags)
                .chain(passed)
                .collect()
        }
        _ => vec![need("ecs", action, "*".to_owned())],
    }
}

/// Reading and listing are actions of other names than the calls ("Actions, resources, and condition keys for Amazon S3").
fn s3(action: &str, request: &Request<Bytes>) -> Need {
    let (bucket, key) = s3_target(request);
    let bucket = format!("arn:aws:s3:::{bucket}");
    match action {
        "ListObjectsV2" => {
            let prefix = query_value(request.uri().query().unwrap_or_default(), "prefix");
            need("s3", "ListBucket", bucket).with("s3:prefix", prefix.unwrap_or_default())
        }
        "GetObject" | "HeadObject" => need("s3", "GetObject", format!("{bucket}/{key}")),
        _ => need("s3", action, format!("{bucket}/{key}")),
    }
}

/// The last part of an ARN, or a name.
fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// The tag that every access point of ours has, and the condition key that it is.
const OWNER: &str = "aws:ResourceTag/berth:tenant";

fn efs(place: &Place, action: &str, request: &Request<Bytes>) -> Vec<Need> {
    const SERVICE: &str = "elasticfilesystem";
    let arn = |kind: &str, id: &str| place.arn(SERVICE, &format!("{kind}/{id}"));
    match action {
        "CreateAccessPoint" => {
            let body = body(request);
            let on = arn("file-system", &text(&body, "FileSystemId"));
            // Which of the two it is that AWS asks about, no page says.
            let tagged = [on.clone(), arn("access-point", "*")];
            let tagged =
                tagged.map(|on| need(SERVICE, "TagResource", on).with("elasticfilesystem:CreateAction", action));
            let tagged = tagged.into_iter().filter(|_| has_tags(&body, "Tags"));
            [need(SERVICE, action, on)].into_iter().chain(tagged).collect()
        }
        "DescribeAccessPoints" => {
            let id = query_value(request.uri().query().unwrap_or_default(), "AccessPointId");
            vec![need(
                SERVICE,
                action,
                id.map_or_else(|| "*".to_owned(), |id| arn("access-point", &id)),
            )]
        }
        "DeleteAccessPoint" => {
            let id = last(request.uri().path());
            // Only access points of ours are ever deleted; one that is gone has no tags, and is nobody's to refuse.
            vec![need(SERVICE, action, arn("access-point", id)).with(OWNER, "")]
        }
        _ => vec![need(SERVICE, action, "*".to_owned())],
    }
}

/// Who asks for all stacks must be allowed to list them as well (API Reference, `DescribeStacks`, member `StackName`).
fn cloudformation(place: &Place, action: &str, request: &Request<Bytes>) -> Vec<Need> {
    match form_value(request.body(), "StackName") {
        Some(name) => vec![need(
            "cloudformation",
            action,
            place.arn("cloudformation", &format!("stack/{name}/*")),
        )],
        None if action == "DescribeStacks" => ["DescribeStacks", "ListStacks"]
            .map(|action| need("cloudformation", action, "*".to_owned()))
            .into(),
        None => vec![need("cloudformation", action, "*".to_owned())],
    }
}
