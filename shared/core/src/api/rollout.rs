//! A rollout and the releases as callers see them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::release::{Finding, Proof, Rejection, Release, ReleaseId, ReleaseState, RolloutId};
use crate::rollout::{End, Failure, PauseReason, PolicyChange, Rollout, Stage, State, Tally, Withdrawal};
use crate::tenant::TenantId;

/// What `GET /rollouts/{id}` answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RolloutView {
    /// Its id.
    pub id: RolloutId,
    /// Where tenants are moved to.
    pub release: ReleaseId,
    /// Where they come from, and are put back to.
    pub from: Option<ReleaseId>,
    /// Who began it.
    pub by: String,
    /// When.
    pub started_at: Timestamp,
    /// When new and waking tenants were given the release.
    pub promoted_at: Option<Timestamp>,
    /// Where it is.
    pub status: Status,
    /// How many tenants were where before the last step that changed anything.
    pub tally: Tally,
    /// Who failed, and how.
    pub failures: BTreeMap<TenantId, Failure>,
    /// How many of those an operator has accepted.
    pub accepted: u32,
    /// How carefully it goes, as the body of `POST /rollouts` has it.
    pub policy: PolicyChange,
}

/// The phases of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RolloutPhase {
    /// A few try the release.
    Canary,
    /// They keep running it.
    Baking,
    /// The others follow.
    Wave,
    /// Whoever runs it is put back.
    Withdrawing,
    /// It is over: everyone who is to be moved was.
    Completed,
    /// It is over: it failed on its canaries.
    Rejected,
    /// It is over: an operator took it back.
    RolledBack,
    /// It is over: an operator ended it where it was.
    Aborted,
    /// It is over: a newer one took its place.
    Superseded,
}

/// Where a rollout is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// In which phase.
    pub phase: RolloutPhase,
    /// Which wave, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wave: Option<usize>,
    /// When the first wave begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Since when it is paused or over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Why it is paused; it is not if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<PauseReason>,
    /// Who ended it or took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl RolloutView {
    /// A rollout as it is shown.
    pub fn of(rollout: &Rollout, tally: Tally) -> Self {
        Self {
            id: rollout.id,
            release: rollout.release,
            from: rollout.from,
            by: rollout.by.clone(),
            started_at: rollout.started,
            promoted_at: rollout.promoted,
            status: Status::of(&rollout.state),
            tally,
            failures: failures(rollout),
            accepted: rollout.accepted,
            policy: PolicyChange::from(&rollout.policy),
        }
    }
}

/// Those of the canaries as well, once they are being put back.
fn failures(rollout: &Rollout) -> BTreeMap<TenantId, Failure> {
    let mut all = rollout.failed.clone();
    let of_canaries = match &rollout.state {
        State::Over {
            end: End::Rejected { failures },
            ..
        } => Some(failures),
        State::Active { .. } | State::Paused { .. } | State::Over { .. } => match rollout.stage() {
            Some(Stage::Withdrawing {
                cause: Withdrawal::CanaryFailed { failures },
            }) => Some(failures),
            _ => None,
        },
    };
    all.extend(
        of_canaries
            .into_iter()
            .flatten()
            .map(|(tenant, failure)| (tenant.clone(), failure.clone())),
    );
    all
}

impl Status {
    fn of(state: &State) -> Self {
        match state {
            State::Active { stage } => Self::in_stage(stage),
            State::Paused { stage, reason, at } => Self {
                since: Some(*at),
                paused: Some(reason.clone()),
                ..Self::in_stage(stage)
            },
            State::Over { end, at } => {
                let (phase, by) = match end {
                    End::Completed => (RolloutPhase::Completed, None),
                    End::Rejected { .. } => (RolloutPhase::Rejected, None),
                    End::RolledBack { by } => (RolloutPhase::RolledBack, Some(by.clone())),
                    End::Aborted { by } => (RolloutPhase::Aborted, Some(by.clone())),
                    End::Superseded { by, .. } => (RolloutPhase::Superseded, Some(by.to_string())),
                };
                Self {
                    since: Some(*at),
                    by,
                    ..Self::plain(phase)
                }
            }
        }
    }

    fn in_stage(stage: &Stage) -> Self {
        match stage {
            Stage::Canary => Self::plain(RolloutPhase::Canary),
            Stage::Baking { until } => Self {
                until: Some(*until),
                ..Self::plain(RolloutPhase::Baking)
            },
            Stage::Wave { wave } => Self {
                wave: Some(wave + 1),
                ..Self::plain(RolloutPhase::Wave)
            },
            Stage::Withdrawing { cause } => Self {
                by: match cause {
                    Withdrawal::CanaryFailed { .. } => None,
                    Withdrawal::Operator { by } => Some(by.clone()),
                },
                ..Self::plain(RolloutPhase::Withdrawing)
            },
        }
    }

    fn plain(phase: RolloutPhase) -> Self {
        Self {
            phase,
            wave: None,
            until: None,
            since: None,
            paused: None,
            by: None,
        }
    }
}

/// What became of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum ReleaseStatus {
    /// It is on trial.
    Candidate,
    /// New and waking tenants took it, and take it if it is the newest of these.
    Promoted,
    /// Nobody is to have it.
    Rejected,
    /// A newer one came before it was promoted.
    Superseded,
}

/// A release, in the answer of `GET /releases`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReleaseRow {
    /// Its id.
    pub id: ReleaseId,
    /// The revision of the base in which it was seen first.
    pub source: String,
    /// When.
    pub found_at: Timestamp,
    /// What became of it.
    pub state: ReleaseStatus,
    /// When that was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// How many tenants had run it when it was promoted; 0 if that was without a trial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proven_by: Option<u32>,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

impl From<&Release> for ReleaseRow {
    fn from(release: &Release) -> Self {
        let (state, since) = match &release.state {
            ReleaseState::Candidate => (ReleaseStatus::Candidate, None),
            ReleaseState::Promoted { at, .. } => (ReleaseStatus::Promoted, Some(*at)),
            ReleaseState::Rejected { at, .. } => (ReleaseStatus::Rejected, Some(*at)),
            ReleaseState::Superseded { at, .. } => (ReleaseStatus::Superseded, Some(*at)),
        };
        let (proven_by, reasons) = match &release.state {
            ReleaseState::Promoted { proof, .. } => match proof {
                Proof::Unproven => (Some(0), Vec::new()),
                Proof::Rollout { tenants } => (Some(*tenants), Vec::new()),
            },
            ReleaseState::Rejected { cause, .. } => (None, reasons(cause)),
            ReleaseState::Candidate => (None, Vec::new()),
            ReleaseState::Superseded { by, .. } => (None, vec![format!("{by} took its place")]),
        };
        Self {
            id: release.id,
            source: release.source.clone(),
            found_at: release.found,
            state,
            since,
            proven_by,
            reasons,
        }
    }
}

fn reasons(cause: &Rejection) -> Vec<String> {
    match cause {
        Rejection::Preflight { findings } => findings.iter().map(|Finding(text)| text.clone()).collect(),
        Rejection::Canary { failures, .. } => {
            let reason = |(tenant, why): (&TenantId, &String)| format!("canary {tenant}: {why}");
            failures.iter().map(reason).collect()
        }
        Rejection::Operator { by } => vec![format!("refused by {by}")],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rollout::{FailureCode, Policy};

    fn rollout() -> Rollout {
        let at = Timestamp::UNIX_EPOCH;
        let (release, from) = (ReleaseId::FIRST.next(), Some(ReleaseId::FIRST));
        Rollout::start(
            RolloutId::FIRST,
            release,
            from,
            Policy::default(),
            "deploy".to_owned(),
            at,
        )
    }

    #[test]
    fn a_rollout_is_shown_with_where_it_is_and_who_failed() {
        let at = Timestamp::UNIX_EPOCH;
        let mut shown = rollout();
        let stage = Stage::Wave { wave: 1 };
        let reason = PauseReason::Budget {
            failed: 1,
            tolerance: 0,
        };
        shown.state = State::Paused { stage, reason, at };
        let status = serde_json::to_value(RolloutView::of(&shown, Tally::default()).status).unwrap();
        let paused = json!({"kind": "budget", "failed": 1, "tolerance": 0});
        assert_eq!(
            status,
            json!({"phase": "wave", "wave": 2, "since": "1970-01-01T00:00:00Z", "paused": paused})
        );
    }

    #[test]
    fn the_policy_is_shown_as_it_would_be_asked_for() {
        let change = PolicyChange {
            force_by: Some(Timestamp::UNIX_EPOCH),
            tolerance: Some(3),
            ..PolicyChange::default()
        };
        let mut shown = rollout();
        shown.policy = Policy::default().with(change).unwrap();
        let view = serde_json::to_value(RolloutView::of(&shown, Tally::default())).unwrap();
        assert_eq!(view["policy"]["forceBy"], "1970-01-01T00:00:00Z");
        let asked: PolicyChange = serde_json::from_value(view["policy"].clone()).unwrap();
        assert_eq!(Policy::default().with(asked).unwrap(), shown.policy);
    }

    #[test]
    fn the_failures_of_canaries_are_shown_after_they_were_put_back() {
        let failure = Failure::new(FailureCode::Deployment, "no");
        let failures = BTreeMap::from([("acme".parse().unwrap(), failure)]);
        let (end, at) = (
            End::Rejected {
                failures: failures.clone(),
            },
            Timestamp::UNIX_EPOCH,
        );
        let mut shown = rollout();
        shown.state = State::Over { end, at };
        let view = RolloutView::of(&shown, Tally::default());
        assert_eq!((view.status.phase, view.failures), (RolloutPhase::Rejected, failures));
    }
}
