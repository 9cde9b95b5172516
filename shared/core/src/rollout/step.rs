//! One step of a rollout: where it is now, and who is moved next.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::Serialize;

use super::fleet::{DefinitionOf, Outcome, TenantFacts, after};
use super::progress::{Attempt, Survey, Tally};
use super::row::{End, PauseReason, Rollout, Stage, State, Withdrawal};
use super::window::{Opening, opening};
use crate::release::ReleaseId;
use crate::tenant::{Generation, TenantId};

/// What a step decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The rollout afterwards.
    pub next: Rollout,
    /// Whom to move. Each is a compare-and-swap on the tenant's generation; a lost one is decided anew by the next step.
    pub moves: Vec<Move>,
    /// For whom to register the definition ahead, in the order in which they will be moved; at most
    /// [`AHEAD`](Self::AHEAD).
    pub ahead: Vec<TenantId>,
    /// How many tenants are where, before the moves.
    pub tally: Tally,
    /// Why no more are moved; empty only if nobody is left.
    pub why_not: Vec<WhyNot>,
}

impl Step {
    /// For how many tenants a step has definitions registered ahead at most: as many as the account's budget has tokens for
    /// until the next step, a minute later.
    pub const AHEAD: usize = 50;
}

/// A tenant to move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Who.
    pub tenant: TenantId,
    /// The generation that was seen, and from which the tenant is moved.
    pub seen: Generation,
    /// Where to.
    pub to: ReleaseId,
    /// Why.
    pub reason: MoveReason,
}

/// Why a tenant is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum MoveReason {
    /// It tries the release.
    Canary,
    /// It follows.
    Wave,
    /// It failed, and an operator asked for another try.
    Retry,
    /// The release is withdrawn.
    PutBack,
}

/// Why no more tenants are moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum WhyNot {
    /// The rollout is over.
    Over,
    /// The rollout is paused.
    Paused,
    /// The canaries have to run for a while.
    Baking {
        /// When the first wave begins.
        until: Timestamp,
    },
    /// No window is open.
    OutsideWindow {
        /// When the next one opens.
        opens: Timestamp,
    },
    /// As many are on their way as may be.
    InFlight {
        /// How many that is.
        limit: u32,
    },
    /// Everyone of this stage was moved, and not all have a verdict.
    StageFull {
        /// How many of the fleet this stage moves in all.
        quota: u32,
    },
    /// Some cannot be moved yet.
    Waiting {
        /// How many.
        tenants: u32,
        /// When the first of them can.
        first: Timestamp,
    },
}

/// What to do next, given every tenant of the fleet.
///
/// A step on the same rollout and the same fleet is the same step; a step after one whose moves were never made makes
/// them; a step after one whose moves were all made does not make them again. Store [`Step::next`] *before* the moves:
/// putting a tenant back wipes the failure off its row, and the rollout must remember it by then.
pub fn step(rollout: &Rollout, fleet: &[TenantFacts], now: Timestamp) -> Step {
    let mut next = rollout.clone();
    let survey = loop {
        let survey = Survey::of(&next, fleet, now);
        next.record(&survey, now);
        let Some(state) = next.following(&survey, now) else {
            break survey;
        };
        next.enter(state, now);
        // What is over concerns nobody any more: who was where is what it was when it ended.
        if matches!(next.state, State::Over { .. }) {
            break survey;
        }
    };
    let (moves, why_not) = next.choose(&survey, now);
    let ahead = next.ahead(&survey, fleet, moves.len());
    Step {
        ahead,
        tally: survey.tally,
        next,
        moves,
        why_not,
    }
}

impl Rollout {
    /// Keeps what the tenants' rows will not show for ever.
    fn record(&mut self, survey: &Survey<'_>, now: Timestamp) {
        for (tenant, failure) in &survey.failures {
            self.failed.entry((*tenant).clone()).or_insert_with(|| failure.clone());
        }
        if self.destination() == Some(self.release) {
            self.proven_by = self.proven_by.max(survey.tally.succeeded);
        }
        let State::Active {
            stage: Stage::Wave { wave },
        } = self.state
        else {
            return;
        };
        let tally = survey.tally;
        let only_waits = wave == self.policy.last_wave() && tally.pending == 0 && tally.settled();
        let enough = tally.succeeded > 0 && self.policy.promotes_at(tally.succeeded, tally.population());
        if self.promoted.is_none() && self.unaccepted() <= self.policy.tolerance() && (enough || only_waits) {
            self.promoted = Some(now);
        }
    }

    /// How many failed whom no operator has accepted.
    fn unaccepted(&self) -> u32 {
        u32::try_from(self.failed.len())
            .unwrap_or(u32::MAX)
            .saturating_sub(self.accepted)
    }

    /// The state that follows from what is true, if that is another one. Stages only ever go on, so this ends.
    fn following(&self, survey: &Survey<'_>, now: Timestamp) -> Option<State> {
        let State::Active { stage } = &self.state else {
            return None;
        };
        let on_trial = matches!(stage, Stage::Canary | Stage::Baking { .. });
        if on_trial && self.unaccepted() > 0 {
            return Some(self.reject(now));
        }
        if let Some(reason) = self.reason_to_pause(survey) {
            let stage = stage.clone();
            return Some(State::Paused { stage, reason, at: now });
        }
        let tally = &survey.tally;
        let none_left = tally.pending == 0 && tally.waiting == 0 && tally.settled();
        let stage = match stage {
            Stage::Canary => self.after_canary(tally, now)?,
            Stage::Baking { until } if now < *until => return None,
            Stage::Baking { .. } => Stage::Wave { wave: 0 },
            Stage::Wave { wave } if *wave < self.policy.last_wave() => {
                let full = tally.moved() >= self.policy.wave_quota(*wave, tally.population());
                let over = tally.settled() && (full || tally.pending == 0);
                over.then_some(Stage::Wave { wave: wave + 1 })?
            }
            Stage::Wave { .. } if none_left => return Some(over(End::Completed, now)),
            Stage::Withdrawing { cause } if none_left => return Some(over(withdrawn(cause), now)),
            Stage::Wave { .. } | Stage::Withdrawing { .. } => return None,
        };
        Some(State::Active { stage })
    }

    /// What follows the canaries: a bake if one of them ran; the waves if there is no trial or nobody to try it.
    fn after_canary(&self, tally: &Tally, now: Timestamp) -> Option<Stage> {
        let wanted = self.policy.canaries();
        let nobody_else = tally.pending == 0 && (tally.waiting == 0 || tally.succeeded > 0);
        if wanted == 0 || (tally.settled() && nobody_else && tally.succeeded == 0) {
            Some(Stage::Wave { wave: 0 })
        } else if tally.settled() && (tally.succeeded >= wanted || nobody_else) {
            let until = after(now, self.policy.bake());
            Some(Stage::Baking { until })
        } else {
            None
        }
    }

    fn reason_to_pause(&self, survey: &Survey<'_>) -> Option<PauseReason> {
        let (failed, tolerance) = (self.unaccepted(), self.policy.tolerance());
        if failed > tolerance {
            return Some(PauseReason::Budget { failed, tolerance });
        }
        let tenants: Vec<_> = survey.unknown.iter().map(|tenant| (*tenant).clone()).collect();
        (!tenants.is_empty()).then_some(PauseReason::Unknown { tenants })
    }

    fn reject(&self, now: Timestamp) -> State {
        let failures = self.failed.clone();
        match self.from {
            Some(_) => State::Active {
                stage: Stage::Withdrawing {
                    cause: Withdrawal::CanaryFailed { failures },
                },
            },
            None => over(End::Rejected { failures }, now),
        }
    }

    /// Goes into a state. A new course begins with no failures, and a release is promoted at the latest when its rollout
    /// completes: with nobody running, that is at once and unproven.
    pub(super) fn enter(&mut self, state: State, now: Timestamp) {
        if let State::Active {
            stage: Stage::Withdrawing { .. },
        } = &state
            && self.destination() == Some(self.release)
        {
            self.failed.clear();
            self.accepted = 0;
            self.retry_before = None;
        }
        if let State::Over {
            end: End::Completed, ..
        } = &state
        {
            self.promoted = self.promoted.or(Some(now));
        }
        self.state = state;
    }

    /// Whom to move now, and why not more.
    fn choose(&self, survey: &Survey<'_>, now: Timestamp) -> (Vec<Move>, Vec<WhyNot>) {
        let tally = &survey.tally;
        let (quota, reason) = match &self.state {
            State::Over { .. } => return (Vec::new(), vec![WhyNot::Over]),
            State::Paused { .. } => return (Vec::new(), vec![WhyNot::Paused]),
            State::Active { stage } => match stage {
                Stage::Baking { until } => return (Vec::new(), vec![WhyNot::Baking { until: *until }]),
                Stage::Canary => (self.policy.canaries() + tally.failed, MoveReason::Canary),
                Stage::Wave { wave } => (self.policy.wave_quota(*wave, tally.population()), MoveReason::Wave),
                Stage::Withdrawing { .. } => (tally.population(), MoveReason::PutBack),
            },
        };
        let windowed = reason != MoveReason::PutBack;
        if let (true, Opening::Closed { opens }) = (windowed, opening(self.policy.windows(), now)) {
            return (Vec::new(), vec![WhyNot::OutsideWindow { opens }]);
        }
        let limit = self.policy.in_flight_limit(tally.running);
        let room = limit.saturating_sub(tally.moving + tally.unknown);
        let open = quota.saturating_sub(tally.moved());
        let moves = self.first(survey, room.min(open) as usize, reason);
        let mut why_not = Vec::new();
        if moves.len() < survey.pending.len() {
            why_not.push(if room <= open {
                WhyNot::InFlight { limit }
            } else {
                WhyNot::StageFull { quota }
            });
        }
        if let Some(first) = survey.waits.iter().map(|(_, wait)| wait.until()).min() {
            let tenants = tally.waiting;
            why_not.push(WhyNot::Waiting { tenants, first });
        }
        (moves, why_not)
    }

    /// For whom a definition can be registered before it is needed: of those who follow, one of each who share theirs. Not
    /// before a canary runs it, because a base that is no good should leave nothing behind.
    fn ahead(&self, survey: &Survey<'_>, fleet: &[TenantFacts], moved: usize) -> Vec<TenantId> {
        if !matches!(
            self.state,
            State::Active {
                stage: Stage::Baking { .. } | Stage::Wave { .. }
            }
        ) {
            return Vec::new();
        }
        let has = |facts: &TenantFacts| {
            let runs = facts.applied.is_some_and(|applied| applied.release == self.release);
            runs || facts.ready_for == Some(self.release)
        };
        let mut there: HashSet<u64> = fleet.iter().filter(|facts| has(facts)).filter_map(shared).collect();
        let following = self.in_order(survey).into_iter().skip(moved).map(|(facts, _)| facts);
        let missing =
            following.filter(|facts| !has(facts) && shared(facts).is_none_or(|overlay| there.insert(overlay)));
        missing.take(Step::AHEAD).map(|facts| facts.tenant.clone()).collect()
    }

    fn first(&self, survey: &Survey<'_>, count: usize, reason: MoveReason) -> Vec<Move> {
        let Some(to) = self.destination() else {
            return Vec::new();
        };
        let moved = |(facts, attempt): (&TenantFacts, Attempt)| Move {
            tenant: facts.tenant.clone(),
            seen: facts.generation,
            to,
            reason: match attempt {
                Attempt::First => reason,
                Attempt::Again => MoveReason::Retry,
            },
        };
        self.in_order(survey).into_iter().take(count).map(moved).collect()
    }

    /// Who can be moved, in the order of the policy: named canaries, then the least recently active.
    pub(super) fn in_order<'a>(&self, survey: &Survey<'a>) -> Vec<(&'a TenantFacts, Attempt)> {
        let named = self.policy.named_canaries();
        let rank = |facts: &TenantFacts| {
            named
                .iter()
                .position(|name| *name == facts.tenant)
                .unwrap_or(usize::MAX)
        };
        // Who fails on the present release says nothing about the next one.
        let withdrawing = matches!(self.stage(), Some(Stage::Withdrawing { .. }));
        let failed = |facts: &TenantFacts, attempt: &Attempt| {
            !withdrawing && *attempt == Attempt::First && matches!(facts.outcome, Outcome::Failed(_))
        };
        let mut pending = survey.pending.clone();
        pending.sort_by_cached_key(|(facts, attempt)| {
            (rank(facts), failed(facts, attempt), facts.last_activity, &facts.tenant)
        });
        pending
    }
}

fn shared(facts: &TenantFacts) -> Option<u64> {
    match facts.definition {
        DefinitionOf::Itself => None,
        DefinitionOf::Equals(overlay) => Some(overlay),
    }
}

fn over(end: End, at: Timestamp) -> State {
    State::Over { end, at }
}

fn withdrawn(cause: &Withdrawal) -> End {
    match cause {
        Withdrawal::CanaryFailed { failures } => End::Rejected {
            failures: failures.clone(),
        },
        Withdrawal::Operator { by } => End::RolledBack { by: by.clone() },
    }
}
