//! What reconcile writes into the row: what it made, in the update that says so, and only if the intent that it was
//! made for still stands.

use std::time::Duration;

use berth_core::event::TaskStatus;
use berth_core::pace::jitter;
use berth_core::plan::{Failure, Proof, World};
use berth_core::template::Delivered;
use berth_core::tenant::{
    Applied, FailedDefinition, Files, FilesClaim, Generation, LastError, Made, Order, Outlook, Reason, Settled, Tenant,
    Told, Wanted,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Context, Stepped};
use crate::error::CallError;
use crate::tables::{Entry, Outcome, Update, attribute, number, text};
use crate::telemetry::{STOP_SECONDS, Unit};

/// How long a buried tenant's row keeps its generation, so that a late message cannot meet a newcomer of the same name.
const TOMBSTONE_SECONDS: i64 = 30 * 24 * 3600;

/// How often a step may fail in a row before the tenant is given up: about ten minutes, at a try a minute. What is put off
/// because of too many other calls does not count.
pub(super) const MOST_ATTEMPTS: u32 = 10;

/// When a failed pass is tried again: first, and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(1));

/// Writes what holds for the present intent only.
async fn write(context: &Context, tenant: &Tenant, update: Update) -> Result<Stepped, CallError> {
    let update = update.when("generation", "=", number(tenant.intent.generation));
    Ok(match context.tenants.update(&tenant.tenant_id, update).await? {
        Outcome::Written(row) => Stepped::On(row),
        Outcome::Refused(row) => Stepped::Over(row),
    })
}

/// Writes what holds whatever the intent has become: the row names what exists.
async fn write_anyway(context: &Context, tenant: &Tenant, update: Update) -> Result<Stepped, CallError> {
    Ok(match context.tenants.update(&tenant.tenant_id, update).await? {
        Outcome::Written(row) if row.intent.generation == tenant.intent.generation => Stepped::On(row),
        Outcome::Written(row) => Stepped::Over(Some(row)),
        Outcome::Refused(row) => Stepped::Over(row),
    })
}

/// The access point is about to be made: from here on a delete looks for it.
pub(super) async fn access_point_claimed(
    context: &Context,
    tenant: &Tenant,
    claim: &FilesClaim,
) -> Result<Stepped, CallError> {
    let update =
        Update::new()
            .set("filesClaim", attribute(claim)?)
            .when("incarnation", "=", number(tenant.incarnation));
    write(context, tenant, update).await
}

/// The access point is there.
pub(super) async fn access_point(context: &Context, tenant: &Tenant, point: &Files) -> Result<Stepped, CallError> {
    let update = Update::new()
        .set("accessPoint", attribute(point)?)
        .when("incarnation", "=", number(tenant.incarnation))
        .when_absent("deletedAt");
    write_anyway(context, tenant, update).await
}

/// The access point is gone.
pub(super) async fn access_point_deleted(
    context: &Context,
    tenant: &Tenant,
    point: &Files,
) -> Result<Stepped, CallError> {
    let update = Update::new()
        .remove("accessPoint")
        .remove("filesClaim")
        .when("accessPoint", "=", attribute(point)?);
    write_anyway(context, tenant, update).await
}

/// It is known what the tenant is given of its template.
pub(super) async fn staged(context: &Context, tenant: &Tenant, bundle: &Delivered) -> Result<Stepped, CallError> {
    if let Some(why) = &bundle.kept {
        let on = json!({ "generation": bundle.generation, "template": bundle.template, "bundle": bundle.digest, "why": why });
        ledger(context, tenant, "bundle-kept", on).await?;
    }
    write(context, tenant, Update::new().set("bundle", attribute(bundle)?)).await
}

/// A definition is registered that a rollout will need.
pub(super) async fn registered_ahead(
    context: &Context,
    tenant: &Tenant,
    ahead: &Applied,
) -> Result<Stepped, CallError> {
    write(context, tenant, Update::new().set("ahead", attribute(ahead)?)).await
}

/// ECS was told what to run.
pub(super) async fn confirmed(
    context: &Context,
    tenant: &Tenant,
    applied: &Applied,
    world: &World,
) -> Result<Stepped, CallError> {
    let told = run_told(context, world);
    let update = Update::new()
        .set("applied", attribute(applied)?)
        .set("serviceName", text(tenant.service()))
        .remove("lastError");
    match (write(context, tenant, with_told(update, told.as_ref())?).await?, told) {
        (Stepped::Over(Some(_)), Some(told)) => record_told(context, tenant, &told).await,
        (stepped, _) => Ok(stepped),
    }
}

/// ECS was told to let the service have no task.
pub(super) async fn stop_told(context: &Context, tenant: &Tenant, at: Timestamp) -> Result<Stepped, CallError> {
    let order = Order::Stop;
    record_told(context, tenant, &Told { order, at }).await
}

/// What ECS was told is recorded whatever the intent has become meanwhile: it was told.
async fn record_told(context: &Context, tenant: &Tenant, told: &Told) -> Result<Stepped, CallError> {
    write_anyway(context, tenant, with_told(Update::new(), Some(told))?).await
}

fn with_told(update: Update, told: Option<&Told>) -> Result<Update, CallError> {
    Ok(match told {
        Some(told) => update.set("told", attribute(told)?),
        None => update,
    })
}

/// What ECS was told to run in this pass.
fn run_told(context: &Context, world: &World) -> Option<Told> {
    let order = Order::Run(world.told.clone()?);
    let at = context.clock.now();
    Some(Told { order, at })
}

/// ECS could not bring it up.
pub(super) async fn marked_failed(
    context: &Context,
    tenant: &Tenant,
    applied: &Applied,
    reason: &str,
) -> Result<Stepped, CallError> {
    let mut failed: Vec<FailedDefinition> = tenant
        .made
        .failed
        .iter()
        .filter(|other| other.fingerprint != applied.fingerprint)
        .cloned()
        .collect();
    failed.push(FailedDefinition {
        fingerprint: applied.fingerprint,
        generation: applied.generation,
        reason: reason.to_owned(),
        release: Some(applied.release),
        overlay_version: Some(tenant.overlay_version),
    });
    let surplus = failed.len().saturating_sub(Made::FAILURES_KEPT);
    failed.drain(..surplus);
    let decision = json!({ "generation": applied.generation, "release": applied.release, "definition": applied.definition_arn, "reason": reason });
    ledger(context, tenant, "definition-failed", decision).await?;
    write(context, tenant, Update::new().set("failed", attribute(&failed)?)).await
}

/// The generation is reached.
pub(super) async fn settled(context: &Context, tenant: &Tenant, proof: &Proof) -> Result<Stepped, CallError> {
    let at = context.clock.now();
    let settled = Settled {
        generation: tenant.intent.generation,
        at,
    };
    let mut update = Update::new()
        .set("settled", attribute(settled)?)
        .remove("lastError")
        .not_due();
    if let Some(observed) = &tenant.observed {
        // A task event that came in between is newer than the proof: then there is nothing to settle yet.
        update = update.when("observed.taskArn", "=", text(&observed.task_arn)).when(
            "observed.version",
            "=",
            number(observed.version),
        );
    }
    match proof {
        Proof::Running(applied) => update = update.set("lastGood", attribute(applied)?),
        // Its last event was lost, and ECS has forgotten it: whatever comes late of it is older than this.
        Proof::Stopped if tenant.has_live_task() => {
            update = update
                .set("observed.lastStatus", attribute(TaskStatus::Stopped)?)
                .remove("observed.privateIp");
        }
        Proof::Stopped => {}
    }
    let stepped = write(context, tenant, update).await?;
    if let (Stepped::On(_), Some(took)) = (&stepped, stop_took(tenant, at)) {
        let metric = (STOP_SECONDS, Unit::Seconds, took.as_secs_f64());
        context.telemetry.tell(at, Some(&tenant.tenant_id), &[metric]);
    }
    Ok(stepped)
}

/// How long a stop took that is proven at `at`, from its claim on; `None` if the generation is not a stop.
fn stop_took(tenant: &Tenant, at: Timestamp) -> Option<SignedDuration> {
    let intent = &tenant.intent;
    let stop = matches!(intent.reason, Reason::Idle | Reason::Sleep | Reason::CrashLoop);
    (stop && intent.state == Wanted::Stopped).then(|| at.duration_since(intent.at))
}

/// The generation cannot be reached without a change.
pub(super) async fn given_up(context: &Context, tenant: &Tenant, failure: &Failure) -> Result<Stepped, CallError> {
    let said = (failure.code, failure.message.as_str());
    let last = last_error(context, tenant, failure.step, said);
    give_up(context, tenant, "gave-up", last).await
}

/// The generation was not reached in time. The row says so, and the tenant stays due: the sweep has it looked at each minute, so
/// that what comes late is found even if nobody tells of it.
pub(super) async fn late(context: &Context, tenant: &Tenant, failure: &Failure) -> Result<Stepped, CallError> {
    let last = last_error(context, tenant, failure.step, (failure.code, &failure.message));
    let on = json!({ "generation": last.generation, "message": last.message });
    ledger(context, tenant, "late", on).await?;
    write(context, tenant, Update::new().set("lastError", attribute(&last)?)).await
}

/// A call was refused for good.
pub(super) async fn gave_up(
    context: &Context,
    tenant: &Tenant,
    step: &'static str,
    error: &CallError,
    world: &World,
) -> Result<(), CallError> {
    let last = last_error(context, tenant, step, (&error.code, &error.to_string()));
    if last.attempts == 1 {
        ledger_of(context, tenant, "gave-up", &last).await?;
    }
    let update = with_told(Update::new(), run_told(context, world).as_ref())?.set("lastError", attribute(&last)?);
    // What is to stop costs money until it has: it stays due, so the sweep has it tried again each minute.
    let update = match tenant.intent.state {
        Wanted::Running => update.not_due(),
        Wanted::Stopped | Wanted::Deleted => update,
    };
    write(context, tenant, update).await.map(drop)
}

/// It failed too often to be tried again by itself.
pub(super) async fn poisoned(
    context: &Context,
    tenant: &Tenant,
    step: &str,
    said: (&str, &str),
) -> Result<(), CallError> {
    let mut last = last_error(context, tenant, step, said);
    // The last attempt has been counted already.
    last.attempts = last.attempts.saturating_sub(1).max(1);
    give_up(context, tenant, "dead-letter", last).await.map(drop)
}

async fn give_up(context: &Context, tenant: &Tenant, decision: &str, last: LastError) -> Result<Stepped, CallError> {
    ledger_of(context, tenant, decision, &last).await?;
    let update = Update::new().set("lastError", attribute(&last)?).not_due();
    write(context, tenant, update).await
}

async fn ledger_of(context: &Context, tenant: &Tenant, decision: &str, last: &LastError) -> Result<(), CallError> {
    let on = json!({ "generation": last.generation, "step": last.step, "code": last.code, "message": last.message });
    ledger(context, tenant, decision, on).await
}

/// A call failed and may pass: the row says what, and when it is tried again.
pub(super) async fn put_off(
    context: &Context,
    tenant: Tenant,
    world: &World,
    step: &'static str,
    error: &CallError,
) -> Result<Tenant, CallError> {
    let mut last = last_error(context, &tenant, step, (&error.code, &error.to_string()));
    last.outlook = Outlook::Transient;
    if error.is_throttled() || error.is_out_of_budget() {
        last.attempts -= 1;
    }
    let doubled = AGAIN.0 * 2_u32.saturating_pow(last.attempts.saturating_sub(1).min(10));
    let span = jitter(doubled.min(AGAIN.1), (&tenant.tenant_id, last.at.as_millisecond()));
    let again = last.at.checked_add(span).unwrap_or(last.at);
    let update = Update::new().set("lastError", attribute(&last)?).due_again(again);
    let update = with_told(update, run_told(context, world).as_ref())?;
    Ok(match write(context, &tenant, update).await? {
        Stepped::On(row) => row,
        // The intent has moved on, and whoever moved it has put the tenant on the queue.
        Stepped::Over(_) => tenant,
    })
}

/// Nothing is left of a former incarnation.
pub(super) async fn forgotten(
    context: &Context,
    tenant: &Tenant,
    incarnation: Generation,
) -> Result<Stepped, CallError> {
    let rest: Vec<Generation> = tenant
        .retiring
        .iter()
        .copied()
        .filter(|other| *other != incarnation)
        .collect();
    let update = of_the_past(Update::new().set("retiring", attribute(&rest)?));
    write(context, tenant, update).await
}

/// Nothing is left of the tenant.
pub(super) async fn buried(context: &Context, tenant: &Tenant) -> Result<Stepped, CallError> {
    let now = context.clock.now();
    let update = of_the_past(Update::new())
        .set("deletedAt", attribute(now)?)
        .set("expiresAt", number(now.as_second() + TOMBSTONE_SECONDS))
        .not_due();
    ledger(
        context,
        tenant,
        "buried",
        json!({ "generation": tenant.intent.generation }),
    )
    .await?;
    write(context, tenant, update).await
}

/// What was made and seen of an incarnation that is gone says nothing about the next.
fn of_the_past(update: Update) -> Update {
    [
        "bundle",
        "serviceName",
        "applied",
        "told",
        "lastGood",
        "ahead",
        "failed",
        "settled",
        "lastError",
        "observed",
        "stopped",
        "crashes",
    ]
    .into_iter()
    .fold(update, Update::remove)
}

/// What went wrong, for good unless the caller says otherwise.
fn last_error(context: &Context, tenant: &Tenant, step: &str, (code, message): (&str, &str)) -> LastError {
    let generation = tenant.intent.generation;
    let before = tenant
        .made
        .last_error
        .as_ref()
        .filter(|last| last.generation == generation && last.step == step);
    LastError {
        generation,
        code: code.to_owned(),
        message: message.to_owned(),
        step: step.to_owned(),
        attempts: before.map_or(1, |last| last.attempts.saturating_add(1)),
        at: context.clock.now(),
        outlook: Outlook::Terminal,
    }
}

async fn ledger(context: &Context, tenant: &Tenant, decision: &str, on: serde_json::Value) -> Result<(), CallError> {
    let entry = Entry {
        at: context.clock.now(),
        decision: decision.to_owned(),
        on,
    };
    context.ledger.record(&tenant.tenant_id, &entry).await
}
