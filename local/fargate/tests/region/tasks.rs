//! Tasks that are run by a caller.

use crate::support::{Region, definition, list, merged, region, run, text, with_main};
use berth_fargate::{Behaviour, Interruption};
use serde_json::{Value, json};

fn image(region: &mut Region, behaviour: Behaviour, members: &Value) -> String {
    region.world.set_image("odd", behaviour);
    region.register_image("odd", members)
}

#[test]
fn a_healthy_task_runs_within_twenty_seconds_and_passes_every_state() {
    for seed in 0..20 {
        let mut region = region(seed);
        let definition = region.register(&definition());
        let arn = region.run(&definition);
        region.pass(20);
        assert_eq!(region.status(&arn), "RUNNING", "seed {seed}");
        region.ok("StopTask", &json!({"cluster": "main", "task": arn}));
        region.pass(30);
        let statuses: Vec<_> = region
            .of_kind("ECS Task State Change")
            .iter()
            .map(|e| text(e, "/detail/lastStatus"))
            .collect();
        let expected = [
            "PROVISIONING",
            "PENDING",
            "ACTIVATING",
            "RUNNING",
            "RUNNING",
            "DEACTIVATING",
            "STOPPING",
            "DEPROVISIONING",
            "STOPPED",
        ];
        assert_eq!(
            statuses, expected,
            "the second RUNNING is the one whose desired status is STOPPED"
        );
    }
}

#[test]
fn provisioning_pending_and_stopping_take_a_second_at_least() {
    for seed in 0..20 {
        let mut region = region(seed);
        let definition = region.register(&definition());
        let arn = region.run(&definition);
        region.reach(&arn, "RUNNING");
        region.ok("StopTask", &json!({"cluster": "main", "task": arn}));
        region.pass(60);
        let events = region.of_kind("ECS Task State Change");
        let at = |status: &str, desired: &str| -> jiff::Timestamp {
            let mut found = events
                .iter()
                .filter(|e| text(e, "/detail/lastStatus") == status && text(e, "/detail/desiredStatus") == desired);
            text(found.next().unwrap(), "/detail/updatedAt").parse().unwrap()
        };
        let second = jiff::SignedDuration::from_secs(1);
        assert!(at("PENDING", "RUNNING").duration_since(at("PROVISIONING", "RUNNING")) >= second);
        assert!(at("ACTIVATING", "RUNNING").duration_since(at("PENDING", "RUNNING")) >= second);
        assert!(at("STOPPED", "STOPPED").duration_since(at("RUNNING", "STOPPED")) >= second);
    }
}

#[test]
fn a_task_that_is_stopped_before_it_runs_never_runs() {
    for seconds in 0..12 {
        let mut region = region(seconds);
        let definition = region.register(&definition());
        let arn = region.run(&definition);
        region.pass(seconds);
        if region.status(&arn) == "RUNNING" {
            continue;
        }
        region.ok("StopTask", &json!({"cluster": "main", "task": arn}));
        let task = region.reach(&arn, "STOPPED");
        assert_eq!(text(&task, "/stopCode"), "UserInitiated");
        assert_eq!(task.get("startedAt"), None, "after {seconds} s");
    }
}

#[test]
fn a_second_stop_changes_nothing() {
    let mut region = region(1);
    let definition = region.register(&definition());
    let arn = region.run(&definition);
    region.reach(&arn, "RUNNING");
    for reason in ["first", "second"] {
        region.ok("StopTask", &json!({"cluster": "main", "task": arn, "reason": reason}));
    }
    let task = region.reach(&arn, "STOPPED");
    assert_eq!(text(&task, "/stoppedReason"), "first");
    region.ok("StopTask", &json!({"cluster": "main", "task": arn, "reason": "third"}));
    assert_eq!(text(&region.task(&arn), "/stoppedReason"), "first");
}

#[test]
fn out_of_memory_is_137_with_its_reason() {
    let mut region = region(1);
    let definition = image(&mut region, Behaviour::OutOfMemory, &json!({}));
    let arn = region.run(&definition);
    let task = region.reach(&arn, "STOPPED");
    assert_eq!(text(&task, "/stopCode"), "EssentialContainerExited");
    assert_eq!(task.pointer("/containers/0/exitCode"), Some(&json!(137)));
    assert!(text(&task, "/containers/0/reason").starts_with("OutOfMemoryError"));
}

#[test]
fn a_crash_comes_when_it_was_told_to() {
    let mut region = region(1);
    let definition = image(&mut region, Behaviour::Crashes(100), &json!({}));
    let arn = region.run(&definition);
    region.reach(&arn, "RUNNING");
    region.pass(98);
    assert_eq!(text(&region.task(&arn), "/desiredStatus"), "RUNNING");
    region.pass(3);
    let task = region.reach(&arn, "STOPPED");
    assert_eq!(task.pointer("/containers/0/exitCode"), Some(&json!(1)));
}

#[test]
fn the_stop_timeout_is_30_seconds_or_what_the_definition_says() {
    for (members, longest) in [
        (json!({}), 30),
        (json!({"stopTimeout": 2}), 2),
        (json!({"stopTimeout": 120}), 120),
    ] {
        let mut region = region(1);
        let definition = image(&mut region, Behaviour::IgnoresSigterm, &members);
        let arn = region.run(&definition);
        region.reach(&arn, "RUNNING");
        region.ok("StopTask", &json!({"cluster": "main", "task": arn}));
        let task = region.reach(&arn, "STOPPED");
        assert_eq!(task.pointer("/containers/0/exitCode"), Some(&json!(137)));
        let time = |member: &str| task.get(member).and_then(Value::as_f64).unwrap();
        let took = time("executionStoppedAt") - time("stoppingAt");
        let longest = f64::from(longest);
        assert!((longest..longest + 4.0).contains(&took), "{took}");
    }
}

#[test]
fn health_is_unknown_until_the_first_check_and_only_reported() {
    for (behaviour, health) in [(Behaviour::Healthy, "HEALTHY"), (Behaviour::Unhealthy, "UNHEALTHY")] {
        let mut region = region(1);
        let check =
            json!({"healthCheck": {"command": ["CMD", "true"], "interval": 10, "retries": 2, "startPeriod": 5}});
        let definition = image(&mut region, behaviour, &check);
        let arn = region.run(&definition);
        let task = region.reach(&arn, "RUNNING");
        assert_eq!(text(&task, "/healthStatus"), "UNKNOWN");
        region.pass(30);
        let task = region.task(&arn);
        assert_eq!(text(&task, "/healthStatus"), health);
        assert_eq!(text(&task, "/containers/0/healthStatus"), health);
        assert_eq!(
            text(&task, "/lastStatus"),
            "RUNNING",
            "ECS does not stop a task that no service wants"
        );
    }
}

#[test]
fn a_container_starts_when_what_it_depends_on_allows_it() {
    let mut region = region(1);
    region.world.set_image("migrate", Behaviour::Exits(0));
    let two = json!({"containerDefinitions": [
        {"name": "main", "image": "i", "dependsOn": [{"containerName": "migrate", "condition": "SUCCESS"}]},
        {"name": "migrate", "image": "migrate", "essential": false},
    ]});
    let definition = region.register(&merged(&definition(), &two));
    let arn = region.run(&definition);
    let task = region.reach(&arn, "RUNNING");
    let statuses: Vec<_> = list(&task, "/containers")
        .iter()
        .map(|c| text(c, "/lastStatus"))
        .collect();
    assert_eq!(statuses, ["RUNNING", "STOPPED"]);

    region.world.set_image("migrate", Behaviour::Exits(1));
    let arn = region.run(&definition);
    let task = region.reach(&arn, "STOPPED");
    assert_eq!(text(&task, "/stopCode"), "TaskFailedToStart");
}

#[test]
fn a_restart_policy_keeps_the_task_running() {
    let policy = json!({"restartPolicy": {"enabled": true, "ignoredExitCodes": [0], "restartAttemptPeriod": 60}});
    for (seconds, survives) in [(59, false), (60, true)] {
        let mut region = region(1);
        let definition = image(&mut region, Behaviour::Crashes(seconds), &policy);
        let arn = region.run(&definition);
        region.reach(&arn, "RUNNING");
        region.pass(200);
        assert_eq!(region.status(&arn) == "RUNNING", survives, "crash after {seconds} s");
    }
}

#[test]
fn an_interruption_says_what_it_is() {
    for (interruption, code, reason) in [
        (Interruption::Retirement, "TerminationNotice", "maintenance"),
        (Interruption::Spot, "SpotInterruption", "Spot Task was interrupted"),
    ] {
        let mut region = region(1);
        let definition = region.register(&definition());
        let arn = region.run(&definition);
        region.reach(&arn, "RUNNING");
        region.world.interrupt(&arn, interruption).unwrap();
        let task = region.reach(&arn, "STOPPED");
        assert_eq!(text(&task, "/stopCode"), code);
        assert!(text(&task, "/stoppedReason").contains(reason));
        assert!(region.world.interrupt(&arn, interruption).is_err());
    }
}

#[test]
fn a_token_holds_for_a_day() {
    let mut region = region(1);
    let definition = region.register(&definition());
    let body = merged(&run(&definition), &json!({"clientToken": "token"}));
    let arn = |region: &mut Region| text(&region.ok("RunTask", &body), "/tasks/0/taskArn");
    let first = arn(&mut region);
    region.pass(60);
    assert_eq!(arn(&mut region), first);
    region.pass(24 * 3600 - 61);
    let other = merged(&body, &json!({"group": "g"}));
    let refused = region.call("RunTask", &other).unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.body["resourceIds"].clone()),
        ("ConflictException", json!([first]))
    );
    region.pass(2);
    assert_ne!(arn(&mut region), first);
}

#[test]
fn wrong_requests_are_refused() {
    let mut region = region(1);
    let definition = region.register(&definition());
    for (members, code) in [
        (json!({"count": 0}), "InvalidParameterException"),
        (json!({"count": 11}), "InvalidParameterException"),
        (json!({"startedBy": "x".repeat(129)}), "InvalidParameterException"),
        (json!({"startedBy": "a b"}), "InvalidParameterException"),
        (json!({"clientToken": "x".repeat(65)}), "InvalidParameterException"),
        (json!({"propagateTags": "SERVICE"}), "InvalidParameterException"),
        (
            json!({"capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]}),
            "InvalidParameterException",
        ),
        (json!({"launchType": "EC2"}), "InvalidParameterException"),
        (json!({"launchType": "MOON"}), "InvalidParameterException"),
        (json!({"platformVersion": "9.9.9"}), "PlatformUnknownException"),
        (json!({"enableExecuteCommand": true}), "InvalidParameterException"),
        (
            json!({"overrides": {"cpu": "256", "memory": "4096"}}),
            "ClientException",
        ),
        (
            json!({"networkConfiguration": {"awsvpcConfiguration": {"subnets": []}}}),
            "InvalidParameterException",
        ),
        (
            json!({"tags": [{"key": "aws:x", "value": ""}]}),
            "InvalidParameterException",
        ),
        (json!({"taskDefinition": 7}), "SerializationException"),
    ] {
        assert_eq!(
            region.code("RunTask", &merged(&run(&definition), &members)),
            code,
            "{members}"
        );
    }
    for members in [
        json!({"startedBy": "x".repeat(128)}),
        json!({"clientToken": "x".repeat(64)}),
        json!({"count": 10}),
    ] {
        region.ok("RunTask", &merged(&run(&definition), &members));
    }
}

#[test]
fn spot_is_a_capacity_provider() {
    let mut region = region(1);
    let definition = region.register(&definition());
    let strategy =
        json!({"launchType": null, "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]});
    let reply = region.ok("RunTask", &merged(&run(&definition), &strategy));
    assert_eq!(text(&reply, "/tasks/0/capacityProviderName"), "FARGATE_SPOT");
    let unknown = json!({"launchType": null, "capacityProviderStrategy": [{"capacityProvider": "other"}]});
    assert_eq!(
        region.code("RunTask", &merged(&run(&definition), &unknown)),
        "InvalidParameterException"
    );
}

#[test]
fn lists_combine_their_filters_and_come_in_pages() {
    let mut region = region(1);
    let definition = region.register(&definition());
    region.ok(
        "RunTask",
        &merged(&run(&definition), &json!({"count": 5, "startedBy": "me"})),
    );
    let count = |region: &mut Region, filters: Value| {
        list(
            &region.ok("ListTasks", &merged(&json!({"cluster": "main"}), &filters)),
            "/taskArns",
        )
        .len()
    };
    assert_eq!(count(&mut region, json!({"startedBy": "me"})), 5);
    assert_eq!(count(&mut region, json!({"family": "app", "launchType": "FARGATE"})), 5);
    assert_eq!(count(&mut region, json!({"launchType": "EC2"})), 0);
    assert_eq!(count(&mut region, json!({"desiredStatus": "PENDING"})), 0);
    assert_eq!(count(&mut region, json!({"desiredStatus": "STOPPED"})), 0);
    let first = region.ok("ListTasks", &json!({"cluster": "main", "maxResults": 3}));
    let token = text(&first, "/nextToken");
    assert_eq!(list(&first, "/taskArns").len(), 3);
    assert_eq!(count(&mut region, json!({"maxResults": 3, "nextToken": token})), 2);
    for (filters, code) in [
        (json!({"startedBy": "me", "family": "app"}), "InvalidParameterException"),
        (json!({"serviceName": "nobody"}), "ServiceNotFoundException"),
        (json!({"maxResults": 0}), "InvalidParameterException"),
        (json!({"maxResults": 101}), "InvalidParameterException"),
        (json!({"nextToken": "nonsense"}), "InvalidParameterException"),
    ] {
        assert_eq!(
            region.code("ListTasks", &merged(&json!({"cluster": "main"}), &filters)),
            code,
            "{filters}"
        );
    }
}

#[test]
fn a_stopped_task_is_remembered_for_an_hour() {
    let mut region = region(1);
    let definition = region.register(&definition());
    let arn = region.run(&definition);
    region.ok("StopTask", &json!({"cluster": "main", "task": arn}));
    region.reach(&arn, "STOPPED");
    region.pass(3595);
    assert_eq!(region.status(&arn), "STOPPED");
    region.pass(10);
    let reply = region.ok("DescribeTasks", &json!({"cluster": "main", "tasks": [arn]}));
    assert_eq!(text(&reply, "/failures/0/reason"), "MISSING");
}

#[test]
fn a_task_has_the_size_the_storage_and_the_platform_that_were_asked_for() {
    let mut region = region(1);
    let platform = json!({"runtimePlatform": {"cpuArchitecture": "ARM64"}, "ephemeralStorage": {"sizeInGiB": 30}});
    let definition = region.register(&with_main(&merged(&definition(), &platform), &json!({})));
    let overrides = json!({"overrides": {"cpu": "512", "memory": "2048"}});
    let reply = region.ok("RunTask", &merged(&run(&definition), &overrides));
    let task = reply.pointer("/tasks/0").unwrap();
    assert_eq!(
        (text(task, "/cpu"), text(task, "/memory")),
        ("512".to_owned(), "2048".to_owned())
    );
    assert_eq!(task.pointer("/ephemeralStorage/sizeInGiB"), Some(&json!(30)));
    assert_eq!(text(task, "/attributes/0/value"), "arm64");
    assert_eq!(text(task, "/platformVersion"), "1.4.0");
}

#[test]
fn a_network_has_one_to_sixteen_subnets_and_at_most_five_security_groups() {
    let mut region = region(1);
    let definition = region.register(&definition());
    let mut accepts = |subnets: usize, groups: usize| {
        let vpc = json!({"subnets": vec!["subnet-a"; subnets], "securityGroups": vec!["sg-a"; groups]});
        let network = json!({"networkConfiguration": {"awsvpcConfiguration": vpc}});
        region.call("RunTask", &merged(&run(&definition), &network)).is_ok()
    };
    assert!(accepts(1, 0) && accepts(16, 5));
    assert!(!accepts(0, 0) && !accepts(17, 0) && !accepts(1, 6));
}

#[test]
fn what_needs_platform_1_4_is_refused_on_an_older_one() {
    let mut region = region(1);
    let plain = region.register(&definition());
    let storage = region.register(&merged(&definition(), &json!({"ephemeralStorage": {"sizeInGiB": 21}})));
    let old = json!({"platformVersion": "1.3.0"});
    region.ok("RunTask", &merged(&run(&plain), &old));
    let code = region.code("RunTask", &merged(&run(&storage), &old));
    assert_eq!(code, "PlatformTaskDefinitionIncompatibilityException");
    region.ok("RunTask", &run(&storage));
}

#[test]
fn storage_can_be_overridden_within_its_limits() {
    let mut region = region(1);
    let definition = region.register(&definition());
    let storage = |size: u32| json!({"overrides": {"ephemeralStorage": {"sizeInGiB": size}}});
    for (size, good) in [(20, false), (21, true), (200, true), (201, false)] {
        let answer = region.call("RunTask", &merged(&run(&definition), &storage(size)));
        assert_eq!(answer.is_ok(), good, "{size}");
    }
}

#[test]
fn an_address_that_was_freed_is_soon_someone_elses() {
    let mut region = region(1);
    let definition = region.register(&definition());
    let address = |task: &Value| text(task, "/containers/0/networkInterfaces/0/privateIpv4Address");
    let arn = region.run(&definition);
    let first = address(&region.reach(&arn, "RUNNING"));
    region.ok("StopTask", &json!({"cluster": "main", "task": arn}));
    let stopped = region.reach(&arn, "STOPPED");
    assert_eq!(address(&stopped), first, "a stopped task still shows it");
    let arn = region.run(&definition);
    assert_eq!(address(&region.reach(&arn, "RUNNING")), first);
}

#[test]
fn a_container_that_was_being_started_when_its_task_was_stopped_never_runs() {
    let mut region = region(1);
    let definition = image(&mut region, Behaviour::Slow(30), &json!({}));
    let arn = region.run(&definition);
    region.pass(25);
    assert_eq!(region.status(&arn), "ACTIVATING");
    region.ok("StopTask", &json!({"cluster": "main", "task": arn}));
    region.pass(120);
    let task = region.task(&arn);
    assert_eq!(
        (text(&task, "/lastStatus"), text(&task, "/containers/0/lastStatus")),
        ("STOPPED".to_owned(), "STOPPED".to_owned())
    );
    assert_eq!(task.pointer("/containers/0/exitCode"), None);
}

/// For shutdown the order of dependencies is reversed: who depends on another goes first.
#[test]
fn containers_stop_in_the_reverse_order_of_their_dependencies() {
    let mut region = region(1);
    region.world.set_image("stubborn", Behaviour::IgnoresSigterm);
    let two = |depends: Value| {
        json!({"containerDefinitions": [
            {"name": "main", "image": "stubborn", "stopTimeout": 20, "dependsOn": depends},
            {"name": "side", "image": "stubborn", "stopTimeout": 20},
        ]})
    };
    for (depends, longest) in [
        (json!([]), 20.0),
        (json!([{"containerName": "side", "condition": "START"}]), 40.0),
    ] {
        let definition = region.register(&merged(&definition(), &two(depends)));
        let arn = region.run(&definition);
        region.reach(&arn, "RUNNING");
        region.ok("StopTask", &json!({"cluster": "main", "task": arn}));
        let task = region.reach(&arn, "STOPPED");
        let time = |member: &str| task.get(member).and_then(Value::as_f64).unwrap();
        let took = time("executionStoppedAt") - time("stoppingAt");
        assert!((longest..longest + 4.0).contains(&took), "{took}");
    }
}

#[test]
fn a_task_is_found_in_its_own_cluster_only() {
    let mut region = region(1);
    let definition = region.register(&definition());
    let arn = region.run(&definition);
    region.ok("CreateCluster", &json!({"clusterName": "other"}));
    let id = arn.rsplit('/').next().unwrap();
    for given in [arn.as_str(), id] {
        let reply = region.ok("DescribeTasks", &json!({"cluster": "other", "tasks": [given]}));
        assert_eq!(text(&reply, "/failures/0/reason"), "MISSING", "{given}");
    }
    assert_eq!(
        region.code("StopTask", &json!({"cluster": "other", "task": id})),
        "InvalidParameterException"
    );
}

#[test]
fn a_tag_of_the_request_wins_over_that_of_the_definition() {
    let mut region = region(1);
    let tagged = json!({"tags": [{"key": "a", "value": "definition"}, {"key": "b", "value": "definition"}]});
    let definition = region.register(&merged(&definition(), &tagged));
    let own = json!({"propagateTags": "TASK_DEFINITION", "tags": [{"key": "a", "value": "request"}]});
    let reply = region.ok("RunTask", &merged(&run(&definition), &own));
    let expected = json!([{"key": "a", "value": "request"}, {"key": "b", "value": "definition"}]);
    assert_eq!(reply.pointer("/tasks/0/tags"), Some(&expected));
}

#[test]
fn failed_checks_count_only_after_the_start_period() {
    let mut region = region(1);
    let check = json!({"healthCheck": {"command": ["CMD", "true"], "interval": 10, "retries": 2, "startPeriod": 60}});
    let definition = image(&mut region, Behaviour::Unhealthy, &check);
    let arn = region.run(&definition);
    region.reach(&arn, "RUNNING");
    region.pass(75);
    assert_eq!(text(&region.task(&arn), "/healthStatus"), "UNKNOWN");
    region.pass(10);
    assert_eq!(text(&region.task(&arn), "/healthStatus"), "UNHEALTHY");
}
