//! What callers and logs are told, and what becomes of what nobody could deal with.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use berth_aws::telemetry::MetricLines;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

#[test]
fn a_list_is_no_object_although_its_items_would_fit() {
    let mut engine = engine();
    for (method, path, body, code) in [
        (
            "POST",
            "/rollouts?dryRun=true",
            json!({"policy": [null, null]}),
            "invalid_rollout",
        ),
        (
            "POST",
            "/rollouts?dryRun=true",
            json!({"policy": {"windows": [[["mon"], 1, 2, 0]]}}),
            "invalid_rollout",
        ),
        ("POST", "/rollouts", json!([null, {}]), "invalid_rollout"),
        ("POST", "/tenants/acme/wake", json!([null, null]), "invalid_wake"),
        ("PUT", "/tenants/acme/hold", json!([60, "a backup"]), "invalid_hold"),
        ("PUT", "/sweeps/override", json!(["it is late"]), "invalid_override"),
        ("POST", "/activity", json!([["acme"]]), "invalid_parameter"),
    ] {
        let (status, problem) = http(&mut engine, method, path, &body);
        assert!(
            [400, 422].contains(&status),
            "{method} {path} {body}: {status} {problem}"
        );
        assert_eq!(problem["code"], code, "{method} {path} {body}: {problem}");
    }
}

/// What was logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("a log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Every row of every table, as text.
fn rows(engine: &Engine) -> String {
    let tables = engine.stack().tables.iter().map(|table| &table.create["TableName"]);
    let scans = tables.map(|name| {
        let scan = json!({"TableName": name});
        let found = ask(&mut engine.shared.cloud(), Service::DynamoDb, "Scan", &scan).expect("rows");
        found.to_string()
    });
    scans.collect()
}

#[test]
fn s3_a_pasted_secret_is_nowhere_and_the_value_of_a_variable_is_in_no_log_ledger_or_event() {
    const SECRET: &str = "hunter2-pasted-by-mistake";
    const VALUE: &str = "value-of-a-variable";
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_writer(move || writer.clone())
        .finish();
    let (engine, answers) = tracing::subscriber::with_default(subscriber, || {
        let mut engine = engine();
        let mut answers = Vec::new();
        let mut say = |engine: &mut Engine, method: &str, path: &str, body: Value| {
            answers.push(http(engine, method, path, &body).1.to_string());
        };
        let overlay = json!({"env": {"MODE": VALUE}});
        say(&mut engine, "PUT", "/tenants/acme", overlay);
        until(&mut engine, "acme", "running");
        say(
            &mut engine,
            "PATCH",
            "/tenants/acme",
            json!({"secrets": {"KEY": SECRET}}),
        );
        say(
            &mut engine,
            "PATCH",
            "/tenants/acme",
            json!({"secrets": {SECRET: [SECRET]}}),
        );
        say(
            &mut engine,
            "PUT",
            "/tenants/other",
            json!({"secrets": {"KEY": {"a": SECRET}}}),
        );
        let fault = |action: &str| Fault {
            service: Service::Ecs,
            action: action.to_owned(),
            error: "ServerException".to_owned(),
            count: 4,
        };
        for action in ["RegisterTaskDefinition", "UpdateService"] {
            engine.shared.cloud().set_fault(fault(action));
        }
        say(
            &mut engine,
            "PATCH",
            "/tenants/acme",
            json!({"size": {"cpu": 1024, "memory": 4096}}),
        );
        pass(&mut engine, 900);
        say(&mut engine, "GET", "/tenants/acme/explain", Value::Null);
        say(&mut engine, "GET", "/tenants/acme/history", Value::Null);
        (engine, answers)
    });
    let log = String::from_utf8(log.0.lock().expect("a log").clone()).expect("UTF-8");
    assert!(log.contains("acme"), "something was logged: {log}");
    let ledger: Vec<&String> = answers.iter().rev().take(2).collect();
    let events: Vec<_> = engine
        .shared
        .cloud()
        .events_after(0)
        .map(|event| json!(event).to_string())
        .collect();
    assert!(!events.is_empty());
    let said = |what: &str, text: &str, word: &str| assert!(!text.contains(word), "{what} has {word}: {text}");
    for text in &answers[1..] {
        // The name of a variable is told; what stands for its value is not.
        said("an answer", &text.replace(&format!("/secrets/{SECRET}"), ""), SECRET);
    }
    for text in events.iter().chain([&log, &rows(&engine)]) {
        said("a log, an event or a row", text, SECRET);
    }
    for text in events.iter().chain(ledger).chain([&log]) {
        said("a log, an event or the ledger", text, VALUE);
    }
}

#[test]
fn s4_an_error_tells_a_caller_nothing_of_what_is_inside() {
    let mut engine = engine();
    http(&mut engine, "PUT", "/tenants/acme", &json!({}));
    until(&mut engine, "acme", "running");
    let calls = ["GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"];
    let fault = |service: Service, action: &str, count: u32| Fault {
        service,
        action: action.to_owned(),
        error: "AccessDeniedException".to_owned(),
        count,
    };
    let all = |engine: &Engine, count: u32| {
        for action in calls {
            engine.shared.cloud().set_fault(fault(Service::DynamoDb, action, count));
        }
    };
    let mut told = 0;
    for operation in Operation::ALL {
        let route = operation.route();
        let path = route.path.replace(
            "{id}",
            if route.path.starts_with("/rollouts") {
                "ro1"
            } else {
                "acme"
            },
        );
        let body = match operation {
            Operation::PutHold => json!({"seconds": 60, "reason": "a backup"}),
            Operation::PutOverride => json!({"reason": "it is late"}),
            Operation::TouchMany => json!({"tenants": ["acme"]}),
            Operation::PatchTenant => json!({"env": {"A": "b"}}),
            _ => Value::Null,
        };
        let path = if *operation == Operation::PreviewSweep {
            "/sweeps?dryRun=true".to_owned()
        } else {
            path
        };
        all(&engine, 1_000);
        let (status, answer) = http(&mut engine, route.method, &path, &body);
        all(&engine, 0);
        let text = answer.to_string();
        for internal in [
            "arn:",
            "berth-",
            "Table",
            "dynamo",
            "Dynamo",
            "AccessDenied",
            "GetItem",
            "panicked",
            ".rs",
        ] {
            assert!(
                !text.contains(internal) || *operation == Operation::OpenApi,
                "{operation:?} tells of {internal}: {text}"
            );
        }
        assert!(status != 500, "{operation:?}: {text}");
        told += u32::from(status == 503 && answer["code"] == "unavailable");
    }
    assert!(told > 20, "{told} operations could not do without a table");
    http(&mut engine, "GET", "/tenants/acme", &Value::Null);
}

#[test]
fn s6_no_metric_of_a_whole_life_has_a_dimension_for_a_tenant() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::registry().with(MetricLines(move || writer.clone()));
    tracing::subscriber::with_default(subscriber, || {
        let mut engine = engine();
        http(&mut engine, "PUT", "/tenants/acme", &json!({}));
        until(&mut engine, "acme", "running");
        http(&mut engine, "POST", "/tenants/acme/activity", &Value::Null);
        pass(&mut engine, 2_700);
        until(&mut engine, "acme", "stopped");
        http(&mut engine, "POST", "/tenants/acme/wake", &Value::Null);
        until(&mut engine, "acme", "running");
        http(&mut engine, "PATCH", "/tenants/acme", &json!({"env": {"MODE": "slow"}}));
        pass(&mut engine, 300);
        http(&mut engine, "DELETE", "/tenants/acme", &Value::Null);
        pass(&mut engine, 900);
    });
    let written = String::from_utf8(log.0.lock().expect("a log").clone()).expect("UTF-8");
    let lines: Vec<Value> = written
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let mut names = std::collections::BTreeSet::new();
    for line in &lines {
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().expect("directives") {
            assert_eq!(directive["Dimensions"], json!([["stack"]]), "{line}");
            for metric in directive["Metrics"].as_array().expect("metrics") {
                let name = metric["Name"].as_str().expect("a name");
                assert!(line[name].is_number() && !name.contains("acme"), "{line}");
                names.insert(name.to_owned());
            }
        }
        assert_eq!(line["stack"], "berth", "{line}");
    }
    assert!(
        lines.iter().any(|line| line["tenant"] == "acme"),
        "one of them is about the tenant"
    );
    for alarmed in berth_aws::telemetry::ALARMED {
        assert!(names.contains(alarmed), "nobody told {alarmed}: {names:?}");
    }
    assert_eq!(names.len() as u64, berth_core::cost::METRICS, "{names:?}");
}

#[test]
fn s8_what_was_given_up_is_sent_back_by_a_command_and_then_done() {
    let mut engine = engine();
    let fault = |count: u32| Fault {
        service: Service::Ecs,
        action: "CreateService".to_owned(),
        error: "ServerException".to_owned(),
        count,
    };
    engine.shared.cloud().set_fault(fault(1_000));
    http(&mut engine, "PUT", "/tenants/acme", &json!({}));
    until(&mut engine, "acme", "failed");
    pass(&mut engine, 600);
    engine.shared.cloud().set_fault(fault(0));
    pass(&mut engine, 600);
    until(&mut engine, "acme", "failed");
    // What docs/operate.md says: `aws sqs start-message-move-task`.
    let arn = |queue: &str| format!("arn:aws:sqs:us-east-1:123456789012:berth-{queue}.fifo");
    let back = json!({"SourceArn": arn("ReconcileDeadLetters"), "DestinationArn": arn("ReconcileQueue")});
    ask(&mut engine.shared.cloud(), Service::Sqs, "StartMessageMoveTask", &back).expect("a move");
    until(&mut engine, "acme", "running");
    assert!(dead_letters(&engine, "berth-ReconcileDeadLetters.fifo").is_empty());
}
