//! Clearing away definitions that tenants share and that nobody uses any more.
//!
//! A revision that nothing refers to is *marked*, and deregistered only if it still is some time later: whoever takes one up
//! takes its mark off. So nobody can be about to use one that goes, however late he is with writing that down.

use std::collections::HashSet;
use std::time::Duration;

use berth_core::definition::{Revision, surplus};
use berth_core::pace::{Lane, cost_of_tidying};
use berth_core::release::ReleaseId;
use jiff::Timestamp;
use serde_json::json;

use super::Context;
use crate::error::CallError;
use crate::pace::Turn;
use crate::tables::{Entry, Owner, Shared};

/// How many shared revisions are kept that nothing refers to: for those who wake with an overlay that others had, and for a
/// fleet that is put back. A revision costs nothing but its place in the family; to register one again costs a second of what
/// ECS allows the whole account.
const KEPT: usize = 10;

/// How long a revision has to be marked before it goes: many times the longest invocation.
const MARKED_FOR: Duration = Duration::from_mins(10);

/// How long a pass waits for budget that nothing else needs, at most.
const TIDIES_FOR: Duration = Duration::from_secs(20);

/// Deregisters what nobody uses, as far as the budget is not needed for anything else. What is left over is there the next
/// time.
pub(super) async fn definitions(context: &Context, until: Timestamp) -> Result<(), CallError> {
    let shared = context.registry.shared().await?;
    for going in shared.iter().filter(|shared| shared.going) {
        // Somebody died while deregistering it. Done twice is done once.
        let_go(context, &going.revision, until).await?;
    }
    let here: Vec<Shared> = shared.into_iter().filter(|shared| !shared.going).collect();
    if here.len() <= KEPT {
        return Ok(());
    }
    let used = context.tenants.definitions_in_use().await?;
    let releases = current(context).await?;
    let revisions: Vec<Revision> = here.iter().map(|shared| shared.revision.clone()).collect();
    let refers_to = |revision: &Revision| {
        let current = |shared: &Shared| shared.release.is_none_or(|release| releases.contains(&release));
        used.contains(&revision.arn)
            || here
                .iter()
                .any(|shared| shared.revision == *revision && current(shared))
    };
    let surplus: HashSet<&Revision> = surplus(&revisions, refers_to, KEPT).into_iter().collect();
    let now = context.clock.now();
    let last = now.saturating_add(TIDIES_FOR).map_or(until, |last| last.min(until));
    for shared in &here {
        let revision = &shared.revision;
        match shared.idle_since {
            None if surplus.contains(revision) => context.registry.mark(revision, Some(now)).await?,
            None => {}
            Some(_) if !surplus.contains(revision) => context.registry.mark(revision, None).await?,
            Some(since) if now.duration_since(since).unsigned_abs() < MARKED_FOR => {}
            Some(since) => {
                if !context.pace.room(&cost_of_tidying(), last).await? {
                    return Ok(());
                }
                if context.registry.claim_to_go(revision, since).await? {
                    let_go(context, revision, until).await?;
                }
            }
        }
    }
    Ok(())
}

/// The releases that somebody may take at any moment.
async fn current(context: &Context) -> Result<HashSet<ReleaseId>, CallError> {
    let pointer = context.releases.pointer().await?;
    let mut current: HashSet<ReleaseId> = pointer.promoted.into_iter().chain(pointer.candidate).collect();
    if let Some(id) = pointer.rollout
        && let Some(row) = context.rollouts.get(id).await?
    {
        current.insert(row.rollout.release);
        current.extend(row.rollout.from);
    }
    Ok(current)
}

/// Deregisters a revision that was claimed for that, and then forgets it.
async fn let_go(context: &Context, revision: &Revision, until: Timestamp) -> Result<(), CallError> {
    let turn = Turn {
        whose: &revision.arn,
        lane: Lane::Bulk,
        until,
    };
    if let Err(error) = context.ecs.deregister(turn, &revision.arn).await {
        context.registry.let_stay(revision).await?;
        return Err(error);
    }
    context.registry.drop_row(&Owner::Anyone, &revision.fingerprint).await?;
    let entry = Entry {
        at: context.clock.now(),
        decision: "definition-deregistered".to_owned(),
        on: json!({ "definition": revision.arn, "fingerprint": revision.fingerprint }),
    };
    context.ledger.record_fleet(&entry).await
}
