use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

mod crash;

const CLUSTER: &str = "arn:aws:ecs:eu-central-1:111122223333:cluster/berth";

fn scope() -> Scope {
    Scope {
        clusters: vec![CLUSTER.to_owned()],
        main_container: Some("app".to_owned()),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An event as ECS sends it for a running Fargate task, with members that we do not read and an injected sidecar.
fn running() -> Value {
    json!({
        "version": "0",
        "id": "9bcdac79-b31f-4d3d-9410-fbd727c29fab",
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "time": "2026-11-20T10:00:09Z",
        "resources": ["arn:aws:ecs:eu-central-1:111122223333:task/berth/aa11"],
        "detail": {
            "attachments": [
                {"id": "x", "type": "sdi", "status": "ATTACHED", "details": []},
                {"id": "y", "type": "eni", "status": "ATTACHED", "details": [
                    {"name": "networkInterfaceId", "value": "eni-1"},
                    {"name": "privateIPv4Address", "value": "10.0.3.7"}]}],
            "clusterArn": CLUSTER,
            "containers": [
                {"name": "aws-guardduty-agent-k1", "lastStatus": "RUNNING", "cpu": "null", "exitCode": null},
                {"name": "app", "lastStatus": "RUNNING", "cpu": "null", "networkInterfaces": [{"attachmentId": "y"}]}],
            "cpu": "null",
            "createdAt": "2026-11-20T10:00:00.123Z",
            "desiredStatus": "RUNNING",
            "group": "service:t-acme-g1",
            "lastStatus": "RUNNING",
            "launchType": "FARGATE",
            "overrides": {"containerOverrides": []},
            "startedAt": "2026-11-20T10:00:08.5Z",
            "startedBy": "ecs-svc/1",
            "taskArn": "arn:aws:ecs:eu-central-1:111122223333:task/berth/aa11",
            "taskDefinitionArn": "arn:aws:ecs:eu-central-1:111122223333:task-definition/base-user:4",
            "updatedAt": "2026-11-20T10:00:08.5Z",
            "version": 3,
            "aMemberOf2027": {"deep": [1]}
        }
    })
}

/// The end of the same task.
fn stopped(code: &str, reason: &str, exit_code: Value) -> Value {
    let mut event = running();
    let detail = event["detail"].as_object_mut().unwrap();
    detail.insert("lastStatus".into(), json!("STOPPED"));
    detail.insert("desiredStatus".into(), json!("STOPPED"));
    detail.insert("version".into(), json!(6));
    detail.insert("stopCode".into(), json!(code));
    detail.insert("stoppedReason".into(), json!(reason));
    detail.insert("stoppedAt".into(), json!("2026-11-20T11:00:00.25Z"));
    detail["containers"][1]["exitCode"] = exit_code;
    detail["attachments"][1]["status"] = json!("DELETED");
    event
}

fn task(event: &Value) -> TaskObservation {
    match read_event(event, &scope()).unwrap() {
        Reading::Task(task) => task,
        other => panic!("not a task: {other:?}"),
    }
}

fn with(mut event: Value, member: &str, value: Value) -> Value {
    event["detail"][member] = value;
    event
}

/// The row after these observations, in this order.
fn row(observations: &[TaskObservation]) -> Option<Observed> {
    observations.iter().fold(None, |row, new| {
        if judge_observation(row.as_ref(), new).applies() {
            Some(Observed::from(new))
        } else {
            row
        }
    })
}

#[test]
fn a_running_task_is_read_with_its_identity_order_and_address() {
    let task = task(&running());
    assert_eq!(task.service.tenant().as_str(), "acme");
    assert_eq!((task.version, &task.last_status), (3, &TaskStatus::Running));
    assert_eq!(task.created_at, at("2026-11-20T10:00:00.123Z"));
    assert_eq!(task.started_at, Some(at("2026-11-20T10:00:08.5Z")));
    assert_eq!(task.deployment_id.as_deref(), Some("ecs-svc/1"));
    assert_eq!(Observed::from(&task).endpoint().unwrap().to_string(), "10.0.3.7");
    assert_eq!((task.stopped.as_ref(), stop_cause(&task)), (None, None));
}

#[test]
fn e1_duplicates_reorder_and_gaps_end_in_the_highest_version() {
    let v = |version: u64| task(&with(running(), "version", json!(version)));
    let (stored, newer) = (Observed::from(&v(3)), v(4));
    assert_eq!(judge_observation(None, &v(1)), Gate::First);
    assert_eq!(judge_observation(Some(&stored), &v(2)), Gate::Stale);
    assert_eq!(judge_observation(Some(&stored), &v(3)), Gate::Repeated);
    assert_eq!(judge_observation(Some(&stored), &newer), Gate::Newer);
    assert_eq!(row(&[v(2), v(7), v(7), v(1), v(5)]).unwrap().version, 7);
}

proptest! {
    #[test]
    fn e1_every_order_of_arrival_ends_in_the_same_row(
        seen in prop::collection::vec((0u8..3, 1u64..9), 1..12),
        shuffle in any::<prop::sample::Index>(),
    ) {
        // A task's creation is part of its identity, so it is the same in all of its states.
        let observation = |&(name, version): &(u8, u64)| {
            let mut new = task(&running());
            let created = i64::from(name / 2); // tasks 0 and 1 are of the same millisecond
            new.task_arn = format!("task/{name}");
            new.created_at = Timestamp::from_millisecond(created).unwrap();
            new.version = version;
            new
        };
        let told: Vec<_> = seen.iter().map(observation).collect();
        let mut retold = told.clone();
        retold.rotate_left(shuffle.index(told.len()));
        retold.reverse();
        retold.extend(told.iter().take(3).cloned());
        prop_assert_eq!(row(&told), row(&retold));
    }

    #[test]
    fn e6_no_json_makes_reading_panic(text in "\\PC{0,40}", number in any::<i64>(), member in 0usize..18) {
        let names = ["taskArn", "version", "createdAt", "startedAt", "attachments", "containers", "group", "clusterArn",
            "lastStatus", "desiredStatus", "stopCode", "stoppedReason", "stoppedAt", "startedBy", "updatedAt",
            "taskDefinitionArn", "cpu", "overrides"];
        for value in [json!(text), json!(number), json!([text]), json!({"a": number}), json!([{"exitCode": text}])] {
            let _ = read_event(&with(running(), names[member], value.clone()), &scope());
            let _ = read_event(&value, &scope());
        }
    }
}

#[test]
fn e2_of_two_interleaved_tasks_the_later_created_is_the_current_one() {
    let old_stopped = task(&with(
        stopped("ServiceSchedulerInitiated", "", json!(0)),
        "version",
        json!(90),
    ));
    let old_running = task(&running());
    let new_event = with(running(), "createdAt", json!("2026-11-20T10:00:00.124Z"));
    let mut new_running = task(&with(new_event, "version", json!(2)));
    new_running.task_arn = "task/new".to_owned();
    let stored = Observed::from(&new_running);

    assert_eq!(judge_observation(Some(&stored), &old_stopped), Gate::OlderTask);
    assert_eq!(judge_observation(Some(&stored), &old_running), Gate::OlderTask);
    assert_eq!(
        judge_observation(Some(&Observed::from(&old_running)), &new_running),
        Gate::NewTask
    );
    let ended = row(&[old_running, new_running, old_stopped]).unwrap();
    assert_eq!(ended, stored, "the old task's end clears nothing of the new one");
    assert!(ended.endpoint().is_some());
}

#[test]
fn e3_a_task_that_is_going_has_no_address_although_ecs_lists_one() {
    for status in [
        "DEACTIVATING",
        "STOPPING",
        "DEPROVISIONING",
        "STOPPED",
        "DELETED",
        "NEWLY_INVENTED",
    ] {
        assert_eq!(
            task(&with(running(), "lastStatus", json!(status))).private_ip,
            None,
            "{status}"
        );
    }
    assert_eq!(
        task(&with(running(), "desiredStatus", json!("STOPPED"))).private_ip,
        None
    );
    for status in ["DELETED", "DETACHED", "DETACHING", "FAILED"] {
        let mut event = running();
        event["detail"]["attachments"][1]["status"] = json!(status);
        assert_eq!(task(&event).private_ip, None, "{status}");
    }
    let ended = row(&[
        task(&running()),
        task(&stopped("ServiceSchedulerInitiated", "", json!(0))),
    ])
    .unwrap();
    assert_eq!(
        (ended.private_ip, ended.endpoint()),
        (None, None),
        "the address is cleared"
    );
}

#[test]
fn e3_only_a_running_task_is_an_endpoint() {
    let pending = Observed::from(&task(&with(running(), "lastStatus", json!("PENDING"))));
    assert!(pending.private_ip.is_some());
    assert_eq!(pending.endpoint(), None);
}

#[test]
fn e4_running_without_an_address_is_read_and_shown_as_having_none() {
    let bare = Observed::from(&task(&with(running(), "attachments", json!([]))));
    assert_eq!((bare.last_status.clone(), bare.endpoint()), (TaskStatus::Running, None));
    let described = described(json!("RUNNING"));
    assert_eq!(
        judge_observation(Some(&bare), &described),
        Gate::Newer,
        "a later look finds it"
    );
    assert!(Observed::from(&described).endpoint().is_some());
}

/// The same task as `DescribeTasks` tells it: seconds for instants, another name for the interface.
fn described(last_status: Value) -> TaskObservation {
    let mut task = running()["detail"].clone();
    task["attachments"][1]["type"] = json!("ElasticNetworkInterface");
    task["createdAt"] = json!(1_795_168_800.123);
    task["startedAt"] = json!(1_795_168_808.5);
    task["lastStatus"] = last_status;
    task["version"] = json!(4);
    match read_described_task(&task, &scope()).unwrap() {
        Reading::Task(task) => task,
        other => panic!("not a task: {other:?}"),
    }
}

#[test]
fn e5_an_answer_of_describe_tasks_goes_through_the_same_gate() {
    let (told, asked) = (task(&running()), described(json!("RUNNING")));
    assert_eq!(
        TaskObservation {
            version: 3,
            ..asked.clone()
        },
        told
    );
    assert_eq!(judge_observation(Some(&Observed::from(&told)), &asked), Gate::Newer);
    assert_eq!(
        judge_observation(Some(&Observed::from(&asked)), &told),
        Gate::Stale,
        "a late event loses"
    );
}

#[test]
fn e6_odd_members_are_read_as_absent() {
    for odd in [Value::Null, json!("null"), json!([]), json!({})] {
        let task = task(&stopped("EssentialContainerExited", "why", odd.clone()));
        assert_eq!(task.stopped.unwrap().exit_code, None, "{odd}");
    }
    let task = task(&with(
        with(running(), "startedAt", json!("soon")),
        "containers",
        json!("null"),
    ));
    assert_eq!(task.started_at, None);
}

#[test]
fn e6_the_exit_code_is_the_main_containers_not_an_injected_sidecars() {
    let mut event = stopped(
        "EssentialContainerExited",
        "Essential container in task exited",
        json!(137),
    );
    event["detail"]["containers"][0]["exitCode"] = json!(143);
    event["detail"]["containers"][1]["reason"] = json!("OutOfMemoryError: killed");
    let end = task(&event).stopped.unwrap();
    assert_eq!(end.exit_code, Some(137));
    assert_eq!(
        end.reason,
        "Essential container in task exited: OutOfMemoryError: killed"
    );
}

#[test]
fn e6_without_a_version_or_a_creation_there_is_no_order_and_so_an_error() {
    for member in ["version", "createdAt", "taskArn"] {
        let error = read_event(&with(running(), member, Value::Null), &scope()).unwrap_err();
        assert_eq!(error.member, member);
    }
}

#[test]
fn e8_what_is_not_ours_is_an_outcome() {
    let read = |event: Value| read_event(&event, &scope()).unwrap();
    for (member, value, why) in [
        (
            "clusterArn",
            json!("arn:aws:ecs:eu-central-1:111122223333:cluster/other"),
            NotOurs::OtherCluster,
        ),
        (
            "clusterArn",
            json!("arn:aws:ecs:eu-central-1:999999999999:cluster/berth"),
            NotOurs::OtherCluster,
        ),
        ("clusterArn", Value::Null, NotOurs::OtherCluster),
        ("group", json!("family:base"), NotOurs::NoService),
        ("group", json!("service:web"), NotOurs::OtherService),
    ] {
        assert_eq!(read(with(running(), member, value)), Reading::NotOurs(why), "{member}");
    }
    let mut other = running();
    other["detail-type"] = json!("ECS Container Instance State Change");
    assert_eq!(read(other), Reading::NotOurs(NotOurs::OtherKind));
    assert_eq!(read(json!(null)), Reading::NotOurs(NotOurs::OtherKind));
}

#[test]
fn e9_a_failed_deployment_is_told() {
    let event = json!({
        "source": "aws.ecs",
        "detail-type": "ECS Deployment State Change",
        "resources": ["arn:aws:ecs:eu-central-1:111122223333:service/berth/t-acme-g1"],
        "detail": {"eventType": "ERROR", "eventName": "SERVICE_DEPLOYMENT_FAILED", "deploymentId": "ecs-svc/1",
            "updatedAt": "2026-11-20T11:11:11Z", "reason": "ECS deployment circuit breaker: task failed to start."}
    });
    let Reading::Deployment(change) = read_event(&event, &scope()).unwrap() else {
        panic!("not a deployment")
    };
    assert_eq!(
        (change.service.tenant().as_str(), change.state),
        ("acme", DeploymentState::Failed)
    );
    assert_eq!(change.deployment_id, "ecs-svc/1");
    let mut foreign = event.clone();
    foreign["resources"][0] = json!("arn:aws:ecs:eu-central-1:111122223333:service/other/t-acme-g1");
    assert_eq!(
        read_event(&foreign, &scope()).unwrap(),
        Reading::NotOurs(NotOurs::OtherCluster)
    );
}

#[test]
fn statuses_are_in_lifecycle_order_and_unknown_ones_are_carried() {
    let life = [
        "PROVISIONING",
        "PENDING",
        "ACTIVATING",
        "RUNNING",
        "DEACTIVATING",
        "STOPPING",
        "DEPROVISIONING",
        "STOPPED",
    ];
    let ranks: Vec<_> = life
        .iter()
        .map(|text| TaskStatus::from(*text).rank().unwrap())
        .collect();
    assert!(ranks.is_sorted_by(|a, b| a < b));
    for text in life.into_iter().chain(["DELETED", "FROM_THE_FUTURE"]) {
        assert_eq!(TaskStatus::from(text).to_string(), text);
    }
    let unknown = TaskStatus::from("FROM_THE_FUTURE");
    assert_eq!(
        (unknown.rank(), unknown.is_gone()),
        (None, false),
        "unknown is not gone"
    );
}

#[test]
fn what_is_stored_is_read_back_and_instants_are_milliseconds() {
    let observed = Observed::from(&task(&running()));
    let stored = serde_json::to_value(&observed).unwrap();
    assert_eq!(stored["createdAt"], json!(1_795_168_800_123_i64));
    assert_eq!(serde_json::from_value::<Observed>(stored).unwrap(), observed);
    let crashes = Crashes::default().with(observed.created_at, CrashBudget::default());
    assert_eq!(serde_json::to_value(&crashes).unwrap(), json!([1_795_168_800_123_i64]));
}
