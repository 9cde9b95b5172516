//! A look at the base: is it new, may it be tried, and if so its rollout.

use berth_core::definition::Base;
use berth_core::release::{
    AtRest, Consider, Discovery, Finding, Preflight, Rejection, Release, ReleaseId, ReleaseState, RolloutId, Unchanged,
    discover,
};
use berth_core::rollout::{Policy, Rollout};
use serde::Serialize;
use serde_json::json;

use super::{Context, preflight};
use crate::error::CallError;
use crate::tables::Swapped;

/// What a look at the base came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Looked {
    /// There is no such release.
    NoRelease {
        /// Which was asked for.
        release: ReleaseId,
    },
    /// The policy that was asked for is not one.
    InvalidPolicy {
        /// What is wrong with it.
        why: String,
    },
    /// A deploy is under way that could still be undone, so the base was not even read.
    NotAtRest {
        /// What is under way.
        why: String,
    },
    /// The base family has no ACTIVE revision.
    NoBase,
    /// The base is the promoted release.
    Promoted {
        /// Which release.
        release: ReleaseId,
    },
    /// The base is the candidate, whose rollout is under way.
    OnTrial {
        /// Which release.
        release: ReleaseId,
    },
    /// The base failed before. An operator can start a rollout to it.
    Refused {
        /// Which release.
        release: ReleaseId,
    },
    /// Whether the base could run is not known, because a question got no answer. The next look asks again.
    Undecided {
        /// What could not be learnt.
        unknown: Vec<String>,
    },
    /// The base could not run.
    Rejected {
        /// Its release.
        release: ReleaseId,
        /// Everything that is wrong with it.
        findings: Vec<Finding>,
    },
    /// A rollout to it has begun.
    Started {
        /// Its release.
        release: ReleaseId,
        /// The rollout.
        rollout: RolloutId,
    },
    /// Another look was quicker. The next one sees what it did.
    Raced,
}

/// Looks at the base and, if it is a release that the fleet should be on, starts a rollout to it.
pub async fn look(context: &Context, policy: &Policy, by: &str) -> Result<Looked, CallError> {
    if let Some(stacks) = &context.stacks
        && let AtRest::No(busy) = stacks.at_rest().await?
    {
        let why = busy.to_string();
        return Ok(Looked::NotAtRest { why });
    }
    let Some(described) = context.base.newest().await? else {
        tracing::warn!(family = context.base.name(), "the base family has no ACTIVE revision");
        return Ok(Looked::NoBase);
    };
    let base = Base::from_response(described)
        .map_err(|error| CallError::incomplete("ecs:DescribeTaskDefinition", &error.to_string()))?;
    let known = context.releases.all().await?;
    let pointer = context.releases.pointer().await?;
    let (release, policy) = match discover(&base.fingerprint(), &pointer, &known) {
        Discovery::Unchanged(unchanged) => return Ok(unchanged.into()),
        Discovery::New(id) => {
            if !write_found(context, id, &base).await? {
                return Ok(Looked::Raced);
            }
            (id, policy.clone())
        }
        Discovery::Consider(id, why) => {
            let proven = known.iter().any(|known| known.id == id && known.is_proven());
            let returns = proven && why == Consider::PutBack;
            (id, if returns { policy.for_return() } else { policy.clone() })
        }
    };
    context.releases.keep_base(release, &base).await?;
    match preflight::judge(context, &base, pointer.promoted).await? {
        Preflight::Undecided { unknown } => {
            tracing::warn!(%release, ?unknown, "preflight is undecided");
            Ok(Looked::Undecided { unknown })
        }
        Preflight::Reject { findings } => reject(context, release, findings).await,
        Preflight::Pass => {
            if known.iter().any(|known| known.id == release && known.is_rejected()) {
                context.releases.judge(release, ReleaseState::Candidate).await?;
            }
            start(context, release, policy, by).await
        }
    }
}

impl From<Unchanged> for Looked {
    fn from(unchanged: Unchanged) -> Self {
        match unchanged {
            Unchanged::Promoted(release) => Self::Promoted { release },
            Unchanged::OnTrial(release) => Self::OnTrial { release },
            Unchanged::Refused(release) => Self::Refused { release },
        }
    }
}

/// Claims the number of a new release by writing its row. Its base follows: without one the row is a candidate that the
/// next look takes up.
async fn write_found(context: &Context, id: ReleaseId, base: &Base) -> Result<bool, CallError> {
    let release = Release {
        id,
        content: base.fingerprint(),
        source: base.arn().unwrap_or_default().to_owned(),
        found: context.clock.now(),
        state: ReleaseState::Candidate,
    };
    match context.releases.create(&release).await? {
        Swapped::Raced => Ok(false),
        Swapped::Done(_) => {
            let on = json!({ "release": id, "source": release.source, "unknownMembers": base.unknown() });
            context.record("release-found", on).await?;
            Ok(true)
        }
    }
}

pub(super) async fn reject(context: &Context, release: ReleaseId, findings: Vec<Finding>) -> Result<Looked, CallError> {
    let state = ReleaseState::Rejected {
        at: context.clock.now(),
        cause: Rejection::Preflight {
            findings: findings.clone(),
        },
    };
    if context.releases.judge(release, state).await?.is_some() {
        tracing::error!(%release, ?findings, "release rejected");
        let on = json!({ "release": release, "findings": findings });
        context.record("release-rejected", on).await?;
    }
    Ok(Looked::Rejected { release, findings })
}

/// Starts a rollout: its row first, then the pointer that makes it the newest. A row that nobody pointed to is taken
/// over, because its number can be used once only; if it goes elsewhere, the next look starts the one after it.
pub(super) async fn start(
    context: &Context,
    release: ReleaseId,
    policy: Policy,
    by: &str,
) -> Result<Looked, CallError> {
    let now = context.clock.now();
    let seen = context.releases.pointer_row().await?;
    let id = seen.value.rollout.map_or(RolloutId::FIRST, RolloutId::next);
    let wanted = Rollout::start(id, release, seen.value.promoted, policy, by.to_owned(), now);
    let rollout = match context.rollouts.create(&wanted).await? {
        Swapped::Done(_) => wanted,
        Swapped::Raced => match context.rollouts.get(id).await? {
            Some(row) => row.rollout,
            None => return Ok(Looked::Raced),
        },
    };
    if context.releases.point(&rollout.pointer(), seen.version).await? == Swapped::Raced {
        return Ok(Looked::Raced);
    }
    let on = json!({ "rollout": id, "release": rollout.release, "from": rollout.from, "by": rollout.by });
    context.record("rollout-started", on).await?;
    Ok(Looked::Started {
        release: rollout.release,
        rollout: id,
    })
}
