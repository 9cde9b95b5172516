//! Definitions: of which base they are rendered, that each is registered once, and that they are cleared away.

use serde_json::{Value, json};

use crate::stand::{Fate, Stand};

fn add_variable(base: &mut Value, name: &str) {
    let variables = base["containerDefinitions"][0]["environment"].as_array_mut().unwrap();
    variables.push(json!({ "name": name, "value": "1" }));
}

fn has_variable(definition: &Value, name: &str) -> bool {
    let variables = definition["containerDefinitions"][0]["environment"].as_array().unwrap();
    variables.iter().any(|variable| variable["name"] == name)
}

#[test]
fn b3_a_provision_takes_the_base_of_the_moment_in_a_function_that_has_handled_the_one_before() {
    let mut stand = Stand::new();
    let first = stand.running("first", &json!({}));
    assert!(!has_variable(&stand.definition(&first), "ADDED"));
    let before = stand.promoted();
    stand.deploy(|base| add_variable(base, "ADDED"));
    stand.until_promoted(&before);
    let second = stand.running("second", &json!({}));
    assert!(has_variable(&stand.definition(&second), "ADDED"));
    let first = stand.tenant("first");
    assert!(
        has_variable(&stand.definition(&first), "ADDED"),
        "and who ran has been moved"
    );
}

#[test]
fn b11_tenants_that_render_the_same_share_a_revision() {
    let mut stand = Stand::without_volume();
    let first = stand.running("first", &json!({ "env": { "PLAN": "gold" } }));
    let second = stand.running("second", &json!({ "env": { "PLAN": "gold" } }));
    let other = stand.running("other", &json!({ "env": { "PLAN": "silver" } }));
    assert_eq!(first["definitionArn"], second["definitionArn"]);
    assert_ne!(first["definitionArn"], other["definitionArn"]);
    assert_eq!((stand.calls("RegisterTaskDefinition"), stand.things()), (2, (0, 3, 2)));
}

#[test]
fn b12_a_hundred_renders_of_one_new_definition_at_once_register_it_once() {
    let mut stand = Stand::without_volume();
    let replies: Vec<_> = (0..100)
        .map(|number| {
            stand.ask(
                "PUT",
                &format!("/tenants/t{number}"),
                &json!({ "env": { "PLAN": "gold" } }),
                &[],
            )
        })
        .collect();
    stand.pass(240);
    assert_eq!(replies.len(), 100);
    let rows = stand.rows("Tenants");
    let running = rows
        .iter()
        .filter(|row| row["observed"]["lastStatus"] == "RUNNING")
        .count();
    assert_eq!((rows.len(), running), (100, 100));
    assert_eq!(
        (stand.calls("RegisterTaskDefinition"), stand.things()),
        (1, (0, 100, 1))
    );
}

#[test]
fn b13_too_many_registrations_of_a_family_at_once_are_tried_again() {
    let mut stand = Stand::new();
    let mut left = 3;
    stand.order(move |made| {
        let refused = made.call.action == "RegisterTaskDefinition" && left > 0;
        left -= i32::from(refused);
        let message = "Too many concurrent attempts to create a new revision of the specified family.";
        refused.then_some(Fate::Says("ClientException", message))
    });
    stand.running("acme", &json!({}));
    assert_eq!((stand.calls("RegisterTaskDefinition"), stand.things()), (4, (1, 1, 1)));
}

#[test]
fn b18_a_definition_that_became_inactive_is_registered_anew() {
    let mut stand = Stand::without_volume();
    let first = stand.running("first", &json!({}));
    stand.ecs(
        "DeregisterTaskDefinition",
        &json!({ "taskDefinition": first["definitionArn"] }),
    );
    let second = stand.running("second", &json!({}));
    assert_ne!(second["definitionArn"], first["definitionArn"]);
    assert_eq!((stand.calls("RegisterTaskDefinition"), stand.things()), (2, (0, 2, 1)));
}

#[test]
fn b18_what_is_inactive_even_anew_is_a_visible_end_and_no_endless_wake() {
    let mut stand = Stand::new();
    stand.running("acme", &json!({}));
    stand.post("/tenants/acme/sleep");
    stand.until("acme", "stopped");
    stand.log.clear();
    stand.every_call(
        "UpdateService",
        Fate::Says("ClientException", "TaskDefinition is inactive"),
    );
    stand.post("/tenants/acme/wake");
    let failed = stand.until("acme", "failed");
    let error = &failed["lastError"];
    assert_eq!(
        (&error["step"], &error["outlook"]),
        (&json!("run"), &json!("terminal")),
        "{error}"
    );
    assert!(error["message"].as_str().unwrap().contains("inactive"), "{error}");
    assert_eq!(stand.calls("RegisterTaskDefinition"), 1, "it was resolved anew once");
    let calls = stand.calls("UpdateService");
    stand.pass(3_600);
    assert_eq!(stand.calls("UpdateService"), calls, "and then it is not tried any more");
}

#[test]
fn b18_a_promoted_base_that_became_inactive_still_renders() {
    let mut stand = Stand::new();
    let base = stand.ecs("DescribeTaskDefinition", &json!({ "taskDefinition": "base" }));
    let arn = &base["taskDefinition"]["taskDefinitionArn"];
    stand.ecs("DeregisterTaskDefinition", &json!({ "taskDefinition": arn }));
    let running = stand.running("acme", &json!({}));
    assert_eq!(stand.definition(&running)["family"], "base-user");
}

#[test]
fn b19_of_definitions_that_tenants_shared_ten_unused_are_kept_and_all_that_are_in_use() {
    let mut stand = Stand::without_volume();
    let plan = |number: usize| json!({ "env": { "PLAN": number.to_string() }, "idle": { "alwaysOn": true } });
    let asleep = stand.running("asleep", &plan(0));
    stand.post("/tenants/asleep/sleep");
    stand.until("asleep", "stopped");
    for number in 1..16 {
        stand.http("PUT", "/tenants/acme", &plan(number));
        stand.until("acme", "running");
    }
    assert_eq!(stand.things().2, 16);
    stand.pass(3_600);
    assert_eq!(
        stand.things().2,
        16,
        "the fleet is on their release: anybody may want one of them"
    );

    for name in ["ONE", "TWO"] {
        let before = stand.promoted();
        stand.deploy(|base| add_variable(base, name));
        stand.until_promoted(&before);
    }
    stand.pass(3_600);
    let acme = stand.tenant("acme");
    assert!(has_variable(&stand.definition(&acme), "TWO"), "{acme:#}");
    let left: Vec<Value> = {
        let found = stand.ecs(
            "ListTaskDefinitions",
            &json!({ "familyPrefix": "base-user", "status": "ACTIVE" }),
        );
        found["taskDefinitionArns"].as_array().unwrap().clone()
    };
    assert!(
        left.contains(&acme["definitionArn"]),
        "who runs keeps what it runs: {left:?}"
    );
    assert!(
        left.contains(&asleep["definitionArn"]),
        "who sleeps keeps what it ran: {left:?}"
    );
    let before = stand.definition(&json!({ "definitionArn": "base-user:17" }));
    assert!(has_variable(&before, "ONE") && !has_variable(&before, "TWO"));
    assert_eq!(
        before["status"], "ACTIVE",
        "the fleet may be put back to the release before: {left:?}"
    );
    assert_eq!(left.len(), 3 + 10, "{left:?}");
    let registered = stand
        .rows("Fleet")
        .iter()
        .filter(|row| row["kind"] == "definition")
        .count();
    assert_eq!(registered, left.len(), "the registry knows these and no others");
    let rows = stand.rows("Fleet");
    assert!(
        rows.iter()
            .any(|row| row.to_string().contains("definition-deregistered")),
        "and the ledger tells"
    );
}
