//! The whole fleet at a glance.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::release::{Pointer, ReleaseId, RolloutId};
use crate::tenant::{Phase, Takes, Tenant, TenantId, Wanted, deadline, phase};

/// How many of those who are on their way are named, the oldest first.
const NAMED: usize = 10;

/// What `GET /fleet` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FleetView {
    /// How many tenants there are.
    pub tenants: u32,
    /// How many are in which phase.
    pub phases: BTreeMap<Phase, u32>,
    /// What new and waking tenants take.
    pub promoted: Option<ReleaseId>,
    /// What is on trial.
    pub candidate: Option<ReleaseId>,
    /// The newest rollout, over or not.
    pub rollout: Option<RolloutId>,
    /// How many of those who run are on which release.
    pub running: BTreeMap<ReleaseId, u32>,
    /// How many of those who run are on another release than the promoted one, and why.
    pub drift: Drift,
    /// Who is not yet what it should be.
    pub unconverged: Unconverged,
}

/// Those who run another release than the promoted one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// A pin keeps them there, or they take newer releases only when somebody says so.
    pub kept: u32,
    /// They try the candidate.
    pub candidate: u32,
    /// They are to follow.
    pub behind: u32,
}

/// Those who are not yet what they should be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unconverged {
    /// How many.
    pub count: u32,
    /// How many of them are past the deadline of their phase.
    pub late: u32,
    /// Those who have been so for longest.
    pub oldest: Vec<OnTheWay>,
}

/// A tenant that is not yet what it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OnTheWay {
    /// Since when: the last change of its intent.
    pub since: Timestamp,
    /// Who.
    pub id: TenantId,
    /// Where it is on its way.
    pub phase: Phase,
}

/// A count of tenants, one by one, so that a fleet need not fit into memory.
#[derive(Clone, Debug)]
pub struct Census {
    pointer: Pointer,
    now: Timestamp,
    view: FleetView,
}

impl Census {
    /// Of nobody yet.
    pub fn new(pointer: Pointer, now: Timestamp) -> Self {
        let view = FleetView {
            tenants: 0,
            phases: BTreeMap::new(),
            promoted: pointer.promoted,
            candidate: pointer.candidate,
            rollout: pointer.rollout,
            running: BTreeMap::new(),
            drift: Drift::default(),
            unconverged: Unconverged::default(),
        };
        Self { pointer, now, view }
    }

    /// Counts a tenant. One of whom nothing is left is not one.
    pub fn count(&mut self, tenant: &Tenant) {
        let phase = phase(tenant);
        if phase == Phase::Deleted {
            return;
        }
        self.view.tenants += 1;
        *self.view.phases.entry(phase).or_default() += 1;
        if phase == Phase::Running {
            self.count_release(tenant);
        }
        let settled = tenant.is_settled() && matches!(phase, Phase::Running | Phase::Stopped);
        if !settled && phase != Phase::Failed {
            self.count_on_the_way(tenant, phase);
        }
    }

    fn count_release(&mut self, tenant: &Tenant) {
        let Some(release) = tenant.made.applied.as_ref().map(|applied| applied.release) else {
            return;
        };
        *self.view.running.entry(release).or_default() += 1;
        if Some(release) == self.pointer.promoted || tenant.intent.state != Wanted::Running {
            return;
        }
        let drift = &mut self.view.drift;
        let pinned = tenant.overlay.pin.is_some_and(|pin| pin.holds(self.now));
        match tenant.takes(self.now) {
            Takes::Named(_) if pinned => drift.kept += 1,
            Takes::Kept(_) if !self.pointer.is_forced(self.now) => drift.kept += 1,
            _ if Some(release) == self.pointer.candidate => drift.candidate += 1,
            Takes::Named(_) | Takes::Kept(_) | Takes::Promoted => drift.behind += 1,
        }
    }

    fn count_on_the_way(&mut self, tenant: &Tenant, phase: Phase) {
        let since = tenant.intent.at;
        let unconverged = &mut self.view.unconverged;
        unconverged.count += 1;
        let until = deadline(phase).and_then(|span| since.checked_add(span).ok());
        if until.is_some_and(|until| until < self.now) {
            unconverged.late += 1;
        }
        let id = tenant.tenant_id.clone();
        unconverged.oldest.push(OnTheWay { since, id, phase });
        unconverged.oldest.sort_unstable();
        unconverged.oldest.truncate(NAMED);
    }

    /// What was counted.
    pub fn view(self) -> FleetView {
        self.view
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(60 * minute).unwrap()
    }

    /// A tenant that runs what it was told, on r1, with these members changed.
    fn tenant(changes: &Value) -> Tenant {
        let arn = "arn:aws:ecs:eu-central-1:111122223333:task-definition/base-user:7";
        let mut row = json!({
            "tenantId": "acme", "incarnation": 1, "overlay": {}, "overlayVersion": 1,
            "intent": "running", "generation": 4, "intentReason": "wake", "intentBy": "ada",
            "intentAt": at(0).to_string(),
            "applied": {"generation": 4, "fingerprint": "0".repeat(64), "definitionArn": arn, "release": "r1"},
            "settled": {"generation": 4, "at": at(1).to_string()},
            "observed": {"taskArn": "arn:aws:ecs:eu-central-1:111122223333:task/berth/1", "version": 3, "createdAt": 0,
                         "lastStatus": "RUNNING", "privateIp": "10.0.0.1", "definitionArn": arn},
            "stopped": null, "dueAt": null,
        });
        row.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        serde_json::from_value(row).unwrap()
    }

    fn counted(pointer: &Value, now: Timestamp, tenants: &[Value]) -> FleetView {
        let mut census = Census::new(serde_json::from_value(pointer.clone()).unwrap(), now);
        for changes in tenants {
            census.count(&tenant(changes));
        }
        census.view()
    }

    #[test]
    fn who_runs_another_release_is_kept_there_tries_one_or_is_behind() {
        let pointer = json!({"promoted": "r2", "candidate": null, "rollout": "ro2"});
        let manual = json!({"overlay": {"policy": "manual"}});
        let pinned = json!({"overlay": {"pin": {}}});
        let view = counted(&pointer, at(5), &[json!({}), manual.clone(), pinned]);
        assert_eq!((view.drift.behind, view.drift.kept), (1, 2));
        assert_eq!(view.running, BTreeMap::from([("r1".parse().unwrap(), 3)]));

        let forced = json!({"promoted": "r2", "candidate": null, "rollout": "ro2", "forcedFrom": 300_000});
        assert_eq!(counted(&forced, at(4), std::slice::from_ref(&manual)).drift.kept, 1);
        assert_eq!(counted(&forced, at(5), std::slice::from_ref(&manual)).drift.behind, 1);

        let trial = json!({"promoted": "r3", "candidate": "r1", "rollout": "ro2"});
        let canary = json!({"intentReason": "rollout", "intentBy": "ro2", "intentRelease": "r1"});
        assert_eq!(counted(&trial, at(5), &[canary]).drift.candidate, 1);
    }

    #[test]
    fn those_on_their_way_are_counted_late_after_their_deadline() {
        let pointer = json!({"promoted": "r1", "candidate": null, "rollout": "ro1"});
        let stopping = json!({"intent": "stopped", "intentReason": "sleep", "generation": 5, "dueAt": 1});
        let on_time = counted(&pointer, at(10), std::slice::from_ref(&stopping));
        assert_eq!((on_time.unconverged.count, on_time.unconverged.late), (1, 0));
        assert_eq!(on_time.phases, BTreeMap::from([(Phase::Stopping, 1)]));
        let late = counted(&pointer, at(11), &[stopping, json!({})]);
        assert_eq!((late.tenants, late.unconverged.count, late.unconverged.late), (2, 1, 1));
        assert_eq!(late.unconverged.oldest.first().map(|one| one.since), Some(at(0)));
    }

    #[test]
    fn the_oldest_are_named_and_the_deleted_are_nobody() {
        let pointer = json!({"promoted": "r1", "candidate": null, "rollout": "ro1"});
        let waits = |minute: i64| json!({"generation": 5, "intentAt": at(minute).to_string(), "dueAt": 1});
        let many: Vec<Value> = (0..12).rev().map(waits).collect();
        let view = counted(&pointer, at(20), &many);
        assert_eq!((view.unconverged.count, view.unconverged.oldest.len()), (12, NAMED));
        assert_eq!(view.unconverged.oldest.last().map(|one| one.since), Some(at(9)));
        let gone = json!({"intent": "deleted", "observed": null, "deletedAt": at(3).to_string()});
        assert_eq!(counted(&pointer, at(20), &[gone]).tenants, 0);
    }
}
