//! Why tasks end, and what follows from it.

use berth::cloud::{Behaviour, Interruption};
use berth_core::event::Crashes;
use berth_core::tenant::Phase;
use serde_json::{Value, json};

use crate::stand::Stand;

/// The entries of a tenant's history that tell of ended tasks, oldest first.
fn ends(stand: &mut Stand, id: &str) -> Vec<Value> {
    let mut history = stand.http("GET", &format!("/tenants/{id}/history"), &Value::Null).1;
    let mut entries = history["decisions"].as_array_mut().unwrap().split_off(0);
    entries.retain(|entry| entry["decision"] == "task-stopped");
    entries.sort_by_key(|entry| entry["at"].to_string());
    entries.into_iter().map(|mut entry| entry["on"].take()).collect()
}

#[test]
fn e6_every_way_in_which_a_task_ends_is_told_with_its_code_and_its_exit_code() {
    let ways = [
        (Behaviour::NeverStarts, "TaskFailedToStart", Value::Null),
        (Behaviour::PullError, "TaskFailedToStart", Value::Null),
        (Behaviour::Exits(3), "EssentialContainerExited", json!(3)),
        (Behaviour::OutOfMemory, "EssentialContainerExited", json!(137)),
    ];
    for (behaviour, code, exit_code) in ways {
        let mut stand = Stand::new();
        stand.set_image("registry.example/app:odd", behaviour);
        stand.http("PUT", "/tenants/acme", &json!({ "image": "registry.example/app:odd" }));
        stand.pass(240);
        let ends = ends(&mut stand, "acme");
        let told = ends
            .iter()
            .any(|end| end["code"] == code && end["exitCode"] == exit_code);
        assert!(told, "{behaviour:?}: {ends:?}");
    }
    let mut stand = Stand::new();
    let mut task = stand.running("acme", &json!({ "idle": { "alwaysOn": true } }))["taskArn"].take();
    let stop_task = |stand: &mut Stand, task: &str| {
        stand.ecs("StopTask", &json!({ "cluster": "berth", "task": task }));
    };
    for code in ["SpotInterruption", "TerminationNotice", "UserInitiated"] {
        let arn = task.as_str().unwrap();
        match code {
            "SpotInterruption" => stand.interrupt(arn, Interruption::Spot),
            "TerminationNotice" => stand.interrupt(arn, Interruption::Retirement),
            _ => stop_task(&mut stand, arn),
        }
        stand.pass(180);
        task = stand.until("acme", "running")["taskArn"].take();
        let ends = ends(&mut stand, "acme");
        assert_eq!(ends.last().unwrap()["code"], code, "{ends:?}");
    }
    // One of which this ECS does not know either.
    let mut event = stand.last_event(&task, "RUNNING");
    event["detail"]["lastStatus"] = json!("STOPPED");
    event["detail"]["stopCode"] = json!("SomethingNew");
    event["detail"]["cpu"] = json!("null");
    event["detail"]["odd"] = json!({ "member": [null] });
    event["detail"]["version"] = json!(1_000);
    event["detail"]["stoppedAt"] = json!(stand.engine.now().to_string());
    stand.emit(event);
    stand.pass(5);
    assert_eq!(ends(&mut stand, "acme").last().unwrap()["code"], "SomethingNew");
}

#[test]
fn e9_a_crash_loop_is_stopped_with_its_reason_when_its_budget_is_spent() {
    let mut stand = Stand::new();
    stand.set_image("registry.example/app:crashes", Behaviour::Crashes(20));
    stand.http(
        "PUT",
        "/tenants/acme",
        &json!({ "image": "registry.example/app:crashes" }),
    );
    let failed = stand.until("acme", "failed");
    assert_eq!(failed["intent"]["reason"], "crash-loop", "{failed:#}");
    assert_eq!(stand.alive("acme"), 0);
    let crashes = ends(&mut stand, "acme");
    assert_eq!(
        crashes.iter().filter(|end| end["exitCode"] == 1).count(),
        5,
        "{crashes:?}"
    );
}

#[test]
fn e9_a_change_that_never_starts_gives_way_to_what_ran_before() {
    let mut stand = Stand::new();
    stand.set_image("registry.example/app:broken", Behaviour::NeverStarts);
    let before = stand.running("acme", &json!({ "idle": { "alwaysOn": true } }));
    stand.http(
        "PATCH",
        "/tenants/acme",
        &json!({ "image": "registry.example/app:broken" }),
    );
    stand.pass(900);
    let after = stand.until("acme", "running");
    assert_eq!(after["definitionArn"], before["definitionArn"], "{after:#}");
    assert_eq!(stand.alive("acme"), 1);
    let history = stand.http("GET", "/tenants/acme/history", &Value::Null).1.to_string();
    assert!(history.contains("definition-failed"), "{history}");
}

#[test]
fn e10_a_retirement_or_an_interruption_is_no_crash() {
    let mut stand = Stand::new();
    let mut tenant = stand.running("acme", &json!({ "idle": { "alwaysOn": true } }));
    // More of them, and faster, than crashes are borne.
    for round in 0..6 {
        let task = tenant["taskArn"].as_str().unwrap().to_owned();
        let interruption = if round % 2 == 0 {
            Interruption::Retirement
        } else {
            Interruption::Spot
        };
        stand.interrupt(&task, interruption);
        stand.pass(60);
        tenant = stand.until("acme", "running");
        assert_ne!(tenant["taskArn"], task, "ECS has replaced it");
    }
    let row = stand.row("acme").unwrap();
    assert_eq!(
        (row.intent.generation.to_string().as_str(), row.crashes),
        ("1", Crashes::default())
    );
}

/// Each second: no two tasks of a tenant that are not STOPPED.
fn one_at_a_time(stand: &mut Stand, seconds: u32) {
    for _ in 0..seconds {
        stand.pass(1);
        assert!(stand.alive("acme") <= 1, "two tasks at {}", stand.engine.now());
    }
}

/// The image ends only by SIGKILL, so that whoever goes takes his whole stop timeout.
fn stubborn() -> Stand {
    let mut stand = Stand::new();
    stand.set_image("registry.example/app:stubborn", Behaviour::IgnoresSigterm);
    stand.running(
        "acme",
        &json!({ "image": "registry.example/app:stubborn", "idle": { "alwaysOn": true } }),
    );
    stand
}

#[test]
fn e12_a_resize_or_a_restart_starts_nothing_before_the_old_task_is_stopped() {
    let mut stand = stubborn();
    stand.http(
        "PATCH",
        "/tenants/acme",
        &json!({ "size": { "cpu": 1024, "memory": 2048 } }),
    );
    one_at_a_time(&mut stand, 150);
    assert_eq!(stand.until("acme", "running")["overlay"]["size"]["cpu"], 1024);
    stand.post("/tenants/acme/restart");
    one_at_a_time(&mut stand, 150);
    assert_eq!(stand.phase("acme"), Some(Phase::Running));
}

#[test]
fn e12_a_wake_right_after_a_stop_starts_nothing_before_the_old_task_is_stopped() {
    let mut stand = stubborn();
    stand.post("/tenants/acme/sleep");
    stand.pass(3);
    assert_eq!(stand.alive("acme"), 1, "it does not mind SIGTERM");
    stand.post("/tenants/acme/wake");
    one_at_a_time(&mut stand, 150);
    assert_eq!(stand.phase("acme"), Some(Phase::Running));
}

#[test]
fn e12_a_rebase_starts_nothing_before_the_old_task_is_stopped() {
    let mut stand = stubborn();
    let before = stand.row("acme").unwrap().made.applied.unwrap().release;
    stand.deploy(|base| base["containerDefinitions"][0]["environment"] = json!([{ "name": "ADDED", "value": "1" }]));
    for _ in 0..60 {
        one_at_a_time(&mut stand, 30);
        let row = stand.row("acme").unwrap();
        if row.is_settled() && row.made.applied.unwrap().release != before {
            return;
        }
    }
    panic!("it was not moved in half an hour");
}
