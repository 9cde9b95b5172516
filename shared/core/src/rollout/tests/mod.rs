//! A fleet in a table: what reconcile and ECS do to the tenants' rows, without either.

mod ahead;
mod consent;
mod operators;
mod properties;
mod scenarios;

use jiff::Timestamp;

use super::*;
use crate::release::{ReleaseId, RolloutId};
use crate::tenant::{Generation, TenantId, Wanted};

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(super) fn release(text: &str) -> ReleaseId {
    text.parse().unwrap()
}

pub(super) fn tenant(number: usize) -> TenantId {
    format!("t{number:05}").parse().unwrap()
}

pub(super) fn policy(json: serde_json::Value) -> Policy {
    let change: PolicyChange = serde_json::from_value(json).unwrap();
    Policy::default().with(change).unwrap()
}

pub(super) fn number_of(tenant: &TenantId) -> usize {
    tenant.as_str()[1..].parse().unwrap()
}

/// A fleet, the rollout that is driven over it, and the time.
pub(super) struct World {
    pub(super) fleet: Vec<TenantFacts>,
    pub(super) rollout: Rollout,
    pub(super) now: i64,
    /// Every move that was committed.
    pub(super) moved: Vec<Move>,
}

impl World {
    /// This many tenants running r1, and a rollout to r2.
    pub(super) fn new(running: usize, policy: Policy) -> Self {
        let facts = |number: usize| TenantFacts {
            tenant: tenant(number),
            wanted: Wanted::Running,
            generation: Generation(1),
            intent_at: at(0),
            target: None,
            rollout: None,
            applied: Some(Applied {
                generation: Generation(1),
                release: release("r1"),
            }),
            outcome: Outcome::Running,
            consent: Consent::Automatic,
            pinned_until: None,
            busy_until: None,
            last_activity: Some(at(i64::try_from(number).unwrap())),
            definition: DefinitionOf::Itself,
            ready_for: None,
        };
        let (to, from) = (release("r2"), Some(release("r1")));
        Self {
            fleet: (0..running).map(facts).collect(),
            rollout: Rollout::start(RolloutId::FIRST, to, from, policy, "deploy".to_owned(), at(1_000)),
            now: 1_000,
            moved: Vec::new(),
        }
    }

    pub(super) fn decide(&self) -> Step {
        step(&self.rollout, &self.fleet, at(self.now))
    }

    /// One undisturbed step.
    pub(super) fn step(&mut self) -> Step {
        self.step_until(usize::MAX)
    }

    /// One step: decide, store, move; the driver dies after this many moves.
    pub(super) fn step_until(&mut self, moves: usize) -> Step {
        let decided = self.decide();
        self.rollout = stored(&decided.next);
        for wanted in decided.moves.iter().take(moves) {
            self.commit(wanted);
        }
        decided
    }

    /// The compare-and-swap on the tenant's row.
    pub(super) fn commit(&mut self, wanted: &Move) {
        let now = at(self.now);
        let id = self.rollout.id;
        let facts = &mut self.fleet[number_of(&wanted.tenant)];
        if facts.generation == wanted.seen {
            facts.generation = facts.generation.next();
            facts.intent_at = now;
            facts.target = Some(wanted.to);
            facts.rollout = Some(id);
            facts.outcome = Outcome::NotYet { since: now };
            self.moved.push(wanted.clone());
        }
    }

    /// What reconcile applies: the named release, or the promoted one.
    pub(super) fn arrive(&mut self, number: usize, outcome: Outcome) {
        let promoted = self.rollout.pointer().promoted.unwrap();
        let facts = &mut self.fleet[number];
        facts.applied = Some(Applied {
            generation: facts.generation,
            release: facts.target.unwrap_or(promoted),
        });
        facts.outcome = outcome;
    }

    /// Everyone who is on the way arrives in this way.
    pub(super) fn arrive_all(&mut self, outcome: &Outcome) {
        for number in 0..self.fleet.len() {
            if self.under_way(number) {
                self.arrive(number, outcome.clone());
            }
        }
    }

    pub(super) fn under_way(&self, number: usize) -> bool {
        matches!(self.fleet[number].outcome, Outcome::NotYet { .. })
    }

    /// A change of intent that names no release, as every entry point but the rollout makes it.
    pub(super) fn intend(&mut self, number: usize, wanted: Wanted) {
        let now = at(self.now);
        let facts = &mut self.fleet[number];
        facts.generation = facts.generation.next();
        facts.intent_at = now;
        facts.target = None;
        facts.rollout = None;
        facts.wanted = wanted;
        facts.outcome = Outcome::NotYet { since: now };
    }

    /// Steps once a minute, everyone arriving well between two steps, until nothing changes any more.
    pub(super) fn run(&mut self) {
        for _ in 0..2_000 {
            let before = (self.rollout.clone(), self.moved.len());
            self.step();
            self.arrive_all(&Outcome::Running);
            self.now += 60;
            let baking = matches!(self.rollout.stage(), Some(Stage::Baking { .. }));
            if before == (self.rollout.clone(), self.moved.len()) && !baking {
                return;
            }
        }
        panic!("the rollout did not come to rest: {:?}", self.rollout.state);
    }

    /// Who was moved, in order.
    pub(super) fn movers(&self) -> Vec<&str> {
        self.moved.iter().map(|wanted| wanted.tenant.as_str()).collect()
    }

    pub(super) fn on(&self, name: &str) -> usize {
        let there = |facts: &&TenantFacts| facts.applied.is_some_and(|applied| applied.release == release(name));
        self.fleet.iter().filter(there).count()
    }

    pub(super) fn ended(&self) -> Option<&End> {
        match &self.rollout.state {
            State::Over { end, .. } => Some(end),
            State::Active { .. } | State::Paused { .. } => None,
        }
    }

    pub(super) fn pause_reason(&self) -> Option<&PauseReason> {
        match &self.rollout.state {
            State::Paused { reason, .. } => Some(reason),
            State::Active { .. } | State::Over { .. } => None,
        }
    }
}

pub(super) fn failed() -> Outcome {
    Outcome::Failed(Failure::new(FailureCode::Deployment, "tasks failed to start"))
}

/// Through its row and back.
pub(super) fn stored(rollout: &Rollout) -> Rollout {
    let row = serde_json::to_string(rollout).unwrap();
    assert!(
        row.len() < 400_000,
        "a row of {} bytes does not fit into an item",
        row.len()
    );
    serde_json::from_str(&row).unwrap()
}

/// After the canary and its bake, with everyone else still to be moved.
pub(super) fn in_waves(running: usize, policy: Policy) -> World {
    let mut world = World::new(running, policy);
    world.step();
    world.arrive_all(&Outcome::Running);
    world.step();
    world.now += i64::try_from(world.rollout.policy.bake().as_secs()).unwrap();
    world
}
