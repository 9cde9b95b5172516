//! task-state: what ECS says about tasks and deployments, into the rows.

use aws_config::SdkConfig;
use berth_core::event::{
    CrashBudget, DeploymentChange, DeploymentState, DesiredStatus, Reading, Scope, StopCause, TaskObservation,
    TaskStatus, read_event, stop_cause,
};
use berth_core::explain::Ruling;
use berth_core::idle::not_before;
use berth_core::tenant::{Tenant, Wanted};
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::error::CallError;
use crate::queue::Queue;
use crate::service::idle_defaults::IdleDefaults;
use crate::service::{intent, observe};
use crate::settings::{SettingsError, Variables};
use crate::tables::{ActivityTable, Entry, Ledger, Outcome, Tenants, Update, attribute, number};

/// What task-state needs.
#[derive(Clone, Debug)]
pub struct Context {
    clock: Clock,
    tenants: Tenants,
    activity: ActivityTable,
    ledger: Ledger,
    queue: Queue,
    scope: Scope,
    idle: IdleDefaults,
    budget: CrashBudget,
}

impl Context {
    /// From the variables that task-state reads.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        Ok(Self {
            clock: Clock::of(config),
            tenants: Tenants::new(config, variables)?,
            activity: ActivityTable::new(config, variables)?,
            ledger: Ledger::new(config, variables)?,
            queue: Queue::new(config, variables)?,
            scope: crate::ecs::scope(variables)?,
            idle: IdleDefaults::new(variables)?,
            budget: CrashBudget::default(),
        })
    }
}

/// Handles one event. An event about nothing of ours is counted and forgotten; a failed call fails the invocation, so
/// that the event is delivered again.
pub async fn handle(context: &Context, event: LambdaEvent<Value>) -> Result<Value, Error> {
    match read_event(&event.payload, &context.scope)? {
        Reading::Task(task) => task_changed(context, &task).await?,
        Reading::Deployment(change) => deployment_changed(context, &change).await?,
        Reading::NotOurs(why) => tracing::info!(?why, "not ours"),
    }
    Ok(Value::Null)
}

async fn task_changed(context: &Context, task: &TaskObservation) -> Result<(), CallError> {
    let id = task.service.tenant();
    let Some(before) = context.tenants.get(id).await? else {
        tracing::info!(tenant = %id, task = task.task_arn, "a task of no tenant");
        return Ok(());
    };
    let now = context.clock.now();
    let mut tenant = match observe::apply(&context.tenants, &before, task, now).await? {
        Some(row) => row,
        None if ended_after_its_successor_began(&before, task) => before,
        None => return Ok(()),
    };
    if task.last_status == TaskStatus::Running && tenant.intent.state == Wanted::Running {
        let since = task.started_at.unwrap_or(now);
        let protected = not_before(&tenant, context.idle.min_uptime(&tenant.overlay), now);
        let generation = tenant.intent.generation;
        context.activity.started(id, generation, since, protected).await?;
    }
    if task.last_status == TaskStatus::Stopped {
        tenant = task_stopped(context, tenant, task).await?;
    }
    if !tenant.is_settled() && is_awaited(&tenant, task) {
        context
            .queue
            .nudge(id, tenant.intent.generation, "task-state", now)
            .await?;
    }
    Ok(())
}

/// What reconcile waits for has happened: a task that is to run does, for a tenant that is to run, or one has ended.
fn is_awaited(tenant: &Tenant, task: &TaskObservation) -> bool {
    let runs = task.last_status == TaskStatus::Running && task.desired_status == DesiredStatus::Running;
    task.last_status == TaskStatus::Stopped || (runs && tenant.intent.state == Wanted::Running)
}

/// A task that ECS replaces by itself is STOPPED only after its successor was made. The row knows the successor by then, and
/// yet nobody else will tell that this one crashed.
fn ended_after_its_successor_began(tenant: &Tenant, task: &TaskObservation) -> bool {
    let of_this_incarnation = task.service == tenant.service() && tenant.retiring.is_empty();
    of_this_incarnation && task.last_status == TaskStatus::Stopped
}

/// Keeps why the task ended, because ECS forgets it within the hour, and counts it if it was a crash.
async fn task_stopped(context: &Context, tenant: Tenant, task: &TaskObservation) -> Result<Tenant, CallError> {
    let Some(stopped) = &task.stopped else {
        return Ok(tenant);
    };
    let on = json!({ "task": task.task_arn, "code": stopped.code, "reason": stopped.reason, "exitCode": stopped.exit_code, "wanted": tenant.intent.state, "intentReason": tenant.intent.reason, "intentBy": tenant.intent.by });
    let entry = Entry {
        at: stopped.at,
        decision: "task-stopped".to_owned(),
        on,
    };
    context.ledger.record(&tenant.tenant_id, &entry).await?;
    if !matches!(stop_cause(task), Some(StopCause::Crash)) || tenant.intent.state != Wanted::Running {
        return Ok(tenant);
    }
    // What crashed before the intent changed says nothing about what was asked for then; its event may come late.
    if stopped.at < tenant.intent.at {
        return Ok(tenant);
    }
    let crashes = tenant.crashes.with(stopped.at, context.budget);
    let update =
        Update::new()
            .set("crashes", attribute(&crashes)?)
            .when("generation", "=", number(tenant.intent.generation));
    let tenant = match context.tenants.update(&tenant.tenant_id, update).await? {
        Outcome::Written(row) => row,
        Outcome::Refused(Some(row)) => return Ok(row),
        Outcome::Refused(None) => return Ok(tenant),
    };
    if !crashes.exhaust(context.budget) {
        return Ok(tenant);
    }
    let now = context.clock.now();
    let budget = context.budget;
    let entry = Entry::of(now, &Ruling::CrashLoop { crashes, budget });
    context.ledger.record(&tenant.tenant_id, &entry).await?;
    Ok(
        intent::change(&context.tenants, &tenant, intent::Change::crash_loop(now))
            .await?
            .into_row()
            .unwrap_or(tenant),
    )
}

/// Deployment events carry no version, so they are a reason to look and nothing more.
async fn deployment_changed(context: &Context, change: &DeploymentChange) -> Result<(), CallError> {
    match change.state {
        DeploymentState::Failed | DeploymentState::Completed => {
            let id = change.service.tenant();
            let Some(tenant) = context.tenants.get(id).await? else {
                return Ok(());
            };
            if tenant.service() == change.service && !tenant.is_settled() {
                context
                    .queue
                    .nudge(id, tenant.intent.generation, "deployment", context.clock.now())
                    .await?;
            }
        }
        DeploymentState::InProgress | DeploymentState::Unknown(_) => {}
    }
    Ok(())
}
