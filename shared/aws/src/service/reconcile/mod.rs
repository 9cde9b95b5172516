//! reconcile: makes each tenant what it should be. The only function that writes to ECS and EFS.
//!
//! It is called with the ids of tenants, and is level-triggered: it reads what should be and what is, takes the next
//! step, records it, and asks again. An error leaves the row as it is and gives the message back to the queue.

mod execute;
mod goal;
mod record;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use berth_core::definition::{FileSystemId, Layout};
use berth_core::plan::{self, Next, Wait, World};
use berth_core::tenant::{Outlook, Tenant, TenantId, Told};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent};

use crate::clock::Clock;
use crate::ecs::Ecs;
use crate::efs::Efs;
use crate::error::CallError;
use crate::queue::Nudge;
use crate::service::idle_defaults::IdleDefaults;
use crate::settings::{SettingsError, Variables};
use crate::tables::{ActivityTable, DefinitionRegistry, Ledger, Releases, Tenants};
use crate::telemetry::Telemetry;

/// What reconcile needs.
#[derive(Clone, Debug)]
pub struct Context {
    clock: Clock,
    tenants: Tenants,
    activity: ActivityTable,
    registry: DefinitionRegistry,
    releases: Releases,
    ledger: Ledger,
    ecs: Ecs,
    efs: Efs,
    layout: Layout,
    file_system: Option<FileSystemId>,
    idle: IdleDefaults,
    telemetry: Telemetry,
}

/// The most steps of one pass. The longest honest pass (delete of a tenant with many revisions of its own) stays below
/// it; a plan that does not come to an end is given back to the queue instead of burning the invocation.
const MOST_STEPS: usize = 60;

impl Context {
    /// From the variables that reconcile reads.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        Ok(Self {
            clock: Clock::of(config),
            tenants: Tenants::new(config, variables)?,
            activity: ActivityTable::new(config, variables)?,
            registry: DefinitionRegistry::new(config, variables)?,
            releases: Releases::new(config, variables)?,
            ledger: Ledger::new(config, variables)?,
            ecs: Ecs::new(config, variables)?,
            efs: Efs::new(config, variables)?,
            layout: crate::settings::layout(variables),
            file_system: crate::settings::file_system(variables)?,
            idle: IdleDefaults::new(variables)?,
            telemetry: Telemetry::new(variables),
        })
    }
}

/// Handles a batch; each message that was not dealt with is reported by itself.
///
/// After the first failure of a tenant its later messages in the batch are failed unseen, so that SQS keeps their order
/// ("Reporting batch item failures for Lambda functions with an SQS event source": FIFO queues).
pub async fn handle(context: &Context, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let mut response = SqsBatchResponse::default();
    let mut failed: Vec<TenantId> = Vec::new();
    for message in &event.payload.records {
        let Some(nudge) = nudge_of(message) else {
            tracing::error!(
                message = message.message_id,
                "a message that names no tenant is given to the dead-letter queue"
            );
            report(&mut response, message);
            continue;
        };
        if failed.contains(&nudge.tenant_id) {
            report(&mut response, message);
        } else if let Err(error) = converge(context, &nudge.tenant_id).await {
            tracing::warn!(tenant = %nudge.tenant_id, why = nudge.why, %error, "given back to the queue");
            report(&mut response, message);
            failed.push(nudge.tenant_id);
        }
    }
    Ok(response)
}

fn nudge_of(message: &SqsMessage) -> Option<Nudge> {
    serde_json::from_str(message.body.as_deref()?).ok()
}

fn report(response: &mut SqsBatchResponse, message: &SqsMessage) {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message.message_id.clone().unwrap_or_default();
    response.batch_item_failures.push(failure);
}

/// How a step ended.
enum Stepped {
    /// It is done; the row is this now.
    On(Tenant),
    /// The intent has moved on: start again from this row.
    Over(Option<Tenant>),
}

/// Waits for the moment, if it comes soon; true if it has come. Another invocation's clock may have put it far off.
async fn sleep_until(context: &Context, moment: Timestamp) -> bool {
    let left = Duration::try_from(moment.duration_since(context.clock.now())).unwrap_or_default();
    let soon = left <= Told::BEHIND;
    if soon {
        context.clock.sleep(left).await;
    }
    soon
}

/// Makes one tenant what it should be, as far as that goes now.
pub async fn converge(context: &Context, id: &TenantId) -> Result<(), CallError> {
    let Some(mut tenant) = context.tenants.get(id).await? else {
        return Ok(());
    };
    let mut world = World::default();
    let mut goal = goal::of(context, &tenant).await?;
    for _ in 0..MOST_STEPS {
        let step = match plan::next(&tenant, &goal.goal, &world) {
            Next::Do(step) => step,
            Next::Wait(Wait::ToBeSure(until)) if sleep_until(context, until).await => {
                world.tasks = None;
                continue;
            }
            Next::Wait(wait) => {
                tracing::info!(tenant = %id, generation = %tenant.intent.generation, ?wait, "waiting");
                return Ok(());
            }
            Next::Rest => return Ok(()),
        };
        tracing::info!(tenant = %id, generation = %tenant.intent.generation, step = step.name(), "step");
        match execute::step(context, &tenant, &goal, &mut world, &step).await {
            Ok(Stepped::On(changed)) => {
                let again = goal::depends_on(&tenant) != goal::depends_on(&changed);
                tenant = changed;
                if again {
                    world.definition = None;
                    goal = goal::of(context, &tenant).await?;
                }
            }
            Ok(Stepped::Over(Some(changed))) => {
                tracing::info!(tenant = %id, generation = %changed.intent.generation, "the intent has moved on");
                tenant = changed;
                world = World::default();
                goal = goal::of(context, &tenant).await?;
            }
            Ok(Stepped::Over(None)) => return Ok(()),
            Err(error) if error.outlook == Outlook::Terminal => {
                return record::gave_up(context, &tenant, step.name(), &error, &world).await;
            }
            Err(error) => {
                record::failed(context, &tenant, step.name(), &error, &world).await?;
                return Err(error);
            }
        }
    }
    Err(CallError::incomplete(
        "reconcile",
        "a pass took more steps than any honest one; it is tried again",
    ))
}
