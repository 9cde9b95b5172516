//! Services: creation, deployments, failures, deletion.

use crate::support::{Region, definition, list, merged, region, service, text};
use berth_fargate::{Behaviour, Interruption, Throttling};
use serde_json::{Value, json};

fn breaker() -> Value {
    json!({"deploymentCircuitBreaker": {"enable": true, "rollback": false}})
}

fn primary(region: &mut Region) -> Value {
    region.service().pointer("/deployments/0").cloned().unwrap_or_default()
}

/// `maximumPercent` limits RUNNING and PENDING tasks only.
#[test]
fn stop_and_start_again_may_overlap_in_the_stop_timeout_too() {
    let mut region = region(1);
    region.world.set_image("stubborn", Behaviour::IgnoresSigterm);
    let stubborn = region.register_image("stubborn", &json!({"stopTimeout": 60}));
    region.create(&stubborn, &json!({}));
    region.steady(1);
    region.update(&json!({"desiredCount": 0}));
    region.pass(10);
    region.update(&json!({"desiredCount": 1}));
    region.pass(30);
    let statuses = |tasks: Vec<Value>| tasks.iter().map(|task| text(task, "/lastStatus")).collect::<Vec<_>>();
    assert_eq!(statuses(region.tasks("RUNNING")), ["RUNNING"]);
    assert_eq!(statuses(region.tasks("STOPPED")), ["STOPPING"]);
}

#[test]
fn a_scale_to_zero_and_back_starts_no_deployment_and_stays_completed() {
    let mut region = region(1);
    let definition = region.register(&definition());
    let created = region.create(&definition, &json!({}));
    region.steady(1);
    region.update(&json!({"desiredCount": 0}));
    region.steady(0);
    region.update(&json!({"desiredCount": 1}));
    let service = region.steady(1);
    assert_eq!(
        text(&service, "/deployments/0/id"),
        text(&created, "/service/deployments/0/id")
    );
}

#[test]
fn the_last_of_many_changes_wins() {
    for seed in 0..20 {
        let mut region = region(seed);
        let definitions: Vec<_> = (0..4).map(|_| region.register(&definition())).collect();
        region.create(&definitions[0], &json!({}));
        for (place, definition) in definitions.iter().enumerate() {
            region.pass(seed);
            region.update(&json!({"desiredCount": place % 2}));
            region.pass(3);
            region.update(&json!({"taskDefinition": definition, "desiredCount": 1}));
        }
        let service = region.steady(1);
        assert_eq!(text(&service, "/taskDefinition"), definitions[3], "seed {seed}");
        region.pass(60);
        assert_eq!(region.tasks("RUNNING").len(), 1);
    }
}

#[test]
fn an_interrupted_task_is_replaced_and_is_no_failure() {
    let mut region = region(1);
    let definition = region.register(&definition());
    region.create(&definition, &json!({"deploymentConfiguration": breaker()}));
    for _ in 0..5 {
        region.until(60, |region| !region.tasks("RUNNING").is_empty());
        let arn = text(&region.tasks("RUNNING")[0], "/taskArn");
        region.world.interrupt(&arn, Interruption::Retirement).unwrap();
        region.pass(1);
    }
    assert_eq!(primary(&mut region)["failedTasks"], 0);
    region.steady(1);
}

#[test]
fn tags_are_propagated_as_asked() {
    let mut region = region(1);
    let tagged = merged(
        &definition(),
        &json!({"tags": [{"key": "from", "value": "definition"}]}),
    );
    let definition = region.register(&tagged);
    for (propagate, from) in [("SERVICE", "service"), ("TASK_DEFINITION", "definition")] {
        let name = format!("s-{propagate}");
        let members = json!({
            "serviceName": name, "propagateTags": propagate, "enableECSManagedTags": true,
            "tags": [{"key": "from", "value": "service"}],
        });
        region.create(&definition, &members);
        region.pass(10);
        let listed = region.ok("ListTasks", &json!({"cluster": "main", "serviceName": name}));
        let task = region.task(&text(&listed, "/taskArns/0"));
        let tags: Vec<_> = list(&task, "/tags")
            .iter()
            .map(|tag| (text(tag, "/key"), text(tag, "/value")))
            .collect();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            tags,
            [
                pair("aws:ecs:clusterName", "main"),
                pair("aws:ecs:serviceName", &name),
                pair("from", from)
            ]
        );
    }
}

#[test]
fn a_service_says_what_happened_to_it() {
    let mut region = region(1);
    let definition = region.register(&definition());
    region.create(&definition, &json!({}));
    let service = region.steady(1);
    let messages: Vec<_> = list(&service, "/events")
        .iter()
        .map(|event| text(event, "/message"))
        .collect();
    assert_eq!(messages[0], "(service s) has reached a steady state.");
    assert!(messages[1].contains("deployment completed."));
    assert!(messages[2].starts_with("(service s) has started 1 tasks: (task "));
}

#[test]
fn wrong_requests_are_refused() {
    let mut region = region(1);
    let definition = region.register(&definition());
    for (members, code) in [
        (json!({"serviceName": ""}), "InvalidParameterException"),
        (json!({"serviceName": "a b"}), "InvalidParameterException"),
        (json!({"serviceName": "s".repeat(256)}), "InvalidParameterException"),
        (json!({"clientToken": "x".repeat(37)}), "InvalidParameterException"),
        (json!({"desiredCount": -1}), "InvalidParameterException"),
        (json!({"desiredCount": null}), "InvalidParameterException"),
        (json!({"schedulingStrategy": "DAEMON"}), "InvalidParameterException"),
        (
            json!({"placementStrategy": [{"type": "random"}]}),
            "InvalidParameterException",
        ),
        (json!({"networkConfiguration": null}), "InvalidParameterException"),
        (json!({"platformVersion": "0"}), "PlatformUnknownException"),
        (
            json!({"healthCheckGracePeriodSeconds": 60}),
            "InvalidParameterException",
        ),
        (json!({"taskDefinition": "nothing"}), "ClientException"),
        (json!({"cluster": "nowhere"}), "ClusterNotFoundException"),
        (json!({"enableExecuteCommand": true}), "InvalidParameterException"),
    ] {
        let body = merged(&service(&definition), &members);
        assert_eq!(region.code("CreateService", &body), code, "{members}");
    }
    let listed = region.ok("ListServices", &json!({"cluster": "main"}));
    assert!(
        list(&listed, "/serviceArns").is_empty(),
        "a refused creation leaves nothing"
    );
    for members in [
        json!({"serviceName": "s".repeat(255)}),
        json!({"clientToken": "x".repeat(36)}),
    ] {
        region.create(&definition, &members);
    }
}

#[test]
fn a_token_makes_one_service_and_its_name_another_only_when_it_is_gone() {
    let mut region = region(1);
    let definition = region.register(&definition());
    let token = json!({"clientToken": "token"});
    let first = region.create(&definition, &token);
    region.pass(100);
    let again = region.create(&definition, &token);
    assert_eq!(text(&again, "/service/createdAt"), text(&first, "/service/createdAt"));
    for members in [
        json!({}),
        json!({"clientToken": "other"}),
        json!({"clientToken": "token", "desiredCount": 2}),
    ] {
        let refused = region
            .call("CreateService", &merged(&service(&definition), &members))
            .unwrap_err();
        assert!(
            text(&refused.body, "/message").contains("not idempotent"),
            "{refused:?}"
        );
    }
    region.ok(
        "DeleteService",
        &json!({"cluster": "main", "service": "s", "force": true}),
    );
    let refused = region.call("CreateService", &service(&definition)).unwrap_err();
    assert!(
        text(&refused.body, "/message").contains("still Draining"),
        "{refused:?}"
    );
    region.until(60, |region| text(&region.service(), "/status") == "INACTIVE");
    assert_eq!(text(&region.service(), "/taskDefinition"), definition);
    let anew = region.create(&definition, &token);
    assert_eq!(text(&anew, "/service/status"), "ACTIVE");
    region.ok(
        "DeleteService",
        &json!({"cluster": "main", "service": "s", "force": true}),
    );
    region.until(60, |region| text(&region.service(), "/status") == "INACTIVE");
    assert_eq!(
        region.code("DeleteService", &json!({"cluster": "main", "service": "s"})),
        "ServiceNotFoundException"
    );
    region.create(&definition, &json!({}));
    region.steady(1);
}

/// DRAINING ends when all tasks are STOPPING or STOPPED, not only when all are STOPPED.
#[test]
fn a_service_is_inactive_while_its_last_task_is_in_its_stop_timeout() {
    let mut region = region(1);
    region.world.set_image("stubborn", Behaviour::IgnoresSigterm);
    let stubborn = region.register_image("stubborn", &json!({"stopTimeout": 120}));
    region.create(&stubborn, &json!({}));
    region.steady(1);
    let arn = text(&region.tasks("RUNNING")[0], "/taskArn");
    region.ok(
        "DeleteService",
        &json!({"cluster": "main", "service": "s", "force": true}),
    );
    region.until(20, |region| text(&region.service(), "/status") == "INACTIVE");
    assert_eq!(region.status(&arn), "STOPPING");
    region.pass(130);
    assert_eq!(region.status(&arn), "STOPPED");
}

#[test]
fn a_draining_or_inactive_service_cannot_be_updated() {
    let mut region = region(1);
    let definition = region.register(&definition());
    region.create(&definition, &json!({}));
    region.ok(
        "DeleteService",
        &json!({"cluster": "main", "service": "s", "force": true}),
    );
    let update = json!({"cluster": "main", "service": "s", "desiredCount": 1});
    assert_eq!(region.code("UpdateService", &update), "ServiceNotActiveException");
    region.pass(60);
    assert_eq!(region.code("UpdateService", &update), "ServiceNotActiveException");
}

#[test]
fn an_inactive_service_is_remembered_for_a_day() {
    let mut region = region(1);
    let definition = region.register(&definition());
    region.create(&definition, &json!({"desiredCount": 0}));
    region.ok("DeleteService", &json!({"cluster": "main", "service": "s"}));
    region.pass(24 * 3600 - 10);
    assert_eq!(text(&region.service(), "/status"), "INACTIVE");
    region.pass(20);
    assert_eq!(region.service(), Value::Null);
    assert_eq!(region.world.services().count(), 0);
}

#[test]
fn a_cluster_has_at_most_five_thousand_services() {
    let mut region = region(1);
    region.world.set_throttling(Throttling::Off);
    let definition = region.register(&definition());
    for number in 0..5000 {
        region.create(
            &definition,
            &json!({"serviceName": format!("s-{number}"), "desiredCount": 0}),
        );
    }
    let more = merged(
        &service(&definition),
        &json!({"serviceName": "more", "desiredCount": 0}),
    );
    assert_eq!(region.code("CreateService", &more), "InvalidParameterException");
    region.ok("DeleteService", &json!({"cluster": "main", "service": "s-0"}));
    region.pass(10);
    region.ok("CreateService", &more);
}

#[test]
fn services_are_listed_by_what_they_are() {
    let mut region = region(1);
    let definition = region.register(&definition());
    region.create(&definition, &json!({}));
    for (filter, count) in [
        (json!({}), 1),
        (json!({"launchType": "FARGATE", "schedulingStrategy": "REPLICA"}), 1),
        (json!({"launchType": "EC2"}), 0),
        (json!({"schedulingStrategy": "DAEMON"}), 0),
    ] {
        let listed = region.ok("ListServices", &merged(&json!({"cluster": "main"}), &filter));
        assert_eq!(list(&listed, "/serviceArns").len(), count, "{filter}");
    }
}
