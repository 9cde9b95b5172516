//! Waking a tenant, now or at a time, and protecting it from the sweep for a while.

use berth_core::api::{Code, Problem};
use berth_core::explain::Entry;
use berth_core::tenant::{Booked, InvalidWake, Reason, ScheduledWake, Tenant, TenantId, WakeRequest};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::write::{TRIES, Wait, answer, change, crowded, next_state, refuse_deleting, told};
use super::{Context, read};
use crate::http::{Request, Response};
use crate::service::intent::{self, Change};
use crate::tables::{Outcome, Update, number};

/// `POST /tenants/{id}/wake`: wakes it now, or books a wake for `at`, in place of one that was booked before. With
/// `protectFor` no sweep puts it to sleep for so long after the wake.
pub(super) async fn post(context: &Context, request: &Request, id: &TenantId) -> Result<Response, Problem> {
    let wait = Wait::of(request)?;
    let invalid = |why: InvalidWake| Problem::new(Code::InvalidWake, why.to_string());
    let asked: WakeRequest = request.members(Code::InvalidWake)?;
    let now = context.clock.now();
    if let Some(wake) = asked.booking(&request.caller, now).map_err(invalid)? {
        return book(context, id, wake).await;
    }
    let span = asked.protection().map_err(invalid)?;
    let protected_until = span.and_then(|span| now.checked_add(span).ok());
    for _ in 0..TRIES {
        let tenant = read::find(context, id).await?;
        refuse_deleting(&tenant)?;
        let booked = Booked {
            protected_until: protected_until.max(tenant.booked.protected_until),
            wake: tenant.booked.wake.clone(),
        };
        match (next_state(&tenant, Reason::Wake), protected_until) {
            (None, None) => return answer(context, wait, tenant, 200).await,
            (None, Some(until)) => {
                if let Outcome::Written(tenant) = rebook(context, &tenant, &booked).await? {
                    return protect(context, (request, wait), tenant, until).await;
                }
            }
            (Some(wanted), _) => {
                let change = Change {
                    booked: Some(booked),
                    ..change(context, request, wanted, Reason::Wake)
                };
                if let Outcome::Written(tenant) = intent::change(&context.tenants, &tenant, change).await? {
                    return told(context, wait, tenant, 202).await;
                }
            }
        }
    }
    Err(crowded())
}

/// `DELETE /tenants/{id}/wake`: no wake is booked afterwards, whether one was or not.
pub(super) async fn delete(context: &Context, request: &Request, id: &TenantId) -> Result<Response, Problem> {
    for _ in 0..TRIES {
        let tenant = read::find(context, id).await?;
        let Some(wake) = &tenant.booked.wake else {
            return Ok(Response::empty(204));
        };
        let booked = Booked {
            wake: None,
            ..tenant.booked.clone()
        };
        if let Outcome::Written(_) = rebook(context, &tenant, &booked).await? {
            let on = json!({ "wakeAt": wake.at, "by": request.caller });
            record(context, id, "wake-unbooked", on).await?;
            return Ok(Response::empty(204));
        }
    }
    Err(crowded())
}

async fn book(context: &Context, id: &TenantId, wake: ScheduledWake) -> Result<Response, Problem> {
    for _ in 0..TRIES {
        let tenant = read::find(context, id).await?;
        refuse_deleting(&tenant)?;
        let booked = Booked {
            wake: Some(wake.clone()),
            ..tenant.booked.clone()
        };
        if let Outcome::Written(tenant) = rebook(context, &tenant, &booked).await? {
            let protect_for = wake.protect_for.map(|span| span.as_secs());
            let on = json!({ "wakeAt": wake.at, "protectFor": protect_for, "by": wake.by });
            record(context, id, "wake-booked", on).await?;
            return Ok(Response::json(200, &read::view(context, &tenant).await?));
        }
    }
    Err(crowded())
}

/// The tenant is up: its row says until when it is protected, and so does its row of activity, which the sweep reads. If
/// this ends between the two, the sweep finds it in the row before it stops the tenant.
async fn protect(
    context: &Context,
    (request, wait): (&Request, Wait),
    tenant: Tenant,
    until: Timestamp,
) -> Result<Response, Problem> {
    let id = &tenant.tenant_id;
    context.activity.protect(id, until).await?;
    record(
        context,
        id,
        "protected",
        json!({ "until": until, "by": request.caller }),
    )
    .await?;
    answer(context, wait, tenant, 200).await
}

/// Changes what is booked, if neither that nor the intent has moved on.
async fn rebook(context: &Context, seen: &Tenant, booked: &Booked) -> Result<Outcome<Tenant>, Problem> {
    let update =
        Update::new()
            .book(booked)?
            .when_booked(&seen.booked)
            .when("generation", "=", number(seen.intent.generation));
    Ok(context.tenants.update(&seen.tenant_id, update).await?)
}

async fn record(context: &Context, id: &TenantId, decision: &str, on: Value) -> Result<(), Problem> {
    let entry = Entry {
        at: context.clock.now(),
        decision: decision.to_owned(),
        on,
    };
    Ok(context.ledger.record(id, &entry).await?)
}
