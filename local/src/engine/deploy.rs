//! Deploying the template, and the sample that `berth up` starts with: a cluster, a file system, a base and its stack.
//!
//! Everything here may be done again on a world in which it has been done: what is there is left as it is.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::Engine;
use super::auth::Anonymous;
use super::functions::{Functions, InitError};
use crate::cloud::{Answer, Behaviour, Cloud, Deployed, Service, StackStatus};
use crate::connector::Shared;
use crate::iam::Roles;
use crate::template::{Place, Stack, TEMPLATE, TemplateError};

/// The family that the sample's base is in.
pub const BASE_FAMILY: &str = "base";
/// The stack that deploys the sample's base.
pub const BASE_STACK: &str = "base";
/// The sample's cluster.
pub const CLUSTER: &str = "berth";

/// The roles of the sample's base.
const TASK_ROLE: &str = "arn:aws:iam::123456789012:role/base-task";
const EXECUTION_ROLE: &str = "arn:aws:iam::123456789012:role/base-execution";

/// What to deploy with.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Values of the template's parameters, instead of the sample's.
    pub parameters: BTreeMap<String, String>,
    /// What becomes of a request that says nothing of who it is from.
    pub anonymous: Anonymous,
}

/// A template that could not be deployed here.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A function that does not start.
    #[error(transparent)]
    Init(#[from] InitError),
    /// A service refused what the template or the sample asks for.
    #[error("the template could not be deployed: {0}")]
    Refused(#[from] Refusal),
}

/// A call that a service refused.
#[derive(Debug, thiserror::Error)]
#[error("{action} was refused: {code}: {message}")]
pub struct Refusal {
    action: String,
    code: String,
    message: String,
}

impl Refusal {
    fn new(action: &str, answer: &Value) -> Self {
        let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let code = if answer.get("ErrorCode").is_some() {
            text("ErrorCode")
        } else {
            text("__type")
        };
        let message = if answer.get("Message").is_some() {
            text("Message")
        } else {
            text("message")
        };
        Self {
            action: action.to_owned(),
            code,
            message,
        }
    }

    fn unsent(action: &str, error: &http::Error) -> Self {
        Self {
            action: action.to_owned(),
            code: "not sent".to_owned(),
            message: error.to_string(),
        }
    }
}

impl Engine {
    /// Deploys the template into this cloud, with a sample to run tenants on.
    pub fn deploy(cloud: Cloud, region: &str, settings: &Settings) -> Result<Self, DeployError> {
        Self::deploy_into(Shared::new(cloud), region, settings)
    }

    /// Deploys the template into this cloud.
    pub fn deploy_into(shared: Shared, region: &str, settings: &Settings) -> Result<Self, DeployError> {
        let stack = {
            let mut cloud = shared.cloud();
            let parameters = sample(&mut cloud, settings)?;
            let place = Place {
                stack: "berth".to_owned(),
                account: "123456789012".to_owned(),
                region: region.to_owned(),
            };
            let stack = Stack::read(TEMPLATE, &place, &parameters)?;
            make(&mut cloud, &stack)?;
            let deployed = Deployed {
                parameters: stack.parameters.clone(),
                resources: stack.resources.clone(),
            };
            cloud.set_deployed(&place.stack, deployed);
            stack
        };
        shared.set_roles(Roles::of(&stack, region));
        let functions = Functions::start(&shared, region, &stack)?;
        Ok(Self::new(shared, stack, functions, settings.anonymous))
    }
}

/// The sample, and the parameters that make the template use it.
fn sample(cloud: &mut Cloud, settings: &Settings) -> Result<BTreeMap<String, String>, Refusal> {
    ask(cloud, Service::Ecs, "CreateCluster", &json!({"clusterName": CLUSTER}))?;
    let file_system = sample_file_system(cloud)?;
    let known = ask(
        cloud,
        Service::Ecs,
        "DescribeTaskDefinition",
        &json!({"taskDefinition": BASE_FAMILY}),
    );
    if known.is_err() {
        ask(
            cloud,
            Service::Ecs,
            "RegisterTaskDefinition",
            &base_definition(&file_system, "1"),
        )?;
        cloud.set_stack(BASE_STACK, StackStatus::CreateComplete);
    }
    let mut parameters: BTreeMap<String, String> = [
        ("BaseFamily", BASE_FAMILY),
        ("BaseStackPrefix", BASE_STACK),
        ("Cluster", CLUSTER),
        ("FileSystem", &file_system),
        ("WorkspaceVolume", "workspace"),
        // One machine has one clock. And whoever lets half an hour pass and a minute should find the tenant asleep: the
        // idle time, the window of coalesced heartbeats, the wait for the next sweep and the stop itself fit into 31.
        ("ClockSkewSeconds", "0"),
        ("IdleAfterSeconds", "1740"),
        // A fresh tenant may be moved, and a canary has shown itself, after a minute instead of five and ten.
        ("MinUptimeSeconds", "60"),
        ("RolloutPolicy", r#"{"bakeSeconds":60}"#),
        ("Subnets", "subnet-0a1b2c3d4e5f60718,subnet-0a1b2c3d4e5f60719"),
        ("SecurityGroups", "sg-0a1b2c3d4e5f60718"),
        ("TaskRoleArn", TASK_ROLE),
        ("ExecutionRoleArn", EXECUTION_ROLE),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    parameters.extend(settings.parameters.clone());
    Ok(parameters)
}

/// Its creation token makes it the same one each time; a repeat is answered with the id of the one that is there.
fn sample_file_system(cloud: &mut Cloud) -> Result<String, Refusal> {
    const ACTION: &str = "CreateFileSystem";
    let body = json!({"CreationToken": "berth-sample", "Encrypted": true});
    let request = Request::post("/2015-02-01/file-systems").header("authorization", scope(Service::Efs));
    let request = request
        .body(Bytes::from(body.to_string()))
        .map_err(|error| Refusal::unsent(ACTION, &error))?;
    let (status, reply) = send(cloud, &request);
    let id = reply.get("FileSystemId").and_then(Value::as_str).map(ToOwned::to_owned);
    id.filter(|_| status.is_success() || status == StatusCode::CONFLICT)
        .ok_or_else(|| Refusal::new(ACTION, &reply))
}

/// The sample's base; its version is one of its five variables.
pub(crate) fn base_definition(file_system: &str, version: &str) -> Value {
    json!({
        "family": BASE_FAMILY,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": EXECUTION_ROLE,
        "taskRoleArn": TASK_ROLE,
        "containerDefinitions": [{
            "name": "app",
            "image": "public.ecr.aws/berth/sample:1",
            "essential": true,
            "portMappings": [{"containerPort": 8080, "protocol": "tcp"}],
            "environment": [
                {"name": "APP_MODE", "value": "production"},
                {"name": "BASE_VERSION", "value": version},
                {"name": "LOG_LEVEL", "value": "info"},
                {"name": "PORT", "value": "8080"},
                {"name": "WORKSPACE", "value": "/workspace"},
            ],
            "mountPoints": [{"sourceVolume": "workspace", "containerPath": "/workspace", "readOnly": false}],
        }],
        "volumes": [{
            "name": "workspace",
            "efsVolumeConfiguration": {"fileSystemId": file_system, "transitEncryption": "ENABLED"},
        }],
    })
}

/// Makes the tables, queues and buckets that are not there yet.
fn make(cloud: &mut Cloud, stack: &Stack) -> Result<(), Refusal> {
    for table in &stack.tables {
        let name = table.create.get("TableName").cloned().unwrap_or_default();
        if ask(cloud, Service::DynamoDb, "DescribeTable", &json!({"TableName": name})).is_ok() {
            continue;
        }
        ask(cloud, Service::DynamoDb, "CreateTable", &table.create)?;
        if let Some(time_to_live) = &table.time_to_live {
            ask(cloud, Service::DynamoDb, "UpdateTimeToLive", time_to_live)?;
        }
    }
    for queue in &stack.queues {
        let input = json!({"QueueName": queue.name, "Attributes": queue.attributes});
        ask(cloud, Service::Sqs, "CreateQueue", &input)?;
    }
    for bucket in &stack.buckets {
        s3(cloud, Method::PUT, &format!("/{bucket}"), Bytes::new())?;
        sample_template(cloud, bucket)?;
    }
    Ok(())
}

/// The image of the container that delivers, in the example of a base that has one: it has done so, and ends.
const DELIVERS: &str = "public.ecr.aws/berth/deliver:1";

/// A template to try, unless somebody has changed it.
fn sample_template(cloud: &mut Cloud, bucket: &str) -> Result<(), Refusal> {
    let files = [("config.yaml", "model: small\n"), ("prompts/tone.md", "Be brief.\n")];
    for (path, content) in files {
        let object = format!("/{bucket}/templates/sample/{path}");
        if s3(cloud, Method::GET, &object, Bytes::new()).is_err() {
            cloud.set_image(DELIVERS, Behaviour::Exits(0));
            s3(cloud, Method::PUT, &object, Bytes::from_static(content.as_bytes()))?;
        }
    }
    Ok(())
}

/// Does one call of S3, with a bucket's path or an object's.
pub fn s3(cloud: &mut Cloud, method: Method, path: &str, body: Bytes) -> Result<Bytes, Refusal> {
    let action = format!("{method} {path}");
    let request = Request::builder().method(method).uri(path);
    let request = request.header("authorization", scope(Service::S3)).body(body);
    let request = request.map_err(|error| Refusal::unsent(&action, &error))?;
    let now = cloud.now();
    match cloud.call(&request, now) {
        Answer::Now(response) if response.status().is_success() => Ok(response.into_body()),
        Answer::Now(response) => {
            let message = String::from_utf8_lossy(response.body()).into_owned();
            let code = response.status().as_str().to_owned();
            Err(Refusal { action, code, message })
        }
        Answer::Waits { .. } => Ok(Bytes::new()),
    }
}

/// Does one call of a JSON service as an SDK would.
pub fn ask(cloud: &mut Cloud, service: Service, action: &str, input: &Value) -> Result<Value, Refusal> {
    let request = Request::post("/")
        .header("authorization", scope(service))
        .header("x-amz-target", format!("{}.{action}", target(service)))
        .body(Bytes::from(input.to_string()))
        .map_err(|error| Refusal::unsent(action, &error))?;
    let (status, reply) = send(cloud, &request);
    if status.is_success() {
        Ok(reply)
    } else {
        Err(Refusal::new(action, &reply))
    }
}

/// What `X-Amz-Target` begins with (the `targetPrefix` of each service model).
fn target(service: Service) -> &'static str {
    match service {
        Service::Ecs => "AmazonEC2ContainerServiceV20141113",
        Service::DynamoDb => "DynamoDB_20120810",
        Service::Sqs => "AmazonSQS",
        Service::Ecr => "AmazonEC2ContainerRegistry_V20150921",
        Service::Efs | Service::S3 | Service::CloudFormation => "",
    }
}

fn scope(service: Service) -> String {
    let name = if service == Service::Efs {
        "elasticfilesystem"
    } else {
        service.as_str()
    };
    format!("AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/{name}/aws4_request")
}

fn send(cloud: &mut Cloud, request: &Request<Bytes>) -> (StatusCode, Value) {
    let now = cloud.now();
    match cloud.call(request, now) {
        Answer::Now(response) => (
            response.status(),
            serde_json::from_slice(response.body()).unwrap_or_default(),
        ),
        Answer::Waits { .. } => (StatusCode::OK, Value::Null),
    }
}
