//! What is stored of a rollout.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond::{optional as optional_millis, required as millis};
use serde::{Deserialize, Serialize};

use super::fleet::Failure;
use super::policy::Policy;
use crate::release::{Pointer, Proof, Rejection, ReleaseId, ReleaseState, RolloutId};
use crate::tenant::TenantId;

/// One rollout. It grows with its failures only, and those are bounded, so it fits into an item of any fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// Its name.
    pub id: RolloutId,
    /// Where tenants are moved to.
    pub release: ReleaseId,
    /// What was promoted when it began: what new and waking tenants take meanwhile, and where tenants are put back to.
    pub from: Option<ReleaseId>,
    /// How carefully it goes.
    pub policy: Policy,
    /// Who began it.
    pub by: String,
    /// When it began.
    #[serde(with = "millis")]
    pub started: Timestamp,
    /// When new and waking tenants were given the release. Never taken back except by putting the tenants back.
    #[serde(default, with = "optional_millis")]
    pub promoted: Option<Timestamp>,
    /// The most tenants that were seen running the release at one time.
    pub proven_by: u32,
    /// Who failed on the present course. They are not moved again, except by a resumption with retry.
    pub failed: BTreeMap<TenantId, Failure>,
    /// How many of those an operator has accepted. The others count against the tolerance.
    pub accepted: u32,
    /// Tenants that failed or were given up on in a move before this are moved again.
    #[serde(default, with = "optional_millis")]
    pub retry_before: Option<Timestamp>,
    /// Where it is.
    pub state: State,
}

/// Where a rollout is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum State {
    /// Going on.
    Active {
        /// With what.
        stage: Stage,
    },
    /// Going nowhere until an operator says how.
    Paused {
        /// Where it goes on.
        stage: Stage,
        /// Why.
        reason: PauseReason,
        /// Since when.
        #[serde(with = "millis")]
        at: Timestamp,
    },
    /// Over.
    Over {
        /// How it ended.
        end: End,
        /// When.
        #[serde(with = "millis")]
        at: Timestamp,
    },
}

/// What a rollout does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Stage {
    /// A few tenants try the release; one failure rejects it.
    Canary,
    /// They keep running it; one failure rejects it.
    Baking {
        /// When the first wave begins.
        #[serde(with = "millis")]
        until: Timestamp,
    },
    /// The others follow.
    Wave {
        /// Which wave, counted from 0.
        wave: usize,
    },
    /// Whoever runs the release is put back to what was promoted before.
    Withdrawing {
        /// Why.
        cause: Withdrawal,
    },
}

/// Why tenants are put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Withdrawal {
    /// It failed on canaries.
    CanaryFailed {
        /// Who, and how.
        failures: BTreeMap<TenantId, Failure>,
    },
    /// An operator rolled it back.
    Operator {
        /// Who.
        by: String,
    },
}

/// Why a rollout goes nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PauseReason {
    /// More failed than are tolerated.
    Budget {
        /// How many failed that nobody has accepted.
        failed: u32,
        /// How many are tolerated.
        tolerance: u32,
    },
    /// Nobody knows how it went with these, and their deadline is past.
    Unknown {
        /// Who.
        tenants: Vec<TenantId>,
    },
    /// An operator said so.
    Operator {
        /// Who.
        by: String,
    },
}

/// How a rollout ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum End {
    /// Everyone who is to be moved was.
    Completed,
    /// It failed on its canaries, and they were put back.
    Rejected {
        /// Who failed, and how.
        failures: BTreeMap<TenantId, Failure>,
    },
    /// An operator rolled it back, and whoever ran the release was put back.
    RolledBack {
        /// Who.
        by: String,
    },
    /// An operator ended it. Tenants stay where they are.
    Aborted {
        /// Who.
        by: String,
    },
    /// A newer rollout took its place.
    Superseded {
        /// Which.
        by: RolloutId,
        /// To which release that one goes.
        release: ReleaseId,
    },
}

impl Rollout {
    /// A rollout that has moved nobody yet.
    ///
    /// One to the promoted release itself puts back whoever is elsewhere: there is nothing to try out or to promote.
    pub fn start(
        id: RolloutId,
        release: ReleaseId,
        from: Option<ReleaseId>,
        policy: Policy,
        by: String,
        now: Timestamp,
    ) -> Self {
        let returns = from == Some(release);
        Self {
            id,
            release,
            from,
            policy: if returns { policy.for_return() } else { policy },
            by,
            started: now,
            promoted: returns.then_some(now),
            proven_by: 0,
            failed: BTreeMap::new(),
            accepted: 0,
            retry_before: None,
            state: State::Active { stage: Stage::Canary },
        }
    }

    /// What it does, or would do after a resumption; `None` when it is over.
    pub fn stage(&self) -> Option<&Stage> {
        match &self.state {
            State::Active { stage } | State::Paused { stage, .. } => Some(stage),
            State::Over { .. } => None,
        }
    }

    /// Why the release was taken back, if it was.
    fn withdrawn(&self) -> Option<Rejection> {
        let rollout = self.id;
        let canary = |failures: &BTreeMap<TenantId, Failure>| Rejection::Canary {
            rollout,
            failures: failures
                .iter()
                .map(|(tenant, failure)| (tenant.clone(), failure.message.clone()))
                .collect(),
        };
        let operator = |by: &String| Rejection::Operator { by: by.clone() };
        match &self.state {
            State::Active { stage } | State::Paused { stage, .. } => match stage {
                Stage::Canary | Stage::Baking { .. } | Stage::Wave { .. } => None,
                Stage::Withdrawing { cause } => Some(match cause {
                    Withdrawal::CanaryFailed { failures } => canary(failures),
                    Withdrawal::Operator { by } => operator(by),
                }),
            },
            State::Over { end, .. } => match end {
                End::Rejected { failures } => Some(canary(failures)),
                End::RolledBack { by } => Some(operator(by)),
                End::Aborted { by } => self.promoted.is_none().then(|| operator(by)),
                End::Completed | End::Superseded { .. } => None,
            },
        }
    }

    /// The pointer as it should be while this is the newest rollout, over or not: whoever drives it sees to that each
    /// time, so that a crash between the two rows is made good.
    pub fn pointer(&self) -> Pointer {
        let ended = matches!(self.state, State::Over { .. });
        let (promoted, candidate) = match (self.withdrawn(), self.promoted) {
            (Some(_), _) => (self.from, None),
            (None, Some(_)) => (Some(self.release), None),
            (None, None) => (self.from, (!ended).then_some(self.release)),
        };
        Pointer {
            promoted,
            candidate,
            rollout: Some(self.id),
            forced_from: self.policy.force_by().filter(|_| promoted == Some(self.release)),
        }
    }

    /// What this rollout says about its release; `None` when it says nothing yet, and the release's row stays as it is.
    pub fn says_of_release(&self, now: Timestamp) -> Option<ReleaseState> {
        if let Some(cause) = self.withdrawn() {
            return Some(ReleaseState::Rejected { at: now, cause });
        }
        if let Some(at) = self.promoted {
            let proof = match self.proven_by {
                0 => Proof::Unproven,
                tenants => Proof::Rollout { tenants },
            };
            return Some(ReleaseState::Promoted { at, proof });
        }
        match &self.state {
            State::Over {
                end: End::Superseded { release: by, .. },
                ..
            } if *by != self.release => Some(ReleaseState::Superseded { at: now, by: *by }),
            State::Active { .. } | State::Paused { .. } | State::Over { .. } => None,
        }
    }
}
