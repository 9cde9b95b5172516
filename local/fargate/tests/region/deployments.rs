//! Deployments: how they go, fail and are taken back.

use crate::support::{Region, definition, list, region, text};
use berth_fargate::Behaviour;
use serde_json::{Value, json};

fn breaker(rollback: bool) -> Value {
    json!({
        "minimumHealthyPercent": 0, "maximumPercent": 100,
        "deploymentCircuitBreaker": {"enable": true, "rollback": rollback},
    })
}

/// A region with a service `s` whose only task is healthy, and a definition that never starts.
fn with_bad_definition(configuration: &Value) -> (Region, String, String) {
    let mut region = region(1);
    let good = region.register(&definition());
    region.world.set_image("bad", Behaviour::NeverStarts);
    let bad = region.register_image("bad", &json!({}));
    region.create(&good, &json!({"deploymentConfiguration": configuration}));
    region.steady(1);
    (region, good, bad)
}

fn primary(region: &mut Region) -> Value {
    region.service().pointer("/deployments/0").cloned().unwrap_or_default()
}

#[test]
fn a_deployment_completes_forty_seconds_after_its_task_runs() {
    let mut region = region(1);
    let definition = region.register(&definition());
    region.create(&definition, &json!({}));
    region.until(60, |region| region.service()["runningCount"] == 1);
    region.pass(38);
    assert_eq!(text(&primary(&mut region), "/rolloutState"), "IN_PROGRESS");
    region.pass(3);
    assert_eq!(text(&primary(&mut region), "/rolloutState"), "COMPLETED");
}

#[test]
fn with_a_health_check_a_deployment_completes_once_it_passes() {
    let mut region = region(1);
    let check = json!({"healthCheck": {"command": ["CMD", "true"], "interval": 10}});
    let definition = region.register_image("i", &check);
    region.create(&definition, &json!({}));
    region.until(60, |region| region.service()["runningCount"] == 1);
    region.pass(5);
    assert_eq!(text(&primary(&mut region), "/rolloutState"), "IN_PROGRESS");
    region.pass(10);
    assert_eq!(text(&primary(&mut region), "/rolloutState"), "COMPLETED");
}

#[test]
fn with_0_and_100_percent_a_new_task_can_start_while_the_old_one_is_in_its_stop_timeout() {
    let mut region = region(1);
    region.world.set_image("stubborn", Behaviour::IgnoresSigterm);
    let stubborn = region.register_image("stubborn", &json!({"stopTimeout": 120}));
    let newer = region.register(&definition());
    region.create(&stubborn, &json!({}));
    region.steady(1);
    region.update(&json!({"taskDefinition": newer}));
    region.until(60, |region| {
        region
            .tasks("RUNNING")
            .iter()
            .any(|task| text(task, "/lastStatus") == "RUNNING" && text(task, "/taskDefinitionArn") == newer)
    });
    let old: Vec<_> = region
        .tasks("STOPPED")
        .iter()
        .map(|task| text(task, "/lastStatus"))
        .collect();
    assert_eq!(old, ["STOPPING"], "its container still runs");
    region.steady(1);
}

#[test]
fn the_breaker_trips_at_the_third_failure_and_not_before() {
    let (mut region, _, bad) = with_bad_definition(&breaker(false));
    region.update(&json!({"taskDefinition": bad}));
    region.until(600, |region| primary(region)["failedTasks"] == 2);
    assert_eq!(text(&primary(&mut region), "/rolloutState"), "IN_PROGRESS");
    region.until(600, |region| primary(region)["failedTasks"] == 3);
    let deployment = primary(&mut region);
    assert_eq!(text(&deployment, "/rolloutState"), "FAILED");
    assert_eq!(
        text(&deployment, "/rolloutStateReason"),
        "ECS deployment circuit breaker: tasks failed to start."
    );
    let known = region.tasks("STOPPED").len();
    region.pass(3000);
    assert!(region.tasks("STOPPED").len() <= known && region.tasks("RUNNING").is_empty());
}

#[test]
fn the_threshold_grows_with_the_desired_count() {
    let mut region = region(1);
    region.world.set_image("bad", Behaviour::PullError);
    let bad = region.register_image("bad", &json!({}));
    region.create(
        &bad,
        &json!({"desiredCount": 10, "deploymentConfiguration": breaker(false)}),
    );
    region.until(600, |region| text(&primary(region), "/rolloutState") == "FAILED");
    assert!(primary(&mut region)["failedTasks"].as_u64().unwrap() >= 5);
    let names = region.names("ECS Deployment State Change");
    assert_eq!(
        names,
        ["SERVICE_DEPLOYMENT_IN_PROGRESS", "SERVICE_DEPLOYMENT_FAILED"],
        "there is nothing to go back to"
    );
}

#[test]
fn a_rollback_is_a_new_deployment_of_what_was_last_completed() {
    let (mut region, good, bad) = with_bad_definition(&breaker(true));
    region.update(&json!({"taskDefinition": bad}));
    let failed = text(&primary(&mut region), "/id");
    region.until(600, |region| text(&primary(region), "/id") != failed);
    let service = region.service();
    assert_eq!(text(&service, "/taskDefinition"), good);
    let states: Vec<_> = list(&service, "/deployments")
        .iter()
        .map(|d| (text(d, "/status"), text(d, "/rolloutState")))
        .collect();
    let pair = |status: &str, state: &str| (status.to_owned(), state.to_owned());
    assert_eq!(states, [pair("PRIMARY", "IN_PROGRESS"), pair("ACTIVE", "FAILED")]);
    let service = region.steady(1);
    assert_eq!(list(&service, "/deployments").len(), 1);
    assert_eq!(text(&service, "/deployments/0/taskDefinition"), good);
}

#[test]
fn a_failed_deployment_starts_nothing_until_there_is_a_new_one() {
    let (mut region, good, bad) = with_bad_definition(&breaker(false));
    region.update(&json!({"taskDefinition": bad}));
    region.until(600, |region| text(&primary(region), "/rolloutState") == "FAILED");
    region.update(&json!({"desiredCount": 2}));
    region.pass(600);
    assert!(region.tasks("RUNNING").is_empty());
    region.update(&json!({"taskDefinition": good, "desiredCount": 1}));
    region.steady(1);
}

#[test]
fn tasks_that_fail_their_health_check_fail_the_deployment() {
    let (mut region, good, _) = with_bad_definition(&breaker(true));
    region.world.set_image("sick", Behaviour::Unhealthy);
    let check = json!({"healthCheck": {"command": ["CMD", "false"], "interval": 5, "retries": 1}});
    let sick = region.register_image("sick", &check);
    region.update(&json!({"taskDefinition": sick}));
    region.until(900, |region| text(&region.service(), "/taskDefinition") == good);
    let stopped = region.tasks("STOPPED");
    let reasons: Vec<_> = stopped
        .iter()
        .filter(|t| text(t, "/taskDefinitionArn") == sick)
        .map(|t| text(t, "/stoppedReason"))
        .collect();
    assert_eq!(reasons, ["Task failed container health checks"; 3]);
    region.steady(1);
}

#[test]
fn a_custom_threshold_is_kept_to() {
    let mut region = region(1);
    region.world.set_image("bad", Behaviour::NeverStarts);
    let bad = region.register_image("bad", &json!({}));
    let threshold = json!({"enable": true, "rollback": false, "thresholdConfiguration": {"type": "COUNT", "value": 1}});
    region.create(
        &bad,
        &json!({"deploymentConfiguration": {"deploymentCircuitBreaker": threshold}}),
    );
    region.until(60, |region| text(&primary(region), "/rolloutState") == "FAILED");
    assert_eq!(primary(&mut region)["failedTasks"], 1);
}

#[test]
fn starts_that_fail_are_delayed_more_and_more_and_told() {
    let (mut region, _, bad) = with_bad_definition(&json!({"minimumHealthyPercent": 0, "maximumPercent": 100}));
    region.update(&json!({"taskDefinition": bad}));
    region.pass(3600);
    let mut created: Vec<i64> = Vec::new();
    for event in region.of_kind("ECS Task State Change") {
        let detail = &event["detail"];
        if text(detail, "/lastStatus") == "PROVISIONING"
            && text(detail, "/taskDefinitionArn") == bad
            && detail["version"] == 1
        {
            let at: jiff::Timestamp = text(detail, "/createdAt").parse().unwrap();
            created.push(at.as_second());
        }
    }
    let gaps: Vec<_> = created.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.len() >= 6, "{gaps:?}");
    assert!(gaps[2..].windows(2).all(|pair| pair[1] > pair[0]), "{gaps:?}");
    let impaired = region
        .names("ECS Service Action")
        .iter()
        .filter(|name| *name == "SERVICE_TASK_START_IMPAIRED")
        .count();
    assert_eq!(impaired, 1);
    assert_eq!(text(&primary(&mut region), "/rolloutState"), "IN_PROGRESS");
}

#[test]
fn what_triggers_a_deployment_and_what_does_not() {
    let mut region = region(1);
    let definition = region.register(&definition());
    region.create(&definition, &json!({"desiredCount": 0}));
    region.steady(0);
    for (members, triggers) in [
        (json!({"desiredCount": 0}), false),
        (json!({"taskDefinition": definition}), false),
        (json!({"enableECSManagedTags": true}), false),
        (json!({"propagateTags": "SERVICE"}), false),
        (json!({"availabilityZoneRebalancing": "DISABLED"}), false),
        (json!({"deploymentConfiguration": {"maximumPercent": 150}}), false),
        (
            json!({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-a", "subnet-b"]}}}),
            false,
        ),
        (
            json!({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-b"]}}}),
            true,
        ),
        (json!({"platformVersion": "1.4.0"}), true),
        (
            json!({"loadBalancers": [{"targetGroupArn": "arn", "containerName": "main", "containerPort": 80}]}),
            true,
        ),
        (json!({"serviceRegistries": [{"registryArn": "arn"}]}), true),
        (json!({"forceNewDeployment": true}), true),
    ] {
        let before = text(&primary(&mut region), "/id");
        region.update(&members);
        assert_eq!(text(&primary(&mut region), "/id") != before, triggers, "{members}");
        region.pass(10);
    }
    let configuration = region.service()["deploymentConfiguration"].clone();
    assert_eq!(
        (
            &configuration["minimumHealthyPercent"],
            &configuration["maximumPercent"]
        ),
        (&json!(0), &json!(150))
    );
}

#[test]
fn a_service_stays_on_the_revision_that_its_family_meant() {
    let mut region = region(1);
    let first = region.register(&definition());
    region.create("app", &json!({}));
    region.register(&definition());
    region.update(&json!({"forceNewDeployment": true}));
    assert_eq!(text(&region.steady(1), "/taskDefinition"), first);
}

/// What was last completed can be the very definition that fails now; then going back to it does not help for ever.
#[test]
fn a_rollback_that_fails_is_not_rolled_back() {
    let (mut region, _, _) = with_bad_definition(&breaker(true));
    region.world.set_image("healthy", Behaviour::NeverStarts);
    region.update(&json!({"forceNewDeployment": true}));
    region.until(1800, |region| {
        list(&region.service(), "/deployments")
            .iter()
            .filter(|d| text(d, "/rolloutState") == "FAILED")
            .count()
            == 2
    });
    region.pass(3600);
    let ends: Vec<_> = region.names("ECS Deployment State Change").split_off(2);
    let names = ["IN_PROGRESS", "FAILED", "IN_PROGRESS", "FAILED"].map(|name| format!("SERVICE_DEPLOYMENT_{name}"));
    assert_eq!(ends, names);
}

#[test]
fn a_task_that_runs_ends_the_delay_of_the_next_start() {
    let mut region = region(1);
    region.world.set_image("moody", Behaviour::NeverStarts);
    let moody = region.register_image("moody", &json!({}));
    region.create(&moody, &json!({}));
    region.until(600, |region| primary(region)["failedTasks"] == 5);
    region.world.set_image("moody", Behaviour::Crashes(1));
    region.until(600, |region| region.service()["runningCount"] == 1);
    region.world.set_image("moody", Behaviour::NeverStarts);
    let failed = |region: &mut Region| {
        let events = region.of_kind("ECS Task State Change");
        events
            .iter()
            .filter(|event| {
                text(event, "/detail/stopCode") == "TaskFailedToStart" && text(event, "/detail/lastStatus") == "STOPPED"
            })
            .count()
    };
    let before = failed(&mut region);
    region.pass(90);
    assert!(
        failed(&mut region) >= before + 2,
        "two failures fit into 90 s only if their delays begin anew"
    );
}

#[test]
fn an_inactive_definition_that_a_service_uses_may_be_named_in_its_update() {
    let mut region = region(1);
    let definition = region.register(&definition());
    region.create(&definition, &json!({}));
    region.ok("DeregisterTaskDefinition", &json!({"taskDefinition": definition}));
    region.update(&json!({"taskDefinition": definition, "desiredCount": 2}));
    region.steady(2);
}

/// Once a deployment has had a successful task, failures are no longer counted for it.
#[test]
fn a_completed_deployment_counts_no_failures() {
    let mut region = region(1);
    let definition = region.register(&definition());
    region.create(&definition, &json!({"deploymentConfiguration": breaker(false)}));
    region.steady(1);
    region.world.set_image("healthy", Behaviour::NeverStarts);
    let arn = text(&region.tasks("RUNNING")[0], "/taskArn");
    region.ok("StopTask", &json!({"cluster": "main", "task": arn}));
    region.pass(600);
    let deployment = primary(&mut region);
    assert_eq!(
        (&deployment["failedTasks"], text(&deployment, "/rolloutState")),
        (&json!(0), "COMPLETED".to_owned())
    );
    region.world.set_image("healthy", Behaviour::Healthy);
    region.steady(1);
}
