use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::tenant::{Generation, Phase, Tenant, deadline};

const IDLE: i64 = 600;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// One clock and every heartbeat written, so that a threshold is a sum that can be read.
fn exact() -> IdlePolicy {
    IdlePolicy {
        skew: Duration::ZERO,
        coalesce: Duration::ZERO,
        ..IdlePolicy::default()
    }
}

/// A tenant that worked at second 0 and is idle after ten minutes.
fn row() -> ActivityRow {
    ActivityRow {
        tenant: "acme".parse().unwrap(),
        epoch: Generation(7),
        idle_after: Some(Duration::from_secs(IDLE.unsigned_abs())),
        last_activity: Recorded::at(at(0)),
        hold_until: Recorded::Absent,
        not_before: Recorded::Absent,
        claimed: None,
        claimed_at: Recorded::Absent,
    }
}

fn is_idle(row: &ActivityRow, policy: &IdlePolicy, now: Timestamp) -> bool {
    matches!(judge(row, policy, now), Verdict::Idle { .. })
}

#[test]
fn a1_a_tenant_is_idle_at_its_idle_time_after_its_work_and_not_a_millisecond_before() {
    let ms = SignedDuration::from_millis(1);
    assert_eq!(
        judge(&row(), &exact(), at(IDLE) - ms),
        Verdict::Active {
            since: at(0),
            stops_at: at(IDLE)
        }
    );
    let claim = Claim {
        last_activity: at(0).as_millisecond(),
        epoch: Generation(7),
        idle_after: 600,
        over_by: at(IDLE).as_millisecond(),
    };
    assert_eq!(
        judge(&row(), &exact(), at(IDLE)),
        Verdict::Idle {
            since: at(0),
            due: at(IDLE),
            claim
        }
    );
}

#[test]
fn a1_a_heartbeat_that_was_coalesced_away_still_delays_the_stop() {
    let policy = IdlePolicy {
        skew: Duration::ZERO,
        ..IdlePolicy::default()
    };
    let unwritten = 30; // the last second at which a heartbeat finds the one of second 0 fresh
    assert!(at(0) >= refresh_before(at(unwritten), policy.coalesce));
    assert!(at(0) < refresh_before(at(unwritten + 1), policy.coalesce));
    assert!(!is_idle(&row(), &policy, at(unwritten + IDLE - 1)));
    assert!(is_idle(&row(), &policy, at(unwritten + IDLE)));
}

#[test]
fn a4_a_tenant_that_takes_no_heartbeats_yet_is_not_judged() {
    let starting = ActivityRow {
        last_activity: Recorded::Absent,
        ..row()
    };
    assert_eq!(judge(&starting, &exact(), at(1_000_000)), Verdict::NotServing);
}

#[test]
fn a4_the_clock_starts_when_the_tenant_can_work() {
    let started = ActivityRow {
        last_activity: Recorded::at(at(500)),
        ..row()
    };
    assert!(!is_idle(&started, &exact(), at(500 + IDLE - 1)));
    assert!(is_idle(&started, &exact(), at(500 + IDLE)));
}

/// A tenant whose task has been running since second 500, or is on its way.
fn started(status: &str, protected_until: Option<Timestamp>) -> Tenant {
    let mut row = json!({
        "tenantId": "acme", "incarnation": 1, "overlay": {}, "overlayVersion": 1, "intent": "running", "generation": 7,
        "intentReason": "wake", "intentBy": "api", "intentAt": at(400), "stopped": null, "dueAt": null,
        "observed": {"taskArn": "task", "version": 3, "createdAt": at(450).as_millisecond(), "lastStatus": status,
            "startedAt": at(500).as_millisecond(), "definitionArn": "arn"},
    });
    if let Some(until) = protected_until {
        row["protectedUntil"] = json!(until);
    }
    serde_json::from_value(row).unwrap()
}

#[test]
fn a4_a_tenant_that_is_being_started_is_not_idle_however_long_that_takes() {
    let longest = deadline(Phase::Starting).unwrap();
    let until = not_before(&started("PENDING", None), Duration::ZERO, at(400));
    assert_eq!(until, at(400) + longest);
    let starting = ActivityRow {
        last_activity: Recorded::at(at(400)),
        not_before: Recorded::at(until),
        ..row()
    };
    let ms = SignedDuration::from_millis(1);
    assert!(!is_idle(&starting, &exact(), until - ms));
    assert!(is_idle(&starting, &exact(), until), "nor is a lost start held for ever");
    let running = not_before(&started("RUNNING", None), Duration::from_mins(5), at(10_000));
    assert_eq!(running, at(500 + 300), "its minimum uptime counts from its start");
}

#[test]
fn a19_a_booked_protection_outlasts_the_minimum_uptime_and_a_shorter_one_does_not_cut_it() {
    let uptime = Duration::from_mins(5);
    for (booked, until) in [(at(799), at(800)), (at(800), at(800)), (at(801), at(801))] {
        assert_eq!(not_before(&started("RUNNING", Some(booked)), uptime, at(600)), until);
    }
}

#[test]
fn what_keeps_a_tenant_up_is_told_one_by_one_and_the_last_to_end_is_the_verdict() {
    let row = ActivityRow {
        hold_until: Recorded::at(at(900)),
        not_before: Recorded::at(at(700)),
        ..row()
    };
    let keeper = |by, recorded, ends| Keeper {
        by,
        recorded: at(recorded),
        ends: at(ends),
    };
    let all = [
        keeper(KeptUp::Work, 0, IDLE),
        keeper(KeptUp::Protection, 700, 700),
        keeper(KeptUp::Hold, 900, 900),
    ];
    let policy = exact();
    for (now, left) in [(IDLE - 1, &all[..]), (IDLE, &all[1..]), (700, &all[2..]), (900, &[])] {
        let now = at(now);
        let case = Case {
            row: row.clone(),
            policy,
            now,
        };
        assert_eq!(case.keepers(), left, "{now}");
        let last = left.iter().map(|keeper| keeper.ends).max();
        assert_eq!(last, case.judge().stops_at().filter(|stops_at| *stops_at > now));
    }
}

#[test]
fn a5_what_cannot_be_true_is_repaired_and_never_a_reason_to_stop() {
    let now = at(1_000_000);
    let tolerated = now.as_millisecond() + 120_000;
    for (bad, seen) in [
        (Recorded::Garbage("yesterday".to_owned()), "yesterday".to_owned()),
        (Recorded::Millis(-1), "-1".to_owned()),
        (Recorded::Millis(0), "0".to_owned()),
        (Recorded::Millis(1_800_000_000), "1800000000".to_owned()),
        (Recorded::Millis(tolerated + 1), (tolerated + 1).to_string()),
        (Recorded::Millis(i64::MAX), i64::MAX.to_string()),
        (Recorded::Millis(i64::MIN), i64::MIN.to_string()),
    ] {
        let strange = ActivityRow {
            last_activity: bad,
            ..row()
        };
        let verdict = judge(&strange, &IdlePolicy::default(), now);
        assert_eq!(verdict, Verdict::BadTimestamp(Repair::LastActivity { seen }));
    }
    let tolerated = ActivityRow {
        last_activity: Recorded::Millis(tolerated),
        ..row()
    };
    assert!(matches!(
        judge(&tolerated, &IdlePolicy::default(), now),
        Verdict::Active { .. }
    ));
}

#[test]
fn a5_the_repair_is_bounded_by_one_idle_time() {
    let policy = IdlePolicy::default();
    let repaired = ActivityRow {
        last_activity: Recorded::at(at(0)),
        ..row()
    };
    assert!(
        is_idle(&repaired, &policy, at(IDLE + 120 + 30)),
        "idle, coalescing, skew; and then it stops"
    );
    assert!(!is_idle(&repaired, &policy, at(IDLE + 120 + 29)));
}

#[test]
fn a5_bad_holds_and_protections_are_repaired_too() {
    let garbage = || Recorded::Garbage("x".to_owned());
    let held = ActivityRow {
        hold_until: garbage(),
        ..row()
    };
    let seen = "x".to_owned();
    assert_eq!(
        judge(&held, &exact(), at(IDLE)),
        Verdict::BadTimestamp(Repair::HoldUntil { seen: seen.clone() })
    );
    let protected = ActivityRow {
        not_before: garbage(),
        ..row()
    };
    assert_eq!(
        judge(&protected, &exact(), at(IDLE)),
        Verdict::BadTimestamp(Repair::NotBefore { seen })
    );
}

#[test]
fn a7_a_claim_without_an_intent_is_found_and_a_wake_ends_it() {
    let claimed = ActivityRow {
        last_activity: Recorded::Absent,
        claimed: Some(Generation(7)),
        ..row()
    };
    assert_eq!(
        judge(&claimed, &exact(), at(0)),
        Verdict::Claimed { epoch: Generation(7) }
    );
    let woken = ActivityRow {
        epoch: Generation(9),
        ..claimed.clone()
    };
    assert_eq!(
        judge(&woken, &exact(), at(0)),
        Verdict::NotServing,
        "a new epoch, not yet running"
    );
    let working = ActivityRow {
        last_activity: Recorded::at(at(0)),
        ..claimed
    };
    assert!(matches!(judge(&working, &exact(), at(1)), Verdict::Active { .. }));
}

#[test]
fn a8_a_hold_keeps_a_tenant_up_until_it_ends_and_no_longer() {
    let held = ActivityRow {
        hold_until: Recorded::at(at(900)),
        ..row()
    };
    let verdict = Verdict::Held {
        until: at(900),
        stops_at: at(900),
    };
    assert_eq!(judge(&held, &exact(), at(899)), verdict);
    assert_eq!(judge(&held, &exact(), at(0)), verdict, "told long before as well");
    assert!(is_idle(&held, &exact(), at(900)));
    let short = ActivityRow {
        hold_until: Recorded::at(at(30)),
        ..row()
    };
    assert!(
        is_idle(&short, &exact(), at(IDLE)),
        "it does not prolong what work has prolonged more"
    );
}

#[test]
fn a8_a_hold_is_capped() {
    let cap = Duration::from_mins(15);
    let granted = |asked| cap_hold(at(0), Duration::from_secs(asked), cap).map(|hold| hold.until);
    assert_eq!(granted(899), Ok(at(899)));
    assert_eq!(granted(900), Ok(at(900)));
    assert_eq!(granted(901), Ok(at(900)));
    assert_eq!(granted(u64::MAX), Ok(at(900)));
    assert_eq!(granted(1), Ok(at(1)));
    assert_eq!(granted(0), Err(HoldTooShort));
}

#[test]
fn a8_a_hold_longer_than_any_that_is_granted_is_not_believed() {
    let policy = exact();
    let longest = i64::try_from(policy.longest_hold.as_secs()).unwrap();
    let held = |until| ActivityRow {
        hold_until: Recorded::at(at(until)),
        ..row()
    };
    assert!(matches!(judge(&held(longest), &policy, at(0)), Verdict::Held { .. }));
    assert!(matches!(
        judge(&held(longest + 1), &policy, at(0)),
        Verdict::BadTimestamp(Repair::HoldUntil { .. })
    ));
}

#[test]
fn a12_more_stops_than_are_believable_are_none() {
    let guard = StopGuard::default();
    let refused = |wanted, limit, running| Admission::Refused { wanted, limit, running };
    for (wanted, running, admission) in [
        (500, 1000, refused(500, 200, 1000)),
        (201, 1000, refused(201, 200, 1000)),
        (200, 1000, Admission::Granted),
        (10, 10, Admission::Granted),
        (11, 11, refused(11, 10, 11)),
        (11, 54, refused(11, 10, 54)),
        (11, 55, Admission::Granted),
        (0, 0, Admission::Granted),
    ] {
        assert_eq!(guard.admit(wanted, running, None), admission, "{wanted} of {running}");
    }
}

#[test]
fn a12_an_override_is_used_only_where_it_is_needed() {
    let given = Override {
        by: "ops".to_owned(),
        reason: "end of the trial".to_owned(),
        at: at(0),
    };
    let guard = StopGuard::default();
    let through = Admission::GrantedByOverride(given.clone());
    assert_eq!(guard.admit(500, 1000, Some(given.clone())), through);
    assert_eq!(guard.admit(200, 1000, Some(given)), Admission::Granted);
}

#[test]
fn a12_an_override_is_good_for_an_hour() {
    let given = Override {
        by: "ops".to_owned(),
        reason: "why".to_owned(),
        at: at(0),
    };
    assert!(given.holds(at(3600)));
    assert!(!given.holds(at(3601)));
}

#[test]
fn a_case_that_was_kept_is_judged_the_same_again() {
    let row = ActivityRow {
        hold_until: Recorded::Garbage("x".to_owned()),
        claimed: Some(Generation(3)),
        ..row()
    };
    for (row, second) in [
        (row.clone(), 0),
        (
            ActivityRow {
                hold_until: Recorded::Absent,
                ..row
            },
            10_000,
        ),
    ] {
        let case = Case {
            row,
            policy: IdlePolicy::default(),
            now: at(second),
        };
        let kept: Case = serde_json::from_value(serde_json::to_value(&case).unwrap()).unwrap();
        assert_eq!(kept, case);
        assert_eq!(kept.judge(), case.judge());
    }
}

#[test]
fn a18_clocks_two_minutes_apart_stop_nothing_early() {
    let policy = IdlePolicy {
        coalesce: Duration::ZERO,
        ..IdlePolicy::default()
    };
    // The heartbeat of second 0 was written by a clock two minutes behind the sweep's, and by one two minutes ahead.
    let behind = ActivityRow {
        last_activity: Recorded::at(at(-120)),
        ..row()
    };
    assert!(!is_idle(&behind, &policy, at(IDLE - 1)));
    assert!(is_idle(&behind, &policy, at(IDLE)));
    let ahead = ActivityRow {
        last_activity: Recorded::at(at(120)),
        ..row()
    };
    assert!(
        matches!(judge(&ahead, &policy, at(0)), Verdict::Active { .. }),
        "not taken for garbage"
    );
    let held = ActivityRow {
        hold_until: Recorded::at(at(900 - 120)),
        ..row()
    };
    assert!(!is_idle(&held, &policy, at(899)), "nor is a hold cut short");
    assert!(is_idle(&held, &policy, at(900)));
}

#[test]
fn a19_each_tenant_has_its_own_idle_time_or_none() {
    let with = |idle_after| ActivityRow { idle_after, ..row() };
    let never = with(None);
    assert_eq!(judge(&never, &exact(), at(100_000_000)), Verdict::AlwaysOn);
    let short = with(Some(Duration::from_mins(1)));
    assert!(!is_idle(&short, &exact(), at(59)));
    assert!(is_idle(&short, &exact(), at(60)));
    let endless = with(Some(Duration::MAX));
    assert!(!is_idle(&endless, &exact(), at(100_000_000)));
}

#[test]
fn a19_minimum_uptime_and_protection_delay_the_stop() {
    let protected = ActivityRow {
        not_before: Recorded::at(at(5000)),
        ..row()
    };
    assert_eq!(
        judge(&protected, &exact(), at(4999)),
        Verdict::Protected {
            until: at(5000),
            stops_at: at(5000)
        }
    );
    assert!(is_idle(&protected, &exact(), at(5000)));
    let both = ActivityRow {
        hold_until: Recorded::at(at(5001)),
        ..protected
    };
    assert!(
        matches!(judge(&both, &exact(), at(5000)), Verdict::Held { .. }),
        "the later one is the reason"
    );
}

fn recorded() -> impl Strategy<Value = Recorded> {
    prop_oneof![
        Just(Recorded::Absent),
        (-10_000i64..10_000).prop_map(|second| Recorded::at(at(second))),
        any::<i64>().prop_map(Recorded::Millis),
        Just(Recorded::Garbage("?".to_owned())),
    ]
}

fn any_row() -> impl Strategy<Value = ActivityRow> {
    let idle = prop::option::of((0u64..10_000).prop_map(Duration::from_secs));
    (recorded(), recorded(), recorded(), idle, prop::option::of(6u64..9)).prop_map(
        |(last_activity, hold_until, not_before, idle_after, claimed)| ActivityRow {
            last_activity,
            hold_until,
            not_before,
            idle_after,
            claimed: claimed.map(Generation),
            ..row()
        },
    )
}

proptest! {
    #[test]
    fn a_tenant_that_was_told_when_it_stops_is_idle_then_and_not_before(row in any_row(), second in -10_000i64..10_000) {
        let policy = IdlePolicy::default();
        if let Some(due) = judge(&row, &policy, at(second)).stops_at() {
            prop_assert!(is_idle(&row, &policy, due));
            prop_assert!(!is_idle(&row, &policy, due - SignedDuration::from_millis(1)));
        }
    }

    #[test]
    fn an_idle_tenant_has_worked_long_ago_and_holds_nothing(row in any_row(), second in -10_000i64..10_000) {
        let (policy, now) = (IdlePolicy::default(), at(second));
        if let Verdict::Idle { since, claim, .. } = judge(&row, &policy, now) {
            let idle_after = SignedDuration::try_from(row.idle_after.unwrap()).unwrap();
            prop_assert!(now.duration_since(since) >= idle_after + SignedDuration::from_secs(150));
            prop_assert_eq!(&row.last_activity, &Recorded::Millis(claim.last_activity));
            for until in [row.hold_until, row.not_before] {
                let over = match until {
                    Recorded::Absent => true,
                    Recorded::Millis(ms) => ms <= claim.over_by && ms <= now.as_millisecond() - 120_000,
                    Recorded::Garbage(_) => false,
                };
                prop_assert!(over, "the claim would be refused, or should be");
            }
        }
    }

    #[test]
    fn work_never_brings_a_stop_forward(row in any_row(), second in -10_000i64..10_000, later in 0i64..1000) {
        let policy = IdlePolicy::default();
        let now = at(second);
        let worked = ActivityRow { last_activity: Recorded::at(now), ..row.clone() };
        if let (Some(before), Some(after)) = (judge(&row, &policy, now).stops_at(), judge(&worked, &policy, now).stops_at()) {
            let was_later = matches!(row.last_activity, Recorded::Millis(ms) if ms > now.as_millisecond());
            prop_assert!(after >= before || was_later);
        }
        prop_assert!(!is_idle(&worked, &policy, at(second + later.min(149))));
    }
}
