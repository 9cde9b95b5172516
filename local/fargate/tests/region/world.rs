//! The world as a whole: clusters, file systems, events, buckets, seeds, and being saved.

use std::time::Duration;

use crate::support::{Region, definition, list, merged, region, run, text};
use berth_fargate::{Behaviour, Capacity, Consistency, Delivery, StackStatus, Throttling, World};
use serde_json::{Value, json};

/// A busy half hour: services that come, fail, change and go, with events that are delivered badly.
fn busy(region: &mut Region, from: u64, to: u64) {
    region.world.set_image("odd", Behaviour::Crashes(50));
    for step in from..to {
        let name = format!("s-{}", step % 5);
        let image = if step % 3 == 0 { "odd" } else { "fine" };
        let definition = region.register_image(image, &json!({}));
        if region
            .call(
                "CreateService",
                &merged(&crate::support::service(&definition), &json!({"serviceName": name})),
            )
            .is_err()
        {
            let change =
                json!({"cluster": "main", "service": name, "desiredCount": step % 2, "taskDefinition": definition});
            let _ = region.call("UpdateService", &change);
        }
        if step % 7 == 6 {
            let _ = region.call(
                "DeleteService",
                &json!({"cluster": "main", "service": name, "force": true}),
            );
        }
        region.pass(30);
    }
}

fn badly() -> Delivery {
    Delivery {
        duplicate: 0.2,
        delay: 0.3,
        lose: 0.1,
        longest_delay: Duration::from_secs(20),
    }
}

#[test]
fn the_same_seed_and_calls_give_the_same_events_and_another_seed_others() {
    let events = |seed| {
        let mut region = region(seed);
        region.world.set_delivery(badly());
        busy(&mut region, 0, 20);
        region.events
    };
    assert_eq!(events(1), events(1));
    assert_ne!(events(1), events(2));
}

#[test]
fn a_world_that_was_saved_and_restored_goes_on_as_if_nothing_had_happened() {
    let mut original = region(3);
    original.world.set_delivery(badly());
    busy(&mut original, 0, 15);
    let saved = serde_json::to_string(&original.world).unwrap();
    let restored: World = serde_json::from_str(&saved).unwrap();
    let mut copy = Region {
        world: restored,
        events: original.events.clone(),
    };
    busy(&mut original, 15, 30);
    busy(&mut copy, 15, 30);
    assert_eq!(original.events, copy.events);
    assert_eq!(
        serde_json::to_value(&original.world).unwrap(),
        serde_json::to_value(&copy.world).unwrap()
    );
}

/// Ten small steps and one long one end in the same world.
#[test]
fn how_far_the_clock_is_moved_at_once_makes_no_difference() {
    let events = |steps: u64| {
        let mut region = region(4);
        let definition = region.register(&definition());
        region.create(&definition, &json!({}));
        for _ in 0..steps {
            region.pass(600 / steps);
        }
        region.events
    };
    assert_eq!(events(1), events(600));
}

#[test]
fn time_never_goes_back_and_a_quiet_world_has_nothing_due() {
    let mut region = region(1);
    assert_eq!(region.world.next_due(), None);
    let definition = region.register(&definition());
    let arn = region.run(&definition);
    assert!(region.world.next_due().is_some());
    region.pass(100);
    let now = region.world.now();
    region.world.advance_to(now - Duration::from_secs(50));
    assert_eq!(region.world.now(), now);
    assert_eq!(region.world.next_due(), None, "a task that runs does nothing by itself");
    region.ok("StopTask", &json!({"cluster": "main", "task": arn}));
    region.pass(7200);
    assert_eq!(region.world.next_due(), None, "the task is forgotten");
}

#[test]
fn the_events_of_a_task_have_rising_versions_and_leave_out_what_aws_leaves_out() {
    let mut region = region(1);
    let definition = region.register(&definition());
    region.ok(
        "RunTask",
        &merged(&run(&definition), &json!({"tags": [{"key": "a", "value": "b"}]})),
    );
    region.pass(60);
    let events = region.of_kind("ECS Task State Change");
    let versions: Vec<_> = events
        .iter()
        .map(|event| event["detail"]["version"].as_u64().unwrap())
        .collect();
    assert_eq!(versions, [1, 2, 3, 4]);
    for event in &events {
        assert_eq!(event["version"], "0");
        for absent in [
            "tags",
            "healthStatus",
            "platformFamily",
            "inferenceAccelerators",
            "fargateEphemeralStorage",
        ] {
            assert_eq!(event["detail"].get(absent), None, "{absent}");
        }
        assert_eq!(text(event, "/detail/attachments/0/type"), "eni");
    }
    let details = |place: usize| list(&events[place], "/detail/attachments/0/details").len();
    assert_eq!((details(0), details(1)), (1, 5), "the address is known from PENDING on");
}

#[test]
fn a_service_that_is_steady_says_so_each_time_it_becomes_steady() {
    let mut region = region(1);
    let definition = region.register(&definition());
    region.create(&definition, &json!({}));
    region.steady(1);
    region.pass(600);
    assert_eq!(region.names("ECS Service Action"), ["SERVICE_STEADY_STATE"]);
    region.update(&json!({"desiredCount": 0}));
    region.pass(600);
    assert_eq!(region.names("ECS Service Action"), ["SERVICE_STEADY_STATE"; 2]);
    let event = region.of_kind("ECS Service Action").pop().unwrap();
    assert_eq!(text(&event, "/detail/eventType"), "INFO");
    assert!(text(&event, "/detail/clusterArn").ends_with(":cluster/main"));
}

#[test]
fn a_stack_status_is_told_as_cloudformation_tells_it() {
    let mut region = region(1);
    region.world.emit_stack_status(&StackStatus {
        name: "base",
        id: "1",
        status: "UPDATE_COMPLETE",
        reason: "",
        client_request_token: "",
    });
    let event = region.of_kind("CloudFormation Stack Status Change").pop().unwrap();
    assert_eq!(event["source"], "aws.cloudformation");
    assert_eq!(
        event["resources"],
        json!(["arn:aws:cloudformation:us-east-1:123456789012:stack/base/1"])
    );
    assert_eq!(text(&event, "/detail/status-details/status"), "UPDATE_COMPLETE");
    assert_eq!(event["detail"]["stack-id"], event["resources"][0]);
}

#[test]
fn clusters_are_made_once_counted_and_deleted_when_empty() {
    let mut region = region(1);
    let first = region.ok("CreateCluster", &json!({"clusterName": "main"}));
    assert_eq!(text(&first, "/cluster/status"), "ACTIVE");
    let definition = region.register(&definition());
    region.create(&definition, &json!({}));
    region.steady(1);
    region.ok("CreateCluster", &json!({"clusterName": "main"}));
    let described = region.ok("DescribeClusters", &json!({"clusters": ["main", "nowhere"]}));
    let cluster = &described["clusters"][0];
    assert_eq!(
        (&cluster["runningTasksCount"], &cluster["activeServicesCount"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(text(&described, "/failures/0/reason"), "MISSING");
    assert_eq!(
        region.code("DeleteCluster", &json!({"cluster": "main"})),
        "ClusterContainsServicesException"
    );
    region.ok(
        "DeleteService",
        &json!({"cluster": "main", "service": "s", "force": true}),
    );
    region.pass(120);
    let arn = region.run(&definition);
    assert_eq!(
        region.code("DeleteCluster", &json!({"cluster": "main"})),
        "ClusterContainsTasksException"
    );
    region.ok("StopTask", &json!({"cluster": "main", "task": arn}));
    region.reach(&arn, "STOPPED");
    let gone = region.ok("DeleteCluster", &json!({"cluster": "main"}));
    assert_eq!(text(&gone, "/cluster/status"), "INACTIVE");
    assert_eq!(
        region.code("ListTasks", &json!({"cluster": "main"})),
        "ClusterNotFoundException"
    );
}

#[test]
fn every_resource_can_be_tagged_and_untagged() {
    let mut region = region(1);
    let definition = region.register(&definition());
    let service = text(&region.create(&definition, &json!({})), "/service/serviceArn");
    let task = region.run(&definition);
    for arn in [
        definition,
        service,
        task,
        "arn:aws:ecs:us-east-1:123456789012:cluster/main".to_owned(),
    ] {
        let tags = |region: &mut Region| region.ok("ListTagsForResource", &json!({"resourceArn": arn}))["tags"].clone();
        region.ok(
            "TagResource",
            &json!({"resourceArn": arn, "tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]}),
        );
        region.ok("UntagResource", &json!({"resourceArn": arn, "tagKeys": ["a", "none"]}));
        assert_eq!(tags(&mut region), json!([{"key": "b", "value": "2"}]), "{arn}");
    }
    let wrong = json!({"resourceArn": "arn:aws:ecs:us-east-1:123456789012:service/main/nobody"});
    assert_eq!(region.code("ListTagsForResource", &wrong), "InvalidParameterException");
}

#[test]
fn buckets_and_faults_do_not_touch_each_other() {
    let mut region = region(1);
    let ask = json!({"taskDefinition": "nothing"});
    region
        .world
        .set_fault("ecs", "DescribeTaskDefinition", "ServerException", 100);
    for _ in 0..100 {
        assert_eq!(region.call("DescribeTaskDefinition", &ask).unwrap_err().status, 500);
    }
    let answered = (0..200)
        .take_while(|_| region.code("DescribeTaskDefinition", &ask) == "ClientException")
        .count();
    assert_eq!(answered, 50);
    let throttled = region.call("DescribeTaskDefinition", &ask).unwrap_err();
    assert_eq!(
        (throttled.status, throttled.code.as_str()),
        (400, "ThrottlingException")
    );
    region.world.set_throttling(Throttling::Off);
    assert_eq!(region.code("DescribeTaskDefinition", &ask), "ClientException");
}

#[test]
fn fargate_starts_a_hundred_tasks_at_once_and_twenty_a_second() {
    let mut region = region(1);
    let definition = region.register(&definition());
    let body = merged(&run(&definition), &json!({"count": 10}));
    let started = (0..50).take_while(|_| region.call("RunTask", &body).is_ok()).count();
    assert_eq!(started, 10);
    region.pass(1);
    let started = (0..50).take_while(|_| region.call("RunTask", &body).is_ok()).count();
    assert_eq!(started, 2);
    region.create(&definition, &json!({"desiredCount": 100}));
    region.pass(3);
    let pending = region.service()["pendingCount"].as_u64().unwrap();
    assert!((20..80).contains(&pending), "{pending}");
    region.until(30, |region| region.service()["runningCount"] == 100);
}

#[test]
fn with_eventual_consistency_something_new_may_not_be_seen_yet() {
    let mut region = region(1);
    let definition = region.register(&definition());
    let lag = Duration::from_secs(10);
    region.world.set_consistency(Consistency::Eventual { lag, rate: 1.0 });
    let arn = region.run(&definition);
    region.create(&definition, &json!({"desiredCount": 0}));
    assert_eq!(region.task(&arn), Value::Null);
    assert_eq!(region.service(), Value::Null);
    assert!(list(&region.ok("ListTasks", &json!({"cluster": "main"})), "/taskArns").is_empty());
    region.pass(10);
    assert_eq!(text(&region.task(&arn), "/taskArn"), arn);
    assert_eq!(text(&region.service(), "/serviceName"), "s");
}

#[test]
fn with_eventual_consistency_a_change_may_not_be_seen_yet() {
    let mut region = region(1);
    let definition = region.register(&definition());
    region.create(&definition, &json!({}));
    let arn = text(&region.steady(1), "/serviceArn");
    region.pass(60);
    let lag = Duration::from_secs(10);
    region.world.set_consistency(Consistency::Eventual { lag, rate: 1.0 });
    let answer = region.update(&json!({"desiredCount": 0}));
    assert_eq!(
        answer["service"]["desiredCount"], 0,
        "the reply of a write is never behind"
    );
    assert_eq!(region.service()["desiredCount"], 1);
    region.world.set_consistency(Consistency::Eventual { lag, rate: 0.0 });
    assert_eq!(region.service()["desiredCount"], 0);
    region.pass(60);
    assert_eq!(region.service()["desiredCount"], 0);
    assert_eq!(
        region.world.services().next().map(|service| service.arn.to_owned()),
        Some(arn)
    );
}

#[test]
fn without_capacity_no_task_is_placed_and_the_deployment_fails() {
    let mut region = region(1);
    let definition = region.register(&definition());
    region.world.set_capacity(Capacity::Unavailable);
    let reply = region.ok("RunTask", &run(&definition));
    assert!(list(&reply, "/tasks").is_empty());
    assert!(text(&reply, "/failures/0/reason").starts_with("Capacity is unavailable"));
    let breaker = json!({"deploymentCircuitBreaker": {"enable": true, "rollback": false}});
    region.create(&definition, &json!({"deploymentConfiguration": breaker}));
    region.until(120, |region| {
        text(&region.service(), "/deployments/0/rolloutState") == "FAILED"
    });
    let names = region.names("ECS Service Action");
    assert_eq!(
        names
            .iter()
            .filter(|name| *name == "SERVICE_TASK_PLACEMENT_FAILURE")
            .count(),
        3
    );
    assert_eq!(region.world.tasks().count(), 0);
    region.world.set_capacity(Capacity::Available);
    region.update(&json!({"forceNewDeployment": true}));
    region.steady(1);
}

#[test]
fn an_unknown_action_is_said_to_be_unknown() {
    let mut region = region(1);
    assert_eq!(region.code("LaunchRocket", &json!({})), "UnknownOperationException");
    assert_eq!(region.efs("GET", "rockets", &json!({})).unwrap_err().status, 400);
}
