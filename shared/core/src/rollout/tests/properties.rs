//! Random fleets, faults and crashes: the invariants of every rollout.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// How a tenant takes a release.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Temper {
    Runs,
    Fails,
    Hangs,
    Sleeps,
    Pinned,
    Busy,
    Manual,
}

/// What happens to a driver's step.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// It gets through.
    Done,
    /// It dies before it has stored anything.
    Dies,
    /// It dies after it has stored the rollout and made so many moves.
    DiesAfter(usize),
    /// Two of them run on the same rows.
    Doubled,
}

fn tempers() -> impl Strategy<Value = Vec<Temper>> {
    let one = prop_oneof![
        12 => Just(Temper::Runs),
        2 => Just(Temper::Fails),
        1 => Just(Temper::Hangs),
        2 => Just(Temper::Sleeps),
        1 => Just(Temper::Pinned),
        1 => Just(Temper::Busy),
        1 => Just(Temper::Manual),
    ];
    prop::collection::vec(one, 0..60)
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let one = prop_oneof![
        3 => Just(Fate::Done),
        1 => Just(Fate::Dies),
        1 => (0_usize..6).prop_map(Fate::DiesAfter),
        1 => Just(Fate::Doubled),
    ];
    prop::collection::vec(one, 1..30)
}

fn policies() -> impl Strategy<Value = Policy> {
    (0_u32..4, 0_u32..4, 1_u32..12, 1_u8..=100, prop::bool::ANY).prop_map(
        |(canaries, tolerance, in_flight, percent, one_wave)| {
            let waves = if one_wave { json!([100]) } else { json!([20, 60, 100]) };
            policy(json!({
                "canaries": canaries, "tolerance": tolerance, "maxInFlight": in_flight,
                "maxInFlightPercent": percent, "waves": waves, "bakeSeconds": 120, "stepSeconds": 600,
            }))
        },
    )
}

fn world(tempers: &[Temper], policy: Policy) -> World {
    let mut world = World::new(tempers.len(), policy);
    for (facts, temper) in world.fleet.iter_mut().zip(tempers) {
        match temper {
            Temper::Sleeps => facts.wanted = Wanted::Stopped,
            Temper::Pinned => facts.pinned_until = Some(Timestamp::MAX),
            Temper::Busy => facts.busy_until = Some(at(6_000)),
            Temper::Manual => facts.consent = Consent::Manual,
            Temper::Runs | Temper::Fails | Temper::Hangs => {}
        }
    }
    world
}

impl World {
    /// One step of a driver whose fate is this.
    fn driven(&mut self, fate: Fate) {
        match fate {
            Fate::Done => drop(self.step()),
            Fate::Dies => {}
            Fate::DiesAfter(moves) => drop(self.step_until(moves)),
            Fate::Doubled => {
                let decided = self.step();
                for wanted in &decided.moves {
                    self.commit(wanted);
                }
            }
        }
    }

    /// Reconcile and ECS answer to every move, each tenant in its way; nobody fails on what ran before.
    fn answer(&mut self, tempers: &[Temper]) {
        for (number, temper) in tempers.iter().enumerate() {
            if !self.under_way(number) {
                continue;
            }
            let new = self.fleet[number].target == Some(release("r2"));
            match temper {
                Temper::Fails if new => self.arrive(number, failed()),
                Temper::Hangs if new => {}
                _ => self.arrive(number, Outcome::Running),
            }
        }
    }

    fn moves_of(&self) -> BTreeMap<(TenantId, ReleaseId), usize> {
        let mut moves = BTreeMap::new();
        for wanted in &self.moved {
            *moves.entry((wanted.tenant.clone(), wanted.to)).or_default() += 1;
        }
        moves
    }

    fn in_flight(&self) -> usize {
        (0..self.fleet.len()).filter(|number| self.under_way(*number)).count()
    }
}

proptest! {
    /// Whatever happens to the driver: never more on the way than the pace allows, no more failures than tolerance and
    /// pace, nobody moved twice to one release, nobody untouchable moved, and it comes to rest.
    #[test]
    fn i5_r4_budget_pace_and_memory_survive_every_crash(
        tempers in tempers(), policy in policies(), fates in fates(), delay in 0_i64..3,
    ) {
        let mut world = world(&tempers, policy);
        let running = tempers.iter().filter(|temper| **temper != Temper::Sleeps).count();
        let limit = world.rollout.policy.in_flight_limit(u32::try_from(running).unwrap()) as usize;
        let tolerance = world.rollout.policy.tolerance() as usize;
        let mut fates = fates.into_iter();
        for minute in 0..200 {
            world.driven(fates.next().unwrap_or(Fate::Done));
            prop_assert!(world.in_flight() <= limit, "{} on the way, {limit} may be", world.in_flight());
            if minute % (delay + 1) == 0 {
                world.answer(&tempers);
            }
            world.now += 60;
            let failures = world.fleet.iter().filter(|facts| facts.outcome == failed()).count();
            prop_assert!(failures <= tolerance + limit, "{failures} failed");
        }
        for ((who, to), times) in world.moves_of() {
            prop_assert_eq!(times, 1, "{} to {}", who, to);
            let number = number_of(&who);
            prop_assert!(!matches!(tempers[number], Temper::Sleeps | Temper::Pinned | Temper::Manual));
        }
        let at_rest = world.decide();
        prop_assert_eq!(&at_rest.next, &world.rollout, "nothing follows any more");
        prop_assert!(at_rest.moves.is_empty());
        prop_assert!(world.ended().is_some() || world.pause_reason().is_some(), "{:?}", world.rollout.state);
    }

    /// Nobody is forgotten: a rollout that completes has moved everyone whom it may move, and one that was rejected has
    /// put everyone back.
    #[test]
    fn r4_nobody_is_forgotten(tempers in tempers(), policy in policies(), fates in fates()) {
        let mut world = world(&tempers, policy);
        let mut fates = fates.into_iter();
        for _ in 0..200 {
            world.driven(fates.next().unwrap_or(Fate::Done));
            world.answer(&tempers);
            world.now += 60;
        }
        for (facts, temper) in world.fleet.iter().zip(&tempers) {
            let has = facts.applied.unwrap().release;
            match world.ended() {
                Some(End::Completed) => {
                    let moved = matches!(temper, Temper::Runs | Temper::Fails | Temper::Busy);
                    prop_assert_eq!(has == release("r2"), moved, "{:?} has {}", temper, has);
                }
                Some(End::Rejected { .. }) => prop_assert_eq!(has, release("r1")),
                Some(End::RolledBack { .. } | End::Aborted { .. } | End::Superseded { .. }) => unreachable!(),
                None => prop_assert!(world.pause_reason().is_some()),
            }
        }
        let pointer = world.rollout.pointer();
        if pointer.promoted == Some(release("r2")) {
            prop_assert_eq!(pointer.candidate, None);
        }
    }

    /// Planning again after the moves were made plans none of them again, at any time before their deadline.
    #[test]
    fn a_step_after_a_step_moves_nobody_again(tempers in tempers(), policy in policies()) {
        let mut world = world(&tempers, policy);
        let first = world.step();
        let again = world.decide();
        for wanted in &first.moves {
            prop_assert!(!again.moves.iter().any(|other| other.tenant == wanted.tenant));
        }
        prop_assert_eq!(step(&world.rollout, &world.fleet, at(world.now)), again);
    }
}
