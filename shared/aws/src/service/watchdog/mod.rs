//! watchdog: each minute, who is idle and who is overdue.
//!
//! A sweep looks at the whole `Activity` table and judges each row; what it finds idle it stops, if so many stops are
//! believable. It reads nothing else of a tenant that is not idle. There is no retry inside: the next minute is the retry.

mod look;
mod report;
mod stop;

pub use look::{Finding, Sweep};
pub use report::Report;
pub use stop::Ended;

use aws_config::SdkConfig;
use berth_core::idle::{Admission, IdlePolicy, StopGuard, Verdict};
use berth_core::tenant::Generation;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::error::CallError;
use crate::queue::Queue;
use crate::service::idle_defaults;
use crate::settings::{SettingsError, Variables};
use crate::tables::{ActivityTable, Entry, Ledger, SweepOverride, Tenants};

/// What watchdog needs.
#[derive(Clone, Debug)]
pub struct Context {
    clock: Clock,
    tenants: Tenants,
    activity: ActivityTable,
    ledger: Ledger,
    overrides: SweepOverride,
    queue: Queue,
    policy: IdlePolicy,
    guard: StopGuard,
}

/// How many tenants are being changed at the same time: a full sweep of 20,000 stops takes about a minute so, and a
/// sandbox's connections are not exhausted.
const AT_ONCE: usize = 16;

impl Context {
    /// From the variables that watchdog reads.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        Ok(Self {
            clock: Clock::of(config),
            tenants: Tenants::new(config, variables)?,
            activity: ActivityTable::new(config, variables)?,
            ledger: Ledger::new(config, variables)?,
            overrides: SweepOverride::new(config, variables)?,
            queue: Queue::new(config, variables)?,
            policy: idle_defaults::policy(variables)?,
            guard: StopGuard::default(),
        })
    }
}

/// Handles a tick of the schedule. With `"dryRun": true` in its detail it only says what it would do.
pub async fn handle(context: &Context, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let dry_run = event.payload.pointer("/detail/dryRun").and_then(Value::as_bool) == Some(true);
    let report = if dry_run {
        dry_run_of(context).await
    } else {
        tick(context).await
    };
    Ok(serde_json::to_value(report)?)
}

/// What a sweep would do now: the same look, the same verdicts, the same guard, and no write.
pub async fn dry_run_of(context: &Context) -> Report {
    let sweep = look::look(context).await;
    let admission = match override_for(context, &sweep).await {
        Ok(given) => context.guard.admit(sweep.idle(), sweep.running(), given),
        Err(error) => without_override(context, &sweep, &error),
    };
    Report::new(&sweep, admission)
}

/// One sweep, and a nudge for each tenant that is overdue.
pub async fn tick(context: &Context) -> Report {
    let overdue = drive_overdue(context).await;
    let sweep = look::look(context).await;
    let admission = admit(context, &sweep).await;
    let mut report = Report::new(&sweep, admission.clone());
    report.overdue = overdue;
    let stops = !matches!(admission, Admission::Refused { .. });
    let acts = sweep.findings.iter().filter(|finding| match &finding.verdict {
        Verdict::Idle { .. } => stops,
        Verdict::Claimed { .. } | Verdict::BadTimestamp(_) => true,
        Verdict::Active { .. }
        | Verdict::Held { .. }
        | Verdict::Protected { .. }
        | Verdict::AlwaysOn
        | Verdict::NotServing => false,
    });
    let mut ended = stream::iter(acts)
        .map(|finding| stop::act(context, &sweep, finding))
        .buffer_unordered(AT_ONCE);
    while let Some(end) = ended.next().await {
        report.count(end);
    }
    report.log();
    report
}

/// Decides whether the sweep may stop what it found idle, and records it if that is not a matter of course.
async fn admit(context: &Context, sweep: &Sweep) -> Admission {
    let admission = match override_for(context, sweep).await {
        Ok(given) => context.guard.admit(sweep.idle(), sweep.running(), given),
        Err(error) => without_override(context, sweep, &error),
    };
    let admission = match admission {
        Admission::GrantedByOverride(given) => match context.overrides.use_up(&given, sweep.at).await {
            Ok(true) => Admission::GrantedByOverride(given),
            Ok(false) => context.guard.admit(sweep.idle(), sweep.running(), None),
            Err(error) => without_override(context, sweep, &error),
        },
        other => other,
    };
    let decision = match &admission {
        Admission::Granted => return admission,
        Admission::GrantedByOverride(_) => "sweep-overridden",
        Admission::Refused { .. } => "sweep-refused",
    };
    let on = json!({ "idle": sweep.idle(), "running": sweep.running(), "complete": sweep.is_complete(), "admission": admission });
    let entry = Entry {
        at: sweep.at,
        decision: decision.to_owned(),
        on,
    };
    if let Err(error) = context.ledger.record_fleet(&entry).await {
        tracing::error!(%error, decision, "the ledger did not take the decision");
    }
    admission
}

/// The override that the sweep needs; it is read only if it needs one.
async fn override_for(context: &Context, sweep: &Sweep) -> Result<Option<berth_core::idle::Override>, CallError> {
    if sweep.idle() <= context.guard.limit(sweep.running()) {
        return Ok(None);
    }
    context.overrides.unused(sweep.at).await
}

/// An override that cannot be read or used up is none.
fn without_override(context: &Context, sweep: &Sweep, error: &CallError) -> Admission {
    tracing::error!(%error, "whether there is an override is not known, so there is none");
    context.guard.admit(sweep.idle(), sweep.running(), None)
}

/// Has reconcile look at each tenant that should have settled by now. What does not fit into one page is there again in
/// a minute.
async fn drive_overdue(context: &Context) -> Result<usize, CallError> {
    let now = context.clock.now();
    let due = context.tenants.due(now.as_millisecond()).await?;
    let nudges = stream::iter(&due)
        .map(|id| nudge(context, id, now))
        .buffer_unordered(AT_ONCE);
    Ok(nudges.filter(|sent| std::future::ready(*sent)).count().await)
}

async fn nudge(context: &Context, id: &berth_core::tenant::TenantId, now: Timestamp) -> bool {
    // The index names no generation. The moment alone makes the nudge one of its own.
    let sent = context.queue.nudge(id, Generation::default(), "overdue", now).await;
    if let Err(error) = &sent {
        tracing::error!(tenant = %id, %error, "an overdue tenant was not nudged; it is again in a minute");
    }
    sent.is_ok()
}
