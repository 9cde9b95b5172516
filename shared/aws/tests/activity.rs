//! The function `activity` and the holds, through the real SDK.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must fail, in its helpers as well"
)]

#[allow(dead_code, unreachable_pub, reason = "each test binary uses its part of the stand")]
mod stand;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use aws_lambda_events::encodings::Body;
use berth_aws::service::activity::{Context, Touch, handle, touch};
use berth_aws::service::hold::{self, Held, Holds, Released};
use berth_aws::tables::ActivityTable;
use berth_core::api::HoldRequest;
use berth_core::tenant::Generation;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use stand::{Stand, Trouble, activity_row, at, tenant_row};

fn context(stand: &Stand) -> Context {
    Context::new(&stand.config(), &Stand::variables(&[("BERTH_COALESCE_SECONDS", "30")])).unwrap()
}

async fn post(stand: &Stand, path: &str, body: Value) -> (i64, Value) {
    let machine = json!({ "iam": { "userArn": "arn:aws:sts::123456789012:assumed-role/router/1" } });
    post_as(stand, &machine, path, body).await
}

async fn post_as(stand: &Stand, authorizer: &Value, path: &str, body: Value) -> (i64, Value) {
    let request = json!({
        "version": "2.0",
        "rawPath": path,
        "headers": {},
        "body": body.to_string(),
        "requestContext": {
            "stage": "$default",
            "http": { "method": "POST", "path": path },
            "authorizer": authorizer,
        },
    });
    let request: ApiGatewayV2httpRequest = serde_json::from_value(request).unwrap();
    let event = LambdaEvent::new(request, lambda_runtime::Context::default());
    let response = handle(&context(stand), event).await.unwrap();
    let body = match response.body {
        Some(Body::Text(text)) => serde_json::from_str(&text).unwrap(),
        _ => Value::Null,
    };
    (response.status_code, body)
}

fn last_activity(stand: &Stand, id: &str) -> Value {
    stand.activity(id)["lastActivity"]["N"].clone()
}

fn millis(at: Timestamp) -> Value {
    json!(at.as_millisecond().to_string())
}

#[tokio::test]
async fn a1_a_heartbeat_is_one_call_and_the_moment_of_the_last_work() {
    let stand = Stand::new();
    stand.running("acme", at(-100));
    assert_eq!(
        post(&stand, "/tenants/acme/activity", json!({})).await,
        (204, Value::Null)
    );
    assert_eq!(last_activity(&stand, "acme"), millis(at(0)));
    assert_eq!(stand.take_calls(), ["UpdateItem"]);
}

#[tokio::test]
async fn a1_a_heartbeat_within_the_coalescing_window_is_accepted_and_not_written() {
    let ms = SignedDuration::from_millis(1);
    for (now, written) in [(at(30), false), (at(30) + ms, true)] {
        let stand = Stand::new();
        stand.running("acme", at(0));
        stand.set_now(now);
        assert_eq!(
            touch(&context(&stand), &"acme".parse().unwrap()).await,
            Ok(Touch::Accepted)
        );
        let expected = if written { now } else { at(0) };
        assert_eq!(last_activity(&stand, "acme"), millis(expected));
        assert_eq!(stand.take_calls(), ["UpdateItem"], "one call, written or not");
    }
}

#[tokio::test]
async fn a2_a_heartbeat_changes_one_attribute_and_no_other_byte() {
    let stand = Stand::new();
    let mut row = activity_row("acme", at(-100));
    row["holdUntil"] = json!({ "N": "1800000500000" });
    row["notBefore"] = json!({ "N": "1800000400000.50" });
    row["ofALaterVersion"] = json!({ "M": { "a": { "L": [{ "BOOL": true }, { "NULL": true }] } } });
    stand.put("Activity", row.clone());
    let before = stand.activity("acme");
    post(&stand, "/tenants/acme/activity", json!({})).await;
    let mut after = stand.activity("acme");
    assert_ne!(after, before);
    after["lastActivity"] = before["lastActivity"].clone();
    assert_eq!(after, before);
}

#[tokio::test]
async fn a2_what_lands_beside_a_heartbeat_survives_it_byte_for_byte() {
    // A hold; a task that is RUNNING, with its minimum uptime; a change of size, with its own generation and idle time.
    for beside in [
        json!({ "holdUntil": { "N": "1800000900000" } }),
        json!({ "notBefore": { "N": "1800000300000" }, "lastActivity": { "N": millis(at(-50)) } }),
        json!({ "epoch": { "N": "4" }, "idleAfter": { "N": "900" } }),
    ] {
        let stand = Stand::new();
        stand.running("acme", at(-100));
        let mut expected = stand.activity("acme");
        expected
            .as_object_mut()
            .unwrap()
            .extend(beside.as_object().unwrap().clone());
        expected["lastActivity"] = json!({ "N": millis(at(0)) });
        let happens = move |stand: &Stand| {
            let mut row = stand.activity("acme");
            row.as_object_mut().unwrap().extend(beside.as_object().unwrap().clone());
            stand.put("Activity", row);
        };
        stand.trouble(|action, _| action == "UpdateItem", Trouble::After(Box::new(happens)));
        assert_eq!(post(&stand, "/tenants/acme/activity", json!({})).await.0, 204);
        assert_eq!(stand.activity("acme"), expected);
    }
}

#[tokio::test]
async fn a3_an_unknown_or_deleted_tenant_is_told_so_and_gets_no_row() {
    let stand = Stand::new();
    stand.put("Tenants", tenant_row("gone", "deleted", 9));
    for id in ["nobody", "gone"] {
        let (status, body) = post(&stand, &format!("/tenants/{id}/activity"), json!({})).await;
        assert_eq!((status, &body["code"]), (404, &json!("no_tenant")), "{id}");
    }
    assert_eq!(stand.rows("Activity"), Vec::<Value>::new());
    assert_eq!(stand.take_calls(), ["UpdateItem", "GetItem", "UpdateItem", "GetItem"]);
}

#[tokio::test]
async fn a3_a_sleeping_or_claimed_tenant_is_told_how_to_wake_and_changes_nothing() {
    let stand = Stand::new();
    stand.put("Tenants", tenant_row("asleep", "stopped", 4));
    stand.put("Tenants", tenant_row("half-written", "running", 1));
    let mut claimed = activity_row("claimed", at(-1000));
    claimed.as_object_mut().unwrap().remove("lastActivity");
    stand.put("Activity", claimed.clone());
    for (id, calls) in [
        ("asleep", &["UpdateItem", "GetItem"][..]),
        ("half-written", &["UpdateItem", "GetItem"]),
        ("claimed", &["UpdateItem"]),
    ] {
        let (status, body) = post(&stand, &format!("/tenants/{id}/activity"), json!({})).await;
        assert_eq!((status, &body["code"]), (409, &json!("not_running")), "{id}");
        assert_eq!(body["wake"], json!(format!("/tenants/{id}/wake")));
        assert_eq!(stand.take_calls(), calls, "{id}");
    }
    assert_eq!(stand.rows("Activity"), [claimed]);
}

#[tokio::test]
async fn a5_a_heartbeat_never_overwrites_what_cannot_be_true() {
    for odd in [json!({ "S": "yesterday" }), json!({ "N": "9999999999999" })] {
        let stand = Stand::new();
        let mut row = activity_row("acme", at(0));
        row["lastActivity"] = odd;
        stand.put("Activity", row.clone());
        assert_eq!(post(&stand, "/tenants/acme/activity", json!({})).await.0, 204);
        assert_eq!(stand.activity("acme"), row, "the sweep repairs it, and counts it");
    }
}

#[tokio::test]
async fn a13_a_throttled_heartbeat_is_an_error_and_not_an_absence() {
    let stand = Stand::new();
    stand.running("acme", at(-100));
    stand.throttle(3, |action, _| action == "UpdateItem");
    let (status, body) = post(&stand, "/tenants/acme/activity", json!({})).await;
    assert_eq!((status, &body["code"]), (503, &json!("unavailable")));
    assert!(!body.to_string().contains("slow down"), "no internals: {body}");
    assert_eq!(last_activity(&stand, "acme"), millis(at(-100)));
}

#[tokio::test]
async fn a_heartbeat_whose_first_answer_was_lost_is_accepted() {
    let stand = Stand::new();
    stand.running("acme", at(-100));
    stand.trouble(|action, _| action == "UpdateItem", Trouble::AnswerLost);
    assert_eq!(post(&stand, "/tenants/acme/activity", json!({})).await.0, 204);
    assert_eq!(last_activity(&stand, "acme"), millis(at(0)));
    assert_eq!(stand.take_calls(), ["UpdateItem", "UpdateItem"]);
}

#[tokio::test]
async fn many_heartbeats_are_told_one_by_one_and_in_order() {
    let stand = Stand::new();
    stand.running("one", at(-100));
    stand.running("two", at(-100));
    stand.put("Tenants", tenant_row("asleep", "stopped", 4));
    stand.throttle(3, |action, input| {
        action == "UpdateItem" && input["Key"]["tenantId"]["S"] == "two"
    });
    let tenants = json!({ "tenants": ["one", "no id", "asleep", "nobody", "two", "one"] });
    let (status, body) = post(&stand, "/activity", tenants).await;
    assert_eq!(status, 200);
    let results = body["results"].as_array().unwrap();
    let told: Vec<_> = results
        .iter()
        .map(|one| (one["id"].as_str().unwrap(), one["status"].as_u64().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("one", 204),
            ("no id", 400),
            ("asleep", 409),
            ("nobody", 404),
            ("two", 503),
            ("one", 204)
        ]
    );
    assert_eq!(results[2]["problem"]["wake"], "/tenants/asleep/wake");
    assert_eq!(last_activity(&stand, "one"), millis(at(0)));
    assert_eq!(
        last_activity(&stand, "two"),
        millis(at(-100)),
        "one failure is nobody else's"
    );
}

#[tokio::test]
async fn a_hundred_heartbeats_fit_into_one_request_and_one_more_does_not() {
    let stand = Stand::new();
    let named = |count: usize| json!({ "tenants": vec!["nobody"; count] });
    assert_eq!(post(&stand, "/activity", named(100)).await.0, 200);
    stand.take_calls();
    assert_eq!(post(&stand, "/activity", named(101)).await.0, 400);
    assert_eq!(
        post(&stand, "/activity", json!({ "tenants": [], "more": 1 })).await.0,
        400
    );
    assert_eq!(
        stand.take_calls(),
        Vec::<String>::new(),
        "nothing is written of a request that is refused"
    );
    assert_eq!(
        post(&stand, "/tenants/acme/wake", json!({})).await.0,
        404,
        "there is no other route"
    );
}

#[tokio::test]
async fn a19_a_start_protects_for_the_minimum_uptime_although_work_came_before_its_event() {
    let id = "acme".parse().unwrap();
    for (worked, since) in [(at(10), at(10)), (at(10), at(11)), (at(10), at(9))] {
        let stand = Stand::new();
        let mut row = activity_row("acme", worked);
        row["notBefore"] = json!({ "N": millis(at(900)) });
        stand.put("Activity", row.clone());
        let table = ActivityTable::new(&stand.config(), &Stand::variables(&[])).unwrap();
        table.started(&id, Generation(3), since, at(300)).await.unwrap();
        row["notBefore"] = json!({ "N": millis(at(300)) });
        row["lastActivity"] = json!({ "N": millis(worked.max(since)) });
        assert_eq!(stand.activity("acme"), row, "since {since}");

        stand.take_calls();
        table.started(&id, Generation(3), since, at(300)).await.unwrap();
        assert_eq!(stand.take_calls(), ["UpdateItem"], "told twice, it costs one call");
    }
}

#[tokio::test]
async fn a4_a_start_that_is_told_of_a_claimed_or_later_row_changes_nothing() {
    let stand = Stand::new();
    let table = ActivityTable::new(&stand.config(), &Stand::variables(&[])).unwrap();
    let mut claimed = activity_row("acme", at(0));
    claimed.as_object_mut().unwrap().remove("lastActivity");
    for (row, generation) in [(claimed, Generation(3)), (activity_row("acme", at(0)), Generation(2))] {
        stand.put("Activity", row.clone());
        table
            .started(&"acme".parse().unwrap(), generation, at(5), at(300))
            .await
            .unwrap();
        assert_eq!(stand.activity("acme"), row);
    }
}

fn holds(stand: &Stand) -> Holds {
    Holds::new(&stand.config(), &Stand::variables(&[("BERTH_HOLD_MAX_SECONDS", "900")])).unwrap()
}

fn asked(seconds: u64) -> HoldRequest {
    HoldRequest {
        seconds,
        reason: "agent turn".to_owned(),
    }
}

#[tokio::test]
async fn a8_a_hold_is_one_attribute_capped_replaced_and_released() {
    let stand = Stand::new();
    stand.running("acme", at(-100));
    let (holds, id) = (holds(&stand), "acme".parse().unwrap());
    let before = stand.activity("acme");
    for (seconds, until) in [(60, at(60)), (901, at(900)), (30, at(30))] {
        let Ok(Held::Granted(hold)) = hold::hold(&holds, &id, &asked(seconds), "me").await else {
            panic!()
        };
        assert_eq!(hold.until, until);
        let mut after = stand.activity("acme");
        assert_eq!(
            after.as_object_mut().unwrap().remove("holdUntil").unwrap()["N"],
            millis(until)
        );
        assert_eq!(after, before);
    }
    assert!(matches!(
        hold::hold(&holds, &id, &asked(0), "me").await,
        Ok(Held::TooShort(_))
    ));
    assert_eq!(hold::release(&holds, &id, "me").await, Ok(Released::Done));
    assert_eq!(stand.activity("acme"), before);
    let kept = stand.rows("Fleet");
    assert!(
        kept.iter().any(|entry| entry["on"]["M"]["reason"]["S"] == "agent turn"),
        "{kept:?}"
    );
}

#[tokio::test]
async fn a8_a_tenant_that_is_not_running_is_not_held() {
    let stand = Stand::new();
    let mut claimed = activity_row("claimed", at(-1000));
    claimed.as_object_mut().unwrap().remove("lastActivity");
    stand.put("Activity", claimed.clone());
    let holds = holds(&stand);
    assert_eq!(
        hold::hold(&holds, &"claimed".parse().unwrap(), &asked(60), "me").await,
        Ok(Held::NotRunning)
    );
    assert_eq!(
        hold::hold(&holds, &"nobody".parse().unwrap(), &asked(60), "me").await,
        Ok(Held::Absent)
    );
    assert_eq!(
        hold::release(&holds, &"nobody".parse().unwrap(), "me").await,
        Ok(Released::Absent)
    );
    assert_eq!(stand.rows("Activity"), [claimed]);
}

#[tokio::test]
async fn s1_the_function_itself_refuses_whom_api_gateway_has_not_let_in_for_this() {
    let stand = Stand::new();
    stand.put("Activity", activity_row("acme", at(0)));
    let token =
        |scope: &str, tenant: &str| json!({ "jwt": { "claims": { "sub": "x", "scope": scope, "tenant": tenant } } });
    for (authorizer, expected) in [
        (Value::Null, 401),
        (json!({}), 401),
        (json!({ "lambda": { "userArn": "x" } }), 401),
        (token("openid", "acme"), 403),
        (token("berth:tenant", "other"), 403),
        (token("berth:tenant", "acme"), 204),
        (token("berth:admin", ""), 204),
    ] {
        let (status, problem) = post_as(&stand, &authorizer, "/tenants/acme/activity", Value::Null).await;
        assert_eq!(status, expected, "{authorizer}: {problem}");
    }
    let (status, _) = post_as(
        &stand,
        &token("berth:tenant", "acme"),
        "/activity",
        json!({ "tenants": ["acme"] }),
    )
    .await;
    assert_eq!(status, 403, "one request for many is for machines");
}
