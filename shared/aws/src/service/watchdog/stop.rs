//! Acts on one finding: claim, intent, nudge.
//!
//! A crash after the claim is healed by the next sweep, which finds the claim; one after the intent, by the same write's
//! `dueAt`. An error concerns this tenant only.

use berth_core::idle::{Case, Claim, Repair, Verdict};
use berth_core::tenant::{Generation, Reason, Tenant, TenantId, Wanted};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Context, Finding, Sweep};
use crate::error::CallError;
use crate::service::intent::{self, Change};
use crate::tables::{Entry, Outcome};

/// Who the watchdog is in `intentBy`.
const WATCHDOG: &str = "watchdog";

/// How acting on a finding ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The tenant is meant to be stopped now, and reconcile knows.
    Stopped,
    /// The same, for a claim of an earlier sweep.
    Healed,
    /// Something that the claim was made of has changed; most often, the tenant worked.
    LostClaim,
    /// The intent has moved on since the row was written, and whoever moved it takes care of the rest.
    Superseded,
    /// There is no such tenant any more.
    Gone,
    /// A timestamp that could not be true was replaced.
    Repaired,
    /// A timestamp that could not be true had been replaced by somebody else.
    RepairedByOthers,
    /// Nothing was acted on.
    Left,
    /// A call failed; the next sweep finds the tenant again.
    Failed,
}

/// Acts on one finding.
pub(super) async fn act(context: &Context, sweep: &Sweep, finding: &Finding) -> Ended {
    let tenant = &finding.row.tenant;
    let acted = match &finding.verdict {
        Verdict::Idle { claim, .. } => stop(context, sweep, finding, claim).await,
        Verdict::Claimed { epoch } => heal(context, tenant, *epoch).await,
        Verdict::BadTimestamp(repair) => self::repair(context, sweep.at, finding, repair).await,
        Verdict::Active { .. }
        | Verdict::Held { .. }
        | Verdict::Protected { .. }
        | Verdict::AlwaysOn
        | Verdict::NotServing => Ok(Ended::Left),
    };
    acted.unwrap_or_else(|error| {
        tracing::error!(%tenant, %error, "not done; the next sweep finds it again");
        Ended::Failed
    })
}

async fn stop(context: &Context, sweep: &Sweep, finding: &Finding, claim: &Claim) -> Result<Ended, CallError> {
    let tenant = &finding.row.tenant;
    if let Outcome::Refused(_) = context.activity.claim(tenant, claim).await? {
        return Ok(Ended::LostClaim);
    }
    let case = Case {
        row: finding.row.clone(),
        policy: context.policy,
        now: sweep.at,
    };
    put_to_sleep(context, tenant, claim.epoch, json!({ "case": case }), Ended::Stopped).await
}

async fn heal(context: &Context, tenant: &TenantId, epoch: Generation) -> Result<Ended, CallError> {
    put_to_sleep(context, tenant, epoch, json!({ "claimed": epoch }), Ended::Healed).await
}

/// Makes the intent of a claimed tenant *stopped*, if it is still the one that the claim was made for.
async fn put_to_sleep(
    context: &Context,
    id: &TenantId,
    epoch: Generation,
    on: Value,
    done: Ended,
) -> Result<Ended, CallError> {
    let Some(seen) = context.tenants.get(id).await? else {
        return Ok(Ended::Gone);
    };
    if seen.intent.generation != epoch || seen.intent.state != Wanted::Running {
        return Ok(Ended::Superseded);
    }
    let now = context.clock.now();
    let change = Change::new(Wanted::Stopped, Reason::Idle, WATCHDOG, now);
    let tenant = match intent::change(&context.tenants, &seen, change).await? {
        Outcome::Written(tenant) => tenant,
        // A repeated attempt finds the work of the first one, whose answer was lost.
        Outcome::Refused(Some(found)) if is_ours(&found, epoch.next(), now) => found,
        Outcome::Refused(Some(_)) => return Ok(Ended::Superseded),
        Outcome::Refused(None) => return Ok(Ended::Gone),
    };
    let generation = tenant.intent.generation;
    context.queue.nudge(id, generation, "idle", now).await?;
    let entry = Entry {
        at: now,
        decision: "idle-stop".to_owned(),
        on,
    };
    context.ledger.record(id, &entry).await?;
    tracing::info!(tenant = %id, %generation, "put to sleep");
    Ok(done)
}

fn is_ours(found: &Tenant, generation: Generation, at: Timestamp) -> bool {
    let intent = &found.intent;
    intent.generation == generation && intent.reason == Reason::Idle && intent.by == WATCHDOG && intent.at == at
}

async fn repair(context: &Context, now: Timestamp, finding: &Finding, repair: &Repair) -> Result<Ended, CallError> {
    let Some(untrue) = finding.untrue.clone() else {
        return Ok(Ended::Left);
    };
    let becomes = match repair {
        Repair::LastActivity { .. } => Some(now),
        Repair::HoldUntil { .. } | Repair::NotBefore { .. } => None,
    };
    let tenant = &finding.row.tenant;
    if let Outcome::Refused(_) = context
        .activity
        .repair(tenant, repair.attribute(), untrue, becomes)
        .await?
    {
        return Ok(Ended::RepairedByOthers);
    }
    let entry = Entry {
        at: now,
        decision: "timestamp-repaired".to_owned(),
        on: json!({ "repair": repair, "becomes": becomes }),
    };
    context.ledger.record(tenant, &entry).await?;
    tracing::warn!(%tenant, ?repair, "a timestamp that cannot be true was repaired");
    Ok(Ended::Repaired)
}
