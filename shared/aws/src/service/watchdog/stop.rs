//! Acts on one finding: claim, intent, nudge.
//!
//! A crash after the claim is healed by the next sweep, which finds the claim; one after the intent, by the same write's
//! `dueAt`. An error concerns this tenant only.

use berth_core::explain::{Entry, Ruling};
use berth_core::idle::{Case, Claim, Repair, Verdict};
use berth_core::tenant::{Generation, Reason, Tenant, Wanted};
use jiff::Timestamp;

use super::{Context, Finding, Sweep};
use crate::error::CallError;
use crate::service::intent::{self, Change};
use crate::tables::Outcome;

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
    /// Somebody protects the tenant, which its row of activity did not say: it was claimed, and is not any more.
    GivenBack,
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
        Verdict::Claimed { .. } => heal(context, sweep, finding).await,
        Verdict::BadTimestamp(repair) => self::repair(context, sweep, finding, repair).await,
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
    let (tenant, now) = (&finding.row.tenant, context.sight.clock.now());
    if let Outcome::Refused(_) = context.sight.activity.claim(tenant, claim, now).await? {
        return Ok(Ended::LostClaim);
    }
    let ruling = Ruling::IdleStop {
        case: case(context, sweep, finding),
    };
    put_to_sleep(context, finding, now, &ruling, Ended::Stopped).await
}

async fn heal(context: &Context, sweep: &Sweep, finding: &Finding) -> Result<Ended, CallError> {
    let claimed_at = finding.row.claimed_at.instant().unwrap_or(sweep.at);
    let ruling = Ruling::IdleStopHealed {
        case: case(context, sweep, finding),
    };
    put_to_sleep(context, finding, claimed_at, &ruling, Ended::Healed).await
}

fn case(context: &Context, sweep: &Sweep, finding: &Finding) -> Case {
    Case {
        row: finding.row.clone(),
        policy: context.sight.policy,
        now: sweep.at,
    }
}

/// Makes the intent of a tenant *stopped* that was claimed then, if it is still the one that the claim was made for.
async fn put_to_sleep(
    context: &Context,
    finding: &Finding,
    claimed_at: Timestamp,
    ruling: &Ruling,
    done: Ended,
) -> Result<Ended, CallError> {
    let (id, epoch) = (&finding.row.tenant, finding.row.epoch);
    let Some(seen) = context.tenants.get(id).await? else {
        return Ok(Ended::Gone);
    };
    if seen.intent.generation != epoch || seen.intent.state != Wanted::Running {
        return Ok(Ended::Superseded);
    }
    let now = context.sight.clock.now();
    if let Some(until) = seen.booked.protected_until.filter(|until| *until > now) {
        context.sight.activity.give_back(id, epoch, now, until).await?;
        return Ok(Ended::GivenBack);
    }
    let change = Change::new(Wanted::Stopped, Reason::Idle, WATCHDOG, claimed_at);
    let tenant = match intent::change(&context.tenants, &seen, change).await? {
        Outcome::Written(tenant) => tenant,
        // A repeated attempt finds the work of the first one, whose answer was lost.
        Outcome::Refused(Some(found)) if is_ours(&found, epoch.next(), claimed_at) => found,
        Outcome::Refused(Some(_)) => return Ok(Ended::Superseded),
        Outcome::Refused(None) => return Ok(Ended::Gone),
    };
    let generation = tenant.intent.generation;
    context.queue.nudge(id, generation, "idle", now).await?;
    context.ledger.record(id, &Entry::of(now, ruling)).await?;
    tracing::info!(tenant = %id, %generation, "put to sleep");
    Ok(done)
}

fn is_ours(found: &Tenant, generation: Generation, at: Timestamp) -> bool {
    let intent = &found.intent;
    intent.generation == generation && intent.reason == Reason::Idle && intent.by == WATCHDOG && intent.at == at
}

async fn repair(context: &Context, sweep: &Sweep, finding: &Finding, repair: &Repair) -> Result<Ended, CallError> {
    let Some(untrue) = finding.untrue.clone() else {
        return Ok(Ended::Left);
    };
    let becomes = match repair {
        Repair::LastActivity { .. } => Some(sweep.at),
        Repair::HoldUntil { .. } | Repair::NotBefore { .. } => None,
    };
    let tenant = &finding.row.tenant;
    let (name, activity) = (repair.attribute(), &context.sight.activity);
    if let Outcome::Refused(_) = activity.repair(tenant, name, untrue, becomes).await? {
        return Ok(Ended::RepairedByOthers);
    }
    let ruling = Ruling::TimestampRepaired {
        case: case(context, sweep, finding),
        repair: repair.clone(),
    };
    context.ledger.record(tenant, &Entry::of(sweep.at, &ruling)).await?;
    tracing::warn!(%tenant, ?repair, "a timestamp that cannot be true was repaired");
    Ok(Ended::Repaired)
}
