//! Puts what ECS says of a task into the row, through the version gate. The only writer of `observed` and `stopped`.

use berth_core::event::{Gate, Observed, TaskObservation, TaskStatus, judge_observation};
use berth_core::tenant::{Tenant, Wanted, patience, phase};
use jiff::Timestamp;

use crate::error::CallError;
use crate::tables::{Outcome, Tenants, Update, attribute, number, text};

/// How often a write is tried whose condition was lost to another observation. Each loss means that another writer got
/// through, so more than a handful of tries is a sign of something else.
const TRIES: usize = 5;

/// Applies one observation to the row. The row after it; `None` if the row knows something newer.
///
/// An observation that the row has already is answered like a new one: what follows from it may not have been done.
pub async fn apply(
    tenants: &Tenants,
    tenant: &Tenant,
    new: &TaskObservation,
    now: Timestamp,
) -> Result<Option<Tenant>, CallError> {
    let mut row = tenant.clone();
    for _ in 0..TRIES {
        if new.service != row.service() || !row.retiring.is_empty() || row.made.deleted_at.is_some() {
            return Ok(None);
        }
        match judge_observation(row.observed.as_ref(), new) {
            Gate::First | Gate::Newer | Gate::NewTask => {}
            Gate::Repeated => return Ok(Some(row)),
            Gate::Stale | Gate::OlderTask => return Ok(None),
        }
        match tenants.update(&row.tenant_id, update(&row, new, now)?).await? {
            Outcome::Written(written) => return Ok(Some(written)),
            Outcome::Refused(Some(found)) => row = found,
            Outcome::Refused(None) => return Ok(None),
        }
    }
    Err(CallError::incomplete(
        "write of Tenants",
        "an observation lost every race; it is tried again",
    ))
}

/// Applies what a look at the tasks has found, oldest task first; the row after it, if anything was new.
pub async fn apply_all(
    tenants: &Tenants,
    tenant: &Tenant,
    tasks: &[TaskObservation],
    now: Timestamp,
) -> Result<Option<Tenant>, CallError> {
    let mut newest: Option<Tenant> = None;
    let mut ordered: Vec<&TaskObservation> = tasks.iter().collect();
    ordered.sort_by(|a, b| (a.created_at, &a.task_arn).cmp(&(b.created_at, &b.task_arn)));
    if let Some(current) = ordered.last() {
        newest = apply(tenants, tenant, current, now).await?;
    }
    Ok(newest)
}

fn update(row: &Tenant, new: &TaskObservation, now: Timestamp) -> Result<Update, CallError> {
    let observed = Observed::from(new);
    let mut update =
        Update::new()
            .set("observed", attribute(&observed)?)
            .when("incarnation", "=", number(row.incarnation));
    update = match &row.observed {
        None => update.when_absent("observed"),
        Some(seen) => update.when("observed.taskArn", "=", text(&seen.task_arn)).when(
            "observed.version",
            "=",
            number(seen.version),
        ),
    };
    if let Some(stopped) = &new.stopped {
        update = update.set("stopped", attribute(stopped)?);
    }
    let after = Tenant {
        observed: Some(observed),
        ..row.clone()
    };
    if unsettles(row, new)
        && row.due_at.is_none()
        && let Some(patience) = patience(phase(&after))
    {
        update = update.on_the_way(now, patience);
    }
    Ok(update)
}

/// The observation contradicts what the row says was reached, so that somebody must look again.
fn unsettles(row: &Tenant, new: &TaskObservation) -> bool {
    match row.intent.state {
        Wanted::Running => Observed::from(new).endpoint().is_none(),
        Wanted::Stopped | Wanted::Deleted => new.last_status != TaskStatus::Stopped,
    }
}
