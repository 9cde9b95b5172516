//! Changing what a tenant should be: one conditional `UpdateItem`, by compare-and-swap on the generation.

use std::time::Duration;

use berth_core::release::ReleaseId;
use berth_core::tenant::{Generation, Overlay, Phase, Reason, Tenant, Wanted, patience};
use jiff::Timestamp;

use crate::error::CallError;
use crate::tables::{Outcome, Tenants, Update, attribute, number, text};

/// A change of intent.
#[derive(Clone, Debug)]
pub struct Change {
    /// Up, down or gone.
    pub state: Wanted,
    /// Why.
    pub reason: Reason,
    /// Who asked.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The release to move to; without one a start takes the promoted release.
    pub release: Option<ReleaseId>,
    /// The overlay, if it changes too.
    pub overlay: Option<Overlay>,
}

impl Change {
    /// A change that says only what, why, by whom and when.
    pub fn new(state: Wanted, reason: Reason, by: &str, at: Timestamp) -> Self {
        Self {
            state,
            reason,
            by: by.to_owned(),
            at,
            release: None,
            overlay: None,
        }
    }

    /// The tenant used up its crash budget.
    pub fn crash_loop(at: Timestamp) -> Self {
        Self::new(Wanted::Stopped, Reason::CrashLoop, "task-state", at)
    }
}

impl<T> Outcome<T> {
    /// The row, written or found.
    pub fn into_row(self) -> Option<T> {
        match self {
            Self::Written(row) => Some(row),
            Self::Refused(row) => row,
        }
    }
}

/// Changes the intent of a tenant that was read as `seen`; refused if its intent has moved on since.
///
/// The same write marks the tenant as due, so that a crash before the queue is told is found by the sweep.
pub async fn change(tenants: &Tenants, seen: &Tenant, change: Change) -> Result<Outcome<Tenant>, CallError> {
    let next = seen.intent.generation.next();
    let mut update = set_intent(Update::new(), &change, next)?.when("generation", "=", number(seen.intent.generation));
    if let Some(overlay) = &change.overlay {
        update = update
            .set("overlay", attribute(overlay)?)
            .set("overlayVersion", number(seen.overlay_version + 1))
            .when("overlayVersion", "=", number(seen.overlay_version));
    }
    if seen.intent.state == Wanted::Deleted && change.state != Wanted::Deleted {
        update = update
            .set("incarnation", number(next))
            .remove("deletedAt")
            .remove("expiresAt");
        if seen.made.deleted_at.is_none() {
            update = update.append("retiring", number(seen.incarnation));
        }
    }
    if change.state == Wanted::Running && change.reason != Reason::Rollout {
        update = update.remove("crashes");
    }
    tenants.update(&seen.tenant_id, update).await
}

fn set_intent(update: Update, change: &Change, generation: Generation) -> Result<Update, CallError> {
    Ok(update
        .set("intent", attribute(change.state)?)
        .set("generation", number(generation))
        .set("intentReason", attribute(change.reason)?)
        .set("intentBy", text(&change.by))
        .set("intentAt", attribute(change.at)?)
        .set_or_remove("intentRelease", change.release.map(text))
        .on_the_way(change.at, patience_for(change.state)))
}

/// How long after a change of intent somebody must look at the tenant, if nobody has settled it by then.
pub fn patience_for(state: Wanted) -> Duration {
    let phase = match state {
        Wanted::Running => Phase::Starting,
        Wanted::Stopped => Phase::Stopping,
        Wanted::Deleted => Phase::Deleting,
    };
    patience(phase).unwrap_or_default()
}
