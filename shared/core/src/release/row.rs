//! What is stored of a release, and the pointer to the current ones.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond::{optional as optional_millis, required as millis};
use serde::{Deserialize, Serialize};

use super::{Finding, ReleaseId, RolloutId};
use crate::definition::BaseFingerprint;
use crate::tenant::TenantId;

/// One base, and how its trial ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// Its name.
    pub id: ReleaseId,
    /// What it contains; no two releases contain the same.
    pub content: BaseFingerprint,
    /// The revision of the base family in which it was last seen. It may have become INACTIVE since, so nothing
    /// depends on it: the rendered definitions are kept by fingerprint.
    pub source: String,
    /// When it was first seen.
    #[serde(with = "millis")]
    pub found: Timestamp,
    /// How far its trial got.
    pub state: ReleaseState,
}

/// How far a release's trial got. Which release is current is the [`Pointer`]'s to say: one that was promoted stays
/// `Promoted` after another has taken its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ReleaseState {
    /// Found; not yet through preflight and rollout.
    Candidate,
    /// New and waking tenants took it from then on.
    Promoted {
        /// Since when.
        #[serde(with = "millis")]
        at: Timestamp,
        /// What showed that it runs.
        proof: Proof,
    },
    /// Nobody may take it.
    Rejected {
        /// Since when.
        #[serde(with = "millis")]
        at: Timestamp,
        /// By what.
        cause: Rejection,
    },
    /// A newer release took its place on trial before it was promoted.
    Superseded {
        /// Since when.
        #[serde(with = "millis")]
        at: Timestamp,
        /// The newer release.
        by: ReleaseId,
    },
}

impl Release {
    /// Whether tenants ran it in a rollout that promoted it, so that going back to it tries nothing out.
    pub fn is_proven(&self) -> bool {
        match self.state {
            ReleaseState::Promoted { proof, .. } => proof != Proof::Unproven,
            ReleaseState::Candidate | ReleaseState::Rejected { .. } | ReleaseState::Superseded { .. } => false,
        }
    }

    /// Whether nobody may take it.
    pub fn is_rejected(&self) -> bool {
        matches!(self.state, ReleaseState::Rejected { .. })
    }

    /// This release with what was said of it, or `None` if that changes nothing: it says the same already, or says only
    /// that another took the place of one that was rejected, which stays rejected.
    #[must_use]
    pub fn told(&self, state: ReleaseState) -> Option<Self> {
        let rejected = matches!(self.state, ReleaseState::Rejected { .. });
        let superseded = matches!(state, ReleaseState::Superseded { .. });
        let nothing_new = self.state.agrees_with(&state) || (rejected && superseded);
        (!nothing_new).then(|| Self { state, ..self.clone() })
    }
}

impl ReleaseState {
    /// Whether both say the same, whenever they were said.
    fn agrees_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Candidate, Self::Candidate) => true,
            (Self::Promoted { proof, .. }, Self::Promoted { proof: other, .. }) => proof == other,
            (Self::Rejected { cause, .. }, Self::Rejected { cause: other, .. }) => cause == other,
            (Self::Superseded { by, .. }, Self::Superseded { by: other, .. }) => by == other,
            _ => false,
        }
    }
}

/// What showed that a promoted release runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Proof {
    /// Nothing yet: no tenant ran that could have tried it. The first wake does, with its last good definition to fall back on.
    Unproven,
    /// A rollout in which this many tenants ran it.
    Rollout {
        /// How many ran it, at least 1.
        tenants: u32,
    },
}

/// What a release was rejected by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Rejection {
    /// It could not have run; nobody was moved. It is looked at again, because an image can still be pushed.
    Preflight {
        /// Everything that is wrong with it.
        findings: Vec<Finding>,
    },
    /// It did not run on the canaries, who were put back.
    Canary {
        /// The rollout.
        rollout: RolloutId,
        /// Who failed, and how.
        failures: BTreeMap<TenantId, String>,
    },
    /// An operator aborted its rollout or rolled it back.
    Operator {
        /// Who.
        by: String,
    },
}

/// Which releases are current. One row; it changes only by compare-and-swap on all of its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pointer {
    /// What new and waking tenants take. `None` until the first base was seen.
    pub promoted: Option<ReleaseId>,
    /// What is on trial in [`Pointer::rollout`].
    pub candidate: Option<ReleaseId>,
    /// The newest rollout, over or not. Older ones are never driven again.
    pub rollout: Option<RolloutId>,
    /// From then on tenants that were offered the promoted release take it without being asked.
    #[serde(default, with = "optional_millis", skip_serializing_if = "Option::is_none")]
    pub forced_from: Option<Timestamp>,
}

impl Pointer {
    /// Whether tenants take the promoted release without being asked.
    pub fn is_forced(&self, now: Timestamp) -> bool {
        self.forced_from.is_some_and(|from| from <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(state: ReleaseState) -> Release {
        Release {
            id: ReleaseId::FIRST,
            content: serde_json::from_value("0".repeat(64).into()).unwrap(),
            source: String::new(),
            found: Timestamp::UNIX_EPOCH,
            state,
        }
    }

    #[test]
    fn a_row_changes_when_something_new_is_said_and_a_rejection_is_not_forgotten_for_a_successor() {
        let (at, later) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        let cause = Rejection::Operator { by: "ada".to_owned() };
        let rejected = |at| ReleaseState::Rejected {
            at,
            cause: cause.clone(),
        };
        let by = ReleaseId::FIRST.next();
        let superseded = ReleaseState::Superseded { at, by };
        assert_eq!(
            release(rejected(at)).told(rejected(later)),
            None,
            "the same, only later"
        );
        assert_eq!(release(rejected(at)).told(superseded.clone()), None);
        assert!(release(rejected(at)).told(ReleaseState::Candidate).is_some());
        assert!(release(ReleaseState::Candidate).told(superseded).is_some());
        assert!(release(ReleaseState::Candidate).told(rejected(at)).is_some());
    }
}
