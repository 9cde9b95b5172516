//! Activity, sleep and wake, through the routes of the template.

use std::io::Write;
use std::sync::{Arc, Mutex};

use berth_aws::telemetry::{MetricLines, RUNNING, STOP_SECONDS};
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::cloud::Behaviour;

/// A minute of idle time and ten seconds of coalescing. On one machine there is one clock.
const SLEEPS_AFTER: u64 = 60 + 10;

pub(super) fn get(engine: &mut Engine, path: &str) -> Value {
    let (status, body) = http(engine, "GET", path, &Value::Null);
    assert_eq!(status, 200, "{path}: {body}");
    body
}

pub(super) fn post(engine: &mut Engine, path: &str, body: &Value) -> (u16, Value) {
    http(engine, "POST", path, body)
}

/// A tenant that runs, and sleeps after a minute.
pub(super) fn running(engine: &mut Engine, id: &str, overlay: &Value) -> Value {
    let mut body = json!({"idle": {"after": 60, "minUptime": 0}});
    body.as_object_mut()
        .expect("an object")
        .extend(overlay.as_object().expect("an overlay").clone());
    let (status, answer) = http(engine, "PUT", &format!("/tenants/{id}"), &body);
    assert_eq!(status, 202, "{answer}");
    until(engine, id, "running")
}

pub(super) fn decisions(engine: &mut Engine, id: &str, decision: &str) -> Vec<Value> {
    let history = get(engine, &format!("/tenants/{id}/history"));
    let all = history["decisions"].as_array().expect("decisions").clone();
    all.into_iter().filter(|entry| entry["decision"] == decision).collect()
}

pub(super) fn instant(value: &Value) -> Timestamp {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("{value} is no time"))
}

#[test]
fn a1_a_tenant_runs_until_its_idle_time_after_its_work_is_over_and_no_minute_longer() {
    let mut engine = engine();
    running(&mut engine, "acme", &json!({}));
    pass(&mut engine, 30);
    assert_eq!(post(&mut engine, "/tenants/acme/activity", &Value::Null).0, 204);
    let worked = engine.now();
    let told = instant(&get(&mut engine, "/tenants/acme")["stopsAt"]);
    assert_eq!(told, worked + Duration::from_secs(SLEEPS_AFTER));
    let to = told - Duration::from_millis(1);
    engine.advance_to(to).expect("time passes");
    assert_eq!(get(&mut engine, "/tenants/acme")["intent"]["state"], "running");
    pass(&mut engine, 61);
    assert_eq!(get(&mut engine, "/tenants/acme")["intent"]["reason"], "idle");
}

#[test]
fn a4_a_tenant_that_takes_long_to_start_is_not_stopped_before_anyone_could_use_it() {
    let mut engine = engine();
    let slow = "registry.example/app:slow";
    engine.shared.cloud().set_image(slow, Behaviour::Slow(9 * 60));
    let overlay = json!({"image": slow, "idle": {"after": 60, "minUptime": 0}});
    http(&mut engine, "PUT", "/tenants/acme", &overlay);
    let tenant = until(&mut engine, "acme", "running");
    assert_eq!(
        tenant["intent"]["generation"], 1,
        "nobody has stopped it on its way: {tenant}"
    );
    let (stops, now) = (instant(&tenant["stopsAt"]), engine.now());
    assert!(
        stops <= now + Duration::from_secs(SLEEPS_AFTER),
        "and then it is a tenant like any other: {tenant}"
    );
    assert_eq!(until(&mut engine, "acme", "stopped")["stopped"]["reason"], "idle");
}

#[test]
fn a8_a_hold_keeps_a_tenant_up_and_a_leaked_one_ends_by_itself() {
    let mut engine = engine();
    running(&mut engine, "acme", &json!({}));
    let hold = json!({"seconds": 900, "reason": "agent turn"});
    let (status, granted) = http(&mut engine, "PUT", "/tenants/acme/hold", &hold);
    assert_eq!((status, &granted["seconds"]), (200, &json!(900)), "{granted}");
    let until = instant(&granted["until"]);
    engine
        .advance_to(until - Duration::from_millis(1))
        .expect("time passes");
    let told = get(&mut engine, "/tenants/acme/explain");
    assert_eq!(
        (&told["phase"], &told["idle"]["verdict"]),
        (&json!("running"), &json!("held")),
        "{told}"
    );
    pass(&mut engine, 62);
    assert_eq!(get(&mut engine, "/tenants/acme")["intent"]["reason"], "idle");
    let (status, problem) = http(&mut engine, "PUT", "/tenants/acme/hold", &hold);
    assert_eq!((status, &problem["wake"]), (409, &json!("/tenants/acme/wake")));
}

#[test]
fn a8_a_hold_that_is_released_or_replaced_by_a_shorter_one_keeps_nobody_up() {
    for (method, body) in [
        ("DELETE", Value::Null),
        ("PUT", json!({"seconds": 1, "reason": "done"})),
    ] {
        let mut engine = engine();
        running(&mut engine, "acme", &json!({}));
        let hold = json!({"seconds": 3600, "reason": "agent turn"});
        assert_eq!(http(&mut engine, "PUT", "/tenants/acme/hold", &hold).0, 200);
        assert!(http(&mut engine, method, "/tenants/acme/hold", &body).0 < 300);
        pass(&mut engine, SLEEPS_AFTER + 61);
        assert_eq!(
            get(&mut engine, "/tenants/acme")["intent"]["reason"],
            "idle",
            "{method}"
        );
    }
}

#[test]
fn a9_whoever_looks_is_not_at_work() {
    let mut engine = engine();
    running(&mut engine, "acme", &json!({}));
    pass(&mut engine, 20);
    let before = get(&mut engine, "/tenants/acme")["lastActivity"].clone();
    for path in [
        "/tenants",
        "/tenants/acme",
        "/tenants/acme/history",
        "/tenants/acme/explain",
        "/releases",
    ] {
        get(&mut engine, path);
    }
    assert_eq!(post(&mut engine, "/sweeps?dryRun=true", &Value::Null).0, 200);
    assert_eq!(
        post(&mut engine, "/tenants/acme/wake?wait=1", &Value::Null).0,
        200,
        "a wake is not work either"
    );
    // ECS tells of a running task whenever something about it changes, its health above all; and it tells twice.
    let events: Vec<Value> = {
        let cloud = engine.shared.cloud();
        let told = cloud.events_after(0).map(|emitted| emitted.event.clone());
        told.filter(|event| event["detail"]["lastStatus"] == "RUNNING")
            .collect()
    };
    let mut event = events.last().expect("a RUNNING event").clone();
    for version in [event["detail"]["version"].clone(), json!(77)] {
        event["detail"]["version"] = version;
        event["detail"]["healthStatus"] = json!("UNHEALTHY");
        let (reply_to, _) = oneshot::channel();
        engine.start_http(Function::TaskState, event.clone(), reply_to);
        engine.settle();
    }
    let after = get(&mut engine, "/tenants/acme");
    assert_eq!(after["lastActivity"], before, "{after}");
    pass(&mut engine, SLEEPS_AFTER + 61);
    assert_eq!(get(&mut engine, "/tenants/acme")["intent"]["reason"], "idle");
}

#[test]
fn a17_a_definition_that_does_not_start_gives_way_and_the_row_the_ledger_and_the_explanation_say_so() {
    let mut engine = engine();
    let never = "registry.example/app:never";
    engine.shared.cloud().set_image(never, Behaviour::NeverStarts);
    let good = running(&mut engine, "acme", &json!({"idle": {"alwaysOn": true}}))["definitionArn"].clone();
    assert_eq!(post(&mut engine, "/tenants/acme/sleep", &Value::Null).0, 202);
    until(&mut engine, "acme", "stopped");
    http(&mut engine, "PATCH", "/tenants/acme", &json!({"image": never}));
    until(&mut engine, "acme", "stopped");
    assert_eq!(post(&mut engine, "/tenants/acme/wake", &Value::Null).0, 202);
    let woken = until(&mut engine, "acme", "running");
    assert_eq!(woken["definitionArn"], good, "the last good one serves");
    let failed = decisions(&mut engine, "acme", "definition-failed");
    assert_eq!(failed.len(), 1, "{failed:?}");
    let told = get(&mut engine, "/tenants/acme/explain");
    let fallen = &told["definition"]["fellBackFrom"];
    assert_eq!(fallen["reason"], failed[0]["on"]["reason"], "{told}");
    let summary = told["summary"].as_str().expect("a summary");
    assert!(
        summary.contains("did not start") && summary.contains("stands in"),
        "{summary}"
    );
}

#[test]
fn a19_who_is_always_on_never_sleeps_and_each_has_its_own_idle_time() {
    let mut engine = engine();
    running(&mut engine, "short", &json!({}));
    running(&mut engine, "long", &json!({"idle": {"after": 1200, "minUptime": 0}}));
    running(&mut engine, "always", &json!({"idle": {"alwaysOn": true}}));
    running(&mut engine, "new", &json!({"idle": {"after": 60, "minUptime": 900}}));
    pass(&mut engine, 600);
    let state = |engine: &mut Engine, id: &str| get(engine, &format!("/tenants/{id}"))["intent"]["state"].clone();
    assert_eq!(state(&mut engine, "short"), "stopped");
    for id in ["long", "always", "new"] {
        assert_eq!(state(&mut engine, id), "running", "{id}");
    }
    let told = get(&mut engine, "/tenants/new/explain");
    assert_eq!(told["idle"]["verdict"], "protected", "{told}");
    pass(&mut engine, 1200);
    assert_eq!(
        (state(&mut engine, "long"), state(&mut engine, "new")),
        (json!("stopped"), json!("stopped"))
    );
    pass(&mut engine, 2 * 3600);
    assert_eq!(state(&mut engine, "always"), "running");
}

#[test]
fn an_explanation_says_what_a_stop_was_decided_on_and_how_long_it_took() {
    let mut engine = engine();
    running(&mut engine, "acme", &json!({}));
    let told = get(&mut engine, "/tenants/acme/explain");
    let due = instant(&told["idle"]["stopsAt"]);
    assert_eq!(told["idle"]["keepers"][0]["by"], "work");
    until(&mut engine, "acme", "stopped");
    let told = get(&mut engine, "/tenants/acme/explain");
    let stop = &told["stop"];
    assert_eq!((&stop["reason"], &stop["by"]), (&json!("idle"), &json!("watchdog")));
    let asked = instant(&stop["askedAt"]);
    assert!(
        asked >= due && asked <= due + Duration::from_secs(61),
        "due {due}: {told}"
    );
    let took = stop["tookSeconds"].as_f64().expect("a proof");
    let proven = instant(&stop["provenAt"]).duration_since(asked).as_secs_f64();
    assert!(took > 1.0 && (took - proven).abs() < 0.001, "{told}");
    assert_eq!(stop["decidedOn"]["row"]["tenant"], "acme");
    assert!(
        told["decisions"]
            .as_array()
            .is_some_and(|all| !all.is_empty() && all.len() <= 10)
    );
    assert_eq!(http(&mut engine, "GET", "/tenants/nobody/explain", &Value::Null).0, 404);
}

#[test]
fn a12_what_a_sweep_would_do_is_told_and_what_it_refuses_one_word_lets_through_once() {
    let mut engine = engine();
    let ids: Vec<String> = (0..11).map(|number| format!("t{number}")).collect();
    for id in &ids {
        http(
            &mut engine,
            "PUT",
            &format!("/tenants/{id}"),
            &json!({"idle": {"after": 600, "minUptime": 0}}),
        );
    }
    pass(&mut engine, 120);
    // All eleven work at the same moment for the last time: one more than is believable of so few.
    let (status, told) = post(&mut engine, "/activity", &json!({"tenants": ids}));
    let accepted = told["results"].as_array().expect("results").iter();
    assert_eq!(
        (status, accepted.filter(|one| one["status"] == 204).count()),
        (200, 11),
        "{told}"
    );
    pass(&mut engine, 600 + 10 + 60);
    let (_, dry) = post(&mut engine, "/sweeps?dryRun=true", &Value::Null);
    assert_eq!(
        (&dry["admission"]["admission"], dry["idle"].as_array().map(Vec::len)),
        (&json!("refused"), Some(11)),
        "{dry}"
    );
    let up = |engine: &mut Engine| {
        let tenants = get(engine, "/tenants");
        let all = tenants["tenants"].as_array().expect("tenants").iter();
        all.filter(|tenant| tenant["intent"]["state"] == "running").count()
    };
    assert_eq!(up(&mut engine), 11);

    assert_eq!(
        http(&mut engine, "PUT", "/sweeps/override", &json!({})).0,
        422,
        "an override has a reason"
    );
    let (status, given) = http(
        &mut engine,
        "PUT",
        "/sweeps/override",
        &json!({"reason": "the trial is over"}),
    );
    assert_eq!((status, &given["reason"]), (200, &json!("the trial is over")));
    assert_eq!(http(&mut engine, "DELETE", "/sweeps/override", &Value::Null).0, 204);
    pass(&mut engine, 61);
    assert_eq!(up(&mut engine), 11, "it was taken back");
    http(
        &mut engine,
        "PUT",
        "/sweeps/override",
        &json!({"reason": "the trial is over"}),
    );
    pass(&mut engine, 61);
    assert_eq!(up(&mut engine), 0);
    assert_eq!(
        post(&mut engine, "/sweeps", &Value::Null).0,
        400,
        "only a dry run is asked for"
    );
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stop_is_measured_from_its_claim_to_its_proof() {
    let (lines, stubborn) = (Lines::default(), "registry.example/app:stubborn");
    let shared = lines.clone();
    let subscriber = tracing_subscriber::registry().with(MetricLines(move || shared.clone()));
    // As long as there is but one, `tracing` asks the thread that comes by an event first whether anybody wants it; tests in
    // other threads would say no for all.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    tracing::subscriber::with_default(subscriber, || {
        let mut engine = engine();
        // It ends 30 s after it was told to.
        engine.shared.cloud().set_image(stubborn, Behaviour::IgnoresSigterm);
        running(&mut engine, "acme", &json!({"image": stubborn}));
        until(&mut engine, "acme", "stopped");
        let took = get(&mut engine, "/tenants/acme/explain")["stop"]["tookSeconds"].clone();
        let written = String::from_utf8(lines.0.lock().expect("nobody panics").clone()).expect("text");
        let metrics: Vec<Value> = written
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let of = |name: &str| -> Vec<Value> {
            let values = metrics.iter().map(|line| line[name].clone());
            values.filter(|value| !value.is_null()).collect()
        };
        assert_eq!(
            of(STOP_SECONDS),
            std::slice::from_ref(&took),
            "one stop, and the row says the same"
        );
        assert!(took.as_f64().is_some_and(|seconds| seconds > 30.0), "{took}");
        assert!(of(RUNNING).len() > 5, "each sweep says that it has ended");
    });
}

/// From now on this many calls of everything that looks at ECS or changes a service are answered with this error.
fn ecs_answers(engine: &Engine, error: &str, count: u32) {
    for action in ["DescribeServices", "ListTasks", "DescribeTasks", "UpdateService"] {
        engine.shared.cloud().set_fault(Fault {
            service: Service::Ecs,
            action: action.to_owned(),
            error: error.to_owned(),
            count,
        });
    }
}

/// What the tenant's row says of what was seen and proven.
fn seen(tenant: &Value) -> Value {
    json!([
        tenant["phase"],
        tenant["settled"],
        tenant["taskArn"],
        tenant["endpoint"],
        tenant["stopped"]
    ])
}

#[test]
fn a13_an_ecs_that_does_not_answer_is_no_proof_and_what_was_asked_to_stop_is_driven_until_it_has() {
    for error in ["ThrottlingException", "AccessDeniedException", "ServerException"] {
        let mut engine = engine();
        running(&mut engine, "acme", &json!({}));
        ecs_answers(&engine, error, u32::MAX);
        assert_eq!(post(&mut engine, "/tenants/acme/sleep", &Value::Null).0, 202);
        let before = get(&mut engine, "/tenants/acme");
        assert_ne!(before["phase"], "stopped");
        pass(&mut engine, 20 * 60);
        let after = get(&mut engine, "/tenants/acme");
        assert_eq!(seen(&after), seen(&before), "{error}");
        assert_eq!(after["lastError"]["code"], error, "{after}");
        ecs_answers(&engine, error, 0);
        // The longest that a message is hidden after a failure, and a sweep.
        pass(&mut engine, 7 * 60);
        assert_eq!(get(&mut engine, "/tenants/acme")["phase"], "stopped", "{error}");
    }
}
