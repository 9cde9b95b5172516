//! The simulation itself: it finds nothing, it replays, and it would find something.

mod ledger;
mod wake;

use std::time::Duration;

use berth_core::release::ReleaseId;
use berth_core::tenant::{Phase, Tenant, phase};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::fate::Fate;
use super::life::{Act, Ask, Deploy};
use super::*;
use crate::cloud::{Behaviour, Cloud, Consistency, Delivery};
use crate::template::Function;

/// Runs that are part of every `cargo test`, each a short one: unoptimised, a call takes milliseconds. Many and longer ones
/// are run in a release build.
const SEEDS: u64 = 10;

fn short(plan: Plan) -> Plan {
    Plan {
        tenants: 3,
        actions: 20,
        ..plan
    }
}

fn holds(plan: &Plan, seeds: u64) {
    let tally = many(plan, seeds, |_| ());
    assert_eq!(tally.runs, seeds);
    if let Some(failure) = tally.firsts.into_values().next() {
        panic!("{failure}");
    }
}

#[test]
fn nothing_that_must_not_happen_happens_although_everything_goes_wrong() {
    holds(&short(Plan::troubled(0)), SEEDS);
}

#[test]
fn nothing_that_must_not_happen_happens_when_nothing_goes_wrong() {
    holds(&short(Plan::calm(100)), SEEDS / 4);
}

#[test]
fn the_same_plan_is_the_same_run() {
    let plan = short(Plan::troubled(5));
    let (first, second) = (run(&plan), run(&plan));
    assert_eq!(first, second);
    let other = Plan { seed: 6, ..plan };
    assert_ne!(first.fingerprint, run(&other).fingerprint);
}

/// The tables of the simulation answer each call of the functions as the embedded engine does.
#[test]
fn the_plain_tables_are_equal_to_the_embedded_engine() {
    for seed in 0..3 {
        let plan = short(Plan::troubled(seed));
        let compared = outcome(&plan, Run::in_cloud(&plan, Cloud::compared));
        assert_eq!(compared, run(&plan));
    }
}

/// A world in which images behave as they are called, and nothing else goes wrong.
fn calm() -> Run {
    calm_of(1)
}

/// The same with other chances.
fn calm_of(seed: u64) -> Run {
    let troubles = [Trouble::Images].into();
    Run::new(&Plan {
        troubles,
        ..Plan::calm(seed)
    })
    .expect("a world")
}

fn ask(run: &mut Run, method: &'static str, body: Value) {
    let path = "/tenants/acme".to_owned();
    run.ask(&Ask { method, path, body });
}

fn post(run: &mut Run, verb: &str) {
    let (method, path, body) = ("POST", format!("/tenants/acme/{verb}"), Value::Null);
    run.ask(&Ask { method, path, body });
}

fn pass(run: &mut Run, seconds: u64) {
    run.pass(Duration::from_secs(seconds))
        .expect("nothing happens that must not");
}

#[test]
fn p5_a_tenant_that_is_deleted_and_provisioned_at_once_runs() {
    let mut run = calm();
    ask(&mut run, "PUT", json!({}));
    pass(&mut run, 180);
    ask(&mut run, "DELETE", Value::Null);
    pass(&mut run, 1);
    ask(&mut run, "PUT", json!({}));
    pass(&mut run, 600);
    let row = run.row("acme").expect("a row");
    assert_eq!(phase(row), Phase::Running, "{row:?}");
    assert!(row.retiring.is_empty());
}

#[test]
fn e9_a_crash_counts_although_ecs_has_replaced_the_task_before_it_is_gone() {
    let mut run = calm();
    ask(&mut run, "PUT", json!({"image": "registry.example/app:crashes"}));
    pass(&mut run, 900);
    let row = run.row("acme").expect("a row");
    assert_eq!(phase(row), Phase::Failed, "{row:?}");
    assert_eq!(row.intent.reason, berth_core::tenant::Reason::CrashLoop);
}

/// A delete after a call whose effect nobody was told of leaves nothing behind.
fn p6_nothing_is_left_when_lost(action: &'static str, fate: Fate) {
    let mut run = calm();
    run.order(action, fate);
    ask(&mut run, "PUT", json!({}));
    pass(&mut run, 1);
    ask(&mut run, "DELETE", Value::Null);
    run.come_to_rest().expect("nothing is left");
    assert!(run.rows().all(|row| row.made.deleted_at.is_some()));
}

#[test]
fn p6_an_access_point_that_nobody_was_told_of_is_deleted_too() {
    p6_nothing_is_left_when_lost("CreateAccessPoint", Fate::ReplyLost);
    p6_nothing_is_left_when_lost("CreateAccessPoint", Fate::CrashAfter);
}

#[test]
fn b20_a_revision_that_nobody_was_told_of_is_deregistered_too() {
    p6_nothing_is_left_when_lost("RegisterTaskDefinition", Fate::ReplyLost);
    p6_nothing_is_left_when_lost("RegisterTaskDefinition", Fate::CrashAfter);
}

/// A stop whose last event was lost, and of which nobody could ask ECS until ECS had forgotten the task.
#[test]
fn e5_a_tenant_whose_last_task_ecs_has_forgotten_is_stopped() {
    let mut run = calm();
    ask(&mut run, "PUT", json!({}));
    pass(&mut run, 120);
    no_events(&mut run);
    post(&mut run, "sleep");
    pass(&mut run, 1);
    for _ in 0..400 {
        run.order("ListTasks", Fate::Lost);
    }
    pass(&mut run, 4_500);
    let row = run.row("acme").expect("a row");
    assert!(row.has_live_task(), "as far as the row knows: {row:?}");
    run.change(|region| assert_eq!(region.every_task().count(), 0, "nobody remembers it"));
    run.come_to_rest().expect("it comes to rest");
    assert_eq!(phase(run.row("acme").expect("a row")), Phase::Stopped);
}

/// A base that does not start is tried by one tenant, and by nobody else.
#[test]
fn r2_a_release_that_does_not_start_fails_on_one_canary() {
    let mut run = calm();
    for number in 0..4 {
        let path = format!("/tenants/t{number}");
        run.ask(&Ask {
            method: "PUT",
            path,
            body: json!({}),
        });
        pass(&mut run, 60);
    }
    run.act(Act::Deploy(Deploy::Completes(Behaviour::NeverStarts)));
    pass(&mut run, 3_600);
    let failed = run.rows().filter(|row| !row.made.failed.is_empty());
    assert_eq!(failed.count(), 1);
    run.come_to_rest().expect("the canary is put back");
    let runs_r1 = |row: &Tenant| {
        row.made
            .applied
            .as_ref()
            .is_some_and(|applied| applied.release == ReleaseId::FIRST)
    };
    assert!(run.rows().all(runs_r1));
}

/// A heartbeat and a sweep whose clocks are two minutes apart, the worse way round.
#[test]
fn a18_nobody_is_put_to_sleep_early_by_clocks_that_differ() {
    let mut run = calm();
    let apart = SignedDuration::from_mins(1);
    run.set_clock(Function::Activity, -apart);
    run.set_clock(Function::Watchdog, apart);
    ask(&mut run, "PUT", json!({"idle": {"after": 60, "minUptime": 0}}));
    pass(&mut run, 120);
    for _ in 0..10 {
        post(&mut run, "activity");
        pass(&mut run, 59);
        assert_eq!(phase(run.row("acme").expect("a row")), Phase::Running);
    }
    pass(&mut run, 600);
    assert_eq!(phase(run.row("acme").expect("a row")), Phase::Stopped);
}

/// ECS answers each read for five seconds with what was true before.
fn behind(run: &mut Run) {
    let lag = Duration::from_secs(5);
    run.change(|region| region.set_consistency(Consistency::Eventual { lag, rate: 1.0 }));
}

/// No event of ECS arrives.
fn no_events(run: &mut Run) {
    let lost = Delivery {
        lose: 1.0,
        ..Delivery::default()
    };
    run.change(|region| region.set_delivery(lost));
}

#[test]
fn a15_a_sleep_right_after_the_first_start_ends_without_a_task() {
    let mut run = calm();
    behind(&mut run);
    ask(&mut run, "PUT", json!({}));
    pass(&mut run, 1);
    post(&mut run, "sleep");
    pass(&mut run, 300);
    run.come_to_rest()
        .expect("nothing says that it is stopped before it is");
    assert_eq!(phase(run.row("acme").expect("a row")), Phase::Stopped);
}

#[test]
fn a15_a_sleep_right_after_a_wake_ends_without_a_task() {
    let mut run = calm();
    ask(&mut run, "PUT", json!({}));
    pass(&mut run, 120);
    post(&mut run, "sleep");
    pass(&mut run, 120);
    behind(&mut run);
    post(&mut run, "wake");
    pass(&mut run, 1);
    post(&mut run, "sleep");
    pass(&mut run, 300);
    run.come_to_rest()
        .expect("nothing says that it is stopped before it is");
    assert_eq!(phase(run.row("acme").expect("a row")), Phase::Stopped);
}

/// The world goes on until ECS was told how many tasks the tenant should have.
fn until_told(run: &mut Run, desired: u32) {
    for _ in 0..2_000 {
        let mut told = false;
        run.change(|region| told = region.every_service().any(|service| service.desired == desired));
        if told {
            return;
        }
        run.pass(Duration::from_millis(10))
            .expect("nothing happens that must not");
    }
    panic!("ECS was never told to have {desired} tasks");
}

/// Asleep, and about to be woken in a world whose reads are all behind.
fn asleep(seed: u64) -> Run {
    let mut run = calm_of(seed);
    ask(&mut run, "PUT", json!({}));
    pass(&mut run, 120);
    post(&mut run, "sleep");
    pass(&mut run, 120);
    behind(&mut run);
    run
}

#[test]
fn a15_passes_that_are_behind_do_not_take_back_what_another_has_just_started() {
    for seed in 1..9 {
        let mut run = asleep(seed);
        no_events(&mut run);
        post(&mut run, "wake");
        for minutes in 1..5 {
            pass(&mut run, 1);
            ask(&mut run, "PATCH", json!({"idle": {"after": minutes * 600}}));
        }
        pass(&mut run, 30);
        run.come_to_rest().expect("one task, and no other beside it");
        assert_eq!(phase(run.row("acme").expect("a row")), Phase::Running);
    }
}

#[test]
fn a15_a_sleep_that_overtakes_the_record_of_a_start_ends_without_a_task() {
    // Which of the two is recorded first is a matter of the draw: in some of these worlds it is the sleep.
    for seed in 1..9 {
        let mut run = asleep(seed);
        post(&mut run, "wake");
        until_told(&mut run, 1);
        post(&mut run, "sleep");
        pass(&mut run, 300);
        run.come_to_rest()
            .expect("nothing says that it is stopped before it is");
        assert_eq!(phase(run.row("acme").expect("a row")), Phase::Stopped);
    }
}

#[test]
fn a17_a_look_that_is_behind_is_not_taken_for_a_rollback() {
    let mut run = calm();
    ask(&mut run, "PUT", json!({}));
    pass(&mut run, 120);
    behind(&mut run);
    ask(&mut run, "PATCH", json!({"env": {"MODE": "new"}}));
    until_told(&mut run, 0);
    until_told(&mut run, 1);
    pass(&mut run, 1);
    run.nudge("acme").expect("a queue");
    pass(&mut run, 300);
    let row = run.row("acme").expect("a row");
    assert_eq!((phase(row), row.made.failed.len()), (Phase::Running, 0), "{row:?}");
}

#[test]
fn r6_a_pinned_tenant_wakes_on_the_release_that_it_slept_on() {
    let mut run = calm();
    ask(&mut run, "PUT", json!({"pin": {}}));
    pass(&mut run, 120);
    let release = |run: &Run| run.row("acme").and_then(|row| Some(row.made.applied.as_ref()?.release));
    let before = release(&run);
    assert!(before.is_some());
    post(&mut run, "sleep");
    pass(&mut run, 120);
    run.act(Act::Deploy(Deploy::Completes(Behaviour::Healthy)));
    pass(&mut run, 1_800);
    run.ask(&Ask {
        method: "PUT",
        path: "/tenants/other".to_owned(),
        body: json!({}),
    });
    post(&mut run, "wake");
    pass(&mut run, 120);
    assert_eq!(release(&run), before);
    let other = run
        .row("other")
        .and_then(|row| Some(row.made.applied.as_ref()?.release));
    assert!(other > before, "the new base was promoted meanwhile");
}
