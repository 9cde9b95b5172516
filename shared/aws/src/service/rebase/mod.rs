//! rebase: the base is deployed, the fleet follows.
//!
//! Two passes, both of them harmless at any time. A *look* compares the newest base with what is known and starts a
//! rollout if it is new; a *drive* takes the newest rollout one step further. An event of a stack, and every quarter of
//! an hour in case one was lost, is a look and then a drive; every minute is a drive. With no rollout under way a drive
//! reads a few small rows.
//!
//! There is no retry inside: what a pass leaves undone, the next one finds undone.

mod drive;
mod look;
mod preflight;

pub use drive::{Drive, drive};
pub use look::{Looked, look};

use aws_config::SdkConfig;
use berth_core::definition::Layout;
use berth_core::release::{Ignored, Interest, interest};
use berth_core::rollout::{Policy, PolicyChange};
use lambda_runtime::{Error, LambdaEvent};
use serde::Serialize;
use serde_json::Value;

use crate::clock::Clock;
use crate::ecs::BaseFamily;
use crate::error::CallError;
use crate::images::Images;
use crate::queue::Queue;
use crate::settings::{SettingsError, Variables, invalid, layout};
use crate::stacks::Stacks;
use crate::tables::{ActivityTable, Entry, Ledger, Releases, Rollouts, Tenants};

/// What rebase needs.
#[derive(Clone, Debug)]
pub struct Context {
    clock: Clock,
    releases: Releases,
    rollouts: Rollouts,
    tenants: Tenants,
    activity: ActivityTable,
    ledger: Ledger,
    queue: Queue,
    base: BaseFamily,
    stacks: Option<Stacks>,
    images: Images,
    layout: Layout,
    policy: Policy,
}

impl Context {
    /// From the variables that rebase reads.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        Ok(Self {
            clock: Clock::of(config),
            releases: Releases::new(config, variables)?,
            rollouts: Rollouts::new(config, variables)?,
            tenants: Tenants::new(config, variables)?,
            activity: ActivityTable::new(config, variables)?,
            ledger: Ledger::new(config, variables)?,
            queue: Queue::new(config, variables)?,
            base: BaseFamily::new(config, variables)?,
            stacks: Stacks::new(config, variables)?,
            images: Images::new(config),
            layout: layout(variables),
            policy: policy(variables)?,
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

/// The policy of rollouts that nobody gave another: the defaults with what `BERTH_ROLLOUT_POLICY` changes, as JSON.
fn policy(variables: &Variables) -> Result<Policy, SettingsError> {
    const NAME: &str = "BERTH_ROLLOUT_POLICY";
    let Some(json) = variables.optional(NAME) else {
        return Ok(Policy::default());
    };
    let change: PolicyChange = serde_json::from_str(json).map_err(|error| invalid(NAME, error.to_string()))?;
    Policy::default()
        .with(change)
        .map_err(|error| invalid(NAME, error.to_string()))
}

/// What an invocation is asked to do.
enum Pass {
    Look,
    Drive,
    Ignore(Ignored),
}

/// What an invocation did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Why an event was no reason to do anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignored: Option<Ignored>,
    /// What a look at the base came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looked: Option<Looked>,
    /// What a drive came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drive: Option<Drive>,
}

/// Handles an event: a stack's status change, `{"pass":"look"}` every quarter of an hour or `{"pass":"drive"}` every
/// minute. A failed call fails the invocation, after everything else was done that does not depend on it.
pub async fn handle(context: &Context, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let mut report = Report {
        ignored: None,
        looked: None,
        drive: None,
    };
    let mut failed = None;
    match pass(context, &event.payload) {
        Pass::Ignore(why) => report.ignored = Some(why),
        Pass::Drive => report.drive = Some(drive(context).await?),
        Pass::Look => {
            match look(context, "deploy").await {
                Ok(looked) => report.looked = Some(looked),
                Err(error) => failed = Some(error),
            }
            report.drive = Some(drive(context).await?);
        }
    }
    tracing::info!(report = %serde_json::to_string(&report)?, "rebase");
    failed.map_or_else(|| Ok(serde_json::to_value(&report)?), |error| Err(error.into()))
}

fn pass(context: &Context, event: &Value) -> Pass {
    match event.get("pass").and_then(Value::as_str) {
        Some("look") => return Pass::Look,
        Some("drive") => return Pass::Drive,
        Some(_) => return Pass::Ignore(Ignored::Unreadable),
        None => {}
    }
    let Some(stacks) = &context.stacks else {
        return Pass::Ignore(Ignored::OtherEvent);
    };
    match interest(event, stacks.prefix()) {
        Interest::Look { .. } => Pass::Look,
        Interest::Ignore(why) => Pass::Ignore(why),
    }
}
