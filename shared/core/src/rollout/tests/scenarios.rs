//! The scenarios of rollouts, on the decisions alone.

use serde_json::json;

use super::*;
use crate::release::{Proof, Rejection, ReleaseState};

#[test]
fn a_rollout_goes_canary_bake_waves_and_promotes_when_half_of_the_fleet_runs_it() {
    let mut world = World::new(20, policy(json!({"maxInFlightPercent": 100})));
    let first = world.step();
    assert_eq!(world.movers(), ["t00000"], "the least recently active");
    assert_eq!(first.why_not, [WhyNot::StageFull { quota: 1 }]);

    world.arrive(0, Outcome::Running);
    let until = at(1_600);
    assert_eq!(world.step().why_not, [WhyNot::Baking { until }]);
    world.now = 1_599;
    assert_eq!(world.step().moves, []);
    world.now = 1_600;
    assert_eq!(
        world.step().moves.len(),
        1,
        "a tenth of 20 is two, and one of them was the canary"
    );

    world.arrive_all(&Outcome::Running);
    assert_eq!(world.step().moves.len(), 8, "half of 20");
    assert_eq!(world.rollout.promoted, None);
    world.arrive_all(&Outcome::Running);
    assert_eq!(world.step().moves.len(), 10);
    assert_eq!(world.rollout.pointer().promoted, Some(release("r2")));

    world.arrive_all(&Outcome::Running);
    let last = world.step();
    assert_eq!(world.ended(), Some(&End::Completed));
    assert_eq!(
        (last.tally.succeeded, last.tally.skipped),
        (20, 0),
        "as it was when it ended"
    );
    let proof = Proof::Rollout { tenants: 20 };
    let said = world.rollout.says_of_release(at(world.now));
    assert!(
        matches!(said, Some(ReleaseState::Promoted { proof: seen, .. }) if seen == proof),
        "{said:?}"
    );
    assert_eq!(world.decide().why_not, [WhyNot::Over]);
}

#[test]
fn named_canaries_go_first_in_their_order() {
    let named = json!({"canaries": 3, "namedCanaries": ["t00007", "t00003"], "maxInFlightPercent": 100});
    let mut world = World::new(9, policy(named));
    world.fleet[5].last_activity = None;
    world.step();
    assert_eq!(world.movers(), ["t00007", "t00003", "t00005"]);
}

#[test]
fn who_has_failed_on_the_release_before_proves_nothing_and_goes_last() {
    let mut world = World::new(3, policy(json!({"maxInFlightPercent": 100})));
    world.fleet[0].outcome = failed();
    world.step();
    assert_eq!(world.movers(), ["t00001"]);

    let named = json!({"namedCanaries": ["t00000"], "maxInFlightPercent": 100});
    let mut world = World::new(3, policy(named));
    world.fleet[0].outcome = failed();
    world.step();
    assert_eq!(world.movers(), ["t00000"], "who is named is meant");
}

#[test]
fn r1_one_failing_canary_rejects_the_release_and_is_put_back() {
    let mut world = World::new(50, Policy::default());
    world.step();
    world.arrive(0, failed());
    let put_back = world.step();
    assert_eq!(put_back.moves.len(), 1);
    assert_eq!(
        (put_back.moves[0].to, put_back.moves[0].reason),
        (release("r1"), MoveReason::PutBack)
    );
    assert_eq!(world.rollout.pointer().promoted, Some(release("r1")));
    assert_eq!(world.rollout.pointer().candidate, None);

    world.arrive_all(&Outcome::Running);
    world.run();
    assert!(matches!(world.ended(), Some(End::Rejected { failures }) if failures.len() == 1));
    assert_eq!(world.moved.len(), 2, "one tenant, there and back");
    assert_eq!(world.on("r1"), 50);
    let Some(ReleaseState::Rejected { cause, .. }) = world.rollout.says_of_release(at(world.now)) else {
        panic!("the release is rejected");
    };
    assert!(matches!(cause, Rejection::Canary { failures, .. } if failures[&tenant(0)] == "tasks failed to start"));
}

#[test]
fn r1_a_canary_that_fails_while_it_bakes_rejects_the_release_too() {
    let mut world = World::new(50, Policy::default());
    world.step();
    world.arrive(0, Outcome::Running);
    world.step();
    world.fleet[0].outcome = failed();
    assert_eq!(world.step().moves[0].reason, MoveReason::PutBack);
}

#[test]
fn r1_canaries_that_are_under_way_or_busy_are_put_back_with_the_one_that_failed() {
    let mut world = World::new(50, policy(json!({"canaries": 3, "maxInFlightPercent": 100})));
    world.step();
    world.arrive(0, failed());
    world.arrive(1, Outcome::Running);
    world.fleet[1].busy_until = Some(at(5_000));
    world.fleet[0].busy_until = Some(at(5_000));
    world.step();
    let back: Vec<_> = world.movers().split_off(3);
    assert_eq!(back, ["t00000", "t00002"], "the busy one still works, so it may finish");
    world.arrive_all(&Outcome::Running);
    world.now = 5_000;
    world.run();
    assert_eq!(world.on("r1"), 50);
}

#[test]
fn b17_a_canary_that_ecs_refuses_to_register_rejects_the_release_and_keeps_the_reason() {
    let mut world = World::new(10, Policy::default());
    world.step();
    let refused = Failure::new(FailureCode::Registration, "extraHosts is not supported on Fargate");
    world.fleet[0].outcome = Outcome::Failed(refused.clone());
    world.step();
    let Some(Stage::Withdrawing {
        cause: Withdrawal::CanaryFailed { failures },
    }) = world.rollout.stage()
    else {
        panic!("{:?}", world.rollout.state);
    };
    assert_eq!(failures[&tenant(0)], refused);
    assert_eq!(world.on("r1"), 10, "nothing was applied to anyone");
}

#[test]
fn r2_one_failure_more_than_tolerated_pauses() {
    let mut world = in_waves(
        100,
        policy(json!({"tolerance": 2, "waves": [100], "maxInFlightPercent": 5})),
    );
    world.step();
    let in_flight: Vec<_> = (0..100).filter(|number| world.under_way(*number)).collect();
    assert_eq!(in_flight.len(), 5);
    world.arrive(in_flight[0], failed());
    world.arrive(in_flight[1], failed());
    assert_eq!(world.step().moves.len(), 2, "two failures are tolerated");
    for number in 0..100 {
        if world.under_way(number) {
            world.arrive(number, failed());
        }
    }
    assert_eq!(world.step().moves, []);
    let (failed, tolerance) = (7, 2);
    assert_eq!(
        world.pause_reason(),
        Some(&PauseReason::Budget { failed, tolerance }),
        "tolerance + in flight"
    );
    assert_eq!(world.decide().why_not, [WhyNot::Paused]);
}

#[test]
fn r4_a_driver_that_dies_before_during_or_after_its_moves_loses_nothing() {
    for moves_before_the_crash in 0..=3 {
        let mut world = in_waves(
            9,
            policy(json!({"waves": [100], "maxInFlight": 3, "maxInFlightPercent": 100})),
        );
        let decided = world.step_until(moves_before_the_crash);
        assert_eq!(decided.moves.len(), 3);
        world.step();
        let mut movers = world.movers();
        assert_eq!(
            movers.len(),
            4,
            "the canary and three, after a crash at {moves_before_the_crash}"
        );
        movers.sort_unstable();
        movers.dedup();
        assert_eq!(movers.len(), 4, "nobody twice");
        world.arrive_all(&Outcome::Running);
        world.run();
        assert_eq!((world.on("r2"), world.moved.len()), (9, 9));
    }
}

#[test]
fn r5_a_tenant_without_a_verdict_past_its_deadline_pauses() {
    let mut world = World::new(10, policy(json!({"stepSeconds": 300})));
    world.step();
    world.now = 1_299;
    assert_eq!(world.step().tally.moving, 1);
    assert_eq!(world.pause_reason(), None);
    world.now = 1_300;
    assert_eq!(world.step().moves, []);
    let tenants = vec![tenant(0)];
    assert_eq!(world.pause_reason(), Some(&PauseReason::Unknown { tenants }));

    let accepted = world.rollout.resume(Resume::Accept, at(world.now)).unwrap();
    let others = step(&accepted, &world.fleet, at(world.now)).moves;
    assert_eq!(others[0].tenant, tenant(1), "another canary, for none has run it yet");
    let retried = world.rollout.resume(Resume::Retry, at(world.now)).unwrap();
    assert_eq!(step(&retried, &world.fleet, at(world.now)).moves[0].tenant, tenant(0));
}

#[test]
fn b21_a_fleet_that_sleeps_is_given_the_release_without_a_move() {
    let mut world = World::new(1_000, Policy::default());
    for number in 0..1_000 {
        world.fleet[number].wanted = Wanted::Stopped;
    }
    let only = world.step();
    assert_eq!((only.moves, only.why_not), (vec![], vec![WhyNot::Over]));
    assert_eq!(world.rollout.pointer().promoted, Some(release("r2")));
    let said = world.rollout.says_of_release(at(world.now));
    let proof = Proof::Unproven;
    assert!(matches!(said, Some(ReleaseState::Promoted { proof: seen, .. }) if seen == proof));
    world.intend(7, Wanted::Running);
    world.arrive(7, Outcome::Running);
    assert_eq!(
        world.fleet[7].applied.unwrap().release,
        release("r2"),
        "the first wake tries it"
    );
}

#[test]
fn sleeping_and_new_tenants_never_see_a_release_on_trial() {
    let mut world = World::new(10, Policy::default());
    world.step();
    world.intend(0, Wanted::Stopped);
    world.intend(0, Wanted::Running);
    world.arrive(0, Outcome::Running);
    assert_eq!(
        world.fleet[0].applied.unwrap().release,
        release("r1"),
        "the canary slept and woke"
    );
    let again = world.step();
    assert_eq!(again.moves.len(), 1, "and a canary is tried, for there is none now");
    assert_eq!(again.next.stage(), Some(&Stage::Canary));
}

#[test]
fn b23_a_second_release_takes_over_and_nobody_is_moved_to_the_first_any_more() {
    let mut world = in_waves(
        20,
        policy(json!({"waves": [100], "maxInFlight": 4, "maxInFlightPercent": 100})),
    );
    world.step();
    let on_the_way: Vec<_> = (0..20).filter(|number| world.under_way(*number)).collect();
    assert_eq!(on_the_way.len(), 4);

    let second = RolloutId::FIRST.next();
    let first = world.rollout.supersede(second, release("r3"), at(world.now)).unwrap();
    assert_eq!(step(&first, &world.fleet, at(world.now)).moves, []);
    let by = release("r3");
    let at_now = at(world.now);
    assert_eq!(
        first.says_of_release(at_now),
        Some(ReleaseState::Superseded { at: at_now, by })
    );

    let policy = world.rollout.policy.clone();
    let from = first.pointer().promoted;
    world.rollout = Rollout::start(second, release("r3"), from, policy, "deploy".to_owned(), at_now);
    world.step();
    let canary = world.moved.last().unwrap().tenant.clone();
    assert!(
        !on_the_way.iter().any(|number| tenant(*number) == canary),
        "who is on the way may arrive first"
    );
    world.arrive_all(&Outcome::Running);
    world.run();
    assert_eq!((world.ended(), world.on("r3")), (Some(&End::Completed), 20));
    for number in 0..20 {
        let times = |name: &str| {
            let to = |wanted: &&Move| wanted.tenant == tenant(number) && wanted.to == release(name);
            world.moved.iter().filter(to).count()
        };
        assert!(
            times("r2") <= 1 && times("r3") == 1,
            "t{number}: {} and {}",
            times("r2"),
            times("r3")
        );
    }
}

#[test]
fn b14_a_base_put_back_to_the_promoted_release_brings_back_who_was_moved() {
    let mut world = in_waves(
        10,
        policy(json!({"waves": [100], "maxInFlight": 3, "maxInFlightPercent": 100, "promotePercent": 100})),
    );
    world.step();
    world.arrive_all(&Outcome::Running);
    assert_eq!(world.on("r2"), 4);
    let second = RolloutId::FIRST.next();
    let r1 = release("r1");
    world.rollout = Rollout::start(
        second,
        r1,
        Some(r1),
        Policy::default(),
        "deploy".to_owned(),
        at(world.now),
    );
    assert_eq!(world.rollout.pointer().promoted, Some(r1));
    assert_eq!(world.rollout.pointer().candidate, None, "there is nothing to try out");
    world.run();
    assert_eq!((world.ended(), world.on("r1")), (Some(&End::Completed), 10));
    let back = world.moved.iter().filter(|wanted| wanted.to == r1).count();
    assert_eq!(back, 4, "only who had been moved");
    assert_eq!(world.rollout.roll_back("ada", at(1)), Err(Refused::Over(second)));
}

#[test]
fn r7_a_plan_names_who_would_move_in_which_wave_and_changes_nothing() {
    let mut world = World::new(
        20,
        policy(json!({"maxInFlightPercent": 100, "namedCanaries": ["t00009"]})),
    );
    world.fleet[0].pinned_until = Some(at(9_000));
    world.fleet[1].busy_until = Some(at(9_000));
    world.fleet[2].wanted = Wanted::Stopped;
    let costs = Costs {
        per_move: std::time::Duration::from_mins(1),
        between_moves: std::time::Duration::from_millis(500),
        between_registrations: std::time::Duration::from_millis(1_250),
        registrations: 4,
    };
    let planned = plan(&world.rollout, &world.fleet, costs, at(world.now));
    let shape: Vec<_> = planned
        .waves
        .iter()
        .map(|wave| (wave.name.as_str(), wave.tenants.len()))
        .collect();
    assert_eq!(
        shape,
        [("canary", 1), ("wave 1", 1), ("wave 2", 7), ("wave 3", 8)],
        "of a population of 18"
    );
    assert_eq!(planned.waves[0].tenants, [tenant(9)]);
    assert_eq!(planned.waves[0].seconds, 660, "a move and the bake");
    assert_eq!(planned.skipped, [(tenant(0), Skip::Pinned { until: at(9_000) })]);
    assert_eq!(planned.waiting, [(tenant(1), Wait::Busy { until: at(9_000) })]);
    assert_eq!(
        (planned.registering_seconds, planned.total_seconds),
        (5, 660 + 60 + 63 + 63)
    );

    let order: Vec<_> = planned.waves.iter().flat_map(|wave| wave.tenants.clone()).collect();
    world.run();
    let moved: Vec<_> = world.moved.iter().map(|wanted| wanted.tenant.clone()).collect();
    assert_eq!(moved, order, "what is planned is what is done");
}

#[test]
fn r8_a_step_over_ten_thousand_running_tenants_is_cheap_and_its_row_small() {
    let mut world = in_waves(
        10_000,
        policy(json!({"tolerance": 200, "maxInFlight": 500, "waves": [100]})),
    );
    let mut steps = 0;
    while world.ended().is_none() {
        world.step();
        world.arrive_all(&Outcome::Running);
        steps += 1;
        assert!(steps < 100, "{:?}", world.rollout.state);
    }
    assert_eq!((world.on("r2"), world.moved.len()), (10_000, 10_000));
    assert_eq!(steps, 9_999_usize.div_ceil(500) + 1);
}

#[test]
fn a_row_with_as_many_failures_as_it_can_have_fits_into_an_item() {
    let long = |number: usize| format!("{number:0>64}").parse().unwrap();
    let mut rollout = World::new(0, Policy::default()).rollout;
    let failure = Failure::new(FailureCode::Deployment, &"x".repeat(500));
    rollout.failed = (0..1_200).map(|number| (long(number), failure.clone())).collect();
    let tenants = (1_200..1_700).map(long).collect();
    rollout.state = State::Paused {
        stage: Stage::Wave { wave: 2 },
        reason: PauseReason::Unknown { tenants },
        at: at(1_000),
    };
    assert_eq!(stored(&rollout), rollout);
    let too_many = rollout.resume(Resume::Accept, at(1_000));
    assert!(matches!(too_many, Err(Refused::TooManyFailures { failed: 1_700, .. })));
}

#[test]
fn a_tenant_that_failed_and_fell_back_by_another_change_is_not_moved_again() {
    let mut world = in_waves(10, policy(json!({"tolerance": 1, "waves": [100], "maxInFlight": 1})));
    world.step();
    let victim = (0..10).find(|number| world.under_way(*number)).unwrap();
    world.arrive(victim, failed());
    world.step();
    world.intend(victim, Wanted::Running);
    world.arrive_all(&Outcome::Running);
    world.run();
    assert_eq!(world.ended(), Some(&End::Completed));
    let times = world
        .moved
        .iter()
        .filter(|wanted| wanted.tenant == tenant(victim))
        .count();
    assert_eq!(times, 1);
}

#[test]
fn a_wave_begins_when_all_of_the_one_before_have_a_verdict_but_for_one_in_a_hundred() {
    for (fleet, still_moving, begins) in [(198, 1, false), (198, 0, true), (202, 1, true), (202, 2, false)] {
        let change = json!({"canaries": 0, "waves": [50, 100], "maxInFlight": 500, "maxInFlightPercent": 100});
        let mut world = World::new(fleet, policy(change));
        world.step();
        for number in still_moving..fleet {
            if world.under_way(number) {
                world.arrive(number, Outcome::Running);
            }
        }
        let moves = world.step().moves.len();
        assert_eq!(moves > 0, begins, "{still_moving} of {} are on their way", fleet / 2);
    }
}
