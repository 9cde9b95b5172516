//! What an operator can do to a rollout, and what becomes of its tenants.

use serde_json::json;

use super::*;
use crate::release::{Rejection, ReleaseState};

fn paused_by_failure() -> (World, usize) {
    let mut world = in_waves(
        10,
        policy(json!({"waves": [100], "maxInFlight": 1, "promotePercent": 100})),
    );
    world.step();
    let victim = (0..10).find(|number| world.under_way(*number)).unwrap();
    world.arrive(victim, failed());
    world.step();
    assert!(matches!(
        world.pause_reason(),
        Some(PauseReason::Budget { failed: 1, .. })
    ));
    (world, victim)
}

#[test]
fn r3_resume_with_retry_moves_the_failed_ones_once_more() {
    let (mut world, victim) = paused_by_failure();
    world.now += 60;
    world.rollout = world.rollout.resume(Resume::Retry, at(world.now)).unwrap();
    let moves = world.step().moves;
    assert_eq!(
        (moves[0].tenant.clone(), moves[0].reason),
        (tenant(victim), MoveReason::Retry)
    );
    world.arrive_all(&Outcome::Running);
    world.run();
    assert_eq!((world.ended(), world.on("r2")), (Some(&End::Completed), 10));
    let times = world
        .moved
        .iter()
        .filter(|wanted| wanted.tenant == tenant(victim))
        .count();
    assert_eq!(times, 2);
}

#[test]
fn r3_resume_without_retry_leaves_them_and_has_a_fresh_budget() {
    let (mut world, victim) = paused_by_failure();
    world.rollout = world.rollout.resume(Resume::Accept, at(world.now)).unwrap();
    let moves = world.step().moves;
    assert_ne!(moves[0].tenant, tenant(victim));
    let second = (0..10).find(|number| world.under_way(*number)).unwrap();
    world.arrive(second, failed());
    world.step();
    assert!(matches!(
        world.pause_reason(),
        Some(PauseReason::Budget { failed: 1, .. })
    ));
    world.rollout = world.rollout.resume(Resume::Accept, at(world.now)).unwrap();
    world.run();
    assert_eq!(world.ended(), Some(&End::Completed));
    assert_eq!(world.rollout.failed.len(), 2);
}

#[test]
fn r3_abort_leaves_tenants_where_they_are() {
    let (world, _) = paused_by_failure();
    let aborted = world.rollout.abort("ada", at(world.now)).unwrap();
    assert_eq!(step(&aborted, &world.fleet, at(world.now)).moves, []);
    assert_eq!(aborted.pointer().promoted, Some(release("r1")));
    assert_eq!(aborted.pointer().candidate, None);
    let said = aborted.says_of_release(at(world.now));
    assert!(matches!(
        said,
        Some(ReleaseState::Rejected {
            cause: Rejection::Operator { .. },
            ..
        })
    ));
}

#[test]
fn r3_roll_back_puts_everyone_back_who_has_the_release() {
    let (mut world, _) = paused_by_failure();
    let had_it = world.on("r2");
    assert_eq!(had_it, 2, "the canary and the one that failed");
    world.rollout = world.rollout.roll_back("ada", at(world.now)).unwrap();
    let before = world.moved.len();
    world.run();
    assert!(matches!(world.ended(), Some(End::RolledBack { by }) if by == "ada"));
    assert_eq!((world.on("r1"), world.moved.len() - before), (10, had_it));
    assert_eq!(world.rollout.pointer().promoted, Some(release("r1")));
}

#[test]
fn r3_roll_back_after_the_promotion_includes_who_woke_on_the_release() {
    let mut world = in_waves(4, policy(json!({"waves": [100]})));
    world.intend(3, Wanted::Stopped);
    while world.rollout.promoted.is_none() {
        world.step();
        world.arrive_all(&Outcome::Running);
    }
    world.intend(3, Wanted::Running);
    world.arrive(3, Outcome::Running);
    assert_eq!(
        world.fleet[3].applied.unwrap().release,
        release("r2"),
        "it takes the promoted release"
    );
    let pending = world.rollout.progress(&world.fleet[3], at(world.now));
    assert_eq!(pending, Progress::Skipped(Skip::Current));
    world.rollout = world.rollout.roll_back("ada", at(world.now)).unwrap();
    world.run();
    assert_eq!(world.on("r1"), 4);
}

#[test]
fn r3_what_does_not_fit_the_state_is_refused_with_the_reason() {
    let fresh = World::new(1, Policy::default()).rollout;
    let id = fresh.id;
    assert_eq!(fresh.resume(Resume::Retry, at(1)), Err(Refused::NotPaused(id)));
    let paused = fresh.pause("ada", at(1)).unwrap();
    assert_eq!(paused.pause("ada", at(1)), Err(Refused::AlreadyPaused(id)));
    let withdrawing = paused.roll_back("ada", at(1)).unwrap();
    assert_eq!(withdrawing.roll_back("ada", at(1)), Err(Refused::Withdrawing(id)));
    assert_eq!(withdrawing.abort("ada", at(1)), Err(Refused::Withdrawing(id)));
    let over = paused.abort("ada", at(1)).unwrap();
    assert_eq!(over.roll_back("ada", at(1)), Err(Refused::Over(id)));
    assert_eq!(over.pause("ada", at(1)), Err(Refused::Over(id)));
    let mut first = fresh;
    first.from = None;
    assert_eq!(first.roll_back("ada", at(1)), Err(Refused::NothingBefore(id)));
}

#[test]
fn r6_a_pinned_tenant_is_not_even_put_back() {
    let (mut world, victim) = paused_by_failure();
    world.fleet[victim].pinned_until = Some(at(1_000_000));
    world.rollout = world.rollout.roll_back("ada", at(world.now)).unwrap();
    world.run();
    assert_eq!(world.fleet[victim].applied.unwrap().release, release("r2"));
}

#[test]
fn only_who_has_the_withdrawn_release_is_put_back() {
    let (mut world, victim) = paused_by_failure();
    let elsewhere = (0..10).find(|number| *number != victim && world.fleet[*number].target.is_none());
    let elsewhere = elsewhere.unwrap();
    world.fleet[elsewhere].applied = Some(Applied {
        generation: world.fleet[elsewhere].generation,
        release: release("r9"),
    });
    world.rollout = world.rollout.roll_back("ada", at(world.now)).unwrap();
    world.run();
    assert_eq!(world.fleet[elsewhere].applied.unwrap().release, release("r9"));
}

#[test]
fn a_failure_counts_only_if_this_rollout_made_the_move() {
    let mut world = in_waves(10, Policy::default());
    world.fleet[5].target = Some(release("r2"));
    world.fleet[5].rollout = Some(RolloutId::FIRST.next());
    world.fleet[5].outcome = failed();
    world.step();
    assert!(matches!(world.rollout.stage(), Some(Stage::Wave { .. })));
    assert!(world.rollout.failed.is_empty());
}

#[test]
fn e9_r1_a_canary_that_crashes_its_way_down_rejects_the_release() {
    let mut world = World::new(10, Policy::default());
    world.step();
    world.arrive(0, Outcome::Running);
    world.step();
    world.intend(0, Wanted::Stopped);
    let crashed = Outcome::Failed(Failure::new(FailureCode::CrashLoop, "it started and kept crashing"));
    world.fleet[0].outcome = crashed;
    world.step();
    assert!(matches!(world.ended(), Some(End::Rejected { failures }) if failures.len() == 1));
    assert_eq!(
        world.rollout.pointer().promoted,
        Some(release("r1")),
        "its next wake takes what ran before"
    );
}
