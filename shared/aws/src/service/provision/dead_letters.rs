//! What reconcile could not deal with: looked at, and sent back.

use berth_core::api::{Code, Problem};
use berth_core::explain::Entry;
use berth_core::tenant::TenantId;
use serde::Deserialize;
use serde_json::json;

use super::Context;
use crate::http::{Request, Response};

/// `GET /dead-letters`
pub(super) async fn list(context: &Context) -> Result<Response, Problem> {
    let letters = context.dead_letters.list().await?;
    Ok(Response::json(200, &json!({ "deadLetters": letters })))
}

/// The body of `POST /dead-letters/redrive`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Whose are to be sent back; without it, all that are about any tenant.
    tenant: Option<TenantId>,
}

/// `POST /dead-letters/redrive`: answers with those that were sent back.
pub(super) async fn redrive(context: &Context, request: &Request) -> Result<Response, Problem> {
    let wanted: Wanted = serde_json::from_value(request.json()?).map_err(|error| {
        let detail = format!("the body is {{\"tenant\": \"…\"}}, or empty for all: {error}");
        Problem::new(Code::InvalidParameter, detail)
    })?;
    let sent = context.dead_letters.redrive(wanted.tenant.as_ref()).await?;
    for letter in &sent {
        let on = json!({ "by": request.caller, "reason": letter.reason, "message": letter.id });
        let entry = Entry {
            at: context.clock.now(),
            decision: "dead-letter-sent-back".to_owned(),
            on,
        };
        if let Some(id) = &letter.tenant {
            context.ledger.record(id, &entry).await?;
        }
    }
    Ok(Response::json(200, &json!({ "sentBack": sent })))
}
