//! What a definition must be to be registered, and what becomes of it. The rules that need a sequence of calls; those of
//! sizes and normal forms are tested beside their code.

use crate::support::{definition, list, merged, region, text, with_main};
use serde_json::{Value, json};

/// Whether `RegisterTaskDefinition` accepts this.
fn accepts(definition: &Value) -> bool {
    let answer = region(1).call("RegisterTaskDefinition", definition);
    if let Err(refused) = &answer {
        assert_eq!(refused.code, "ClientException", "{:?}", refused.body);
        assert_eq!(refused.status, 400);
    }
    answer.is_ok()
}

#[test]
fn members_that_fargate_does_not_support_are_refused() {
    assert!(accepts(&definition()));
    for members in [
        json!({"privileged": true}),
        json!({"links": ["other"]}),
        json!({"hostname": "h"}),
        json!({"dnsServers": ["10.0.0.2"]}),
        json!({"extraHosts": [{"hostname": "a", "ipAddress": "10.0.0.1"}]}),
        json!({"dockerSecurityOptions": ["x"]}),
        json!({"resourceRequirements": [{"type": "GPU", "value": "1"}]}),
        json!({"linuxParameters": {"devices": [{"hostPath": "/dev/x"}]}}),
        json!({"linuxParameters": {"sharedMemorySize": 64}}),
        json!({"linuxParameters": {"capabilities": {"add": ["SYS_ADMIN"]}}}),
        json!({"logConfiguration": {"logDriver": "journald"}}),
    ] {
        assert!(!accepts(&with_main(&definition(), &members)), "{members}");
    }
    for members in [
        json!({"pidMode": "host"}),
        json!({"ipcMode": "task"}),
        json!({"placementConstraints": [{"type": "memberOf", "expression": "x"}]}),
        json!({"volumes": [{"name": "v", "host": {"sourcePath": "/x"}}]}),
        json!({"volumes": [{"name": "v", "dockerVolumeConfiguration": {"scope": "task"}}]}),
        json!({"networkMode": "host"}),
    ] {
        assert!(!accepts(&merged(&definition(), &members)), "{members}");
    }
    for members in [
        json!({"privileged": false}),
        json!({"links": []}),
        json!({"linuxParameters": {"capabilities": {"add": ["SYS_PTRACE"], "drop": ["ALL"]}}}),
    ] {
        assert!(accepts(&with_main(&definition(), &members)), "{members}");
    }
}

#[test]
fn numbers_have_limits_on_both_sides() {
    let check = |member: &str, value: i64| json!({"healthCheck": {"command": ["CMD", "true"], member: value}});
    for (members, good) in [
        (check("interval", 5), true),
        (check("interval", 300), true),
        (check("interval", 4), false),
        (check("interval", 301), false),
        (check("timeout", 2), true),
        (check("timeout", 60), true),
        (check("timeout", 1), false),
        (check("timeout", 61), false),
        (check("retries", 1), true),
        (check("retries", 10), true),
        (check("retries", 0), false),
        (check("retries", 11), false),
        (check("startPeriod", 0), true),
        (check("startPeriod", 300), true),
        (check("startPeriod", 301), false),
        (json!({"stopTimeout": 2}), true),
        (json!({"stopTimeout": 120}), true),
        (json!({"stopTimeout": 1}), false),
        (json!({"stopTimeout": 121}), false),
        (json!({"memory": 512}), true),
        (json!({"memory": 513}), false),
        (json!({"cpu": 256}), true),
        (json!({"cpu": 257}), false),
        (json!({"memory": 64, "memoryReservation": 64}), true),
        (json!({"memory": 64, "memoryReservation": 65}), false),
        (json!({"portMappings": [{"containerPort": 65535}]}), true),
        (json!({"portMappings": [{"containerPort": 65536}]}), false),
        (
            json!({"restartPolicy": {"enabled": true, "restartAttemptPeriod": 60}}),
            true,
        ),
        (
            json!({"restartPolicy": {"enabled": true, "restartAttemptPeriod": 59}}),
            false,
        ),
        (
            json!({"restartPolicy": {"enabled": true, "restartAttemptPeriod": 1800}}),
            true,
        ),
        (
            json!({"restartPolicy": {"enabled": true, "restartAttemptPeriod": 1801}}),
            false,
        ),
    ] {
        assert_eq!(accepts(&with_main(&definition(), &members)), good, "{members}");
    }
    for (size, good) in [(20, false), (21, true), (200, true), (201, false)] {
        let storage = json!({"ephemeralStorage": {"sizeInGiB": size}});
        assert_eq!(accepts(&merged(&definition(), &storage)), good, "{size}");
    }
}

#[test]
fn names_are_unique_and_in_their_alphabet() {
    let containers = |names: &[&str]| {
        let all: Vec<_> = names.iter().map(|name| json!({"name": name, "image": "i"})).collect();
        merged(&definition(), &json!({"containerDefinitions": all}))
    };
    assert!(accepts(&containers(&["a", "b_c-D9"])));
    assert!(accepts(&containers(&[
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"
    ])));
    for names in [
        &["a", "a"][..],
        &[""],
        &["a b"],
        &["ä"],
        &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"],
    ] {
        assert!(!accepts(&containers(names)), "{names:?}");
    }
    let family = |name: &str| merged(&definition(), &json!({"family": name}));
    assert!(accepts(&family(&"f".repeat(255))));
    assert!(!accepts(&family(&"f".repeat(256))) && !accepts(&family("")) && !accepts(&family("a:1")));
    let volumes = merged(&definition(), &json!({"volumes": [{"name": "v"}, {"name": "v"}]}));
    assert!(!accepts(&volumes));
}

#[test]
fn secrets_need_an_execution_role_and_a_name_of_their_own() {
    let secret = json!({"secrets": [{"name": "KEY", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/key"}]});
    assert!(accepts(&with_main(&definition(), &secret)));
    let roleless = merged(&definition(), &json!({"executionRoleArn": null}));
    assert!(!accepts(&with_main(&roleless, &secret)));
    let both = merged(&secret, &json!({"environment": [{"name": "KEY", "value": "v"}]}));
    assert!(!accepts(&with_main(&definition(), &both)));
}

#[test]
fn dependencies_name_containers_that_can_meet_them() {
    let two = |main: Value, side: Value| {
        let main = merged(&json!({"name": "main", "image": "i"}), &main);
        let side = merged(&json!({"name": "side", "image": "i", "essential": false}), &side);
        merged(&definition(), &json!({"containerDefinitions": [main, side]}))
    };
    let on_side = |condition: &str| json!({"dependsOn": [{"containerName": "side", "condition": condition}]});
    let check = json!({"healthCheck": {"command": ["CMD", "true"]}});
    assert!(accepts(&two(on_side("START"), json!({}))));
    assert!(accepts(&two(on_side("HEALTHY"), check)));
    assert!(!accepts(&two(on_side("HEALTHY"), json!({}))));
    assert!(accepts(&two(on_side("SUCCESS"), json!({}))));
    assert!(!accepts(&two(on_side("SUCCESS"), json!({"essential": true}))));
    let back = json!({"dependsOn": [{"containerName": "main", "condition": "START"}]});
    assert!(!accepts(&two(on_side("START"), back)), "a cycle");
}

#[test]
fn the_size_of_a_definition_is_at_most_64_kib() {
    let filled = |bytes: usize| {
        with_main(
            &definition(),
            &json!({"environment": [{"name": "A", "value": "x".repeat(bytes)}]}),
        )
    };
    assert!(accepts(&filled(64 * 1024 - 1000)));
    assert!(!accepts(&filled(64 * 1024)));
}

#[test]
fn a_definition_is_found_by_family_revision_and_arn() {
    let mut region = region(1);
    let arn = region.register(&definition());
    for given in ["app", "app:1", arn.as_str()] {
        let found = region.ok("DescribeTaskDefinition", &json!({"taskDefinition": given}));
        assert_eq!(text(&found, "/taskDefinition/taskDefinitionArn"), arn);
    }
    for given in [
        "app:2",
        "ap",
        "app:x",
        "arn:aws:ecs:us-east-1:999999999999:task-definition/app:1",
    ] {
        assert_eq!(
            region.code("DescribeTaskDefinition", &json!({"taskDefinition": given})),
            "ClientException"
        );
    }
}

#[test]
fn a_deleted_revision_is_gone_once_nothing_uses_it() {
    let mut region = region(1);
    let arn = region.register(&definition());
    region.create(&arn, &json!({}));
    region.steady(1);
    region.ok("DeregisterTaskDefinition", &json!({"taskDefinition": arn}));
    region.ok("DeleteTaskDefinitions", &json!({"taskDefinitions": [arn]}));
    region.pass(3600);
    let status = |region: &mut crate::support::Region| {
        let found = region.call("DescribeTaskDefinition", &json!({"taskDefinition": arn}));
        found.ok().map(|found| text(&found, "/taskDefinition/status"))
    };
    assert_eq!(status(&mut region).as_deref(), Some("DELETE_IN_PROGRESS"));
    region.ok(
        "DeleteService",
        &json!({"cluster": "main", "service": "s", "force": true}),
    );
    region.pass(3600);
    assert_eq!(status(&mut region), None);
    assert_eq!(
        region.register(&definition()),
        arn.replace("app:1", "app:2"),
        "its number is not used again"
    );
}

#[test]
fn deletion_says_what_it_could_not_delete() {
    let mut region = region(1);
    let arn = region.register(&definition());
    let asked = json!({"taskDefinitions": [arn, "app", "nothing:1"]});
    let reply = region.ok("DeleteTaskDefinitions", &asked);
    assert_eq!(list(&reply, "/failures").len(), 3);
    let eleven: Vec<_> = (1..=11).map(|n| format!("app:{n}")).collect();
    assert_eq!(
        region.code("DeleteTaskDefinitions", &json!({"taskDefinitions": eleven})),
        "InvalidParameterException"
    );
}

#[test]
fn a_member_that_no_model_knows_comes_back() {
    let mut region = region(1);
    let novel = with_main(
        &merged(&definition(), &json!({"novelty": {"a": [1]}})),
        &json!({"oddity": "x"}),
    );
    region.register(&novel);
    let found = region.ok("DescribeTaskDefinition", &json!({"taskDefinition": "app"}));
    assert_eq!(found.pointer("/taskDefinition/novelty"), Some(&json!({"a": [1]})));
    assert_eq!(text(&found, "/taskDefinition/containerDefinitions/0/oddity"), "x");
}

#[test]
fn an_efs_volume_with_an_access_point_needs_encryption_and_no_root_of_its_own() {
    let volume = |members: Value| {
        let efs = merged(&json!({"fileSystemId": "fs-0123456789abcdef0"}), &members);
        merged(
            &definition(),
            &json!({"volumes": [{"name": "v", "efsVolumeConfiguration": efs}]}),
        )
    };
    let point = json!({"accessPointId": "fsap-0123456789abcdef0"});
    let iam = json!({"iam": "ENABLED"});
    for (members, good) in [
        (json!({}), true),
        (json!({"rootDirectory": "/x"}), true),
        (
            json!({"transitEncryption": "ENABLED", "authorizationConfig": point}),
            true,
        ),
        (
            json!({"transitEncryption": "ENABLED", "authorizationConfig": point, "rootDirectory": "/"}),
            true,
        ),
        (
            json!({"transitEncryption": "ENABLED", "authorizationConfig": point, "rootDirectory": "/x"}),
            false,
        ),
        (
            json!({"transitEncryption": "DISABLED", "authorizationConfig": point}),
            false,
        ),
        (json!({"authorizationConfig": point}), false),
        (
            json!({"transitEncryption": "ENABLED", "authorizationConfig": iam}),
            true,
        ),
        (json!({"authorizationConfig": iam}), false),
        (
            json!({"transitEncryption": "ENABLED", "transitEncryptionPort": 2999}),
            true,
        ),
        (
            json!({"transitEncryption": "ENABLED", "transitEncryptionPort": 65536}),
            false,
        ),
        (json!({"fileSystemId": "nonsense"}), false),
    ] {
        assert_eq!(accepts(&volume(members.clone())), good, "{members}");
    }
    let two = json!({"volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}, "dockerVolumeConfiguration": {}}]});
    assert!(!accepts(&merged(&definition(), &two)));
}

#[test]
fn mounts_name_a_volume_and_a_path_that_is_free() {
    let mounts = |mounts: Value| {
        let volumes = json!({"volumes": [{"name": "v"}, {"name": "w"}]});
        with_main(&merged(&definition(), &volumes), &json!({"mountPoints": mounts}))
    };
    assert!(accepts(&mounts(
        json!([{"sourceVolume": "v", "containerPath": "/a"}, {"sourceVolume": "w", "containerPath": "/b"}])
    )));
    assert!(!accepts(&mounts(
        json!([{"sourceVolume": "v", "containerPath": "/a"}, {"sourceVolume": "w", "containerPath": "/a"}])
    )));
    assert!(!accepts(&mounts(json!([{"sourceVolume": "x", "containerPath": "/a"}]))));
    assert!(!accepts(&mounts(json!([{"sourceVolume": "v"}]))));
}

#[test]
fn environment_files_are_at_most_ten_and_end_in_env() {
    let files = |count: usize, name: &str| {
        let files = vec![json!({"type": "s3", "value": format!("arn:aws:s3:::bucket/{name}")}); count];
        with_main(&definition(), &json!({"environmentFiles": files}))
    };
    assert!(accepts(&files(10, "a.env")));
    assert!(!accepts(&files(11, "a.env")) && !accepts(&files(1, "a.txt")) && !accepts(&files(1, "env")));
}

#[test]
fn logs_to_cloudwatch_need_an_execution_role() {
    let log = |driver: &str| json!({"logConfiguration": {"logDriver": driver}});
    let roleless = merged(&definition(), &json!({"executionRoleArn": null}));
    assert!(accepts(&with_main(&definition(), &log("awslogs"))));
    assert!(!accepts(&with_main(&roleless, &log("awslogs"))));
    assert!(accepts(&with_main(&roleless, &log("splunk"))));
}

#[test]
fn ports_are_mapped_once_and_to_themselves() {
    let ports = |ports: Value| with_main(&definition(), &json!({"portMappings": ports}));
    assert!(accepts(&ports(
        json!([{"containerPort": 80, "hostPort": 80}, {"containerPort": 80, "protocol": "udp"}])
    )));
    assert!(accepts(&ports(json!([{"containerPortRange": "8000-8010"}]))));
    for wrong in [
        json!([{"containerPort": 80, "hostPort": 81}]),
        json!([{"containerPort": 80}, {"containerPort": 80}]),
        json!([{"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"}]),
        json!([{"protocol": "tcp"}]),
        json!([{"containerPort": 80, "containerPortRange": "80-81"}]),
    ] {
        assert!(!accepts(&ports(wrong.clone())), "{wrong}");
    }
}

#[test]
fn a_definition_that_is_not_for_fargate_has_other_rules() {
    let other = merged(
        &definition(),
        &json!({"requiresCompatibilities": ["EC2"], "networkMode": "bridge", "cpu": null, "memory": null}),
    );
    assert!(!accepts(&other), "without a size each container needs its memory");
    let limited = with_main(&other, &json!({"memory": 128, "privileged": true}));
    assert!(accepts(&limited));
    let mut region = region(1);
    let arn = region.register(&limited);
    assert_eq!(
        region.code("RunTask", &crate::support::run(&arn)),
        "InvalidParameterException"
    );
}

#[test]
fn a_definition_has_at_most_fifty_tags_which_are_unique() {
    let tagged = |count: usize| {
        let tags: Vec<_> = (0..count).map(|n| json!({"key": n.to_string(), "value": ""})).collect();
        merged(&definition(), &json!({"tags": tags}))
    };
    assert!(accepts(&tagged(50)) && !accepts(&tagged(51)));
    let twice = json!({"tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]});
    assert!(!accepts(&merged(&definition(), &twice)));
}

#[test]
fn a_family_means_its_newest_active_revision() {
    let mut region = region(1);
    let first = region.register(&definition());
    let second = region.register(&definition());
    let mut meant = |gone: &str| {
        region.ok("DeregisterTaskDefinition", &json!({"taskDefinition": gone}));
        let found = region.call("DescribeTaskDefinition", &json!({"taskDefinition": "app"}));
        found
            .ok()
            .map(|found| text(&found, "/taskDefinition/taskDefinitionArn"))
    };
    assert_eq!(meant(&second), Some(first.clone()));
    assert_eq!(meant(&first), None);
    assert_eq!(region.world.active_definitions().count(), 0);
}
