mod fleet;
mod idle;
mod roles;
mod safety;
mod wake;

use std::time::Duration;

use berth_core::api::{Access, Operation};
use serde_json::{Value, json};

use super::*;
use crate::cloud::{Cloud, Config, Fault, Service};

fn engine() -> Engine {
    let start = "2026-01-01T00:00:00Z".parse().expect("a time");
    let cloud = Cloud::new(Config::new(7, start)).expect("a cloud");
    let mut engine = Engine::deploy(cloud, "us-east-1", &Settings::default()).expect("a deployment");
    pass(&mut engine, 300);
    engine
}

fn pass(engine: &mut Engine, seconds: u64) {
    let until = engine.now() + Duration::from_secs(seconds);
    engine.advance_to(until).expect("time passes");
}

fn http(engine: &mut Engine, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json");
    let body = if body.is_null() {
        Bytes::new()
    } else {
        Bytes::from(body.to_string())
    };
    let (reply_to, mut reply) = oneshot::channel();
    engine.http(&request.body(body).expect("a request"), reply_to);
    engine.settle();
    let response = reply.try_recv().unwrap_or_else(|_| {
        // A long poll takes its second.
        pass(engine, 2);
        reply.try_recv().expect("an answer")
    });
    (
        response.status().as_u16(),
        serde_json::from_slice(response.body()).unwrap_or_default(),
    )
}

/// Moves on until the tenant is in this phase; returns it.
fn until(engine: &mut Engine, id: &str, phase: &str) -> Value {
    for _ in 0..600 {
        let (_, tenant) = http(engine, "GET", &format!("/tenants/{id}"), &Value::Null);
        if tenant["phase"] == phase {
            return tenant;
        }
        pass(engine, 5);
    }
    panic!(
        "{id} is not {phase}: {}",
        http(engine, "GET", &format!("/tenants/{id}"), &Value::Null).1
    );
}

fn dead_letters(engine: &Engine, queue: &str) -> Vec<Value> {
    let arn = format!("arn:aws:sqs:us-east-1:123456789012:{queue}");
    let now = engine.now();
    let messages = engine.shared.cloud().queues().take(&arn, 10, now);
    messages
        .iter()
        .map(|message| serde_json::from_str(&message.body).expect("JSON"))
        .collect()
}

/// Registers the next base, as a stack does that is not done yet.
fn register_next_base(engine: &mut Engine) {
    let mut next = base_definition("fs-0123456789abcdef0", "2");
    next["containerDefinitions"][0]["image"] = json!("public.ecr.aws/berth/sample:2");
    let mut cloud = engine.shared.cloud();
    ask(&mut cloud, Service::Ecs, "RegisterTaskDefinition", &next).expect("a revision");
}

/// Deploys a new base and waits until the tenant has followed it, at work all the while.
fn follow(engine: &mut Engine, before: &Value) {
    register_next_base(engine);
    engine
        .shared
        .cloud()
        .set_stack(BASE_STACK, crate::cloud::StackStatus::UpdateComplete);
    for _ in 0..120 {
        pass(engine, 60);
        let (_, tenant) = http(engine, "GET", "/tenants/acme", &Value::Null);
        let release = &tenant["release"];
        if release["applied"] != *before && release["applied"] == release["promoted"] && tenant["phase"] == "running" {
            return;
        }
        http(engine, "POST", "/tenants/acme/activity", &Value::Null);
    }
    panic!(
        "acme did not follow: {}",
        http(engine, "GET", "/tenants/acme", &Value::Null).1
    );
}

/// The life of one tenant; all events of it.
fn life() -> Vec<Value> {
    let mut engine = engine();
    assert_eq!(
        http(&mut engine, "PUT", "/tenants/acme", &json!({"env": {"PLAN": "gold"}})).0,
        202
    );
    let tenant = until(&mut engine, "acme", "running");
    assert!(tenant["endpoint"]["address"].is_string(), "{tenant}");
    assert_eq!(http(&mut engine, "POST", "/tenants/acme/activity", &Value::Null).0, 204);
    follow(&mut engine, &tenant["release"]["applied"]);
    pass(&mut engine, 40 * 60);
    assert_eq!(until(&mut engine, "acme", "stopped")["stopped"]["reason"], "idle");
    assert_eq!(http(&mut engine, "POST", "/tenants/acme/wake", &Value::Null).0, 202);
    until(&mut engine, "acme", "running");
    assert_eq!(http(&mut engine, "DELETE", "/tenants/acme", &Value::Null).0, 202);
    pass(&mut engine, 300);
    assert_eq!(http(&mut engine, "GET", "/tenants/acme", &Value::Null).0, 404);
    let cloud = engine.shared.cloud();
    cloud.events_after(0).map(|emitted| emitted.event.clone()).collect()
}

#[test]
fn a_tenant_lives_its_whole_life_in_one_thread_and_twice_the_same() {
    let events = life();
    let stopped = events
        .iter()
        .filter(|event| event["detail"]["lastStatus"] == "STOPPED")
        .count();
    assert_eq!(stopped, 3, "one task was replaced, one slept, one was deleted");
    assert_eq!(events, life());
}

#[test]
fn a_failed_message_comes_back_and_its_work_is_done_in_the_end() {
    let mut engine = engine();
    let fault = |action: &str, count| Fault {
        service: Service::Ecs,
        action: action.to_owned(),
        error: "ServerException".to_owned(),
        count,
    };
    // More than the SDK's own three attempts.
    engine.shared.cloud().set_fault(fault("CreateService", 4));
    http(&mut engine, "PUT", "/tenants/acme", &json!({}));
    pass(&mut engine, 60);
    let (_, tenant) = http(&mut engine, "GET", "/tenants/acme", &Value::Null);
    assert_ne!(tenant["phase"], "running", "{tenant}");
    until(&mut engine, "acme", "running");
}

#[test]
fn an_event_that_fails_for_good_is_tried_three_times_and_kept() {
    let mut engine = engine();
    http(&mut engine, "PUT", "/tenants/acme", &json!({}));
    until(&mut engine, "acme", "running");
    pass(&mut engine, 60);
    let fault = |count| Fault {
        service: Service::DynamoDb,
        action: "GetItem".to_owned(),
        error: "InternalServerError".to_owned(),
        count,
    };
    // A task that crashes is told by events whose every attempt meets a failing table.
    engine.shared.cloud().set_fault(fault(100_000));
    let task = ask(
        &mut engine.shared.cloud(),
        Service::Ecs,
        "ListTasks",
        &json!({"cluster": CLUSTER}),
    )
    .expect("tasks");
    let stop = json!({"cluster": CLUSTER, "task": task["taskArns"][0]});
    ask(&mut engine.shared.cloud(), Service::Ecs, "StopTask", &stop).expect("stopped");
    pass(&mut engine, 100);
    assert!(
        dead_letters(&engine, "berth-EventDeadLetters").is_empty(),
        "the retries are not over"
    );
    pass(&mut engine, 300);
    engine.shared.cloud().set_fault(fault(0));
    let kept = dead_letters(&engine, "berth-EventDeadLetters");
    let of_tasks = kept
        .iter()
        .find(|record| record["requestPayload"]["detail-type"] == "ECS Task State Change");
    let record = of_tasks.unwrap_or_else(|| panic!("no task event among {kept:?}"));
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 3);
}

#[test]
fn schedules_tick_at_their_own_times_in_one_long_step() {
    let mut engine = engine();
    let before = engine.invocations;
    pass(&mut engine, 600);
    assert_eq!(
        engine.invocations - before,
        21,
        "ten sweeps, ten steps of rollouts and one look for what nobody uses"
    );
}

#[test]
fn a_long_poll_is_answered_when_a_message_comes_and_when_its_time_is_over() {
    let mut engine = engine();
    let url = ask(
        &mut engine.shared.cloud(),
        Service::Sqs,
        "CreateQueue",
        &json!({"QueueName": "q"}),
    )
    .expect("a queue");
    let poll = |engine: &mut Engine| {
        let input = json!({"QueueUrl": url["QueueUrl"], "WaitTimeSeconds": 5});
        let request = Request::post("/").header("x-amz-target", "AmazonSQS.ReceiveMessage");
        let (reply_to, reply) = oneshot::channel();
        engine.aws(
            request.body(Bytes::from(input.to_string())).expect("a request"),
            reply_to,
        );
        engine.settle();
        reply
    };
    let mut first = poll(&mut engine);
    pass(&mut engine, 4);
    assert!(first.try_recv().is_err(), "it waits");
    pass(&mut engine, 1);
    assert_eq!(first.try_recv().expect("its time is over").body(), "{}");
    let mut second = poll(&mut engine);
    let send = json!({"QueueUrl": url["QueueUrl"], "MessageBody": "hello"});
    ask(&mut engine.shared.cloud(), Service::Sqs, "SendMessage", &send).expect("sent");
    engine.settle();
    let got = second.try_recv().expect("a message");
    assert!(String::from_utf8_lossy(got.body()).contains("hello"));
}

/// Under Tokio a task has a budget, and this one spends it many times over without a pause.
#[test]
fn long_steps_inside_a_runtime_hold_nothing_up() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let failed = runtime.block_on(async {
        let mut engine = engine();
        pass(&mut engine, 7_200);
        dead_letters(&engine, "berth-EventDeadLetters")
    });
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn a_path_that_is_no_route_is_told_so_by_the_api_itself() {
    let mut engine = engine();
    let (status, problem) = http(&mut engine, "GET", "/nothing", &Value::Null);
    assert_eq!((status, &problem["code"]), (404, &json!("no_route")));
    let (status, problem) = http(&mut engine, "GET", "/tenants/acme/activity", &Value::Null);
    assert_eq!((status, &problem["code"]), (405, &json!("no_method")));
    assert_eq!(http(&mut engine, "GET", "/tenants/%61cme", &Value::Null).0, 404);
}

/// One request with a token, or with none.
fn with_token(engine: &mut Engine, token: Option<&str>, method: &str, path: &str) -> (u16, Value) {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let (reply_to, mut reply) = oneshot::channel();
    engine.http(&request.body(Bytes::new()).expect("a request"), reply_to);
    engine.settle();
    let response = reply.try_recv().unwrap_or_else(|_| {
        // A long poll takes its second.
        pass(engine, 2);
        reply.try_recv().expect("an answer")
    });
    (
        response.status().as_u16(),
        serde_json::from_slice(response.body()).unwrap_or_default(),
    )
}

/// An engine that refuses who says nothing, with a running tenant acme; and a token each.
fn guarded() -> (Engine, String, String) {
    let start = "2026-01-01T00:00:00Z".parse().expect("a time");
    let cloud = Cloud::new(Config::new(7, start)).expect("a cloud");
    let settings = Settings {
        anonymous: Anonymous::Refused,
        ..Settings::default()
    };
    let mut engine = Engine::deploy(cloud, "us-east-1", &settings).expect("a deployment");
    pass(&mut engine, 300);
    let now = engine.now();
    let admin = token(&TokenFor::Admin, "ann", now, 3_600);
    let acme = token(
        &TokenFor::Tenant("acme".parse().expect("an id")),
        "sub-acme",
        now,
        3_600,
    );
    assert_eq!(with_token(&mut engine, Some(&admin), "PUT", "/tenants/acme").0, 202);
    assert_eq!(with_token(&mut engine, Some(&admin), "PUT", "/tenants/other").0, 202);
    pass(&mut engine, 120);
    (engine, admin, acme)
}

/// A path of an operation, of this tenant where it is of one.
fn path_of(operation: Operation, tenant: &str) -> String {
    let id = if operation.route().path.starts_with("/rollouts") {
        "ro1"
    } else {
        tenant
    };
    operation.route().path.replace("{id}", id)
}

#[test]
fn s1_without_a_token_nothing_is_answered_and_nothing_is_done() {
    let (mut engine, admin, _) = guarded();
    let before = engine.invocations;
    for operation in Operation::ALL {
        let (status, body) = with_token(
            &mut engine,
            None,
            operation.route().method,
            &path_of(*operation, "acme"),
        );
        assert_eq!(
            (status, body),
            (401, json!({"message": "Unauthorized"})),
            "{operation:?}"
        );
    }
    assert_eq!(engine.invocations, before);
    assert_eq!(with_token(&mut engine, Some("x.y.z"), "GET", "/tenants/acme").0, 401);
    assert_eq!(with_token(&mut engine, Some(&admin), "GET", "/tenants/acme").0, 200);
    pass(&mut engine, 3_600);
    assert_eq!(
        with_token(&mut engine, Some(&admin), "GET", "/tenants/acme").0,
        401,
        "it has expired"
    );
}

#[test]
fn s1_a_tenants_token_is_refused_on_fleet_routes_and_on_what_decides_what_it_runs() {
    let (mut engine, _, acme) = guarded();
    for operation in Operation::ALL {
        let (method, path) = (operation.route().method, path_of(*operation, "acme"));
        let (status, body) = with_token(&mut engine, Some(&acme), method, &path);
        if operation.route().access == Access::Admin {
            assert_eq!((status, &body["code"]), (403, &json!("forbidden")), "{method} {path}");
        } else {
            assert_ne!(status, 401, "{method} {path}: {body}");
            assert_ne!(status, 403, "{method} {path}: {body}");
        }
    }
    let (_, tenant) = with_token(&mut engine, Some(&acme), "GET", "/tenants/acme");
    assert_eq!(tenant["intent"]["by"], "sub-acme", "{tenant}");
}

#[test]
fn s1_another_tenant_is_refused_in_the_same_words_whether_it_exists_or_not() {
    let (mut engine, admin, acme) = guarded();
    let (_, before) = with_token(&mut engine, Some(&admin), "GET", "/tenants/other");
    assert_eq!(before["id"], "other");
    for operation in Operation::ALL
        .iter()
        .filter(|one| one.route().path.starts_with("/tenants/{id}"))
    {
        let method = operation.route().method;
        let there = with_token(&mut engine, Some(&acme), method, &path_of(*operation, "other"));
        let nowhere = with_token(&mut engine, Some(&acme), method, &path_of(*operation, "nobody"));
        assert_eq!((there.0, &there), (403, &nowhere), "{operation:?}");
        assert!(!there.1.to_string().contains("other"), "{there:?}");
    }
    assert_eq!(with_token(&mut engine, Some(&admin), "GET", "/tenants/other").1, before);
}

#[test]
fn what_is_refused_has_written_nothing() {
    let mut engine = engine();
    for (method, path, body) in [
        ("PUT", "/tenants/acme?wait=long", json!({})),
        ("PUT", "/tenants/acme?wait=26", json!({})),
        ("PUT", "/tenants/acme", json!({"colour": "red"})),
        ("PUT", "/tenants/a%20b", json!({})),
        ("POST", "/rollouts?dryRun=yes", json!({})),
    ] {
        let (status, problem) = http(&mut engine, method, path, &body);
        assert!((400..500).contains(&status), "{method} {path}: {status} {problem}");
    }
    assert_eq!(
        http(&mut engine, "GET", "/tenants", &Value::Null).1["tenants"],
        json!([])
    );
    let row = json!({"TableName": "berth-FleetTable", "Key": {"kind": {"S": "wish"}, "id": {"S": "rollout"}}});
    let wish = ask(&mut engine.shared.cloud(), Service::DynamoDb, "GetItem", &row).expect("an answer");
    assert_eq!(wish, json!({}));
}
