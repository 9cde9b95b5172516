//! What a rollout has to know of a tenant, and what that says about the move it was sent on.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::release::{ReleaseId, RolloutId};
use crate::tenant::{Generation, TenantId, Wanted};

/// What a rollout has to know of a tenant. All of it is in the tenant's own rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantFacts {
    /// Who.
    pub tenant: TenantId,
    /// What it should be.
    pub wanted: Wanted,
    /// The generation of that intent. A move commits only if this is still the tenant's.
    pub generation: Generation,
    /// When the intent changed last.
    pub intent_at: Timestamp,
    /// The release that the intent names. Without one the tenant takes the promoted one at its next change.
    pub target: Option<ReleaseId>,
    /// The rollout that made the intent, if one did.
    pub rollout: Option<RolloutId>,
    /// What ECS was told last.
    pub applied: Option<Applied>,
    /// What came of the current generation; for a tenant that is down, `Failed` if it crashed its way down.
    pub outcome: Outcome,
    /// Whether it takes releases by itself.
    pub consent: Consent,
    /// Until when nobody may move it.
    pub pinned_until: Option<Timestamp>,
    /// Until when it is busy: the end of its hold or of its protection.
    pub busy_until: Option<Timestamp>,
    /// Its last real work.
    pub last_activity: Option<Timestamp>,
    /// Whose definition it runs.
    pub definition: DefinitionOf,
    /// The release for which that is registered already, before the tenant is moved.
    pub ready_for: Option<ReleaseId>,
}

/// Whose definition a tenant runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefinitionOf {
    /// Its own: it names the tenant's directory.
    Itself,
    /// That of all whose overlays are equal; they have the same number.
    Equals(u64),
}

/// What ECS was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// For which generation.
    pub generation: Generation,
    /// With which release.
    pub release: ReleaseId,
}

/// What came of a tenant's current generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It runs on the definition that was applied.
    Running,
    /// It does not run, and nothing says that it will not.
    NotYet {
        /// Since when not: the time of the intent, or of the last stop of its task if that is later.
        since: Timestamp,
    },
    /// It will not run by itself.
    Failed(Failure),
}

/// Why a tenant did not run a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The kind of it.
    pub code: FailureCode,
    /// What the tenant's row says, cut to what a rollout's row has room for. Never an env value.
    pub message: String,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum FailureCode {
    /// ECS refused the definition.
    Registration,
    /// ECS gave the deployment up.
    Deployment,
    /// It started and kept crashing.
    CrashLoop,
    /// It runs, but on another release: its last good definition took over.
    FellBack,
    /// Nobody found out in time, and an operator went on without it.
    NoVerdict,
    /// Anything else that reconcile gave up on.
    Other,
}

impl Failure {
    /// How much of a message is kept: with 1,200 failures at most in a row, 120 bytes each leave half of it free.
    const KEPT: usize = 120;

    /// A failure; of the message only the beginning is kept.
    pub fn new(code: FailureCode, message: &str) -> Self {
        let end = message.floor_char_boundary(Self::KEPT);
        let message = message.get(..end).unwrap_or_default().to_owned();
        Self { code, message }
    }
}

/// Whether a tenant takes releases by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// It is moved.
    Automatic,
    /// It is offered the release, and moved only from the rollout's `forceBy` on.
    Manual,
}

impl TenantFacts {
    /// The release that the tenant is on or on its way to, given the promoted one.
    pub fn heading(&self, promoted: Option<ReleaseId>) -> Option<ReleaseId> {
        let applied = self.applied.filter(|applied| applied.generation == self.generation);
        self.target.or(applied.map(|applied| applied.release)).or(promoted)
    }
}

/// How a tenant's way to a release went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It runs it.
    Success,
    /// It does not run it yet, and has until then.
    InProgress {
        /// Since when it does not run.
        since: Timestamp,
        /// When nobody knows any more.
        until: Timestamp,
    },
    /// It did not run it.
    Failure(Failure),
    /// Nobody found out in time.
    Unknown {
        /// Since when it does not run.
        since: Timestamp,
    },
}

/// How a tenant's way to `release` went, if every way is given `deadline`.
pub fn verdict(facts: &TenantFacts, release: ReleaseId, deadline: Duration, now: Timestamp) -> Verdict {
    let applied = facts.applied.filter(|applied| applied.generation == facts.generation);
    let since = match (&facts.outcome, applied) {
        (Outcome::Failed(failure), _) => return Verdict::Failure(failure.clone()),
        (Outcome::Running, Some(applied)) if applied.release == release => return Verdict::Success,
        (Outcome::Running, Some(applied)) => {
            let message = format!("runs {} instead of {release}", applied.release);
            return Verdict::Failure(Failure::new(FailureCode::FellBack, &message));
        }
        (Outcome::Running, None) => facts.intent_at,
        (Outcome::NotYet { since }, _) => (*since).max(facts.intent_at),
    };
    let until = after(since, deadline);
    if now < until {
        Verdict::InProgress { since, until }
    } else {
        Verdict::Unknown { since }
    }
}

/// The instant that is `span` after another, or the last one there is.
pub(super) fn after(instant: Timestamp, span: Duration) -> Timestamp {
    instant.saturating_add(span).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn facts(outcome: Outcome, applied_generation: u64, applied_release: &str) -> TenantFacts {
        TenantFacts {
            tenant: "acme".parse().unwrap(),
            wanted: Wanted::Running,
            generation: Generation(4),
            intent_at: at(100),
            target: Some("r2".parse().unwrap()),
            rollout: None,
            applied: Some(Applied {
                generation: Generation(applied_generation),
                release: applied_release.parse().unwrap(),
            }),
            outcome,
            consent: Consent::Automatic,
            pinned_until: None,
            busy_until: None,
            last_activity: None,
            definition: DefinitionOf::Itself,
            ready_for: None,
        }
    }

    fn judged(facts: &TenantFacts, now: i64) -> Verdict {
        verdict(facts, "r2".parse().unwrap(), Duration::from_mins(1), at(now))
    }

    #[test]
    fn running_counts_only_for_the_generation_and_the_release_that_were_asked_for() {
        assert_eq!(judged(&facts(Outcome::Running, 4, "r2"), 101), Verdict::Success);
        let (since, until) = (at(100), at(160));
        let earlier = judged(&facts(Outcome::Running, 3, "r1"), 101);
        assert_eq!(earlier, Verdict::InProgress { since, until }, "the old task still runs");
        let fell_back = judged(&facts(Outcome::Running, 4, "r1"), 101);
        assert!(matches!(fell_back, Verdict::Failure(failure) if failure.code == FailureCode::FellBack));
    }

    #[test]
    fn r5_the_deadline_separates_in_progress_from_unknown() {
        let waiting = facts(Outcome::NotYet { since: at(130) }, 4, "r2");
        let (since, until) = (at(130), at(190));
        assert_eq!(judged(&waiting, 189), Verdict::InProgress { since, until });
        assert_eq!(judged(&waiting, 190), Verdict::Unknown { since });
    }

    #[test]
    fn a_message_is_cut_between_characters() {
        let failure = Failure::new(FailureCode::Other, &"ä".repeat(100));
        assert_eq!(failure.message, "ä".repeat(60));
    }
}
