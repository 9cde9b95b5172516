//! What an operator, or a newer rollout, can do to a rollout. Each is here once, and says why it cannot.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fleet::{Failure, FailureCode};
use super::row::{End, PauseReason, Rollout, Stage, State, Withdrawal};
use crate::release::{ReleaseId, RolloutId};

/// How to go on after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Resume {
    /// Accept the failures so far, count those without a verdict among them, and go on with a fresh budget.
    Accept,
    /// Move those who failed, and those without a verdict, once more.
    Retry,
}

/// Why a rollout cannot do that now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is over.
    #[error("rollout {0} is over; start a rollout to the release that the fleet should have")]
    Over(RolloutId),
    /// It is paused already.
    #[error("rollout {0} is paused already")]
    AlreadyPaused(RolloutId),
    /// It is not paused.
    #[error("rollout {0} is not paused, so there is nothing to resume")]
    NotPaused(RolloutId),
    /// It is putting tenants back, which cannot be left half done.
    #[error("rollout {0} is putting its tenants back; pause it if it must stop, or start another rollout")]
    Withdrawing(RolloutId),
    /// There was no other release before it.
    #[error("there was no other release before rollout {0} that tenants could be put back to; abort it instead")]
    NothingBefore(RolloutId),
    /// It has accepted as many failures as it can remember.
    #[error(
        "rollout {id} has {failed} failures, more than it can accept; resume it with retry, roll it back or abort it"
    )]
    TooManyFailures {
        /// Which.
        id: RolloutId,
        /// How many.
        failed: usize,
    },
}

/// How many failures can be accepted. With the tolerance and those in flight on top, the row stays under 400 KB.
const MOST_ACCEPTED: usize = 500;

impl Rollout {
    /// Moves nobody until it is resumed. Who is on the way gets there.
    pub fn pause(&self, by: &str, now: Timestamp) -> Result<Self, Refused> {
        match &self.state {
            State::Over { .. } => Err(Refused::Over(self.id)),
            State::Paused { .. } => Err(Refused::AlreadyPaused(self.id)),
            State::Active { stage } => Ok(self.in_state(State::Paused {
                stage: stage.clone(),
                reason: PauseReason::Operator { by: by.to_owned() },
                at: now,
            })),
        }
    }

    /// Goes on where it was paused.
    pub fn resume(&self, how: Resume, now: Timestamp) -> Result<Self, Refused> {
        let (stage, reason) = match &self.state {
            State::Over { .. } => return Err(Refused::Over(self.id)),
            State::Active { .. } => return Err(Refused::NotPaused(self.id)),
            State::Paused { stage, reason, .. } => (stage.clone(), reason),
        };
        let mut next = self.in_state(State::Active { stage });
        match how {
            Resume::Retry => {
                next.failed.clear();
                next.accepted = 0;
                next.retry_before = Some(now);
            }
            Resume::Accept => next.accept(reason)?,
        }
        Ok(next)
    }

    fn accept(&mut self, reason: &PauseReason) -> Result<(), Refused> {
        match reason {
            PauseReason::Operator { .. } => return Ok(()),
            PauseReason::Budget { .. } => {}
            PauseReason::Unknown { tenants } => {
                let failure = Failure::new(FailureCode::NoVerdict, "no verdict within the step deadline");
                self.failed
                    .extend(tenants.iter().map(|tenant| (tenant.clone(), failure.clone())));
            }
        }
        let failed = self.failed.len();
        if failed > MOST_ACCEPTED {
            return Err(Refused::TooManyFailures { id: self.id, failed });
        }
        self.accepted = u32::try_from(failed).unwrap_or(u32::MAX);
        Ok(())
    }

    /// Ends it. Tenants stay where they are; without a promotion, the release counts as refused.
    pub fn abort(&self, by: &str, now: Timestamp) -> Result<Self, Refused> {
        self.forward_stage()?;
        let end = End::Aborted { by: by.to_owned() };
        Ok(self.in_state(State::Over { end, at: now }))
    }

    /// Puts whoever has the release back to what was promoted before.
    pub fn roll_back(&self, by: &str, now: Timestamp) -> Result<Self, Refused> {
        self.forward_stage()?;
        if self.from.is_none_or(|from| from == self.release) {
            return Err(Refused::NothingBefore(self.id));
        }
        let cause = Withdrawal::Operator { by: by.to_owned() };
        let mut next = self.clone();
        let stage = Stage::Withdrawing { cause };
        next.enter(State::Active { stage }, now);
        Ok(next)
    }

    /// Ends it because a newer rollout moves its tenants from now on.
    pub fn supersede(&self, by: RolloutId, release: ReleaseId, now: Timestamp) -> Result<Self, Refused> {
        match &self.state {
            State::Over { .. } => Err(Refused::Over(self.id)),
            State::Active { .. } | State::Paused { .. } => {
                let end = End::Superseded { by, release };
                Ok(self.in_state(State::Over { end, at: now }))
            }
        }
    }

    fn forward_stage(&self) -> Result<&Stage, Refused> {
        match self.stage() {
            None => Err(Refused::Over(self.id)),
            Some(Stage::Withdrawing { .. }) => Err(Refused::Withdrawing(self.id)),
            Some(stage) => Ok(stage),
        }
    }

    fn in_state(&self, state: State) -> Self {
        Self { state, ..self.clone() }
    }
}
