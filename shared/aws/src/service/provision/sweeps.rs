//! What a sweep would do, and the word that one may do more than is believable.

use berth_core::api::{Code, OverrideRequest, OverrideView, Problem};
use berth_core::explain::Entry;
use berth_core::idle::Override;
use serde_json::{Value, json};

use super::Context;
use crate::http::{Request, Response};

/// `POST /sweeps?dryRun=true`: who would be put to sleep now, who not, and why. Nothing is written.
pub(super) async fn dry_run(context: &Context, request: &Request) -> Result<Response, Problem> {
    if !request.flag("dryRun")? {
        let detail = "a sweep runs each minute by itself; ask what it would do with ?dryRun=true";
        return Err(Problem::new(Code::InvalidParameter, detail));
    }
    Ok(Response::json(200, &context.sight.dry_run().await))
}

/// How much of a reason is kept.
const REASON_KEPT: usize = 200;

/// `PUT /sweeps/override`: the next sweep that finds more tenants idle than is believable stops them. It counts once, and
/// for an hour; it takes the place of one that was given before.
pub(super) async fn give(context: &Context, request: &Request) -> Result<Response, Problem> {
    let given: OverrideRequest = request.members(Code::InvalidOverride)?;
    let reason: String = given.reason.trim().chars().take(REASON_KEPT).collect();
    if reason.is_empty() {
        return Err(Problem::new(Code::InvalidOverride, "an override has a reason"));
    }
    let given = Override {
        by: request.caller.clone(),
        reason,
        at: context.clock.now(),
    };
    context.overrides.give(&given).await?;
    record(context, "override-given", json!(given)).await?;
    let until = given.until();
    Ok(Response::json(200, &OverrideView { given, until }))
}

/// `DELETE /sweeps/override`: there is none afterwards, whether there was one or not.
pub(super) async fn take_back(context: &Context, request: &Request) -> Result<Response, Problem> {
    if context.overrides.take_back().await? {
        record(context, "override-taken-back", json!({ "by": request.caller })).await?;
    }
    Ok(Response::empty(204))
}

async fn record(context: &Context, decision: &str, on: Value) -> Result<(), Problem> {
    let entry = Entry {
        at: context.clock.now(),
        decision: decision.to_owned(),
        on,
    };
    Ok(context.ledger.record_fleet(&entry).await?)
}
