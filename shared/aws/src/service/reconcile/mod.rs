//! reconcile: makes each tenant what it should be. The only function that writes to ECS and EFS.
//!
//! It is called with the ids of tenants, and is level-triggered: it reads what should be and what is, takes the next
//! step, records it, and asks again.
//!
//! A pass that fails says so in the row, and when it is to be tried again; the sweep of that minute puts the tenant back on
//! the queue. Its message has ended by then, so that nothing stands in the way of what the tenant is told next. Only where
//! even that cannot be written does the message come back by itself. What fails again and again is *poison*: it ends in the
//! dead-letter queue with its reason, the row says so, and an operator can send it back.

mod ahead;
mod bury;
mod execute;
mod goal;
mod record;
mod tidy;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use berth_core::definition::{FileSystemId, Layout};
use berth_core::pace::lane;
use berth_core::plan::{self, Next, Step, Wait, World};
use berth_core::tenant::{Outlook, Tenant, TenantId, Told, Wanted};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent};

use crate::assets::Assets;
use crate::clock::Clock;
use crate::ecs::Ecs;
use crate::efs::Efs;
use crate::error::CallError;
use crate::pace::{Pace, Turn};
use crate::queue::{DeadLetters, Task};
use crate::service::idle_defaults::IdleDefaults;
use crate::settings::{SettingsError, Variables};
use crate::tables::{ActivityTable, DefinitionRegistry, Ledger, Releases, Rollouts, Tenants};
use crate::telemetry::Telemetry;

/// What reconcile needs.
#[derive(Clone, Debug)]
pub struct Context {
    clock: Clock,
    tenants: Tenants,
    activity: ActivityTable,
    registry: DefinitionRegistry,
    releases: Releases,
    rollouts: Rollouts,
    ledger: Ledger,
    pace: Pace,
    dead_letters: DeadLetters,
    ecs: Ecs,
    efs: Efs,
    assets: Assets,
    layout: Layout,
    file_system: Option<FileSystemId>,
    idle: IdleDefaults,
    telemetry: Telemetry,
}

/// The most steps of one pass. The longest honest pass (delete of a tenant with many revisions of its own) stays below
/// it; a plan that does not come to an end is tried again later instead of burning the invocation.
const MOST_STEPS: usize = 60;

/// How long before the end of the invocation nothing new is waited for: long enough to write down what came of it.
const MARGIN: Duration = Duration::from_secs(5);

/// How long an invocation has if its deadline is not believable; `cargo lambda` gives a constant one.
const USUAL: Duration = Duration::from_mins(1);

/// The longest that Lambda lets any invocation run ("Lambda quotas").
const LONGEST: Duration = Duration::from_mins(15);

impl Context {
    /// From the variables that reconcile reads.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        let pace = Pace::new(config, variables)?;
        Ok(Self {
            clock: Clock::of(config),
            tenants: Tenants::new(config, variables)?,
            activity: ActivityTable::new(config, variables)?,
            registry: DefinitionRegistry::new(config, variables)?,
            releases: Releases::new(config, variables)?,
            rollouts: Rollouts::new(config, variables)?,
            ledger: Ledger::new(config, variables)?,
            dead_letters: DeadLetters::new(config, variables)?,
            ecs: Ecs::new(config, variables, pace.clone())?,
            efs: Efs::new(config, variables, pace.clone())?,
            assets: Assets::new(config, variables)?,
            pace,
            layout: crate::settings::layout(variables),
            file_system: crate::settings::file_system(variables)?,
            idle: IdleDefaults::new(variables)?,
            telemetry: Telemetry::new(variables),
        })
    }

    /// Until when an invocation may wait for anything.
    fn until(&self, invocation: &lambda_runtime::Context) -> Timestamp {
        let now = self.clock.now();
        let told = i64::try_from(invocation.deadline).ok();
        let told = told.and_then(|deadline| Timestamp::from_millisecond(deadline).ok());
        let believable = told.filter(|told| *told > now && told.duration_since(now).unsigned_abs() <= LONGEST);
        let end = believable.unwrap_or_else(|| now.saturating_add(USUAL).unwrap_or(now));
        end.checked_sub(MARGIN).unwrap_or(now)
    }
}

/// Handles a batch; each message that could not even be put off is reported by itself.
///
/// After the first failure of a tenant its later messages in the batch are failed unseen, so that SQS keeps their order
/// ("Reporting batch item failures for Lambda functions with an SQS event source": FIFO queues).
pub async fn handle(context: &Context, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let mut response = SqsBatchResponse::default();
    let mut failed: Vec<TenantId> = Vec::new();
    let until = context.until(&event.context);
    for message in &event.payload.records {
        let task = Task::of(message.body.as_deref());
        let whose = match &task {
            Some(Task::Tenant(nudge)) => Some(nudge.tenant_id.clone()),
            Some(Task::Ahead(ahead)) => Some(ahead.ahead_of.clone()),
            Some(Task::Tidy(_)) | None => None,
        };
        if whose.as_ref().is_some_and(|id| failed.contains(id)) {
            report(&mut response, message);
        } else if let Err(error) = deal_with(context, message, task.as_ref(), until).await {
            tracing::error!(message = message.message_id, %error, "a message comes back by itself");
            report(&mut response, message);
            failed.extend(whose);
        }
    }
    Ok(response)
}

async fn deal_with(
    context: &Context,
    message: &SqsMessage,
    task: Option<&Task>,
    until: Timestamp,
) -> Result<(), CallError> {
    let nudge = match task {
        Some(Task::Tenant(nudge)) => nudge,
        Some(Task::Ahead(wanted)) => return Box::pin(ahead::register(context, wanted, until)).await,
        Some(Task::Tidy(_)) => return Box::pin(tidy::definitions(context, until)).await,
        None => return bury::unreadable(context, message).await,
    };
    if bury::has_killed(message) {
        return bury::killer(context, message, nudge).await;
    }
    match converge(context, &nudge.tenant_id, until).await? {
        Converged::Done => Ok(()),
        Converged::Poisoned(poison) => bury::poison(context, message, nudge, &poison).await,
    }
}

fn report(response: &mut SqsBatchResponse, message: &SqsMessage) {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message.message_id.clone().unwrap_or_default();
    response.batch_item_failures.push(failure);
}

/// What a pass came to.
#[derive(Debug)]
pub enum Converged {
    /// Everything that could be done was done, or was put off.
    Done,
    /// It has failed too often to be tried again by itself.
    Poisoned(Box<Poison>),
}

/// A pass that has failed too often.
#[derive(Debug)]
pub struct Poison {
    /// The row, as the last attempt has left it.
    tenant: Tenant,
    step: &'static str,
    error: CallError,
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

/// Makes one tenant what it should be, as far as that goes now and until then.
pub async fn converge(context: &Context, id: &TenantId, until: Timestamp) -> Result<Converged, CallError> {
    let Some(mut tenant) = context.tenants.get(id).await? else {
        return Ok(Converged::Done);
    };
    let mut world = World::default();
    let mut aim = None;
    let mut chosen = goal::Chosen::default();
    for _ in 0..MOST_STEPS {
        let goal = match aim.take() {
            Some(goal) => goal,
            None => match goal::of(context, &tenant, &mut chosen).await {
                Ok(goal) => goal,
                Err(error) => return put_off(context, tenant, &world, "render", error).await,
            },
        };
        let step = match plan::next(&tenant, &goal.goal, &world) {
            Next::Do(step) => step,
            Next::Wait(Wait::ToBeSure(moment)) if sleep_until(context, moment).await => {
                world.tasks = None;
                aim = Some(goal);
                continue;
            }
            Next::Wait(wait) => return wait_for(context, &tenant, &wait).await,
            Next::Rest => return Ok(Converged::Done),
        };
        tracing::info!(tenant = %id, generation = %tenant.intent.generation, step = step.name(), "step");
        let turn = Turn {
            whose: id.as_str(),
            lane: lane(&tenant, &step),
            until,
        };
        match Box::pin(execute::step(context, &tenant, &goal, turn, &mut world, &step)).await {
            Ok(Stepped::On(changed)) => {
                if goal::depends_on(&tenant) == goal::depends_on(&changed) {
                    aim = Some(goal);
                } else {
                    world.definition = None;
                }
                tenant = changed;
            }
            Ok(Stepped::Over(Some(changed))) => {
                tracing::info!(tenant = %id, generation = %changed.intent.generation, "the intent has moved on");
                tenant = changed;
                world = World::default();
            }
            Ok(Stepped::Over(None)) => return Ok(Converged::Done),
            Err(error) if world.reached.is_some() => {
                tracing::warn!(tenant = %id, step = step.name(), %error, "not tidied up; the next release is a chance to");
                return Ok(Converged::Done);
            }
            Err(error) => return fail(context, tenant, &world, &step, error).await,
        }
    }
    let error = CallError::incomplete("reconcile", "a pass took more steps than any honest one");
    put_off(context, tenant, &world, "pass", error).await
}

/// Nothing can be done now. Who has waited for too long has failed, as the row says from then on; what comes late is welcome.
async fn wait_for(context: &Context, tenant: &Tenant, wait: &Wait) -> Result<Converged, CallError> {
    let (id, generation) = (&tenant.tenant_id, tenant.intent.generation);
    tracing::info!(tenant = %id, %generation, ?wait, "waiting");
    if let Some(failure) = plan::overdue(tenant, wait, context.clock.now()) {
        tracing::warn!(tenant = %id, %generation, ?wait, "waited for too long");
        record::late(context, tenant, &failure).await?;
    }
    Ok(Converged::Done)
}

async fn fail(
    context: &Context,
    tenant: Tenant,
    world: &World,
    step: &Step,
    error: CallError,
) -> Result<Converged, CallError> {
    match error.outlook {
        Outlook::Terminal => {
            record::gave_up(context, &tenant, step.name(), &error, world).await?;
            Ok(Converged::Done)
        }
        Outlook::Transient => put_off(context, tenant, world, step.name(), error).await,
    }
}

/// Has the row say what failed and when it is tried again, or that it is not.
async fn put_off(
    context: &Context,
    tenant: Tenant,
    world: &World,
    step: &'static str,
    error: CallError,
) -> Result<Converged, CallError> {
    tracing::warn!(tenant = %tenant.tenant_id, step, %error, "put off");
    let tenant = record::put_off(context, tenant, world, step, &error).await?;
    let attempts = tenant.made.last_error.as_ref().map_or(0, |last| last.attempts);
    // What is to stop costs money until it has: it is tried for as long as it takes.
    let tried_for_ever = tenant.intent.state == Wanted::Stopped;
    Ok(if attempts < record::MOST_ATTEMPTS || tried_for_ever {
        Converged::Done
    } else {
        Converged::Poisoned(Box::new(Poison { tenant, step, error }))
    })
}
