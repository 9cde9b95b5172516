//! Waking: now, at a time, ahead of use, and while it is being stopped.

use super::idle::{decisions, get, instant, post, running};
use super::*;
use crate::cloud::Behaviour;

#[test]
fn a7_work_after_the_claim_is_told_to_wake_and_the_wake_wins() {
    let mut engine = engine();
    let before = running(&mut engine, "acme", &json!({}))["intent"]["generation"].clone();
    while get(&mut engine, "/tenants/acme")["intent"]["state"] == "running" {
        pass(&mut engine, 1);
    }
    assert_eq!(get(&mut engine, "/tenants/acme")["phase"], "stopping");
    let (status, problem) = post(&mut engine, "/tenants/acme/activity", &Value::Null);
    assert_eq!((status, &problem["wake"]), (409, &json!("/tenants/acme/wake")));
    assert_eq!(
        post(&mut engine, problem["wake"].as_str().expect("a link"), &Value::Null).0,
        202
    );
    let mut after = until(&mut engine, "acme", "running");
    while after["settled"] != true {
        pass(&mut engine, 1);
        after = until(&mut engine, "acme", "running");
    }
    let generations = (before.as_u64(), after["intent"]["generation"].as_u64());
    assert_eq!(generations, (Some(1), Some(3)), "a stop, and the wake after it");
    assert_eq!(post(&mut engine, "/tenants/acme/activity", &Value::Null).0, 204);
}

#[test]
fn a16_a_wake_of_a_running_tenant_starts_nothing_and_answers_with_its_endpoint() {
    let mut engine = engine();
    running(&mut engine, "acme", &json!({}));
    pass(&mut engine, 5);
    let (invocations, before) = (engine.invocations, get(&mut engine, "/tenants/acme"));
    let (status, woken) = post(&mut engine, "/tenants/acme/wake?wait=20", &Value::Null);
    assert_eq!(status, 200);
    assert!(woken["endpoint"]["address"].is_string(), "{woken}");
    assert_eq!(woken["intent"], before["intent"], "no new generation");
    assert_eq!(
        engine.invocations - invocations,
        2,
        "two requests of the API and no pass of reconcile, so no call of ECS"
    );
}

#[test]
fn a19_a_tenant_that_is_woken_ahead_is_protected_for_as_long_as_was_asked() {
    let mut engine = engine();
    running(&mut engine, "acme", &json!({}));
    let now = engine.now();
    let (status, woken) = post(&mut engine, "/tenants/acme/wake", &json!({"protectFor": 1800}));
    let until = now + Duration::from_mins(30);
    assert_eq!((status, instant(&woken["protectedUntil"])), (200, until), "{woken}");
    assert_eq!(instant(&woken["stopsAt"]), until);
    // A restart does not cut it short.
    assert_eq!(post(&mut engine, "/tenants/acme/restart", &Value::Null).0, 202);
    engine
        .advance_to(until - Duration::from_millis(1))
        .expect("time passes");
    let told = get(&mut engine, "/tenants/acme/explain");
    assert_eq!(
        (&told["phase"], &told["idle"]["verdict"]),
        (&json!("running"), &json!("protected")),
        "{told}"
    );
    pass(&mut engine, 61);
    assert_eq!(get(&mut engine, "/tenants/acme")["intent"]["reason"], "idle");
    for bad in [
        json!({"protectFor": 0}),
        json!({"protectFor": 86_401}),
        json!({"for": 1}),
    ] {
        let (status, problem) = post(&mut engine, "/tenants/acme/wake", &bad);
        assert_eq!((status, &problem["code"]), (422, &json!("invalid_wake")), "{bad}");
    }
}

#[test]
fn a_wake_that_is_booked_comes_once_at_its_time_and_the_ledger_says_so() {
    let mut engine = engine();
    running(&mut engine, "acme", &json!({}));
    post(&mut engine, "/tenants/acme/sleep", &Value::Null);
    until(&mut engine, "acme", "stopped");
    let at = engine.now() + Duration::from_mins(30);
    let (status, booked) = post(&mut engine, "/tenants/acme/wake", &json!({"at": at, "protectFor": 600}));
    assert_eq!((status, instant(&booked["wakeAt"])), (200, at), "{booked}");
    assert_eq!(booked["phase"], "stopped");
    engine.advance_to(at - Duration::from_millis(1)).expect("time passes");
    assert_eq!(get(&mut engine, "/tenants/acme")["phase"], "stopped");
    pass(&mut engine, 61);
    let woken = until(&mut engine, "acme", "running");
    assert_eq!(
        (&woken["intent"]["reason"], &woken["wakeAt"]),
        (&json!("wake"), &Value::Null)
    );
    assert!(instant(&woken["protectedUntil"]) >= at + Duration::from_mins(10));
    pass(&mut engine, 3600);
    assert_eq!(
        get(&mut engine, "/tenants/acme")["phase"],
        "stopped",
        "and it sleeps again as idle"
    );
    pass(&mut engine, 3600);
    let fired = decisions(&mut engine, "acme", "scheduled-wake");
    assert_eq!(fired.len(), 1, "{fired:?}");
    assert_eq!(fired[0]["on"]["outcome"], "woken");
    assert_eq!(decisions(&mut engine, "acme", "wake-booked").len(), 1);
}

#[test]
fn a_booked_wake_is_replaced_cancelled_and_forgotten_with_its_tenant() {
    let mut engine = engine();
    running(&mut engine, "acme", &json!({}));
    let at = |engine: &Engine, minutes| engine.now() + Duration::from_mins(minutes);
    for minutes in [10, 20] {
        let at = at(&engine, minutes);
        let (status, booked) = post(&mut engine, "/tenants/acme/wake", &json!({"at": at}));
        assert_eq!((status, instant(&booked["wakeAt"])), (200, at), "{booked}");
    }
    assert_eq!(http(&mut engine, "DELETE", "/tenants/acme/wake", &Value::Null).0, 204);
    assert_eq!(get(&mut engine, "/tenants/acme")["wakeAt"], Value::Null);
    let passed = engine.now();
    let (status, problem) = post(&mut engine, "/tenants/acme/wake", &json!({"at": passed}));
    assert_eq!((status, &problem["code"]), (422, &json!("invalid_wake")));

    let again = at(&engine, 10);
    post(&mut engine, "/tenants/acme/wake", &json!({"at": again}));
    http(&mut engine, "DELETE", "/tenants/acme", &Value::Null);
    pass(&mut engine, 300);
    http(
        &mut engine,
        "PUT",
        "/tenants/acme",
        &json!({"idle": {"after": 60, "minUptime": 0}}),
    );
    pass(&mut engine, 3600);
    assert_eq!(
        get(&mut engine, "/tenants/acme")["phase"],
        "stopped",
        "the old booking wakes nobody"
    );
    assert_eq!(decisions(&mut engine, "acme", "scheduled-wake"), Vec::<Value>::new());
}

#[test]
fn a_booked_wake_of_a_tenant_that_is_up_only_protects_it() {
    let mut engine = engine();
    running(&mut engine, "acme", &json!({"idle": {"after": 1200, "minUptime": 0}}));
    let at = engine.now() + Duration::from_mins(5);
    post(
        &mut engine,
        "/tenants/acme/wake",
        &json!({"at": at, "protectFor": 7200}),
    );
    pass(&mut engine, 6 * 60);
    let fired = decisions(&mut engine, "acme", "scheduled-wake");
    assert_eq!(fired[0]["on"]["outcome"], "wasUp", "{fired:?}");
    let tenant = get(&mut engine, "/tenants/acme");
    assert_eq!(tenant["intent"]["generation"], 1, "no start of its own");
    assert!(instant(&tenant["stopsAt"]) >= at + Duration::from_hours(2), "{tenant}");
}

#[test]
fn a14_a_stop_and_a_wake_only_change_how_many_tasks_the_service_has() {
    let mut engine = engine();
    let tenant = running(&mut engine, "acme", &json!({}));
    for action in ["StopTask", "RunTask", "DeleteService", "CreateService"] {
        let fault = Fault {
            service: Service::Ecs,
            action: action.to_owned(),
            error: "AccessDeniedException".to_owned(),
            count: u32::MAX,
        };
        engine.shared.cloud().set_fault(fault);
    }
    post(&mut engine, "/tenants/acme/sleep", &Value::Null);
    until(&mut engine, "acme", "stopped");
    post(&mut engine, "/tenants/acme/wake", &Value::Null);
    let woken = until(&mut engine, "acme", "running");
    assert_eq!(
        (&woken["serviceName"], &woken["lastError"]),
        (&tenant["serviceName"], &Value::Null)
    );
}

#[test]
fn a_wake_that_is_waited_for_is_answered_when_it_runs_or_when_the_time_is_over() {
    let slow = "registry.example/app:slow";
    for (image, status) in [("registry.example/app:good", 200), (slow, 202)] {
        let mut engine = engine();
        engine.shared.cloud().set_image(slow, Behaviour::Slow(90));
        running(&mut engine, "acme", &json!({"image": image}));
        post(&mut engine, "/tenants/acme/sleep", &Value::Null);
        until(&mut engine, "acme", "stopped");
        let asked = engine.now();
        let request = Request::post("/tenants/acme/wake?wait=25").body(Bytes::new());
        let (reply_to, mut reply) = oneshot::channel();
        engine.http(&request.expect("a request"), reply_to);
        engine.settle();
        assert!(reply.try_recv().is_err(), "it waits");
        let response = loop {
            pass(&mut engine, 1);
            if let Ok(response) = reply.try_recv() {
                break response;
            }
        };
        let tenant: Value = serde_json::from_slice(response.body()).expect("JSON");
        assert_eq!(response.status().as_u16(), status, "{tenant}");
        assert_eq!(tenant["endpoint"].is_object(), status == 200, "{tenant}");
        let waited = engine.now().duration_since(asked).as_secs();
        assert!(
            if status == 200 {
                waited < 25
            } else {
                (25..27).contains(&waited)
            },
            "{waited} s"
        );
    }
}
