//! What the functions call, against what their roles allow: both ways.

use std::collections::BTreeSet;

use super::*;
use crate::cloud::Behaviour;
use crate::iam::{Denied, Part, Roles};

/// What of the roles was needed, and what was called although they do not allow it.
type Needs = (BTreeSet<Part>, BTreeSet<Denied>);

fn needs(roles: &Roles) -> Needs {
    (roles.needed().clone(), roles.denied().clone())
}

fn ok(engine: &mut Engine, method: &str, path: &str, body: &Value) -> Value {
    let (status, body) = http(engine, method, path, body);
    assert!(status < 300, "{method} {path}: {status} {body}");
    body
}

fn behave(engine: &Engine, image: &str, behaviour: &str) {
    let behaviour: Behaviour = behaviour.parse().expect("a behaviour");
    engine.shared.cloud().set_image(image, behaviour);
}

/// More tenants fall asleep at once than is believable, until somebody says that it is right.
fn a_night(engine: &mut Engine) {
    let ids: Vec<String> = (0..12).map(|number| format!("night-{number}")).collect();
    for id in &ids {
        ok(
            engine,
            "PUT",
            &format!("/tenants/{id}"),
            &json!({"idle": {"after": 60, "minUptime": 0}}),
        );
    }
    pass(engine, 600);
    ok(engine, "POST", "/sweeps?dryRun=true", &Value::Null);
    ok(engine, "PUT", "/sweeps/override", &json!({"reason": "it is late"}));
    ok(engine, "DELETE", "/sweeps/override", &Value::Null);
    ok(
        engine,
        "PUT",
        "/sweeps/override",
        &json!({"reason": "it is late after all"}),
    );
    pass(engine, 300);
    for id in &ids {
        until(engine, id, "stopped");
        ok(engine, "DELETE", &format!("/tenants/{id}"), &Value::Null);
    }
    pass(engine, 300);
}

/// One tenant is used in every way that there is.
fn a_day(engine: &mut Engine) {
    ok(engine, "PUT", "/tenants/acme", &json!({}));
    until(engine, "acme", "running");
    pass(engine, 60);
    ok(engine, "PATCH", "/tenants/acme", &json!({"env": {"PLAN": "gold"}}));
    pass(engine, 120);
    ok(engine, "POST", "/tenants/acme/activity", &Value::Null);
    assert_eq!(http(engine, "POST", "/tenants/nobody/activity", &Value::Null).0, 404);
    ok(
        engine,
        "PUT",
        "/tenants/acme/hold",
        &json!({"seconds": 60, "reason": "a backup"}),
    );
    ok(engine, "DELETE", "/tenants/acme/hold", &Value::Null);
    ok(engine, "POST", "/tenants/acme/wake", &json!({"protectFor": 60}));
    ok(engine, "GET", "/tenants/acme/history", &Value::Null);
    ok(engine, "GET", "/tenants/acme/explain", &Value::Null);
    ok(engine, "GET", "/tenants", &Value::Null);
    ok(engine, "POST", "/tenants/acme/sleep", &Value::Null);
    until(engine, "acme", "stopped");
    book_wake(engine);
    ok(engine, "DELETE", "/tenants/acme/wake", &Value::Null);
    book_wake(engine);
    until(engine, "acme", "running");
    book_wake(engine);
    pass(engine, 240);
}

/// Asks for a wake in 90 seconds.
fn book_wake(engine: &mut Engine) {
    let at = (engine.now() + Duration::from_secs(90)).to_string();
    let wanted = json!({"at": at, "protectFor": 60});
    ok(engine, "POST", "/tenants/acme/wake", &wanted);
}

fn send(engine: &Engine, queue: &str, body: &str) {
    let message = json!({
        "QueueUrl": format!("https://sqs.us-east-1.amazonaws.com/123456789012/{queue}"),
        "MessageBody": body,
        "MessageGroupId": "nobody",
        "MessageDeduplicationId": "once",
    });
    ask(&mut engine.shared.cloud(), Service::Sqs, "SendMessage", &message).expect("a message");
}

/// Images that do not start, that crash, and a service that fails.
fn a_bad_day(engine: &mut Engine) {
    behave(engine, "registry.example/never:1", "exits:1");
    ok(
        engine,
        "PATCH",
        "/tenants/acme",
        &json!({"image": "registry.example/never:1"}),
    );
    pass(engine, 1_800);
    ok(engine, "PATCH", "/tenants/acme", &json!({"image": null}));
    behave(engine, "registry.example/loop:1", "crashes:5");
    ok(
        engine,
        "PUT",
        "/tenants/loop",
        &json!({"image": "registry.example/loop:1"}),
    );
    until(engine, "loop", "failed");
    let fault = Fault {
        service: Service::Ecs,
        action: "CreateService".to_owned(),
        error: "ServerException".to_owned(),
        count: 4,
    };
    engine.shared.cloud().set_fault(fault);
    ok(engine, "PUT", "/tenants/late", &json!({}));
    until(engine, "late", "running");
    // Nothing that can be dealt with.
    send(engine, "berth-ReconcileQueue.fifo", "nonsense");
    // Given up long ago, and looked at and sent back by an operator.
    let nudge = json!({"tenantId": "acme", "why": "it was in the way"});
    send(engine, "berth-ReconcileDeadLetters.fifo", &nudge.to_string());
    ok(engine, "GET", "/dead-letters", &Value::Null);
    pass(engine, 60);
    ok(engine, "POST", "/dead-letters/redrive", &json!({}));
    // Created anew before the old one is gone.
    ok(engine, "DELETE", "/tenants/late", &Value::Null);
    ok(engine, "PUT", "/tenants/late", &json!({}));
    pass(engine, 600);
    until(engine, "late", "running");
    ok(engine, "DELETE", "/tenants/late", &Value::Null);
    pass(engine, 300);
}

/// A base that delivers templates, and a tenant that has one.
fn a_template(engine: &mut Engine) {
    let next: Value = serde_json::from_str(include_str!("../../../../examples/delivery/base.json")).expect("JSON");
    {
        let cloud = &mut engine.shared.cloud();
        ask(cloud, Service::Ecs, "RegisterTaskDefinition", &next).expect("a revision");
        cloud.set_stack(BASE_STACK, crate::cloud::StackStatus::UpdateComplete);
    }
    pass(engine, 3_600);
    ok(engine, "PUT", "/tenants/styled", &json!({"template": "sample"}));
    until(engine, "styled", "running");
}

/// A base whose image is in ECR, first looked at, then rolled out.
fn a_deployment(engine: &mut Engine) {
    ok(engine, "PUT", "/tenants/steady", &json!({"idle": {"alwaysOn": true}}));
    until(engine, "steady", "running");
    let image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:2";
    behave(engine, image, "healthy");
    let mut next = base_definition("fs-0123456789abcdef0", "2");
    next["containerDefinitions"][0]["image"] = json!(image);
    ask(
        &mut engine.shared.cloud(),
        Service::Ecs,
        "RegisterTaskDefinition",
        &next,
    )
    .expect("a revision");
    ok(engine, "POST", "/rollouts?dryRun=true", &json!({}));
    ok(engine, "POST", "/rollouts", &json!({"policy": {"bakeSeconds": 600}}));
    pass(engine, 120);
    let rollout = ok(engine, "GET", "/releases", &Value::Null)["rollout"].clone();
    let rollout = rollout.as_str().expect("a rollout").to_owned();
    ok(engine, "POST", &format!("/rollouts/{rollout}/pause"), &Value::Null);
    ok(engine, "POST", &format!("/rollouts/{rollout}/resume"), &Value::Null);
    pass(engine, 1_800);
    engine
        .shared
        .cloud()
        .set_stack(BASE_STACK, crate::cloud::StackStatus::UpdateComplete);
    pass(engine, 120);
}

/// Without a volume of their own tenants share definitions, and those that nobody uses any more are cleared away.
fn without_volume() -> Engine {
    let start = "2026-01-01T00:00:00Z".parse().expect("a time");
    let cloud = Cloud::new(Config::new(7, start)).expect("a cloud");
    let settings = Settings {
        parameters: [("WorkspaceVolume".to_owned(), "none".to_owned())].into(),
        ..Settings::default()
    };
    let mut engine = Engine::deploy(cloud, "us-east-1", &settings).expect("a deployment");
    pass(&mut engine, 300);
    for plan in 0..12 {
        let overlay = json!({"env": {"PLAN": plan.to_string()}, "idle": {"alwaysOn": true}});
        ok(&mut engine, "PUT", "/tenants/acme", &overlay);
        pass(&mut engine, 60);
        until(&mut engine, "acme", "running");
    }
    for version in ["2", "3"] {
        let next = base_definition("fs-0123456789abcdef0", version);
        ask(
            &mut engine.shared.cloud(),
            Service::Ecs,
            "RegisterTaskDefinition",
            &next,
        )
        .expect("a revision");
        engine
            .shared
            .cloud()
            .set_stack(BASE_STACK, crate::cloud::StackStatus::UpdateComplete);
        pass(&mut engine, 3_600);
    }
    engine
}

/// What Lambda itself does with a function's role.
fn of_lambda(engine: &Engine) -> BTreeSet<Part> {
    let mut parts = BTreeSet::new();
    for spec in &engine.stack().functions {
        let mut add = |sid: &str, action: &str, resource: &str| {
            parts.insert(Part {
                function: spec.function,
                sid: sid.to_owned(),
                what: (action.to_owned(), resource.to_owned()),
            });
        };
        let group = format!("arn:aws:logs:us-east-1:123456789012:log-group:{}:*", spec.log_group);
        add("Log", "logs:CreateLogStream", &group);
        add("Log", "logs:PutLogEvents", &group);
        for mapping in &spec.mappings {
            for action in ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"] {
                add("Take", action, &mapping.queue);
            }
        }
        if let Some(queue) = &spec.on_failure.queue {
            add("GiveUp", "sqs:SendMessage", queue);
        }
    }
    parts
}

#[test]
fn s2_each_role_allows_what_is_called_and_nothing_else() {
    let mut engine = engine();
    a_day(&mut engine);
    a_bad_day(&mut engine);
    a_deployment(&mut engine);
    a_night(&mut engine);
    a_template(&mut engine);
    let mut all = crate::simulate::with_lost_answers(needs);
    all.push(engine.shared.roles(needs).expect("roles"));
    all.push(without_volume().shared.roles(needs).expect("roles"));
    let denied: Vec<String> = all
        .iter()
        .flat_map(|(_, denied)| denied.iter().map(ToString::to_string))
        .collect();
    assert!(denied.is_empty(), "called and not allowed:\n{}", denied.join("\n"));
    let needed: BTreeSet<Part> = all.into_iter().flat_map(|(needed, _)| needed).collect();
    let allowed = engine.shared.roles(Roles::parts).expect("roles");
    let own = of_lambda(&engine);
    let unneeded: Vec<&Part> = allowed
        .iter()
        .filter(|part| !needed.contains(part) && !own.contains(part))
        .collect();
    assert!(unneeded.is_empty(), "allowed and not called:\n{unneeded:#?}");
    assert!(own.is_subset(&allowed), "Lambda needs {own:#?}");
}

#[test]
fn s2_no_action_is_a_wildcard_and_only_reconcile_writes_to_ecs_and_efs() {
    let engine = engine();
    let writes = |action: &str| {
        let (service, name) = action.split_once(':').expect("a service");
        let reads = ["Describe", "List", "Get"].iter().any(|read| name.starts_with(read));
        ["ecs", "elasticfilesystem", "iam"].contains(&service) && !reads
    };
    for spec in &engine.stack().functions {
        assert!(!spec.role.is_empty(), "{}", spec.function);
        for statement in &spec.role {
            for action in &statement.actions {
                assert!(!action.contains(['*', '?']), "{} {action}", spec.function);
                let may = spec.function == Function::Reconcile;
                assert!(may || !writes(action), "{} may {action}", spec.function);
            }
        }
    }
}

#[test]
fn s2_the_role_of_activity_can_write_last_activity_and_nothing_else() {
    let engine = engine();
    let role = &engine.stack().function(Function::Activity).expect("activity").role;
    let writing: Vec<&str> = role
        .iter()
        .flat_map(|statement| statement.actions.iter().map(String::as_str))
        .filter(|action| !action.starts_with("logs:") && *action != "dynamodb:GetItem")
        .collect();
    assert_eq!(writing, ["dynamodb:UpdateItem"]);
    let may = |action: &str, table: &str, members: Value| {
        let mut body = json!({"TableName": format!("berth-{table}"), "Key": {"tenantId": {"S": "acme"}}});
        body.as_object_mut()
            .expect("members")
            .extend(members.as_object().expect("members").clone());
        let request = Request::post("/").header("x-amz-target", format!("DynamoDB_20120810.{action}"));
        let request = request.body(Bytes::from(body.to_string())).expect("a request");
        let mut roles = Roles::of(engine.stack(), "us-east-1");
        roles.permit(Function::Activity, &request).is_ok()
    };
    let touch = |update: &str, returned: &str| {
        let members = json!({"UpdateExpression": update, "ReturnValues": returned});
        may("UpdateItem", "ActivityTable", members)
    };
    assert!(touch("SET lastActivity = :now", "NONE"));
    for more in ["idleAfter", "holdUntil", "notBefore", "claimed", "anything"] {
        let update = format!("SET lastActivity = :now, {more} = :now");
        assert!(!touch(&update, "NONE"), "{more}");
    }
    assert!(!touch("REMOVE epoch", "NONE"));
    for returned in ["ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"] {
        assert!(
            !touch("SET lastActivity = :now", returned),
            "nor read rows by writing: {returned}"
        );
    }
    let look = |projection: Value| may("GetItem", "TenantsTable", projection);
    assert!(look(json!({"ProjectionExpression": "intent"})));
    assert!(!look(json!({"ProjectionExpression": "intent, overlay"})));
    assert!(!look(json!({})), "nor may it read whole rows");
    for (action, table) in [
        ("UpdateItem", "TenantsTable"),
        ("UpdateItem", "FleetTable"),
        ("PutItem", "ActivityTable"),
        ("DeleteItem", "ActivityTable"),
        ("GetItem", "ActivityTable"),
        ("Scan", "ActivityTable"),
        ("Scan", "TenantsTable"),
    ] {
        let members = json!({"UpdateExpression": "SET lastActivity = :now", "Item": {"tenantId": {"S": "acme"}}});
        assert!(!may(action, table, members), "{action} {table}");
    }
}
