//! Wakes that were booked, each of them once.
//!
//! The write that wakes a tenant also takes the booking away, and commits only if that is still what was seen. So of two
//! sweeps that see the same booking one wakes the tenant, and the other does nothing.

use berth_core::explain::{Entry, Ruling};
use berth_core::tenant::{Booked, DueWake, Reason, Tenant, TenantId, WakeCase, Wanted};
use futures_util::{StreamExt, stream};
use serde::Serialize;

use super::{AT_ONCE, Context};
use crate::error::CallError;
use crate::service::intent::{self, Change};
use crate::tables::{Outcome, Update, number};

/// What came of the wakes that were booked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wakes {
    /// Who slept, and was woken.
    pub woken: usize,
    /// Who was up already.
    pub were_up: usize,
    /// Whom somebody else took care of.
    pub superseded: usize,
    /// For whom a call failed; the next sweep tries again.
    pub failed: usize,
}

/// Wakes whoever is booked to wake by now. What does not fit into one page is there again in a minute.
pub(super) async fn wake_booked(context: &Context) -> Result<Wakes, CallError> {
    let now = context.sight.clock.now();
    let due = context.tenants.to_wake(now).await.inspect_err(|error| {
        tracing::error!(%error, "who is to wake is not known; it is asked again in a minute");
    })?;
    let mut ended = stream::iter(&due)
        .map(|id| async move { (id, wake(context, id).await) })
        .buffer_unordered(AT_ONCE);
    let mut wakes = Wakes::default();
    while let Some((id, woken)) = ended.next().await {
        match woken {
            Ok(Some(DueWake::Woken { .. })) => wakes.woken += 1,
            Ok(Some(DueWake::WasUp { .. })) => wakes.were_up += 1,
            Ok(Some(DueWake::NotYet) | None) => wakes.superseded += 1,
            Err(error) => {
                tracing::error!(tenant = %id, %error, "not woken; the next sweep finds it again");
                wakes.failed += 1;
            }
        }
    }
    Ok(wakes)
}

/// What came of one booking; `None` if somebody else has taken care of it.
async fn wake(context: &Context, id: &TenantId) -> Result<Option<DueWake>, CallError> {
    let now = context.sight.clock.now();
    let seen = context.tenants.get(id).await?;
    let Some((seen, case)) = seen.and_then(|seen| WakeCase::of(&seen, now).map(|case| (seen, case))) else {
        return Ok(None);
    };
    let outcome = case.judge();
    let (written, protected_until) = match outcome {
        DueWake::NotYet => return Ok(None),
        DueWake::Woken { protected_until } => {
            let change = Change {
                booked: Some(booked(&seen, protected_until)),
                ..Change::new(Wanted::Running, Reason::Wake, &case.wake.by, now)
            };
            (intent::change(&context.tenants, &seen, change).await?, None)
        }
        DueWake::WasUp { protected_until } => {
            let update = Update::new()
                .book(&booked(&seen, protected_until))?
                .when_booked(&seen.booked)
                .when("generation", "=", number(seen.intent.generation));
            (context.tenants.update(id, update).await?, protected_until)
        }
    };
    let tenant = match written {
        Outcome::Written(tenant) => tenant,
        // A repeated attempt finds the work of the first one, whose answer was lost.
        Outcome::Refused(Some(found)) if is_ours(&found, &seen, &case) => found,
        Outcome::Refused(_) => return Ok(None),
    };
    if let Some(until) = protected_until {
        context.sight.activity.protect(id, until).await?;
    }
    if tenant.intent.generation != seen.intent.generation {
        context.queue.nudge(id, tenant.intent.generation, "wake", now).await?;
    }
    let ruling = Ruling::ScheduledWake { case, outcome };
    context.ledger.record(id, &Entry::of(now, &ruling)).await?;
    tracing::info!(tenant = %id, ?outcome, "a wake that was booked");
    Ok(Some(outcome))
}

/// The booking is over; a protection that lasts longer than its own stays.
fn booked(seen: &Tenant, protected_until: Option<jiff::Timestamp>) -> Booked {
    Booked {
        protected_until: protected_until.max(seen.booked.protected_until),
        wake: None,
    }
}

fn is_ours(found: &Tenant, seen: &Tenant, case: &WakeCase) -> bool {
    let intent = &found.intent;
    let (generation, by) = (seen.intent.generation.next(), &case.wake.by);
    intent.generation == generation && intent.reason == Reason::Wake && intent.by == *by && intent.at == case.now
}
