//! What callers of the API are promised.

use serde_json::{Value, json};

use crate::stand::Stand;

/// Everything that is stored but what time alone changes.
fn stored(stand: &mut Stand) -> Vec<Value> {
    let mut rows = stand.rows("Tenants");
    rows.extend(stand.rows("Activity"));
    rows.extend(stand.rows("Fleet").into_iter().filter(|row| row["kind"] != "budget"));
    rows
}

#[test]
fn p1_ten_provisions_at_once_are_one_tenant() {
    let mut stand = Stand::new();
    let body = json!({ "env": { "PLAN": "gold" } });
    let mut replies: Vec<_> = (0..10).map(|_| stand.ask("PUT", "/tenants/acme", &body, &[])).collect();
    let running = stand.until("acme", "running");
    for reply in &mut replies {
        let reply = reply.try_recv().unwrap();
        let answer: Value = serde_json::from_slice(reply.body()).unwrap();
        assert!(matches!(reply.status().as_u16(), 200 | 202), "{answer}");
        assert_eq!(
            (&answer["id"], &answer["intent"]["generation"]),
            (&json!("acme"), &json!(1))
        );
    }
    assert_eq!(running["overlayVersion"], 1);
    assert_eq!((stand.things(), stand.alive("acme")), ((1, 1, 1), 1));
}

#[test]
fn p8_a_resize_of_a_sleeping_tenant_shows_when_it_wakes() {
    let mut stand = Stand::new();
    stand.running("acme", &json!({}));
    stand.post("/tenants/acme/sleep");
    stand.until("acme", "stopped");
    stand.log.clear();
    let (status, _) = stand.http(
        "PATCH",
        "/tenants/acme",
        &json!({ "size": { "cpu": 1024, "memory": 2048 } }),
    );
    assert_eq!(status, 202);
    stand.pass(300);
    let asleep = stand.tenant("acme");
    assert_eq!((&asleep["phase"], stand.alive("acme")), (&json!("stopped"), 0));
    assert_eq!(stand.calls("UpdateService") + stand.calls("RegisterTaskDefinition"), 0);
    stand.post("/tenants/acme/wake");
    let awake = stand.until("acme", "running");
    let definition = stand.definition(&awake);
    assert_eq!(
        (&definition["cpu"], &definition["memory"]),
        (&json!("1024"), &json!("2048"))
    );
}

#[test]
fn p9_what_is_not_valid_is_refused_with_its_field_and_nothing_is_written() {
    let mut stand = Stand::new();
    stand.running("acme", &json!({}));
    stand.pass(60);
    let before = stored(&mut stand);
    stand.log.clear();
    let big = "x".repeat(300 * 1024);
    let invalid = [
        ("PUT", "/tenants/acme", json!({ "colour": "red" }), 422, "/colour"),
        (
            "PUT",
            "/tenants/acme",
            json!({ "size": { "cpu": 512, "memory": 513 } }),
            422,
            "/size/memory",
        ),
        (
            "PUT",
            "/tenants/acme",
            json!({ "env": { "BERTH_TENANT": "x" } }),
            422,
            "/env/BERTH_TENANT",
        ),
        (
            "PUT",
            "/tenants/acme",
            json!({ "secrets": { "KEY": "not-an-arn" } }),
            422,
            "/secrets/KEY",
        ),
        (
            "PATCH",
            "/tenants/acme",
            json!({ "idle": { "after": -1 } }),
            422,
            "/idle/after",
        ),
        ("PUT", "/tenants/acme", json!({ "env": { "BIG": big } }), 413, ""),
        ("PUT", "/tenants/a..b", json!({}), 400, ""),
        ("POST", "/tenants/acme/restart?wait=999", Value::Null, 400, ""),
    ];
    for (method, path, body, status, pointer) in invalid {
        let (answered, problem) = stand.http(method, path, &body);
        assert_eq!(answered, status, "{method} {path}: {problem}");
        assert!(problem["code"].is_string(), "{problem}");
        if !pointer.is_empty() {
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        }
    }
    assert_eq!(stored(&mut stand), before);
    assert_eq!(
        stand.calls("UpdateItem") + stand.calls("PutItem") + stand.calls("SendMessage"),
        0
    );
}

#[test]
fn p10_of_two_patches_of_the_same_version_one_is_refused() {
    let mut stand = Stand::new();
    stand.running("acme", &json!({}));
    let patch = |plan: &str| json!({ "env": { "PLAN": plan } });
    let seen = [("if-match", "\"1\"")];
    let mut first = stand.ask("PATCH", "/tenants/acme", &patch("gold"), &seen);
    let mut second = stand.ask("PATCH", "/tenants/acme", &patch("silver"), &seen);
    stand.pass(1);
    let mut answers = [first.try_recv().unwrap(), second.try_recv().unwrap()];
    answers.sort_by_key(|answer| answer.status().as_u16());
    let statuses = answers.each_ref().map(|answer| answer.status().as_u16());
    assert_eq!(statuses, [202, 412]);
    assert_eq!(answers[0].headers()["etag"], "\"2\"");
    let problem: Value = serde_json::from_slice(answers[1].body()).unwrap();
    assert_eq!(problem["code"], "precondition_failed");
    assert_eq!(stand.tenant("acme")["overlayVersion"], 2);
    // What is no patch is told so, whatever version it was meant for.
    let nonsense = json!({ "idle": { "after": 999_999_999 } });
    let mut answer = stand.ask("PATCH", "/tenants/acme", &nonsense, &seen);
    stand.pass(1);
    assert_eq!(answer.try_recv().unwrap().status(), 422);
}

#[test]
fn p11_a_read_changes_nothing() {
    let mut stand = Stand::new();
    stand.running("acme", &json!({}));
    stand.pass(60);
    let before = stored(&mut stand);
    stand.log.clear();
    for path in [
        "/tenants/acme",
        "/tenants",
        "/tenants?phase=running",
        "/tenants/acme/history",
        "/tenants/acme/explain",
        "/releases",
        "/fleet",
        "/rollouts/ro1",
    ] {
        let (status, answer) = stand.http("GET", path, &Value::Null);
        assert_eq!(status, 200, "{path}: {answer}");
    }
    assert_eq!(stored(&mut stand), before);
    assert!(
        stand.log.iter().all(|made| made.call.changes_nothing()),
        "{:?}",
        stand.log
    );
}

#[test]
fn p11_what_an_operator_has_stopped_stays_so_until_somebody_starts_it() {
    let mut stand = Stand::new();
    stand.running("acme", &json!({}));
    stand.running("other", &json!({ "idle": { "alwaysOn": true } }));
    stand.post("/tenants/acme/sleep");
    stand.until("acme", "stopped");
    let before = stand.promoted();
    stand.deploy(|base| base["containerDefinitions"][0]["image"] = json!("public.ecr.aws/berth/sample:2"));
    stand.until_promoted(&before);
    stand.pass(3 * 3_600);
    let asleep = stand.tenant("acme");
    assert_eq!(
        (&asleep["phase"], &asleep["stopped"]["reason"]),
        (&json!("stopped"), &json!("sleep"))
    );
    assert_eq!(stand.alive("acme"), 0);
    stand.post("/tenants/acme/wake");
    stand.until("acme", "running");
}

#[test]
fn p13_an_overlay_that_renders_too_large_is_refused_before_ecs_is_asked() {
    let mut stand = Stand::new();
    let env: serde_json::Map<String, Value> = (0..600)
        .map(|number| (format!("NAME_{number:03}"), json!("x".repeat(100))))
        .collect();
    for tenant in 0..5 {
        let (status, problem) = stand.http("PUT", &format!("/tenants/t{tenant}"), &json!({ "env": env }));
        assert_eq!(
            (status, &problem["errors"][0]["code"]),
            (422, &json!("too_large")),
            "{problem}"
        );
    }
    assert!(stand.rows("Tenants").is_empty());
    assert_eq!(
        stand.calls("RegisterTaskDefinition") + stand.calls("CreateAccessPoint"),
        0
    );
}
