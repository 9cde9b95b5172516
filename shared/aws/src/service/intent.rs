//! Changing what a tenant should be: one conditional `UpdateItem`, by compare-and-swap on the generation.

use std::time::Duration;

use berth_core::release::ReleaseId;
use berth_core::tenant::{Booked, Generation, Overlay, Policy, PutDown, Reason, Tenant, Wanted, patience, towards};
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
    /// What is booked, if that changes too.
    pub booked: Option<Booked>,
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
            booked: None,
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
    let mut update = set_intent(seen, &change, next)?.when("generation", "=", number(seen.intent.generation));
    if let Some(overlay) = &change.overlay {
        update = update
            .set("overlay", attribute(overlay)?)
            .set("overlayVersion", number(seen.overlay_version + 1))
            .when("overlayVersion", "=", number(seen.overlay_version));
    }
    if change.state == Wanted::Deleted {
        update = update.book(&Booked::default())?;
    } else if let Some(booked) = &change.booked {
        update = update.book(booked)?.when_booked(&seen.booked);
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

fn set_intent(seen: &Tenant, change: &Change, generation: Generation) -> Result<Update, CallError> {
    let put_down = (change.state != Wanted::Running).then(|| {
        let already = seen
            .intent
            .put_down
            .clone()
            .filter(|_| seen.intent.state == change.state);
        already.unwrap_or_else(|| PutDown {
            reason: change.reason,
            by: change.by.clone(),
            at: change.at,
            generation,
        })
    });
    Ok(Update::new()
        .set("intent", attribute(change.state)?)
        .set("generation", number(generation))
        .set("intentReason", attribute(change.reason)?)
        .set("intentBy", text(&change.by))
        .set("intentAt", attribute(change.at)?)
        .set_or_remove("intentRelease", change.release.or(accepted(seen, change)).map(text))
        .set_or_remove("putDown", put_down.map(attribute).transpose()?)
        .on_the_way(change.at, patience_for(change.state)))
}

/// The release that a tenant which takes none by itself has accepted stays so, whatever else changes.
fn accepted(seen: &Tenant, change: &Change) -> Option<ReleaseId> {
    let overlay = change.overlay.as_ref().unwrap_or(&seen.overlay);
    let manual = overlay.policy == Some(Policy::Manual) && seen.intent.state != Wanted::Deleted;
    seen.intent.release.filter(|_| manual)
}

/// How long after a change of intent somebody must look at the tenant, if nobody has settled it by then.
pub fn patience_for(state: Wanted) -> Duration {
    patience(towards(state)).unwrap_or_default()
}
