//! Reading tenants. A read changes nothing.

use berth_core::api::{Code, Problem, TenantView};
use berth_core::explain::{Known, explain};
use berth_core::tenant::{Phase, Tenant, TenantId, Wanted, phase};
use serde_json::json;

use super::Context;
use crate::http::{Request, Response, tenant_id};

/// The most tenants on a page.
const PAGE: i32 = 100;

/// The newest decisions that a history shows.
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
    let after = request.query("cursor").map(tenant_id).transpose()?;
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
    Ok(Response::json(200, &json!({ "tenants": tenants, "cursor": page.last })))
}

/// `GET /tenants/{id}/history`: what was decided about a tenant, newest first.
pub(super) async fn history(context: &Context, id: &TenantId) -> Result<Response, Problem> {
    find(context, id).await?;
    let decisions = context.ledger.newest(id, DECISIONS).await?;
    Ok(Response::json(200, &json!({ "decisions": decisions })))
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
        decisions: context.ledger.newest(id, EXPLAINED).await?,
        now,
    };
    Ok(Response::json(200, &explain(known)))
}

/// The version of a tenant's overlay, as a strong entity tag.
pub(super) fn etag(tenant: &Tenant) -> String {
    format!("\"{}\"", tenant.overlay_version)
}

fn parse_phase(text: &str) -> Result<Phase, Problem> {
    serde_json::from_value(text.into()).map_err(|_| {
        Problem::new(
            Code::InvalidParameter,
            format!("there is no phase {text:?}; it is one of provisioning, starting, running, stopping, stopped, failed, deleting"),
        )
    })
}
