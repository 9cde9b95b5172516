//! Rollouts and the fleet as operators see them through the API.

use super::*;

/// Provisions tenants and waits until all of them run.
fn provisioned(engine: &mut Engine, tenants: &[(&str, Value)]) {
    for (id, overlay) in tenants {
        assert_eq!(http(engine, "PUT", &format!("/tenants/{id}"), overlay).0, 202);
    }
    for (id, _) in tenants {
        until(engine, id, "running");
    }
    pass(engine, 60);
}

fn get(engine: &mut Engine, path: &str) -> Value {
    let (status, body) = http(engine, "GET", path, &Value::Null);
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// Has everyone at work while minutes pass, so that nobody falls asleep.
fn work(engine: &mut Engine, minutes: u32, tenants: &[&str]) {
    for _ in 0..minutes {
        for id in tenants {
            http(engine, "POST", &format!("/tenants/{id}/activity"), &Value::Null);
        }
        pass(engine, 60);
    }
}

/// Every row of every table.
fn rows(engine: &Engine) -> Vec<Value> {
    let mut cloud = engine.shared.cloud();
    let tables = ["berth-TenantsTable", "berth-ActivityTable", "berth-FleetTable"];
    let scan = |name| ask(&mut cloud, Service::DynamoDb, "Scan", &json!({"TableName": name})).expect("rows");
    tables.map(scan).to_vec()
}

#[test]
fn a_manual_tenant_is_offered_a_release_and_takes_it_when_somebody_says_so() {
    let mut engine = engine();
    let manual = json!({"policy": "manual", "idle": {"alwaysOn": true}});
    provisioned(&mut engine, &[("acme", json!({})), ("ours", manual)]);
    follow(&mut engine, &json!("r1"));
    let ours = get(&mut engine, "/tenants/ours");
    assert_eq!(
        ours["release"],
        json!({"applied": "r1", "promoted": "r2", "offered": "r2"})
    );
    let drift = &get(&mut engine, "/fleet")["drift"];
    assert_eq!(*drift, json!({"kept": 1, "candidate": 0, "behind": 0}));

    // Neither a change nor sleep and wake make it take what it was only offered.
    http(&mut engine, "PATCH", "/tenants/ours", &json!({"env": {"MODE": "x"}}));
    work(&mut engine, 3, &["acme"]);
    assert_eq!(get(&mut engine, "/tenants/ours")["release"]["applied"], "r1");
    http(&mut engine, "POST", "/tenants/ours/sleep", &Value::Null);
    until(&mut engine, "ours", "stopped");

    // An update while it sleeps does not wake it; it is taken at the next wake.
    assert_eq!(http(&mut engine, "POST", "/tenants/ours/update", &Value::Null).0, 202);
    pass(&mut engine, 60);
    let ours = get(&mut engine, "/tenants/ours");
    assert_eq!(
        (&ours["phase"], &ours["stopped"]["reason"]),
        (&json!("stopped"), &json!("sleep"))
    );
    assert_eq!(ours["release"].get("offered"), None, "it was accepted");
    http(&mut engine, "POST", "/tenants/ours/wake", &Value::Null);
    until(&mut engine, "ours", "running");
    assert_eq!(get(&mut engine, "/tenants/ours")["release"]["applied"], "r2");
    assert_eq!(
        http(&mut engine, "POST", "/tenants/ours/update", &Value::Null).0,
        200,
        "it has it"
    );
}

#[test]
fn a_manual_tenant_is_moved_when_force_by_is_past() {
    let mut engine = engine();
    let manual = json!({"policy": "manual", "idle": {"alwaysOn": true}});
    let two = [
        ("acme", json!({"idle": {"alwaysOn": true}})),
        ("ours", manual.clone()),
        ("late", manual),
    ];
    provisioned(&mut engine, &two);
    http(&mut engine, "POST", "/tenants/late/sleep", &Value::Null);
    until(&mut engine, "late", "stopped");
    register_next_base(&mut engine);
    let force_by = engine.now() + Duration::from_mins(30);
    let asked = json!({"policy": {"forceBy": force_by.to_string()}});
    assert_eq!(http(&mut engine, "POST", "/rollouts", &asked).0, 202);
    pass(&mut engine, 25 * 60);
    assert_eq!(get(&mut engine, "/tenants/acme")["release"]["applied"], "r2");
    assert_eq!(get(&mut engine, "/tenants/ours")["release"]["offered"], "r2", "not yet");
    pass(&mut engine, 15 * 60);
    assert_eq!(get(&mut engine, "/tenants/ours")["release"]["applied"], "r2");
    // One that slept through it takes the release when it wakes.
    http(&mut engine, "POST", "/tenants/late/wake", &Value::Null);
    assert_eq!(until(&mut engine, "late", "running")["release"]["applied"], "r2");
}

#[test]
fn a_pinned_tenant_is_not_updated() {
    let mut engine = engine();
    provisioned(&mut engine, &[("acme", json!({"pin": {}}))]);
    let (status, problem) = http(&mut engine, "POST", "/tenants/acme/update", &Value::Null);
    assert_eq!((status, &problem["code"]), (409, &json!("pinned")));
}

#[test]
fn r7_a_dry_run_tells_the_waves_and_what_changes_and_writes_nothing() {
    let mut engine = engine();
    let own = json!({"image": "registry.example/own:7", "size": {"cpu": 1024, "memory": 4096}});
    provisioned(
        &mut engine,
        &[("acme", json!({})), ("own", own), ("still", json!({"pin": {}}))],
    );
    register_next_base(&mut engine);
    let before = rows(&engine);
    let (status, plan) = http(&mut engine, "POST", "/rollouts?dryRun=true", &json!({}));
    assert_eq!(status, 200, "{plan}");
    assert_eq!(rows(&engine), before);
    assert_eq!((&plan["from"], &plan["release"]), (&json!("r1"), &json!("r2")));
    let waves: Vec<&Value> = plan["waves"]
        .as_array()
        .expect("waves")
        .iter()
        .map(|wave| &wave["tenants"])
        .collect();
    assert_eq!(waves.len(), 2, "a canary and a wave: {plan}");
    assert_eq!(plan["skipped"][0][0], "still");
    assert_eq!(plan["registrations"], 2);
    let kept = |part: &str| {
        let changes = plan["changes"].as_array().expect("changes").iter();
        let here = changes.filter(|change| change["path"].as_str().is_some_and(|path| path.contains(part)));
        here.map(|change| change["keptBy"].clone()).collect::<Vec<Value>>()
    };
    assert_eq!(kept("[app].image"), [json!(1)], "one has its own");
    assert_eq!(kept("[workspace]"), [json!(2)], "everyone's files stay where they are");
    assert_eq!(kept("[BASE_VERSION]"), [json!(0)]);
}

#[test]
fn a_change_of_a_sleeping_tenant_is_no_reason_for_its_sleep() {
    let mut engine = engine();
    provisioned(&mut engine, &[("acme", json!({}))]);
    http(&mut engine, "POST", "/tenants/acme/sleep", &Value::Null);
    until(&mut engine, "acme", "stopped");
    http(&mut engine, "PATCH", "/tenants/acme", &json!({"env": {"MODE": "x"}}));
    pass(&mut engine, 60);
    let acme = get(&mut engine, "/tenants/acme");
    assert_eq!(acme["stopped"]["reason"], "sleep", "{acme}");
    assert_eq!(acme["intent"]["reason"], "change");
}

#[test]
fn a_manual_tenant_does_not_wake_on_a_release_that_was_rolled_back() {
    let mut engine = engine();
    let manual = json!({"policy": "manual", "idle": {"alwaysOn": true}});
    provisioned(
        &mut engine,
        &[("acme", json!({"idle": {"alwaysOn": true}})), ("ours", manual)],
    );
    register_next_base(&mut engine);
    assert_eq!(http(&mut engine, "POST", "/rollouts", &json!({})).0, 202);
    pass(&mut engine, 10 * 60);
    // It accepts what is promoted while the others are still followed by the rollout, and sleeps on it.
    http(&mut engine, "POST", "/tenants/ours/update", &Value::Null);
    pass(&mut engine, 5 * 60);
    assert_eq!(until(&mut engine, "ours", "running")["release"]["applied"], "r2");
    http(&mut engine, "POST", "/tenants/ours/sleep", &Value::Null);
    until(&mut engine, "ours", "stopped");
    assert_eq!(http(&mut engine, "POST", "/rollouts", &json!({"release": "r1"})).0, 202);
    pass(&mut engine, 10 * 60);
    assert_eq!(get(&mut engine, "/fleet")["promoted"], "r1");
    http(&mut engine, "POST", "/tenants/ours/wake", &Value::Null);
    assert_eq!(until(&mut engine, "ours", "running")["release"]["applied"], "r1");
}
