//! Registering a definition before the rollout that needs it moves its tenant.

use berth_core::pace::Lane;
use berth_core::tenant::{Applied, Tenant, Wanted};
use jiff::Timestamp;

use super::goal::Rendered;
use super::{Context, execute, goal, record};
use crate::error::CallError;
use crate::pace::Turn;
use crate::queue::Ahead;

/// Registers what the tenant will run, if it still is to be moved there. What stands in the way is told when it is moved, and
/// a budget that is spent is no error: the next step of the rollout asks again.
pub(super) async fn register(context: &Context, wanted: &Ahead, until: Timestamp) -> Result<(), CallError> {
    let Some(tenant) = context.tenants.get(&wanted.ahead_of).await? else {
        return Ok(());
    };
    let settled = tenant.intent.state == Wanted::Running && tenant.retiring.is_empty() && tenant.is_settled();
    if !settled || tenant.ready_for() == Some(wanted.release) {
        return Ok(());
    }
    let aim = goal::on(context, &tenant, wanted.release).await?;
    let Some(rendered) = aim.rendered else {
        return Ok(());
    };
    if let Err(error) = one(context, &tenant, &rendered, until).await {
        tracing::warn!(tenant = %tenant.tenant_id, release = %wanted.release, %error, "not registered ahead");
    }
    Ok(())
}

async fn one(context: &Context, tenant: &Tenant, rendered: &Rendered, until: Timestamp) -> Result<(), CallError> {
    let turn = Turn {
        whose: tenant.tenant_id.as_str(),
        lane: Lane::Bulk,
        until,
    };
    let fingerprint = rendered.definition.fingerprint();
    let definition_arn = match tenant.known_revision(&fingerprint) {
        Some(known) => known.definition_arn.clone(),
        None => execute::register(context, turn, rendered).await?,
    };
    let ahead = Applied {
        generation: tenant.intent.generation,
        fingerprint,
        definition_arn,
        release: rendered.release,
    };
    record::registered_ahead(context, tenant, &ahead).await.map(drop)
}
