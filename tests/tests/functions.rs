//! Each function as it is shipped: its built binary, in its own process, on a Lambda Runtime API, with the SDK pointed at
//! the endpoint of a running world. Each gets a real event; its answer and its effect are checked.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use berth_tests::binary::built;
use berth_tests::runtime_api::{Answer, Function};
use berth_tests::stand::Stand;
use reqwest::Method;
use serde_json::{Value, json};

/// The world, its stores by name, and a queue that the world's own reconcile does not listen to.
struct World {
    stand: Stand,
    dynamodb: aws_sdk_dynamodb::Client,
    ecs: aws_sdk_ecs::Client,
    tables: Vec<String>,
    file_system: String,
    quiet_queue: String,
    dead_letters: String,
    sqs: aws_sdk_sqs::Client,
}

impl World {
    async fn up() -> Self {
        let stand = Stand::up(&["--seed", "11"]).await;
        let sdk = stand.sdk();
        let dynamodb = aws_sdk_dynamodb::Client::new(&sdk);
        let tables = dynamodb.list_tables().send().await.unwrap().table_names.unwrap();
        let sqs = aws_sdk_sqs::Client::new(&sdk);
        let fifo = async |name: &str| {
            let request = sqs.create_queue().queue_name(name);
            let request = request.attributes(aws_sdk_sqs::types::QueueAttributeName::FifoQueue, "true");
            request.send().await.unwrap().queue_url.unwrap()
        };
        let (quiet_queue, dead_letters) = (fifo("quiet.fifo").await, fifo("dead.fifo").await);
        let systems = aws_sdk_efs::Client::new(&sdk)
            .describe_file_systems()
            .send()
            .await
            .unwrap()
            .file_systems
            .unwrap();
        let file_system = systems.first().unwrap().file_system_id.clone();
        Self {
            file_system,
            ecs: aws_sdk_ecs::Client::new(&sdk),
            stand,
            dynamodb,
            tables,
            quiet_queue,
            dead_letters,
            sqs,
        }
    }

    fn table(&self, name: &str) -> String {
        self.tables.iter().find(|table| table.contains(name)).unwrap().clone()
    }

    /// What Lambda and the template would set.
    fn environment(&self) -> Vec<(String, String)> {
        let set = [
            ("AWS_ENDPOINT_URL", self.stand.aws.clone()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("BERTH_TENANTS_TABLE", self.table("Tenants")),
            ("BERTH_ACTIVITY_TABLE", self.table("Activity")),
            ("BERTH_FLEET_TABLE", self.table("Fleet")),
            ("BERTH_QUEUE_URL", self.quiet_queue.clone()),
            ("BERTH_DEAD_LETTERS_URL", self.dead_letters.clone()),
            ("BERTH_ASSETS_BUCKET", "berth-assetsbucket".to_owned()),
            ("BERTH_BASE_FAMILY", "base".to_owned()),
            ("BERTH_BASE_STACK", "base".to_owned()),
            ("BERTH_CLUSTER", "berth".to_owned()),
            ("BERTH_FILE_SYSTEM", self.file_system.clone()),
            ("BERTH_SUBNETS", "subnet-0a1b2c3d4e5f60718".to_owned()),
            ("BERTH_SECURITY_GROUPS", "sg-0a1b2c3d4e5f60718".to_owned()),
            ("BERTH_WORKSPACE_VOLUME", "workspace".to_owned()),
            ("BERTH_CLOCK_SKEW_SECONDS", "0".to_owned()),
        ];
        set.map(|(name, value)| (name.to_owned(), value)).into()
    }

    async fn start(&self, function: &str) -> Function {
        Function::start(&built(&format!("berth-{function}")), self.environment()).await
    }

    async fn row(&self, table: &str, id: &str) -> std::collections::HashMap<String, AttributeValue> {
        let key = AttributeValue::S(id.to_owned());
        let read = self
            .dynamodb
            .get_item()
            .table_name(self.table(table))
            .key("tenantId", key)
            .consistent_read(true);
        read.send().await.unwrap().item.unwrap()
    }

    async fn set_activity(&self, id: &str, millis: i64) {
        self.dynamodb
            .update_item()
            .table_name(self.table("Activity"))
            .key("tenantId", AttributeValue::S(id.to_owned()))
            .update_expression("SET lastActivity = :then REMOVE notBefore")
            .expression_attribute_values(":then", AttributeValue::N(millis.to_string()))
            .send()
            .await
            .unwrap();
    }
}

/// API Gateway's event for a request ("Working with AWS Lambda proxy integrations for HTTP APIs", payload format 2.0).
fn http(method: &str, path: &str, body: Option<Value>) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": { "content-type": "application/json" },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "authorizer": { "iam": { "userArn": "arn:aws:iam::123456789012:role/test" } },
            "domainName": "localhost",
            "domainPrefix": "localhost",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test" },
            "requestId": "id",
            "routeKey": "$default",
            "stage": "$default",
            "time": "20/Nov/2026:20:00:00 +0000",
            "timeEpoch": 1_795_204_800_000_i64
        },
        "body": body.map(|body| body.to_string()),
        "isBase64Encoded": false
    })
}

fn answered(answer: Answer) -> (i64, Value) {
    let Answer::Response(response) = answer else {
        panic!("{answer:?}")
    };
    let body = response["body"]
        .as_str()
        .map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
    (response["statusCode"].as_i64().unwrap(), body)
}

fn number(value: &AttributeValue) -> i64 {
    value.as_n().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_does_its_work_as_its_own_process() {
    let world = World::up().await;
    let reply = world.stand.call(Method::PUT, "/tenants/acme", Some(json!({}))).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    // The world's clock is left alone: these processes live by the wall clock, and the two must agree.
    let mut acme = Value::Null;
    for _ in 0..120 {
        acme = world.stand.tenant("acme").await;
        if acme["phase"] == "running" && acme["settled"] == true {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(acme["phase"], "running", "{acme:#}");

    heartbeat(&world).await;
    provision_and_reconcile(&world).await;
    rebase(&world).await;
    task_state(&world, &acme).await;
    watchdog(&world).await;
}

async fn heartbeat(world: &World) {
    world.set_activity("acme", 1).await;
    let mut activity = world.start("activity").await;
    let (status, _) = answered(activity.invoke(http("POST", "/tenants/acme/activity", None)).await);
    assert_eq!(status, 204);
    assert!(number(&world.row("Activity", "acme").await["lastActivity"]) > 1_700_000_000_000);
    let (status, problem) = answered(activity.invoke(http("POST", "/tenants/nobody/activity", None)).await);
    assert_eq!((status, &problem["code"]), (404, &json!("no_tenant")));
}

async fn provision_and_reconcile(world: &World) {
    let mut provision = world.start("provision").await;
    let body = json!({ "env": { "NAME": "beta" } });
    let (status, tenant) = answered(provision.invoke(http("PUT", "/tenants/beta", Some(body))).await);
    assert_eq!((status, &tenant["phase"]), (202, &json!("provisioning")));
    assert!(
        !world.services().await.iter().any(|arn| arn.contains("t-beta-g1")),
        "provision never calls ECS"
    );

    let mut reconcile = world.start("reconcile").await;
    let record = |id: &str, body: &str| json!({ "messageId": id, "body": body, "eventSource": "aws:sqs" });
    let good = record("1", r#"{"tenantId":"beta","why":"provision"}"#);
    let event = json!({ "Records": [good, record("2", "not a nudge")] });
    let Answer::Response(response) = reconcile.invoke(event).await else {
        panic!("reconcile failed")
    };
    assert_eq!(response["batchItemFailures"], json!([]));
    let received = world.sqs.receive_message().queue_url(&world.dead_letters);
    let letters = received
        .message_attribute_names("All")
        .send()
        .await
        .unwrap()
        .messages
        .unwrap();
    let reason = &letters[0].message_attributes.as_ref().unwrap()["reason"];
    assert_eq!(letters[0].body.as_deref(), Some("not a nudge"));
    assert_eq!(reason.string_value.as_deref(), Some("it names no tenant"));
    assert!(world.services().await.iter().any(|arn| arn.contains("t-beta-g1")));
    let row = world.row("Tenants", "beta").await;
    assert!(
        row.contains_key("applied") && row.contains_key("accessPoint"),
        "{row:?}"
    );
}

impl World {
    async fn services(&self) -> Vec<String> {
        self.ecs
            .list_services()
            .cluster("berth")
            .send()
            .await
            .unwrap()
            .service_arns
            .unwrap()
    }
}

async fn rebase(world: &World) {
    let mut rebase = world.start("rebase").await;
    let event = json!({
        "version": "0",
        "id": "e",
        "source": "aws.cloudformation",
        "detail-type": "CloudFormation Stack Status Change",
        "account": "123456789012",
        "time": "2026-11-20T20:00:00Z",
        "region": "us-east-1",
        "resources": ["arn:aws:cloudformation:us-east-1:123456789012:stack/base/1"],
        "detail": {
            "stack-id": "arn:aws:cloudformation:us-east-1:123456789012:stack/base/1",
            "status-details": { "status": "UPDATE_COMPLETE", "status-reason": "" },
            "client-request-token": ""
        }
    });
    let Answer::Response(_) = rebase.invoke(event).await else {
        panic!("rebase failed")
    };
    let releases = world.stand.call(Method::GET, "/releases", None).await;
    assert_eq!(releases.status, 200, "{releases:?}");
    assert_eq!(
        world.stand.tenant("acme").await["release"]["promoted"],
        "r1",
        "the same base is no new release"
    );
}

async fn task_state(world: &World, acme: &Value) {
    let mut task_state = world.start("task-state").await;
    let told = world.stand.call(Method::GET, "/_local/events?after=0", None).await.body;
    let task = acme["taskArn"].as_str().unwrap();
    let is_running = |event: &&Value| event["detail"]["taskArn"] == task && event["detail"]["lastStatus"] == "RUNNING";
    let mut events = told["events"].as_array().unwrap().iter().map(|told| &told["event"]);
    let mut event = events.rfind(is_running).unwrap().clone();
    let before = world.row("Tenants", "acme").await;
    assert_eq!(task_state.invoke(event.clone()).await, Answer::Response(Value::Null));
    assert_eq!(
        world.row("Tenants", "acme").await["observed"],
        before["observed"],
        "an event twice changes nothing"
    );
    event["detail"]["version"] = json!(1000);
    assert_eq!(task_state.invoke(event).await, Answer::Response(Value::Null));
    let observed = world.row("Tenants", "acme").await["observed"].as_m().unwrap().clone();
    assert_eq!(number(&observed["version"]), 1000);
}

async fn watchdog(world: &World) {
    world.set_activity("acme", 1_700_000_000_000).await;
    let mut watchdog = world.start("watchdog").await;
    let tick = json!({ "version": "0", "source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": {} });
    let Answer::Response(report) = watchdog.invoke(tick).await else {
        panic!("watchdog failed")
    };
    let row = world.row("Tenants", "acme").await;
    assert_eq!(row["intent"].as_s().unwrap(), "stopped", "{report:#}");
    assert_eq!(row["intentReason"].as_s().unwrap(), "idle");
}

#[tokio::test]
async fn s5_a_function_without_its_settings_does_not_start_and_says_which() {
    let output = tokio::process::Command::new(built("berth-activity"))
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9")
        .env("AWS_REGION", "us-east-1")
        .output()
        .await
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("BERTH_") && said.contains("is not set"), "{said}");
}
