//! watchdog: each minute, who is idle, who is booked to wake, and who is overdue.
//!
//! A sweep looks at the whole `Activity` table and judges each row; what it finds idle it stops, if so many stops are
//! believable. It reads nothing else of a tenant that is not idle. There is no retry inside: the next minute is the retry.

mod look;
mod overdue;
mod report;
mod stop;
mod wake;

pub use look::{Finding, Sight, Sweep};
pub use overdue::Driven;
pub use report::{Ends, Report};
pub use stop::Ended;
pub use wake::Wakes;

use std::time::Duration;

use aws_config::SdkConfig;
use berth_core::explain::{Entry, Ruling};
use berth_core::idle::{Admission, SweepCase, Verdict};
use berth_core::pace::cost_of_stop;
use futures_util::{StreamExt, stream};
use lambda_runtime::{Error, LambdaEvent};
use serde_json::Value;

use crate::pace::Pace;
use crate::queue::Queue;
use crate::settings::{SettingsError, Variables};
use crate::tables::{Ledger, Tenants};
use crate::telemetry::Telemetry;

/// What watchdog needs.
#[derive(Clone, Debug)]
pub struct Context {
    sight: Sight,
    tenants: Tenants,
    ledger: Ledger,
    queue: Queue,
    pace: Pace,
    telemetry: Telemetry,
}

/// How many tenants are being changed at the same time, where nothing is asked of ECS: a sandbox's connections are not
/// exhausted.
const AT_ONCE: usize = 16;

impl Context {
    /// From the variables that watchdog reads.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        Ok(Self {
            sight: Sight::new(config, variables)?,
            tenants: Tenants::new(config, variables)?,
            ledger: Ledger::new(config, variables)?,
            queue: Queue::new(config, variables)?,
            pace: Pace::new(config, variables)?,
            telemetry: Telemetry::new(variables),
        })
    }
}

/// Handles a tick of the schedule. With `"dryRun": true` in its detail it only says what it would do.
pub async fn handle(context: &Context, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let dry_run = event.payload.pointer("/detail/dryRun").and_then(Value::as_bool) == Some(true);
    Ok(if dry_run {
        serde_json::to_value(context.sight.dry_run().await)?
    } else {
        serde_json::to_value(tick(context).await)?
    })
}

/// One sweep; a nudge for each tenant that is overdue; a wake for each that is booked to wake.
pub async fn tick(context: &Context) -> Report {
    let overdue = overdue::drive(context).await;
    let woken = wake::wake_booked(context).await;
    let sweep = context.sight.look().await;
    let admission = admit(context, &sweep).await;
    let mut report = Report {
        found: sweep.view(admission.clone()),
        ends: Ends::default(),
        overdue: overdue.ok(),
        woken: woken.ok(),
    };
    let repairs = sweep.findings.iter().filter(|finding| match &finding.verdict {
        Verdict::Claimed { .. } | Verdict::BadTimestamp(_) => true,
        Verdict::Idle { .. }
        | Verdict::Active { .. }
        | Verdict::Held { .. }
        | Verdict::Protected { .. }
        | Verdict::AlwaysOn
        | Verdict::NotServing => false,
    });
    let mut ended = stream::iter(repairs)
        .map(|finding| stop::act(context, &sweep, finding))
        .buffer_unordered(AT_ONCE);
    while let Some(end) = ended.next().await {
        report.ends.count(end);
    }
    if !matches!(admission, Admission::Refused { .. }) {
        let stops = stop_idle(context, &sweep, &mut report.ends).await;
        if let (Stops::CutShort, Admission::GrantedByOverride(given)) = (stops, &admission)
            && let Err(error) = context.sight.overrides.carry_over(given, sweep.at).await
        {
            tracing::error!(%error, "the next sweep needs a word of its own");
        }
    }
    report.tell(&context.telemetry);
    report
}

/// So many are stopped at once whatever else goes on: a quarter of what the account's budget holds at a time.
const UNPACED: usize = 10;

/// How long a sweep stops tenants: until shortly before the next one begins. Whoever is left is idle then too.
const STOPS_FOR: Duration = Duration::from_secs(45);

/// Whether a sweep got to everybody whom it found idle.
enum Stops {
    /// It did.
    Done,
    /// Its time or the budget was over first: the next sweep goes on.
    CutShort,
}

/// Stops what was found idle, no faster than reconcile can have ECS do it without making anybody wait who wakes a tenant.
/// Nobody is claimed before his turn, so he may still work.
async fn stop_idle(context: &Context, sweep: &Sweep, ends: &mut Ends) -> Stops {
    let is_idle = |finding: &&Finding| matches!(finding.verdict, Verdict::Idle { .. });
    let idle: Vec<&Finding> = sweep.findings.iter().filter(is_idle).collect();
    let (cost, last) = (cost_of_stop(), sweep.at.saturating_add(STOPS_FOR).unwrap_or(sweep.at));
    let mut course = context.pace.course();
    for (stopped, finding) in idle.iter().enumerate() {
        if idle.len() > UNPACED {
            match course.begin(&cost, last).await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::info!(stopped, of = idle.len(), "the next sweep goes on");
                    return Stops::CutShort;
                }
                Err(error) => {
                    tracing::error!(stopped, of = idle.len(), %error, "the next sweep goes on");
                    return Stops::CutShort;
                }
            }
        }
        ends.count(stop::act(context, sweep, finding).await);
    }
    Stops::Done
}

/// Decides whether the sweep may stop what it found idle, and records it if that is not a matter of course.
async fn admit(context: &Context, sweep: &Sweep) -> Admission {
    let case = with_override_used_up(context, sweep).await;
    let (admission, complete) = (case.admit(), sweep.is_complete());
    let ruling = match admission.clone() {
        Admission::Granted => return admission,
        admission @ Admission::GrantedByOverride(_) => Ruling::SweepOverridden {
            case,
            admission,
            complete,
        },
        admission @ Admission::Refused { .. } => Ruling::SweepRefused {
            case,
            admission,
            complete,
        },
    };
    if let Err(error) = context.ledger.record_fleet(&Entry::of(sweep.at, &ruling)).await {
        tracing::error!(%error, ?admission, "the ledger did not take the decision");
    }
    admission
}

/// An override that decides is used up first. One that another sweep has used, or that cannot be used up, is none.
async fn with_override_used_up(context: &Context, sweep: &Sweep) -> SweepCase {
    let case = context.sight.case(sweep).await;
    let Admission::GrantedByOverride(given) = case.admit() else {
        return case;
    };
    let used = context.sight.overrides.use_up(&given, sweep.at).await;
    match used {
        Ok(true) => return case,
        Ok(false) => {}
        Err(error) => tracing::error!(%error, "the override could not be used up, so it is none"),
    }
    SweepCase {
        override_once: None,
        ..case
    }
}
