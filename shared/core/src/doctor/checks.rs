//! Each check is a function of what was read.

use std::time::Duration;

use super::{Check, Cluster, Health, Quota, Read, Resource, Roles};
use crate::release::{Pointer, Preflight, Release, ReleaseState};
use crate::rollout::{Rollout, State};

/// Services in a cluster (Developer Guide, "Amazon ECS service quotas").
const SERVICES: u64 = 5_000;

/// Access points of a file system (EFS User Guide, "Amazon EFS quotas").
const ACCESS_POINTS: u64 = 10_000;

/// From this part of a limit on somebody should know, in hundredths.
const NEARLY: u64 = 80;

/// So many waiting messages are more than a fleet has in a moment of many changes: reconcile takes a hundred at a time.
const MANY_WAITING: u64 = 1_000;

/// After this time somebody who is on the way is stuck: each phase has its own deadline, and the sweep nudges each minute.
const STUCK: Duration = Duration::from_mins(15);

/// What Berth cannot do without.
const NEEDED: [&str; 12] = [
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

/// The stack, by its status.
pub fn stack(name: &str, status: &Read<String>) -> Check {
    Check::of(format!("stack {name}"), status, |status| match status.as_str() {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => Health::ok(status),
        "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_COMPLETE" => Health::warning(
            format!("{status}: the last deploy was undone"),
            "look at the stack's events, and deploy again",
        ),
        status if status.ends_with("_IN_PROGRESS") => Health::warning(
            format!("{status}: a deploy is under way"),
            "ask again when it has ended",
        ),
        status => Health::failed(
            status,
            "look at the stack's events in CloudFormation, and deploy it again",
        ),
    })
}

/// What the stack has made.
pub fn resources(found: &Read<Vec<Resource>>) -> Check {
    Check::of("resources", found, |found| {
        let absent: Vec<&str> = NEEDED
            .into_iter()
            .filter(|needed| !found.iter().any(|resource| resource.logical == *needed))
            .collect();
        let broken: Vec<String> = found
            .iter()
            .filter(|resource| resource.status.ends_with("_FAILED") || resource.status.starts_with("DELETE_"))
            .map(|resource| format!("{} is {}", resource.logical, resource.status))
            .collect();
        if !absent.is_empty() {
            return Health::failed(
                format!("there is no {}", absent.join(", ")),
                "is this the stack of Berth? name another with --stack, or deploy template.yaml again",
            );
        }
        if !broken.is_empty() {
            return Health::failed(broken.join(", "), "look at the stack's events, and deploy it again");
        }
        Health::ok(format!("{} of the stack, all made", found.len()))
    })
}

/// A table, by its status.
pub fn table(name: &str, status: &Read<Option<String>>) -> Check {
    Check::of(format!("table {name}"), status, |status| match status.as_deref() {
        Some("ACTIVE") => Health::ok("ACTIVE"),
        Some(status @ ("CREATING" | "UPDATING")) => Health::warning(status, "ask again in a few minutes"),
        Some(status) => Health::failed(status, "look at the table in DynamoDB"),
        None => Health::failed(
            "it is not there",
            "restore it from its point-in-time recovery under this name: the stack keeps it when it is taken out, so somebody deleted it",
        ),
    })
}

/// The cluster, and how full it is.
pub fn cluster(name: &str, found: &Read<Option<Cluster>>) -> [Check; 2] {
    let status = Check::of(format!("cluster {name}"), found, |found| {
        match found.as_ref().map(|cluster| cluster.status.as_str()) {
            Some("ACTIVE") => Health::ok("ACTIVE"),
            Some(status @ "PROVISIONING") => Health::warning(status, "ask again in a few minutes"),
            other => Health::failed(
                other.unwrap_or("it is not there"),
                "make a cluster of this name, or set the stack's parameter Cluster to one that is ACTIVE",
            ),
        }
    });
    let services = Check::of("services", found, |found| {
        let services = found.as_ref().map_or(0, |cluster| cluster.services);
        room(
            services,
            SERVICES,
            "a cluster takes no more, and it cannot be raised: deploy another stack with a cluster of its own for new tenants",
        )
    });
    [status, services]
}

/// The file system, by its state; `None` if the stack has none.
pub fn file_system(id: &str, state: &Read<Option<String>>) -> Check {
    Check::of(format!("file system {id}"), state, |state| match state.as_deref() {
        Some("available") => Health::ok("available"),
        Some(state @ ("creating" | "updating")) => Health::warning(state, "ask again in a few minutes"),
        other => Health::failed(
            other.unwrap_or("it is not there"),
            "set the stack's parameter FileSystem to the one that has the tenants' files",
        ),
    })
}

/// How many access points the file system has.
pub fn access_points(found: &Read<u64>) -> Check {
    Check::of("access points", found, |found| {
        room(
            *found,
            ACCESS_POINTS,
            "delete those that no tenant uses, ask AWS Support for more, or deploy another stack with a file system of its own",
        )
    })
}

/// Whether the newest base could be a release.
pub fn base(family: &str, found: &Read<Option<(String, Preflight)>>) -> Check {
    Check::of(format!("base {family}"), found, |found| match found {
        None => Health::failed(
            "the family has no ACTIVE revision",
            "deploy your base stack; and give its task definition UpdateReplacePolicy: Retain",
        ),
        Some((revision, Preflight::Pass)) => Health::ok(revision.clone()),
        Some((revision, Preflight::Reject { findings })) => {
            let findings: Vec<&str> = findings.iter().map(|finding| finding.0.as_str()).collect();
            Health::failed(
                format!("{revision}: {}", findings.join("; ")),
                "mend the base and deploy it; until then tenants stay on the promoted release",
            )
        }
        Some((revision, Preflight::Undecided { unknown })) => Health::warning(
            format!("{revision}: {}", unknown.join("; ")),
            "ask again; what is not known is decided by the canary",
        ),
    })
}

/// Whether Berth may hand over the base's roles.
pub fn roles(found: &Read<Option<Roles>>) -> Check {
    Check::of("roles", found, |found| {
        let Some(found) = found else {
            return Health::ok("no base, no roles");
        };
        let asked = [("taskRoleArn", &found.task), ("executionRoleArn", &found.execution)];
        let refused: Vec<String> = asked
            .iter()
            .filter_map(|(member, role)| Some((member, role.as_ref()?)))
            .filter(|(_, role)| !found.allowed.contains(role))
            .map(|(member, role)| format!("{member} {role}"))
            .collect();
        if refused.is_empty() {
            return Health::ok("Berth may hand over the base's roles");
        }
        Health::failed(
            format!("Berth may not hand over the base's {}", refused.join(" and ")),
            "set the stack's parameters TaskRoleArn and ExecutionRoleArn to the base's roles",
        )
    })
}

/// The queue of reconcile, by how many messages wait.
pub fn queue(waiting: &Read<u64>) -> Check {
    Check::of("queue", waiting, |waiting| {
        if *waiting < MANY_WAITING {
            return Health::ok(format!("{waiting} waiting"));
        }
        Health::warning(
            format!("{waiting} waiting"),
            "look at reconcile's log and at the alarms FunctionErrors and FunctionThrottles; a large rollout is paced by ECS's limits",
        )
    })
}

/// Tenants that were given up.
pub fn dead_letters(waiting: &Read<u64>) -> Check {
    Check::of("dead letters", waiting, |waiting| match waiting {
        0 => Health::ok("none"),
        waiting => Health::failed(
            format!("{waiting}: tenants were given up"),
            "`berth dlq list` says whom and why; mend that, then `berth dlq redrive --all`",
        ),
    })
}

/// Events that were given up.
pub fn event_letters(waiting: &Read<u64>) -> Check {
    Check::of("event dead letters", waiting, |waiting| match waiting {
        0 => Health::ok("none"),
        waiting => Health::warning(
            format!("{waiting}: events or ticks were lost to a function that failed"),
            "docs/operate.md, \"Events that were given up\": what they told is found again by the passes",
        ),
    })
}

/// Who has been on the way for how long, of those who are overdue.
pub fn overdue(found: &Read<Vec<(String, Duration)>>) -> Check {
    Check::of("tenants on the way", found, |found| {
        let stuck: Vec<&(String, Duration)> = found.iter().filter(|(_, since)| *since > STUCK).collect();
        let Some((oldest, since)) = stuck.iter().max_by_key(|(_, since)| *since) else {
            return Health::ok("nobody is stuck");
        };
        Health::failed(
            format!("{} stuck; {oldest} for {} min", stuck.len(), since.as_secs() / 60),
            format!(
                "`berth tenants explain {oldest}`; if it is so with all, look at reconcile's log and its event source"
            ),
        )
    })
}

/// The releases: is there one that tenants can take, and was the newest refused?
pub fn releases(found: &Read<(Pointer, Vec<Release>)>) -> Check {
    Check::of("releases", found, |(pointer, releases)| {
        let Some(promoted) = pointer.promoted else {
            return Health::failed(
                "no release was ever promoted, so nobody can be provisioned",
                "deploy your base stack; `berth releases` says what became of it",
            );
        };
        if !releases.iter().any(|release| release.id == promoted) {
            return Health::failed(
                format!("{promoted} is promoted and has no row"),
                "restore the Fleet table from its point-in-time recovery",
            );
        }
        match releases.iter().max_by_key(|release| release.found) {
            Some(newest) if matches!(newest.state, ReleaseState::Rejected { .. }) => Health::warning(
                format!("{promoted} is promoted; {}, the newest, was rejected", newest.id),
                "`berth releases` says why; mend the base and deploy it",
            ),
            _ => Health::ok(format!("{promoted} is promoted")),
        }
    })
}

/// The newest rollout.
pub fn rollout(found: &Read<Option<Rollout>>) -> Check {
    Check::of("rollout", found, |found| match found {
        None => Health::ok("there was none"),
        Some(rollout) => match &rollout.state {
            State::Over { .. } => Health::ok(format!("{} is over", rollout.id)),
            State::Active { .. } => Health::ok(format!("{} is under way", rollout.id)),
            State::Paused { .. } => Health::warning(
                format!("{} is paused", rollout.id),
                format!(
                    "`berth rollout status {id}` says why; then `berth rollout resume {id}`, or abort or rollback",
                    id = rollout.id
                ),
            ),
        },
    })
}

/// A schedule, by its state.
pub fn schedule(name: &str, state: &Read<String>) -> Check {
    Check::of(format!("schedule {name}"), state, |state| {
        if state == "ENABLED" {
            return Health::ok("ENABLED");
        }
        Health::failed(
            state.clone(),
            "enable it in EventBridge Scheduler, or deploy the stack again: nobody is put to sleep, or no rollout goes on",
        )
    })
}

/// A quota of the account.
pub fn quota(name: &str, found: &Read<Quota>) -> Check {
    Check::of(format!("quota: {name}"), found, |found| match found.used {
        Some(used) => room(used, found.limit, "ask for more in Service Quotas before it is used up"),
        None => Health::ok(format!("{} allowed", found.limit)),
    })
}

fn room(used: u64, limit: u64, fix: &str) -> Health {
    let found = format!("{used} of {limit}");
    if used >= limit {
        Health::failed(found, fix)
    } else if used.saturating_mul(100) >= limit.saturating_mul(NEARLY) {
        Health::warning(found, fix)
    } else {
        Health::ok(found)
    }
}
