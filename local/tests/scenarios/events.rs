//! What ECS tells, late, slowly or not at all.

use berth::cloud::{Behaviour, Delivery};
use berth_core::tenant::{Phase, deadline};
use serde_json::{Value, json};

use crate::stand::Stand;

fn lose_events(stand: &mut Stand, lose: f64) {
    let delivery = Delivery {
        lose,
        ..Delivery::default()
    };
    stand.engine.shared().cloud().region().set_delivery(delivery);
}

#[test]
fn e5_events_that_are_lost_for_an_hour_are_made_good_by_looks_at_ecs() {
    let mut stand = Stand::new();
    stand.running("acme", &json!({ "idle": { "alwaysOn": true } }));
    lose_events(&mut stand, 1.0);
    stand.post("/tenants/acme/sleep");
    stand.until("acme", "stopped");
    assert_eq!(stand.alive("acme"), 0);
    stand.post("/tenants/acme/wake");
    let awake = stand.until("acme", "running");
    assert!(awake["endpoint"]["address"].is_string(), "{awake:#}");
    stand.pass(3_600);
    assert_eq!(stand.phase("acme"), Some(Phase::Running));
}

#[test]
fn e7_why_a_tenant_stopped_is_on_its_row_and_in_its_history_with_who_wanted_it() {
    let mut stand = Stand::new();
    stand.set_image("registry.example/app:crashes", Behaviour::Crashes(30));
    stand.running("acme", &json!({}));
    stand.post("/tenants/acme/sleep");
    let asleep = stand.until("acme", "stopped");
    let stopped = &asleep["stopped"];
    assert_eq!(stopped["reason"], "sleep", "{stopped}");
    assert!(
        stopped["by"].as_str().is_some_and(|by| by.contains("user/local")),
        "{stopped}"
    );
    assert!(
        stopped["code"].as_str().is_some_and(|code| !code.is_empty()) && !stopped["exitCode"].is_null(),
        "{stopped}"
    );
    let history = stand.http("GET", "/tenants/acme/history", &Value::Null).1;
    let decisions = history["decisions"].as_array().unwrap();
    let entry = decisions
        .iter()
        .find(|entry| entry["decision"] == "task-stopped")
        .unwrap();
    assert_eq!(
        (&entry["on"]["wanted"], &entry["on"]["intentReason"]),
        (&json!("stopped"), &json!("sleep"))
    );

    stand.http(
        "PATCH",
        "/tenants/acme",
        &json!({ "image": "registry.example/app:crashes" }),
    );
    stand.post("/tenants/acme/wake");
    let failed = stand.until("acme", "failed");
    assert_eq!(failed["intent"]["reason"], "crash-loop", "{failed:#}");
    let history = stand.http("GET", "/tenants/acme/history", &Value::Null).1;
    let ended = history["decisions"].as_array().unwrap().iter();
    let crashes = ended.filter(|entry| entry["decision"] == "task-stopped" && entry["on"]["exitCode"] == 1);
    assert!(crashes.count() >= 5, "{history:#}");
}

#[test]
fn e11_a_tenant_that_is_healthy_after_nine_minutes_runs_and_was_never_said_to_have_failed() {
    let mut stand = Stand::new();
    stand.set_image("registry.example/app:slow", Behaviour::Slow(9 * 60));
    let overlay = json!({ "image": "registry.example/app:slow" });
    assert_eq!(stand.http("PUT", "/tenants/acme", &overlay).0, 202);
    let mut phases = Vec::new();
    for _ in 0..130 {
        stand.pass(5);
        let tenant = stand.tenant("acme");
        phases.push(tenant["phase"].clone());
        assert_eq!(tenant["lastError"], Value::Null, "{tenant:#}");
    }
    assert!(!phases.contains(&json!("failed")));
    assert_eq!(phases.last(), Some(&json!("running")));
    let starting = phases.iter().filter(|phase| **phase == "starting").count();
    assert!(starting >= 9 * 12, "it took its nine minutes: {starting} looks");
}

#[test]
fn a_tenant_that_is_not_up_by_its_deadline_has_failed_with_a_reason_and_recovers_when_it_is() {
    let mut stand = Stand::new();
    let late = deadline(Phase::Starting).unwrap().as_secs() + 150;
    stand.set_image(
        "registry.example/app:late",
        Behaviour::Slow(u32::try_from(late).unwrap()),
    );
    assert_eq!(
        stand
            .http("PUT", "/tenants/acme", &json!({ "image": "registry.example/app:late" }))
            .0,
        202
    );
    stand.pass(deadline(Phase::Starting).unwrap().as_secs() - 5);
    assert_eq!(stand.phase("acme"), Some(Phase::Starting));
    stand.pass(70);
    let failed = stand.tenant("acme");
    assert_eq!(
        (&failed["phase"], &failed["lastError"]["code"]),
        (&json!("failed"), &json!("deadline")),
        "{failed:#}"
    );
    let message = failed["lastError"]["message"].as_str().unwrap();
    assert!(
        message.contains("15 minutes") && message.contains("a task to be RUNNING"),
        "{message}"
    );
    // Even if no event tells of it.
    lose_events(&mut stand, 1.0);
    let recovered = stand.until("acme", "running");
    assert_eq!(recovered["lastError"], Value::Null, "{recovered:#}");
}
