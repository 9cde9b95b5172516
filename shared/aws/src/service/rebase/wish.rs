//! The rollout that somebody asked for.

use berth_core::release::{Preflight, Rejection, ReleaseId, ReleaseState};
use berth_core::rollout::Policy;
use serde_json::json;

use super::look::{Looked, look, reject, start};
use super::{Context, preflight};
use crate::error::CallError;
use crate::tables::{Swapped, Wish};

/// Grants what was asked for last, once. What cannot be decided yet stays asked for.
pub(super) async fn grant(context: &Context) -> Result<Option<Looked>, CallError> {
    let Some(row) = context.wishes.last().await? else {
        return Ok(None);
    };
    if row.value.answer.is_some() {
        return Ok(None);
    }
    let looked = attempt(context, &row.value).await?;
    if matches!(
        looked,
        Looked::Raced | Looked::Undecided { .. } | Looked::NotAtRest { .. }
    ) {
        return Ok(Some(looked));
    }
    let answered = Wish {
        answer: Some(json!(looked)),
        ..row.value
    };
    if context.wishes.write(&answered, row.version).await? == Swapped::Raced {
        tracing::info!("another wish came in between");
    }
    Ok(Some(looked))
}

async fn attempt(context: &Context, wish: &Wish) -> Result<Looked, CallError> {
    let policy = match context.policy.with(wish.policy.clone()) {
        Ok(policy) => policy,
        Err(error) => {
            let why = error.to_string();
            return Ok(Looked::InvalidPolicy { why });
        }
    };
    match wish.release {
        None => look(context, &policy, &wish.by).await,
        Some(release) => to(context, release, &policy, &wish.by).await,
    }
}

/// Starts a rollout to a release that is known, whatever the base is now.
async fn to(context: &Context, id: ReleaseId, policy: &Policy, by: &str) -> Result<Looked, CallError> {
    let Some(release) = context.releases.get(id).await? else {
        return Ok(Looked::NoRelease { release: id });
    };
    let pointer = context.releases.pointer().await?;
    let looked = if pointer.candidate == Some(id) {
        Looked::OnTrial { release: id }
    } else if pointer.promoted == Some(id) && pointer.candidate.is_none() {
        Looked::Promoted { release: id }
    } else {
        let base = context.releases.base(id).await?;
        match preflight::judge(context, &base, pointer.promoted).await? {
            Preflight::Undecided { unknown } => return Ok(Looked::Undecided { unknown }),
            Preflight::Reject { findings } => return reject(context, id, findings).await,
            Preflight::Pass => {}
        }
        if release.is_rejected() {
            context.releases.judge(id, ReleaseState::Candidate).await?;
        }
        let policy = if release.is_proven() {
            policy.for_return()
        } else {
            policy.clone()
        };
        start(context, id, policy, by).await?
    };
    refuse_newer(context, id, by).await?;
    Ok(looked)
}

/// Who goes back to an older release refuses what came after it; otherwise the next look at the base, which still is the
/// newer one, would undo it.
async fn refuse_newer(context: &Context, id: ReleaseId, by: &str) -> Result<(), CallError> {
    let newest = context
        .releases
        .all()
        .await?
        .into_iter()
        .map(|release| release.id)
        .max();
    let Some(newer) = newest.filter(|newest| *newest > id) else {
        return Ok(());
    };
    let cause = Rejection::Operator { by: by.to_owned() };
    let at = context.clock.now();
    let state = ReleaseState::Rejected { at, cause };
    if context.releases.judge(newer, state).await?.is_some() {
        let on = json!({ "release": newer, "by": by, "for": id });
        context.record("release-refused", on).await?;
    }
    Ok(())
}
