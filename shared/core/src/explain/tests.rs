use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::event::{CrashBudget, Crashes};
use crate::idle::{ActivityRow, Admission, Case, IdlePolicy, KeptUp, Override, Recorded, Repair, StopGuard, SweepCase};
use crate::release::ReleaseId;
use crate::tenant::{Generation, Phase, ScheduledWake, Tenant, WakeCase, Wanted};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

const ARN: &str = "arn:aws:ecs:eu-central-1:111122223333:task-definition/base-user:7";

/// A tenant that was woken at second 0 and runs r1, with these members changed.
fn tenant(changes: Value) -> Tenant {
    let mut row = json!({
        "tenantId": "acme", "incarnation": 1, "overlay": {}, "overlayVersion": 1,
        "intent": "running", "generation": 4, "intentReason": "wake", "intentBy": "ops", "intentAt": at(0),
        "applied": {"generation": 4, "fingerprint": "0".repeat(64), "definitionArn": ARN, "release": "r1"},
        "settled": {"generation": 4, "at": at(60)},
        "observed": {"taskArn": "task", "version": 3, "createdAt": 0, "lastStatus": "RUNNING", "privateIp": "10.0.0.1", "definitionArn": ARN},
        "stopped": null, "dueAt": null,
    });
    let Value::Object(changes) = changes else { panic!() };
    row.as_object_mut().unwrap().extend(changes);
    serde_json::from_value(row).unwrap()
}

fn asleep(changes: Value) -> Tenant {
    let mut all = json!({
        "intent": "stopped", "generation": 5, "intentReason": "idle", "intentBy": "watchdog", "intentAt": at(1000),
        "putDown": {"reason": "idle", "by": "watchdog", "at": at(1000), "generation": 5},
        "settled": {"generation": 5, "at": at(1042)}, "observed": null,
    });
    let Value::Object(changes) = changes else { panic!() };
    all.as_object_mut().unwrap().extend(changes);
    tenant(all)
}

/// It worked at second 100 and sleeps ten minutes after.
fn case(now: Timestamp) -> Case {
    Case {
        row: ActivityRow {
            tenant: "acme".parse().unwrap(),
            epoch: Generation(4),
            idle_after: Some(Duration::from_mins(10)),
            last_activity: Recorded::at(at(100)),
            hold_until: Recorded::Absent,
            not_before: Recorded::Absent,
            claimed: None,
            claimed_at: Recorded::Absent,
        },
        policy: IdlePolicy::default(),
        now,
    }
}

fn explained(tenant: &Tenant, case: Option<Case>, decisions: Vec<Entry>, now: Timestamp) -> Explanation {
    explain(Known {
        tenant,
        promoted: Some(ReleaseId::FIRST),
        case,
        decisions,
        now,
    })
}

#[test]
fn a_running_tenant_is_told_what_keeps_it_up_and_when_it_sleeps() {
    let now = at(200);
    let mut held = case(now);
    held.row.hold_until = Recorded::at(at(900));
    let told = explained(&tenant(json!({})), Some(held.clone()), Vec::new(), now);
    assert_eq!(told.phase, Phase::Running);
    let idle = told.idle.unwrap();
    assert_eq!(idle.verdict, held.judge());
    assert_eq!(idle.verdict.stops_at(), Some(at(900 + 120)));
    let keepers: Vec<_> = idle.keepers.iter().map(|keeper| (keeper.by, keeper.ends)).collect();
    let (worked, held_until) = (at(100 + 30 + 600 + 120), at(900 + 120));
    assert_eq!(keepers, [(KeptUp::Work, worked), (KeptUp::Hold, held_until)]);
    assert_eq!(idle.decided_on, held);
    assert_eq!(
        told.summary,
        "It runs: it is held until 2027-01-15T08:15:00Z, and sleeps at 2027-01-15T08:17:00Z unless it works or is held \
         for longer."
    );
    assert_eq!(told.stop, None);
}

#[test]
fn a_tenant_that_was_stopped_as_idle_is_told_what_the_sweep_saw_and_how_long_the_stop_took() {
    let seen = case(at(1000));
    let decisions = vec![Entry::of(at(1001), &Ruling::IdleStop { case: seen.clone() })];
    let told = explained(&asleep(json!({})), None, decisions.clone(), at(2000));
    let stop = told.stop.clone().unwrap();
    assert_eq!(stop.decided_on, Some(seen));
    assert_eq!((stop.proven_at, stop.took_seconds), (Some(at(1042)), Some(42.0)));
    assert_eq!(
        told.summary,
        "It was put to sleep as idle by watchdog at 2027-01-15T08:16:40Z, having last worked at 2027-01-15T08:01:40Z, \
         and 42 s later every task of it was proven to be STOPPED."
    );
    assert_eq!(told.decisions, decisions);
    assert_eq!(told.idle, None);
}

#[test]
fn the_case_of_an_earlier_stop_is_not_that_of_this_one() {
    let mut earlier = case(at(1000));
    earlier.row.epoch = Generation(2);
    let decisions = vec![Entry::of(at(1001), &Ruling::IdleStop { case: earlier })];
    let told = explained(&asleep(json!({})), None, decisions, at(2000));
    assert_eq!(told.stop.unwrap().decided_on, None);
}

#[test]
fn a_stop_without_proof_is_not_said_to_have_taken_any_time() {
    let going = asleep(json!({"settled": {"generation": 4, "at": at(60)}}));
    let told = explained(&going, None, Vec::new(), at(1010));
    assert_eq!((told.phase, told.stop.unwrap().took_seconds), (Phase::Stopping, None));
    assert!(
        told.summary.contains("not every task of it is proven"),
        "{}",
        told.summary
    );
}

#[test]
fn a17_the_last_good_definition_is_told_with_what_it_stands_in_for() {
    let failed = json!([{"fingerprint": "1".repeat(64), "generation": 4, "reason": "tasks failed to start",
        "release": "r2", "overlayVersion": 1}]);
    let told = explained(
        &tenant(json!({"failed": failed})),
        Some(case(at(200))),
        Vec::new(),
        at(200),
    );
    let fallen = told.definition.fell_back_from.unwrap();
    assert_eq!(
        (fallen.release, fallen.generation),
        (Some("r2".parse().unwrap()), Generation(4))
    );
    assert!(
        told.summary
            .ends_with("Its new definition did not start (tasks failed to start); the last good one of r1 stands in."),
        "{}",
        told.summary
    );
    let told = explained(&tenant(json!({})), Some(case(at(200))), Vec::new(), at(200));
    assert_eq!(told.definition.fell_back_from, None);
}

#[test]
fn s7_a_bundle_that_was_delivered_before_is_told_with_why_it_stays_in_force() {
    let with = |kept: Value| {
        let bundle = json!({"template": "seo", "digest": "1".repeat(64), "generation": 4, "kept": kept});
        tenant(json!({"bundle": bundle, "overlay": {"template": "seo"}}))
    };
    let told = explained(
        &with(json!("it has no config.yaml")),
        Some(case(at(200))),
        Vec::new(),
        at(200),
    );
    let end = "Its template seo could not be delivered (it has no config.yaml); the bundle that was delivered before stays \
               in force.";
    assert!(told.summary.ends_with(end), "{}", told.summary);
    let told = explained(&with(Value::Null), Some(case(at(200))), Vec::new(), at(200));
    assert!(!told.summary.contains("seo"), "{}", told.summary);
    assert_eq!(told.definition.bundle.unwrap().digest, "1".repeat(64));
}

#[test]
fn a_booked_wake_is_told() {
    let booked = asleep(json!({"wakeAt": at(5000).as_millisecond(), "wakeBy": "ops"}));
    let told = explained(&booked, None, Vec::new(), at(2000));
    assert_eq!(told.wake_at, Some(at(5000)));
    assert!(
        told.summary.ends_with("It is booked to wake at 2027-01-15T09:23:20Z."),
        "{}",
        told.summary
    );
}

#[test]
fn what_is_to_come_is_told_to_the_second_in_which_it_is_certain() {
    let mut precise = case(at(200));
    precise.row.last_activity = Recorded::Millis(at(100).as_millisecond() + 1);
    assert!(
        why(&precise.judge()).contains("at 2027-01-15T08:14:11Z unless"),
        "{}",
        why(&precise.judge())
    );
}

#[test]
fn an_explanation_is_plain_json() {
    let told = explained(&tenant(json!({})), Some(case(at(200))), Vec::new(), at(200));
    let told = serde_json::to_value(&told).unwrap();
    assert_eq!(told["idle"]["verdict"], "active");
    assert_eq!(told["idle"]["stopsAt"], json!(at(850)));
    assert_eq!(
        told["idle"]["decidedOn"]["row"]["lastActivity"]["millis"],
        json!(at(100).as_millisecond())
    );
    assert_eq!(told["intent"]["by"], "ops");
}

fn rulings() -> Vec<Ruling> {
    let idle = case(at(1000));
    let mut claimed = idle.clone();
    claimed.row.last_activity = Recorded::Absent;
    claimed.row.claimed = Some(claimed.row.epoch);
    let mut garbage = idle.clone();
    garbage.row.last_activity = Recorded::Garbage("yesterday".to_owned());
    let sweep = |override_once: Option<Override>| SweepCase {
        guard: StopGuard::default(),
        wanted: 500,
        running: 1000,
        override_once,
    };
    let given = Override {
        by: "ops".to_owned(),
        reason: "the trial is over".to_owned(),
        at: at(900),
    };
    let wake = WakeCase {
        wake: ScheduledWake {
            at: at(100),
            by: "ops".to_owned(),
            protect_for: Some(Duration::from_mins(1)),
        },
        state: Wanted::Stopped,
        phase: Phase::Stopped,
        now: at(101),
    };
    let crashes = (0..5).fold(Crashes::default(), |all, second| {
        all.with(at(second), CrashBudget::default())
    });
    vec![
        Ruling::IdleStop { case: idle },
        Ruling::IdleStopHealed { case: claimed },
        Ruling::TimestampRepaired {
            case: garbage,
            repair: Repair::LastActivity {
                seen: "yesterday".to_owned(),
            },
        },
        Ruling::SweepRefused {
            case: sweep(None),
            admission: Admission::Refused {
                wanted: 500,
                limit: 200,
                running: 1000,
            },
            complete: true,
        },
        Ruling::SweepOverridden {
            case: sweep(Some(given.clone())),
            admission: Admission::GrantedByOverride(given),
            complete: true,
        },
        Ruling::ScheduledWake {
            outcome: wake.judge(),
            case: wake,
        },
        Ruling::Hold {
            asked: 900,
            longest: Duration::from_mins(10),
            until: at(1600),
            reason: "agent turn".to_owned(),
            by: "me".to_owned(),
        },
        Ruling::CrashLoop {
            crashes,
            budget: CrashBudget::default(),
        },
    ]
}

#[test]
fn every_decision_of_a_rule_is_made_again_from_its_entry() {
    for ruling in rulings() {
        let entry = Entry::of(at(1000), &ruling);
        let kept: Entry = serde_json::from_str(&serde_json::to_string(&entry).unwrap()).unwrap();
        assert_eq!(kept.ruling(), Some(ruling), "{entry:?}");
        assert_eq!(replay(&kept), Replay::Same, "{entry:?}");
    }
}

#[test]
fn a_decision_that_a_rule_would_not_make_does_not_replay() {
    let early = Ruling::IdleStop {
        case: case(at(100 + 30 + 600 + 120) - SignedDuration::from_millis(1)),
    };
    assert!(matches!(replay(&Entry::of(at(1000), &early)), Replay::Different { .. }));
    for ruling in rulings() {
        let mut entry = Entry::of(at(1000), &ruling);
        let Value::Object(on) = &mut entry.on else { panic!() };
        on.retain(|name, _| !matches!(name.as_str(), "case" | "asked" | "crashes"));
        assert!(
            matches!(replay(&entry), Replay::Different { .. }),
            "half an entry: {entry:?}"
        );
    }
}

#[test]
fn what_no_rule_has_made_is_not_replayed() {
    let entry = Entry {
        at: at(0),
        decision: "task-stopped".to_owned(),
        on: json!({"code": "EssentialContainerExited"}),
    };
    assert_eq!(replay(&entry), Replay::NoRule);
}

proptest! {
    #[test]
    fn an_idle_stop_replays_if_and_only_if_it_was_idle(second in 0i64..2000) {
        let case = case(at(second));
        let idle = matches!(case.judge(), crate::idle::Verdict::Idle { .. });
        let replayed = replay(&Entry::of(at(second), &Ruling::IdleStop { case }));
        prop_assert_eq!(replayed == Replay::Same, idle);
    }
}
