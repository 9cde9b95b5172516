//! A stand for one function: the real SDK on an embedded `DynamoDB` and a queue that remembers, with its own clock, and
//! with things that go wrong between any two calls. Any other service refuses every call, and is remembered too.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep};
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use berth_aws::settings::Variables;
use dynoxide::{Database, DynoxideError, ImportOptions};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What goes wrong with a call.
pub enum Trouble {
    /// It is throttled, and nothing is done.
    Throttled,
    /// It is done, and its answer is lost.
    AnswerLost,
    /// This happens first; then it is done.
    After(Box<dyn FnOnce(&Stand) + Send>),
}

type Selector = Box<dyn Fn(&str, &Value) -> bool + Send>;

/// The stand; clones are the same one.
#[derive(Clone)]
pub struct Stand {
    database: Arc<Database>,
    state: Arc<Mutex<State>>,
}

struct State {
    now: Timestamp,
    calls: Vec<(String, Value)>,
    troubles: Vec<(Selector, Trouble)>,
}

impl std::fmt::Debug for Stand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stand")
    }
}

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

impl Stand {
    pub fn new() -> Self {
        let database = Database::memory().unwrap();
        for (table, keys) in [
            ("Tenants", &["tenantId"][..]),
            ("Activity", &["tenantId"]),
            ("Fleet", &["kind", "id"]),
        ] {
            database
                .create_table(serde_json::from_value(table_of(table, keys)).unwrap())
                .unwrap();
        }
        let state = State {
            now: at(0),
            calls: Vec::new(),
            troubles: Vec::new(),
        };
        Self {
            database: Arc::new(database),
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn config(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "a", "b", None, None, "stand",
            )))
            .http_client(SharedHttpClient::new(self.clone()))
            .time_source(SharedTimeSource::new(self.clone()))
            .sleep_impl(SharedAsyncSleep::new(NoSleep))
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .timeout_config(TimeoutConfig::disabled())
            .build()
    }

    pub fn variables(more: &[(&str, &str)]) -> Variables {
        let names = [
            ("BERTH_TENANTS_TABLE", "Tenants"),
            ("BERTH_ACTIVITY_TABLE", "Activity"),
            ("BERTH_FLEET_TABLE", "Fleet"),
            (
                "BERTH_QUEUE_URL",
                "https://sqs.eu-central-1.amazonaws.com/1/reconcile.fifo",
            ),
        ];
        Variables::from_map(
            names
                .iter()
                .chain(more)
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    pub fn set_now(&self, now: Timestamp) {
        self.state().now = now;
    }

    /// The next call that is selected by its action and its input goes wrong.
    pub fn trouble(&self, select: impl Fn(&str, &Value) -> bool + Send + 'static, trouble: Trouble) {
        self.state().troubles.push((Box::new(select), trouble));
    }

    /// The next `count` calls that are selected are throttled.
    pub fn throttle(&self, count: usize, select: impl Fn(&str, &Value) -> bool + Send + Clone + 'static) {
        (0..count).for_each(|_| self.trouble(select.clone(), Trouble::Throttled));
    }

    /// The actions that were called since the last time, in order.
    pub fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.state().calls)
            .into_iter()
            .map(|(action, _)| action)
            .collect()
    }

    /// Whom the queue was told of, and why.
    pub fn nudges(&self) -> Vec<(String, String)> {
        let state = self.state();
        let sent = state.calls.iter().filter(|(action, _)| action == "SendMessage");
        sent.map(|(_, input)| {
            let body: Value = serde_json::from_str(input["MessageBody"].as_str().unwrap()).unwrap();
            assert_eq!(
                body["tenantId"], input["MessageGroupId"],
                "one message group per tenant"
            );
            (
                body["tenantId"].as_str().unwrap().to_owned(),
                body["why"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
    }

    #[expect(clippy::needless_pass_by_value, reason = "rows are made where they are put")]
    pub fn put(&self, table: &str, item: Value) {
        let request = json!({ "TableName": table, "Item": item });
        self.database
            .put_item(serde_json::from_value(request).unwrap())
            .unwrap();
    }

    /// Puts many rows at once.
    pub fn put_all(&self, table: &str, items: impl Iterator<Item = Value>) {
        let items = items.map(|item| serde_json::from_value(item).unwrap()).collect();
        self.database
            .import_items(table, items, ImportOptions::default())
            .unwrap();
    }

    /// A row in `DynamoDB`'s JSON; null if there is none.
    fn row(&self, table: &str, key: &Value) -> Value {
        let request = json!({ "TableName": table, "Key": key });
        let output = self
            .database
            .get_item(serde_json::from_value(request).unwrap())
            .unwrap();
        serde_json::to_value(output).unwrap()["Item"].take()
    }

    pub fn activity(&self, id: &str) -> Value {
        self.row("Activity", &json!({ "tenantId": { "S": id } }))
    }

    pub fn tenant(&self, id: &str) -> Value {
        self.row("Tenants", &json!({ "tenantId": { "S": id } }))
    }

    /// Every row of a table.
    pub fn rows(&self, table: &str) -> Vec<Value> {
        let output = self
            .database
            .scan(serde_json::from_value(json!({ "TableName": table })).unwrap())
            .unwrap();
        serde_json::to_value(output).unwrap()["Items"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// A running tenant that worked last at `worked`, and is idle after ten minutes.
    pub fn running(&self, id: &str, worked: Timestamp) {
        self.put("Tenants", tenant_row(id, "running", 3));
        self.put("Activity", activity_row(id, worked));
    }
}

/// A row of the table `Activity` of generation 3.
pub fn activity_row(id: &str, worked: Timestamp) -> Value {
    json!({
        "tenantId": { "S": id },
        "epoch": { "N": "3" },
        "idleAfter": { "N": "600" },
        "lastActivity": { "N": worked.as_millisecond().to_string() },
    })
}

pub fn tenant_row(id: &str, intent: &str, generation: u64) -> Value {
    json!({
        "tenantId": { "S": id },
        "incarnation": { "N": "1" },
        "overlay": { "M": {} },
        "overlayVersion": { "N": "1" },
        "intent": { "S": intent },
        "generation": { "N": generation.to_string() },
        "intentReason": { "S": "provision" },
        "intentBy": { "S": "api" },
        "intentAt": { "S": "2026-11-20T10:00:00Z" },
    })
}

fn table_of(table: &str, keys: &[&str]) -> Value {
    let kinds = ["HASH", "RANGE"];
    let schema: Vec<Value> = keys
        .iter()
        .zip(kinds)
        .map(|(name, kind)| json!({ "AttributeName": name, "KeyType": kind }))
        .collect();
    let mut types: BTreeMap<&str, &str> = keys.iter().map(|name| (*name, "S")).collect();
    let mut table = json!({ "TableName": table, "KeySchema": schema, "BillingMode": "PAY_PER_REQUEST" });
    if table["TableName"] == "Tenants" {
        types.extend([("dueShard", "S"), ("dueAt", "N"), ("wakeShard", "S"), ("wakeAt", "N")]);
        let index = |name: &str, shard: &str, at: &str, projection: Value| {
            json!({
                "IndexName": name,
                "KeySchema": [{ "AttributeName": shard, "KeyType": "HASH" }, { "AttributeName": at, "KeyType": "RANGE" }],
                "Projection": projection,
            })
        };
        let keys = json!({ "ProjectionType": "KEYS_ONLY" });
        let intent = json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": ["intent", "unsettledAt"] });
        table["GlobalSecondaryIndexes"] = json!([
            index("Due", "dueShard", "dueAt", intent),
            index("Wake", "wakeShard", "wakeAt", keys),
        ]);
    }
    let types = types
        .into_iter()
        .map(|(name, kind)| json!({ "AttributeName": name, "AttributeType": kind }));
    table["AttributeDefinitions"] = types.collect();
    table
}

impl HttpClient for Stand {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Stand {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let action = target.rsplit('.').next().unwrap().to_owned();
        let input: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let trouble = {
            let mut state = self.state();
            state.calls.push((action.clone(), input.clone()));
            let found = state.troubles.iter().position(|(select, _)| select(&action, &input));
            found.map(|index| state.troubles.remove(index).1)
        };
        let throttled = || {
            Err((
                400,
                json!({ "__type": "ThrottlingException", "message": "slow down" }).to_string(),
            ))
        };
        let answer = match trouble {
            Some(Trouble::Throttled) => throttled(),
            Some(Trouble::AnswerLost) => {
                let _ = self.answer(&action, input);
                Err((
                    500,
                    json!({ "__type": "InternalServerError", "message": "lost" }).to_string(),
                ))
            }
            Some(Trouble::After(happens)) => {
                happens(self);
                self.answer(&action, input)
            }
            None => self.answer(&action, input),
        };
        let (status, body) = answer.map_or_else(|error| error, |body| (200, body));
        let response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl Stand {
    fn answer(&self, action: &str, input: Value) -> Result<String, (u16, String)> {
        let database = &self.database;
        match action {
            "GetItem" => ask(input, |input| database.get_item(input)),
            "PutItem" => ask(input, |input| database.put_item(input)),
            "UpdateItem" => ask(input, |input| database.update_item(input)),
            "Query" => ask(input, |input| database.query(input)),
            "Scan" => ask(input, |input| database.scan(input)),
            "SendMessage" => Ok(json!({ "MessageId": "1" }).to_string()),
            _ => Err((
                400,
                json!({ "__type": "AccessDeniedException", "message": action }).to_string(),
            )),
        }
    }
}

fn ask<I: DeserializeOwned, O: Serialize>(
    input: Value,
    act: impl FnOnce(I) -> Result<O, DynoxideError>,
) -> Result<String, (u16, String)> {
    let output = act(serde_json::from_value(input).unwrap());
    output
        .map(|output| serde_json::to_string(&output).unwrap())
        .map_err(|error| (error.status_code(), error.to_json()))
}

impl TimeSource for Stand {
    fn now(&self) -> SystemTime {
        self.state().now.into()
    }
}

/// A back-off costs no time.
#[derive(Debug)]
struct NoSleep;

impl AsyncSleep for NoSleep {
    fn sleep(&self, _: Duration) -> Sleep {
        Sleep::new(std::future::ready(()))
    }
}
