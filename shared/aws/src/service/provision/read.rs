//! Reading tenants. A read changes nothing.

use berth_core::api::{Code, Cursor, InvalidCursor, Problem, TenantView};
use berth_core::explain::{Known, explain};
use berth_core::tenant::{Phase, Tenant, TenantId, Wanted, phase};
use serde_json::json;

use super::Context;
use crate::http::{Request, Response};

/// The most tenants on a page.
const PAGE: i32 = 100;

/// The most decisions on a page of a history.
const DECISIONS: i32 = 50;

/// A tenant that is not deleted.
pub(super) async fn find(context: &Context, id: &TenantId) -> Result<Tenant, Problem> {
    let found = context
        .tenants
        .get(id)
        .await?
        .filter(|tenant| phase(tenant) != Phase::Deleted);
    found.ok_or_else(|| Problem::no_tenant(id.as_str()))
}

/// A tenant as callers see it.
pub(super) async fn view(context: &Context, tenant: &Tenant) -> Result<TenantView, Problem> {
    let promoted = context.releases.pointer().await?.promoted;
    let now = context.clock.now();
    // Before it is up there is no activity, and after it is down none that counts.
    let up = phase(tenant) == Phase::Running || tenant.applied_now().is_some();
    let case = match tenant.intent.state {
        Wanted::Running if up => context.activity.case(&tenant.tenant_id, context.policy, now).await?,
        Wanted::Running | Wanted::Stopped | Wanted::Deleted => None,
    };
    Ok(TenantView::of(tenant, promoted, case.as_ref(), now))
}

/// `GET /tenants/{id}`
pub(super) async fn one(context: &Context, id: &TenantId) -> Result<Response, Problem> {
    let tenant = find(context, id).await?;
    Ok(Response::json(200, &view(context, &tenant).await?).with("etag", etag(&tenant)))
}

/// `GET /tenants`: a page of tenants, and the cursor of the next.
pub(super) async fn page(context: &Context, request: &Request) -> Result<Response, Problem> {
    let wanted = request.query("phase").map(parse_phase).transpose()?;
    let after = match cursor(request)? {
        Some(cursor) => Some(cursor.key().parse().map_err(|_| no_cursor(InvalidCursor))?),
        None => None,
    };
    let page = context.tenants.list(PAGE, after.as_ref()).await?;
    let promoted = context.releases.pointer().await?.promoted;
    let now = context.clock.now();
    let shown = |tenant: &&Tenant| {
        let phase = phase(tenant);
        phase != Phase::Deleted && wanted.is_none_or(|wanted| wanted == phase)
    };
    let tenants: Vec<TenantView> = page
        .rows
        .iter()
        .filter(shown)
        .map(|tenant| TenantView::of(tenant, promoted, None, now))
        .collect();
    let next = page.last.map(|last| Cursor::after(last).to_string());
    Ok(Response::json(200, &json!({ "tenants": tenants, "cursor": next })))
}

/// `GET /tenants/{id}/history`: a page of what was decided about a tenant, newest first, and the cursor of the next.
pub(super) async fn history(context: &Context, request: &Request) -> Result<Response, Problem> {
    let (id, before) = (&request.tenant()?, cursor(request)?);
    find(context, id).await?;
    let before = before.as_ref().map(Cursor::key);
    let page = context.ledger.newest(id, DECISIONS, before).await?;
    let next = page.last.map(|last| Cursor::after(last).to_string());
    Ok(Response::json(
        200,
        &json!({ "decisions": page.entries, "cursor": next }),
    ))
}

fn cursor(request: &Request) -> Result<Option<Cursor>, Problem> {
    request
        .query("cursor")
        .map(|text| text.parse().map_err(no_cursor))
        .transpose()
}

fn no_cursor(why: InvalidCursor) -> Problem {
    Problem::new(Code::InvalidParameter, format!("cursor: {why}"))
}

/// How many decisions an explanation shows.
const EXPLAINED: i32 = 10;

/// `GET /tenants/{id}/explain`: why it is up or down, what will change that and when, and what was decided on what.
pub(super) async fn explained(context: &Context, id: &TenantId) -> Result<Response, Problem> {
    let tenant = find(context, id).await?;
    let now = context.clock.now();
    let known = Known {
        tenant: &tenant,
        promoted: context.releases.pointer().await?.promoted,
        case: context.activity.case(id, context.policy, now).await?,
        decisions: context.ledger.newest(id, EXPLAINED, None).await?.entries,
        now,
    };
    Ok(Response::json(200, &explain(known)))
}

/// The version of a tenant's overlay, as a strong entity tag.
pub(super) fn etag(tenant: &Tenant) -> String {
    format!("\"{}\"", tenant.overlay_version)
}

fn parse_phase(text: &str) -> Result<Phase, Problem> {
    let phase = serde_json::from_value(text.into()).ok();
    phase.filter(|phase| *phase != Phase::Deleted).ok_or_else(|| {
        Problem::new(
            Code::InvalidParameter,
            "phase is one of provisioning, starting, running, stopping, stopped, failed, deleting",
        )
    })
}
