use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::definition::BaseFingerprint;
use crate::release::{Finding, Pointer, Preflight, Proof, Rejection, Release, ReleaseState};
use crate::rollout::{Policy, Rollout};

const AT: Timestamp = Timestamp::UNIX_EPOCH;

/// `o`k, `w`arning, `f`ailed or `n`ot checked.
fn letter(check: &Check) -> char {
    match &check.health {
        Health::Ok { .. } => 'o',
        Health::Warning { fix, .. } | Health::Failed { fix, .. } if fix.is_empty() => {
            panic!("{check:?} says not what to do")
        }
        Health::Warning { .. } => 'w',
        Health::Failed { .. } => 'f',
        Health::NotChecked { .. } => 'n',
    }
}

fn letters(checks: impl IntoIterator<Item = Check>) -> String {
    checks.into_iter().map(|check| letter(&check)).collect()
}

fn unread<T>() -> Read<T> {
    Err("AccessDenied".to_owned())
}

#[test]
fn what_could_not_be_read_is_not_checked() {
    let [of_cluster, services] = cluster("berth", &unread());
    let all = [
        stack("berth", &unread()),
        resources(&unread()),
        table("Tenants", &unread()),
        of_cluster,
        services,
        file_system("fs-1", &unread()),
        access_points(&unread()),
        base("base", &unread()),
        roles(&unread()),
        queue(&unread()),
        dead_letters(&unread()),
        event_letters(&unread()),
        overdue(&unread()),
        releases(&unread()),
        rollout(&unread()),
        schedule("sweep", &unread()),
        quota("vCPU", &unread()),
    ];
    assert!(all.iter().all(|check| !check.has_failed()));
    assert_eq!(letters(all), "n".repeat(17));
}

#[test]
fn a_stack_is_well_when_its_last_deploy_has_ended_well() {
    let statuses = [
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "ROLLBACK_COMPLETE",
        "UPDATE_ROLLBACK_FAILED",
        "DELETE_FAILED",
    ];
    assert_eq!(
        letters(statuses.map(|status| stack("berth", &Ok(status.to_owned())))),
        "oowwwfff"
    );
}

#[test]
fn a_resource_that_is_missing_or_broken_is_named() {
    let whole = |status: &str| -> Vec<Resource> {
        let needed = [
            "TenantsTable",
            "ActivityTable",
            "FleetTable",
            "ReconcileQueue",
            "ReconcileDeadLetters",
            "EventDeadLetters",
            "ProvisionFunction",
            "ActivityFunction",
            "TaskStateFunction",
            "RebaseFunction",
            "WatchdogFunction",
            "ReconcileFunction",
        ];
        needed
            .map(|logical| Resource {
                logical: logical.to_owned(),
                status: status.to_owned(),
            })
            .into()
    };
    assert_eq!(letter(&resources(&Ok(whole("UPDATE_COMPLETE")))), 'o');
    let mut less = whole("CREATE_COMPLETE");
    less.remove(0);
    let told = format!("{:?}", resources(&Ok(less)));
    assert!(
        told.starts_with("Check { subject: \"resources\", health: Failed") && told.contains("TenantsTable"),
        "{told}"
    );
    let mut broken = whole("CREATE_COMPLETE");
    broken[3].status = "UPDATE_FAILED".to_owned();
    let told = format!("{:?}", resources(&Ok(broken)));
    assert!(
        told.contains("Failed {") && told.contains("ReconcileQueue is UPDATE_FAILED"),
        "{told}"
    );
}

#[test]
fn a_limit_warns_from_four_fifths_on_and_fails_when_it_is_used_up() {
    let used = [0, 3_999, 4_000, 4_999, 5_000];
    let services = used.map(|services| {
        let status = "ACTIVE".to_owned();
        let [of_cluster, services] = cluster("berth", &Ok(Some(Cluster { status, services })));
        assert_eq!(letter(&of_cluster), 'o');
        services
    });
    assert_eq!(letters(services), "oowwf");
    assert_eq!(
        letters([7_999, 8_000, 10_000].map(|used| access_points(&Ok(used)))),
        "owf"
    );
    let quotas = [Some(79), Some(80), Some(100), None].map(|used| quota("vCPU", &Ok(Quota { limit: 100, used })));
    assert_eq!(letters(quotas), "owfo");
}

#[test]
fn what_the_stack_needs_and_is_not_there_has_failed() {
    let of = |status: &str| Ok(Some(status.to_owned()));
    assert_eq!(
        letters([of("ACTIVE"), of("UPDATING"), of("DELETING"), Ok(None)].map(|read| table("Fleet", &read))),
        "owff"
    );
    assert_eq!(
        letters([of("available"), of("updating"), of("deleting"), Ok(None)].map(|read| file_system("fs-1", &read))),
        "owff"
    );
    let inactive = Cluster {
        status: "INACTIVE".to_owned(),
        services: 0,
    };
    for read in [Ok(Some(inactive)), Ok(None)] {
        assert_eq!(letters(cluster("berth", &read)), "fo");
    }
    assert_eq!(
        letters(["ENABLED", "DISABLED"].map(|state| schedule("sweep", &Ok(state.to_owned())))),
        "of"
    );
}

#[test]
fn a_base_is_as_well_as_its_preflight() {
    let revision = || "base:7".to_owned();
    let findings = vec![Finding("there is no main container".to_owned())];
    let unknown = vec!["ThrottlingException".to_owned()];
    let bases = [
        Ok(Some((revision(), Preflight::Pass))),
        Ok(Some((revision(), Preflight::Undecided { unknown }))),
        Ok(Some((revision(), Preflight::Reject { findings }))),
        Ok(None),
    ];
    assert_eq!(letters(bases.iter().map(|read| base("base", read))), "owff");
    let told = format!("{:?}", base("base", &bases[2]));
    assert!(told.contains("no main container"), "{told}");
}

#[test]
fn a_role_that_berth_may_not_hand_over_is_named() {
    let role = |name: &str| format!("arn:aws:iam::123456789012:role/{name}");
    let of = |task: Option<&str>, execution: &str| {
        Ok(Some(Roles {
            task: task.map(role),
            execution: Some(role(execution)),
            allowed: vec![role("task"), role("execution")],
        }))
    };
    assert_eq!(
        letters(
            [
                of(Some("task"), "execution"),
                of(None, "execution"),
                of(Some("other"), "execution"),
                Ok(None)
            ]
            .map(|read| roles(&read))
        ),
        "oofo"
    );
    let told = format!("{:?}", roles(&of(Some("task"), "another")));
    assert!(
        told.contains("executionRoleArn arn:aws:iam::123456789012:role/another"),
        "{told}"
    );
}

#[test]
fn letters_and_the_stuck_are_told() {
    assert_eq!(letters([0, 999, 1_000].map(|waiting| queue(&Ok(waiting)))), "oow");
    assert_eq!(letters([0, 1].map(|waiting| dead_letters(&Ok(waiting)))), "of");
    assert_eq!(letters([0, 1].map(|waiting| event_letters(&Ok(waiting)))), "ow");
    let stuck = |minutes: &[u64]| {
        let of = |minutes: &u64| (format!("t-{minutes}"), Duration::from_mins(*minutes));
        overdue(&Ok(minutes.iter().map(of).collect()))
    };
    assert_eq!(letters([stuck(&[]), stuck(&[15]), stuck(&[1, 16, 90])]), "oof");
    let told = format!("{:?}", stuck(&[1, 16, 90]));
    assert!(told.contains("2 stuck; t-90 for 90 min"), "{told}");
}

fn release(name: &str, digit: char, found: i64, state: ReleaseState) -> Release {
    Release {
        id: name.parse().unwrap(),
        content: digit.to_string().repeat(64).parse::<BaseFingerprint>().unwrap(),
        source: String::new(),
        found: Timestamp::from_second(found).unwrap(),
        state,
    }
}

#[test]
fn a_release_that_was_refused_is_told_and_one_is_needed() {
    let proof = || Proof::Unproven;
    let promoted = || ReleaseState::Promoted { at: AT, proof: proof() };
    let rejected = || ReleaseState::Rejected {
        at: AT,
        cause: Rejection::Preflight { findings: Vec::new() },
    };
    let pointer = |name: &str| Pointer {
        promoted: Some(name.parse().unwrap()),
        ..Pointer::default()
    };
    let cases = [
        (Pointer::default(), vec![]),
        (pointer("r1"), vec![]),
        (pointer("r1"), vec![release("r1", 'a', 1, promoted())]),
        (
            pointer("r1"),
            vec![release("r2", 'b', 2, rejected()), release("r1", 'a', 1, promoted())],
        ),
        (
            pointer("r2"),
            vec![release("r1", 'a', 1, rejected()), release("r2", 'b', 2, promoted())],
        ),
    ];
    assert_eq!(letters(cases.map(|case| releases(&Ok(case)))), "ffowo");
}

#[test]
fn a_rollout_that_is_paused_is_told() {
    let policy = Policy::default();
    let (id, release) = ("ro3".parse().unwrap(), "r2".parse().unwrap());
    let going = Rollout::start(id, release, None, policy, "deploy".to_owned(), AT);
    let paused = going.pause("ann", AT).unwrap();
    assert_eq!(
        letters([
            rollout(&Ok(None)),
            rollout(&Ok(Some(going))),
            rollout(&Ok(Some(paused)))
        ]),
        "oow"
    );
}
