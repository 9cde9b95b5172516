//! rebase: the base is deployed, the fleet follows.
//!
//! Two passes, both of them harmless at any time. A *look* compares the newest base with what is known and starts a
//! rollout if it is new; a *drive* takes the newest rollout one step further. An event of a stack is a look and then a
//! drive, and so is the tick of every fifteenth minute, in case an event was lost, and of every minute until there is a
//! first release; every other tick is a drive. With no rollout under way a drive
//! reads a few small rows.
//!
//! There is no retry inside: what a pass leaves undone, the next one finds undone.

mod drive;
mod look;
mod preflight;
mod report;
mod wish;

pub use drive::{Drive, Standing, drive};
pub use look::{Looked, look};
pub use report::Report;

use aws_config::SdkConfig;
use berth_core::definition::Layout;
use berth_core::release::{Ignored, Interest, interest};
use berth_core::rollout::Policy;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::Value;

use crate::clock::Clock;
use crate::ecs::BaseFamily;
use crate::error::CallError;
use crate::images::Images;
use crate::pace::Pace;
use crate::queue::Queue;
use crate::settings::{SettingsError, Variables, layout, rollout_policy};
use crate::stacks::Stacks;
use crate::tables::{ActivityTable, Entry, Ledger, Releases, Rollouts, Tenants, Wishes};
use crate::telemetry::Telemetry;

/// What rebase needs.
#[derive(Clone, Debug)]
pub struct Context {
    clock: Clock,
    releases: Releases,
    rollouts: Rollouts,
    wishes: Wishes,
    tenants: Tenants,
    activity: ActivityTable,
    ledger: Ledger,
    queue: Queue,
    pace: Pace,
    base: BaseFamily,
    stacks: Option<Stacks>,
    images: Images,
    layout: Layout,
    policy: Policy,
    telemetry: Telemetry,
}

impl Context {
    /// From the variables that rebase reads.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        Ok(Self {
            clock: Clock::of(config),
            releases: Releases::new(config, variables)?,
            rollouts: Rollouts::new(config, variables)?,
            wishes: Wishes::new(config, variables)?,
            tenants: Tenants::new(config, variables)?,
            activity: ActivityTable::new(config, variables)?,
            ledger: Ledger::new(config, variables)?,
            queue: Queue::new(config, variables)?,
            pace: Pace::new(config, variables)?,
            base: BaseFamily::new(config, variables)?,
            stacks: Stacks::new(config, variables)?,
            images: Images::new(config),
            layout: layout(variables),
            policy: rollout_policy(variables)?,
            telemetry: Telemetry::new(variables),
        })
    }

    /// Writes a decision about the fleet.
    async fn record(&self, decision: &str, on: Value) -> Result<(), CallError> {
        let entry = Entry {
            at: self.clock.now(),
            decision: decision.to_owned(),
            on,
        };
        self.ledger.record_fleet(&entry).await
    }
}

/// What an invocation is asked to do.
enum Pass {
    Look,
    Drive,
    Ignore(Ignored),
}

/// How often the base is looked at although no event said so, in minutes.
const LOOK_EVERY: i64 = 15;

/// Handles a stack's status change, or the tick of each minute. A failed part fails the invocation, after the drive.
pub async fn handle(context: &Context, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let mut report = Report::default();
    let mut failed = None;
    match pass(context, &event.payload).await? {
        Pass::Ignore(why) => report.ignored = Some(why),
        Pass::Drive => {
            report.wish = told(wish::grant(context).await, &mut failed).flatten();
            report.drive = Some(drive(context).await?);
        }
        Pass::Look => {
            report.looked = told(look(context, &context.policy, "deploy").await, &mut failed);
            report.wish = told(wish::grant(context).await, &mut failed).flatten();
            report.drive = Some(drive(context).await?);
            told(context.queue.tidy(context.clock.now()).await, &mut failed);
        }
    }
    tracing::info!(report = %serde_json::to_string(&report)?, "rebase");
    let metrics = report.metrics();
    if !metrics.is_empty() {
        context.telemetry.tell(context.clock.now(), None, &metrics);
    }
    failed.map_or_else(|| Ok(serde_json::to_value(&report)?), |error| Err(error.into()))
}

/// What came of a part of a pass; its error is kept for the end, so that the parts after it are not held up.
fn told<T>(result: Result<T, CallError>, failed: &mut Option<CallError>) -> Option<T> {
    result.map_err(|error| failed.get_or_insert(error)).ok()
}

async fn pass(context: &Context, event: &Value) -> Result<Pass, CallError> {
    if event.get("detail-type").and_then(Value::as_str) == Some("Tick") {
        let minute = context.clock.now().as_second().div_euclid(60);
        let due = minute % LOOK_EVERY == 0 || context.releases.pointer().await?.promoted.is_none();
        return Ok(if due { Pass::Look } else { Pass::Drive });
    }
    let Some(stacks) = &context.stacks else {
        return Ok(Pass::Ignore(Ignored::OtherEvent));
    };
    Ok(match interest(event, stacks.prefix()) {
        Interest::Look { .. } => Pass::Look,
        Interest::Ignore(why) => Pass::Ignore(why),
    })
}
