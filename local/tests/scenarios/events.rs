//! What ECS tells, late, slowly or not at all.

use std::time::Duration;

use berth::cloud::{Behaviour, Delivery};
use berth_core::tenant::{Phase, deadline};
use serde_json::{Value, json};

use crate::stand::{Fate, Stand};

fn lose_events(stand: &mut Stand, lose: f64) {
    stand.deliver(Delivery {
        lose,
        ..Delivery::default()
    });
}

/// Events come twice, late and out of order, and some never.
fn odd_events(lose: f64) -> Delivery {
    Delivery {
        delay: 0.7,
        duplicate: 0.7,
        lose,
        longest_delay: Duration::from_secs(40),
    }
}

#[test]
fn e1_whatever_order_events_come_in_the_row_ends_with_the_highest_version_and_never_goes_back() {
    let mut stand = Stand::new();
    stand.deliver(odd_events(0.3));
    stand.http("PUT", "/tenants/acme", &json!({ "idle": { "alwaysOn": true } }));
    let mut highest = None;
    let mut watch = |stand: &mut Stand, seconds: u32| {
        for _ in 0..seconds {
            stand.pass(1);
            let observed = stand.row("acme").unwrap().observed;
            let seen = observed.map(|seen| (seen.created_at, seen.version));
            assert!(seen >= highest, "{seen:?} after {highest:?}");
            highest = seen;
        }
    };
    watch(&mut stand, 240);
    stand.deliver(odd_events(0.0));
    stand.post("/tenants/acme/restart");
    watch(&mut stand, 300);
    let observed = stand.row("acme").unwrap().observed.unwrap();
    let truth = stand.task(&observed.task_arn);
    assert_eq!(
        (json!(observed.version), "RUNNING"),
        (truth["version"].clone(), truth["lastStatus"].as_str().unwrap())
    );
}

#[test]
fn e2_what_comes_late_of_the_old_task_takes_nothing_from_the_new_one() {
    let mut stand = Stand::new();
    let overlay = json!({ "replace": "rolling", "idle": { "alwaysOn": true } });
    let old = stand.running("acme", &overlay)["taskArn"].take();
    // The old task's end is told after the new task's start.
    stand.deliver(Delivery {
        delay: 1.0,
        duplicate: 0.5,
        lose: 0.0,
        longest_delay: Duration::from_mins(3),
    });
    stand.http("PATCH", "/tenants/acme", &json!({ "env": { "PLAN": "gold" } }));
    let mut current: Option<(Value, Value)> = None;
    for _ in 0..400 {
        stand.pass(1);
        let mut tenant = stand.tenant("acme");
        let (task, endpoint) = (tenant["taskArn"].take(), tenant["endpoint"].take());
        match &current {
            Some(seen) => assert_eq!(*seen, (task, endpoint), "the new task stays and can be reached"),
            None if task != old && !endpoint.is_null() => current = Some((task, endpoint)),
            None => {}
        }
    }
    assert!(current.is_some(), "the new task was never reached");
    assert_eq!(stand.last_event(&old, "STOPPED")["detail"]["taskArn"], old);
}

#[test]
fn e3_a_task_that_goes_has_no_address_although_ecs_still_lists_one() {
    let mut stand = Stand::new();
    let running = stand.running("acme", &json!({}));
    let task = running["taskArn"].as_str().unwrap();
    assert!(running["endpoint"]["address"].is_string());
    stand.post("/tenants/acme/sleep");
    let stopped = stand.until("acme", "stopped");
    assert_eq!(stopped["endpoint"], Value::Null);
    assert!(stand.row("acme").unwrap().observed.unwrap().private_ip.is_none());
    let address = running["endpoint"]["address"].as_str().unwrap();
    let event = stand.last_event(&json!(task), "STOPPED");
    assert!(event.to_string().contains(address), "ECS lists it to the end: {event}");
}

/// A task that runs, of which nothing has been told but this: an event without an address.
fn running_without_an_address(stand: &mut Stand) -> Value {
    lose_events(stand, 1.0);
    stand.http("PUT", "/tenants/acme", &json!({ "idle": { "alwaysOn": true } }));
    stand.pass(60);
    let tasks = stand.ecs("ListTasks", &json!({ "cluster": "berth", "serviceName": "t-acme-g1" }));
    let mut task = stand.task(tasks["taskArns"][0].as_str().unwrap());
    assert_eq!(task["lastStatus"], "RUNNING");
    task["attachments"] = json!([]);
    let moment = |seconds: &Value| {
        let ms = (seconds.as_f64().unwrap() * 1e3).round();
        let at: jiff::SignedDuration = jiff::SignedDuration::from_secs_f64(ms / 1e3);
        json!(jiff::Timestamp::UNIX_EPOCH.checked_add(at).unwrap().to_string())
    };
    for member in ["createdAt", "startedAt"] {
        task[member] = moment(&task[member]);
    }
    task["version"] = json!(task["version"].as_u64().unwrap() - 1);
    json!({ "version": "0", "id": "7d1a0b62-1b1e-4e1c-9c3f-2f6d0c5b8a11", "detail-type": "ECS Task State Change",
        "source": "aws.ecs", "account": "123456789012", "time": stand.engine.now().to_string(),
        "region": "us-east-1", "resources": [task["taskArn"]], "detail": task })
}

#[test]
fn e4_an_address_that_the_event_does_not_tell_is_looked_up() {
    let mut stand = Stand::new();
    let event = running_without_an_address(&mut stand);
    assert_eq!(stand.phase("acme"), Some(Phase::Starting));
    stand.emit(event);
    stand.pass(10);
    let tenant = stand.tenant("acme");
    assert_eq!(
        (&tenant["phase"], tenant["settled"].as_bool()),
        (&json!("running"), Some(true)),
        "{tenant:#}"
    );
    assert!(tenant["endpoint"]["address"].is_string(), "{tenant:#}");
}

#[test]
fn e4_a_tenant_that_never_gets_an_address_is_not_said_to_run_and_fails_by_its_deadline() {
    let mut stand = Stand::new();
    let event = running_without_an_address(&mut stand);
    // Looks are refused, so that nobody can tell where it is.
    stand.every_call("ListTasks", Fate::Refused("ServerException"));
    stand.emit(event);
    stand.pass(30);
    let tenant = stand.tenant("acme");
    assert_eq!(
        (&tenant["phase"], &tenant["endpoint"]),
        (&json!("starting"), &Value::Null),
        "{tenant:#}"
    );
    let failed = stand.until("acme", "failed");
    assert_eq!(failed["lastError"]["step"], "look-at-tasks", "{failed:#}");
}

#[test]
fn e8_a_task_of_nobody_of_another_cluster_or_of_a_deleted_tenant_changes_nothing() {
    let mut stand = Stand::new();
    let mut acme = stand.running("acme", &json!({ "idle": { "alwaysOn": true } }));
    let gone = stand.running("gone", &json!({}))["taskArn"].take();
    stand.http("DELETE", "/tenants/gone", &Value::Null);
    stand.pass(300);
    let of_gone = stand.last_event(&gone, "RUNNING");
    let running = stand.last_event(&acme["taskArn"].take(), "RUNNING");
    let before = (stand.rows("Tenants"), stand.rows("Activity"));
    stand.log.clear();
    let changed = |member: &str, value: &str| {
        let mut event = running.clone();
        event["detail"][member] = json!(value);
        event["detail"]["version"] = json!(1_000);
        event["detail"]["lastStatus"] = json!("STOPPED");
        event
    };
    let foreign = [
        changed("group", "service:t-nobody-g1"),
        changed("group", "service:somebody-elses"),
        changed("group", "family:batch"),
        changed("clusterArn", "arn:aws:ecs:us-east-1:123456789012:cluster/other"),
        of_gone,
    ];
    for event in foreign {
        stand.emit(event);
    }
    stand.pass(50);
    assert_eq!((stand.rows("Tenants"), stand.rows("Activity")), before);
    let of_tasks = |made: &&crate::stand::Made| made.function == berth::template::Function::TaskState;
    assert!(
        stand
            .log
            .iter()
            .filter(of_tasks)
            .all(|made| made.call.changes_nothing()),
        "{:?}",
        stand.log
    );
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
