//! The real SDK on an embedded DynamoDB, with a base family, a stack and images that tests can change, a clock that
//! stands, and a driver that can die before any call.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use berth_aws::service::rebase::{Context, handle};
use berth_aws::settings::Variables;
use dynoxide::{Database, DynoxideError};
use jiff::Timestamp;
use lambda_runtime::LambdaEvent;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

#[derive(Clone)]
pub(crate) struct World {
    database: Arc<Database>,
    state: Arc<Mutex<State>>,
}

pub(crate) struct State {
    pub(crate) second: i64,
    pub(crate) base: Option<Value>,
    pub(crate) stacks: Vec<(String, String)>,
    pub(crate) absent_images: BTreeSet<String>,
    pub(crate) throttled: BTreeSet<String>,
    pub(crate) calls: Vec<String>,
    /// How many more calls are answered before the driver is dead.
    pub(crate) life: usize,
}

type Answer = Result<String, (u16, String)>;

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

/// The moment that is so many seconds after 08:01, a minute in which nobody looks at the base by himself.
pub(crate) fn at(second: i64) -> Timestamp {
    let start: Timestamp = "2027-01-04T08:01:00Z".parse().unwrap();
    Timestamp::from_second(start.as_second() + second).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        let database = Database::memory().unwrap();
        for (table, keys) in [
            ("Tenants", &["tenantId"][..]),
            ("Activity", &["tenantId"]),
            ("Fleet", &["kind", "id"]),
        ] {
            let types: Vec<Value> = keys
                .iter()
                .map(|name| json!({"AttributeName": name, "AttributeType": "S"}))
                .collect();
            let schema: Vec<Value> = keys
                .iter()
                .zip(["HASH", "RANGE"])
                .map(|(name, kind)| json!({"AttributeName": name, "KeyType": kind}))
                .collect();
            let request = json!({"TableName": table, "KeySchema": schema, "AttributeDefinitions": types,
                "BillingMode": "PAY_PER_REQUEST"});
            database.create_table(serde_json::from_value(request).unwrap()).unwrap();
        }
        let state = State {
            second: 0,
            base: None,
            stacks: vec![("base".to_owned(), "CREATE_COMPLETE".to_owned())],
            absent_images: BTreeSet::new(),
            throttled: BTreeSet::new(),
            calls: Vec::new(),
            life: usize::MAX,
        };
        let world = Self {
            database: Arc::new(database),
            state: Arc::new(Mutex::new(state)),
        };
        world.deploy(1);
        world
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// A deploy that ends well: a revision of the base with this number in its image.
    pub(crate) fn deploy(&self, number: u32) {
        self.state().base = Some(json!({
            "taskDefinition": {
                "taskDefinitionArn": format!("arn:aws:ecs:eu-central-1:111122223333:task-definition/base:{number}"),
                "family": "base", "revision": number, "status": "ACTIVE", "networkMode": "awsvpc",
                "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512", "volumes": [],
                "containerDefinitions": [{"name": "app", "essential": true, "image": image(number)}],
            },
            "tags": [],
        }));
    }

    pub(crate) fn stack_is(&self, status: &str) {
        self.state().stacks = vec![("base".to_owned(), status.to_owned())];
    }

    pub(crate) fn config(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "a", "b", None, None, "world",
            )))
            .http_client(SharedHttpClient::new(self.clone()))
            .time_source(SharedTimeSource::new(self.clone()))
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .build()
    }

    pub(crate) fn context(&self) -> Context {
        let variables = [
            ("BERTH_TENANTS_TABLE", "Tenants"),
            ("BERTH_ACTIVITY_TABLE", "Activity"),
            ("BERTH_FLEET_TABLE", "Fleet"),
            (
                "BERTH_QUEUE_URL",
                "https://sqs.eu-central-1.amazonaws.com/1/reconcile.fifo",
            ),
            ("BERTH_BASE_FAMILY", "base"),
            ("BERTH_BASE_STACK", "base"),
            ("BERTH_WORKSPACE_VOLUME", "none"),
            (
                "BERTH_ROLLOUT_POLICY",
                r#"{"bakeSeconds":60,"waves":[100],"maxInFlightPercent":50}"#,
            ),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Context::new(&self.config(), &Variables::from_map(variables)).unwrap()
    }

    /// An invocation with the event of a stack that has come to this status.
    pub(crate) async fn stack_event(&self, status: &str) -> Result<Value, String> {
        let stack = "arn:aws:cloudformation:eu-central-1:111122223333:stack/base/6a7e";
        let event = json!({
            "detail-type": "CloudFormation Stack Status Change", "source": "aws.cloudformation",
            "detail": {"stack-id": stack, "status-details": {"status": status}, "client-request-token": ""},
        });
        self.invoke(event).await
    }

    /// The tick of the next minute.
    pub(crate) async fn tick(&self) -> Result<Value, String> {
        self.state().second += 60;
        self.invoke(json!({"source": "berth.schedule", "detail-type": "Tick"}))
            .await
    }

    pub(crate) async fn invoke(&self, event: Value) -> Result<Value, String> {
        let event = LambdaEvent::new(event, lambda_runtime::Context::default());
        handle(&self.context(), event).await.map_err(|error| error.to_string())
    }

    /// Calls of one action since the last time.
    pub(crate) fn take_calls(&self, action: &str) -> usize {
        let calls = std::mem::take(&mut self.state().calls);
        calls.iter().filter(|called| *called == action).count()
    }

    pub(crate) fn put(&self, table: &str, item: &Value) {
        let request = json!({"TableName": table, "Item": item});
        self.database
            .put_item(serde_json::from_value(request).unwrap())
            .unwrap();
    }

    /// The rows of a table, each without DynamoDB's types.
    pub(crate) fn rows(&self, table: &str) -> Vec<Value> {
        let request = json!({"TableName": table});
        let output = self.database.scan(serde_json::from_value(request).unwrap()).unwrap();
        let rows = serde_json::to_value(output).unwrap()["Items"].take();
        let items: Vec<_> = serde_json::from_value::<Vec<Value>>(rows).unwrap();
        items.iter().map(|item| plain(&json!({"M": item}))).collect()
    }

    /// The value of a row of the table Fleet.
    pub(crate) fn value(&self, kind: &str, id: &str) -> Value {
        let rows = self.rows("Fleet");
        let row = rows.iter().find(|row| row["kind"] == kind && row["id"] == id);
        row.map_or(Value::Null, |row| {
            serde_json::from_str(row["value"].as_str().unwrap()).unwrap()
        })
    }

    pub(crate) fn pointer(&self) -> Value {
        self.value("pointer", "release")
    }

    pub(crate) fn tenant(&self, id: &str) -> Value {
        let rows = self.rows("Tenants");
        rows.into_iter().find(|row| row["tenantId"] == id).unwrap()
    }

    /// A tenant that should be so, and that is.
    pub(crate) fn tenant_is(&self, id: &str, intent: &str) {
        self.put(
            "Tenants",
            &json!({
                "tenantId": {"S": id}, "incarnation": {"N": "1"}, "overlay": {"M": {}}, "overlayVersion": {"N": "1"},
                "intent": {"S": intent}, "generation": {"N": "1"}, "intentReason": {"S": "provision"},
                "intentBy": {"S": "api"}, "intentAt": {"S": "2027-01-04T07:00:00Z"},
            }),
        );
        self.reconcile();
    }

    /// What reconcile and ECS do: everyone who should run does, on the release of the intent or the promoted one.
    pub(crate) fn reconcile(&self) {
        let promoted = self.pointer()["promoted"].clone();
        for row in self
            .rows("Tenants")
            .into_iter()
            .filter(|row| row["intent"] == "running")
        {
            let settled = row["settled"]["generation"] == row["generation"];
            let release = if row["intentRelease"].is_string() {
                &row["intentRelease"]
            } else {
                &promoted
            };
            let (false, Some(release)) = (settled, release.as_str()) else {
                continue;
            };
            let arn = format!("arn:aws:ecs:eu-central-1:111122223333:task-definition/base-user:{release}");
            self.reconciled(&row, release, &arn);
        }
    }

    fn reconciled(&self, row: &Value, release: &str, arn: &str) {
        let generation = json!({"N": row["generation"].to_string()});
        let changes = json!({
            ":applied": {"M": {"generation": generation, "fingerprint": {"S": "0".repeat(64)},
                "definitionArn": {"S": arn}, "release": {"S": release}}},
            ":settled": {"M": {"generation": generation, "at": {"S": at(self.state().second).to_string()}}},
            ":observed": {"M": {"taskArn": {"S": "arn:aws:ecs:eu-central-1:111122223333:task/berth/1"},
                "version": {"N": "3"}, "createdAt": {"N": "0"}, "lastStatus": {"S": "RUNNING"}, "privateIp": {"S": "10.0.0.1"},
                "definitionArn": {"S": arn}}},
        });
        self.change(
            row,
            "SET applied = :applied, settled = :settled, observed = :observed",
            &changes,
        );
    }

    /// ECS gave the deployment of this tenant up.
    pub(crate) fn deployment_failed(&self, id: &str) {
        let row = self.tenant(id);
        let failed = json!({"fingerprint": {"S": "0".repeat(64)}, "generation": {"N": row["generation"].to_string()},
            "reason": {"S": "tasks failed to start"}});
        self.change(
            &row,
            "SET failed = :failed",
            &json!({":failed": {"L": [{"M": failed}]}}),
        );
    }

    fn change(&self, row: &Value, expression: &str, values: &Value) {
        let request = json!({"TableName": "Tenants", "Key": {"tenantId": {"S": row["tenantId"]}},
            "UpdateExpression": expression, "ExpressionAttributeValues": values});
        self.database
            .update_item(serde_json::from_value(request).unwrap())
            .unwrap();
    }
}

pub(crate) fn image(number: u32) -> String {
    format!("111122223333.dkr.ecr.eu-central-1.amazonaws.com/app:{number}")
}

fn plain(value: &Value) -> Value {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "M" => value
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), plain(value)))
            .collect(),
        "L" => value.as_array().unwrap().iter().map(plain).collect(),
        "N" => serde_json::from_str(value.as_str().unwrap()).unwrap(),
        _ => value.clone(),
    }
}

impl HttpClient for World {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for World {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request
            .headers()
            .get("x-amz-target")
            .unwrap_or("x.DescribeStacks")
            .to_owned();
        let action = target.rsplit('.').next().unwrap().to_owned();
        let input = serde_json::from_slice(request.body().bytes().unwrap()).unwrap_or_default();
        let (status, body) = match self.answer(&action, input) {
            Ok(body) => (200, body),
            Err(error) => error,
        };
        let response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl World {
    fn answer(&self, action: &str, input: Value) -> Answer {
        {
            let mut state = self.state();
            if state.life == 0 {
                return refuse("AccessDeniedException", "the driver is dead");
            }
            state.life -= 1;
            state.calls.push(action.to_owned());
            if state.throttled.contains(action) {
                return refuse("ThrottlingException", "slow down");
            }
        }
        let database = &self.database;
        match action {
            "GetItem" => ask(input, |input| database.get_item(input)),
            "PutItem" => ask(input, |input| database.put_item(input)),
            "UpdateItem" => ask(input, |input| database.update_item(input)),
            "Query" => ask(input, |input| database.query(input)),
            "Scan" => ask(input, |input| database.scan(input)),
            "SendMessage" => Ok(json!({"MessageId": "1"}).to_string()),
            "DescribeTaskDefinition" => match &self.state().base {
                Some(base) => Ok(base.to_string()),
                None => refuse("ClientException", "Unable to describe task definition."),
            },
            "DescribeImages" => {
                let tag = input["imageIds"][0]["imageTag"].as_str().unwrap_or_default();
                if self.state().absent_images.contains(tag) {
                    refuse("ImageNotFoundException", "no such image")
                } else {
                    Ok(json!({"imageDetails": [{}]}).to_string())
                }
            }
            "DescribeStacks" => Ok(self.stacks()),
            _ => refuse("AccessDeniedException", action),
        }
    }

    fn stacks(&self) -> String {
        let member = |(name, status): &(String, String)| {
            format!(
                "<member><StackName>{name}</StackName><StackId>arn:aws:cloudformation:eu-central-1:1:stack/{name}/6a7e</StackId><StackStatus>{status}</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime></member>"
            )
        };
        let members: String = self.state().stacks.iter().map(member).collect();
        format!(
            "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><DescribeStacksResult><Stacks>{members}</Stacks></DescribeStacksResult></DescribeStacksResponse>"
        )
    }
}

fn refuse(code: &str, message: &str) -> Answer {
    Err((400, json!({"__type": code, "message": message}).to_string()))
}

fn ask<I: DeserializeOwned, O: Serialize>(input: Value, act: impl FnOnce(I) -> Result<O, DynoxideError>) -> Answer {
    let output = act(serde_json::from_value(input).unwrap());
    output
        .map(|output| serde_json::to_string(&output).unwrap())
        .map_err(|error| (error.status_code(), error.to_json()))
}

impl TimeSource for World {
    fn now(&self) -> SystemTime {
        at(self.state().second).into()
    }
}
