//! provision: the tenants API. It changes intents and reads rows; it never calls ECS or EFS.

mod fleet;
mod hold;
mod preview;
mod read;
mod rollouts;
mod sweeps;
mod wake;
mod write;

use aws_config::SdkConfig;
use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use berth_core::api::{Code, Problem};
use berth_core::definition::Layout;
use berth_core::idle::IdlePolicy;
use berth_core::rollout::Policy;
use berth_core::tenant::Reason;
use lambda_runtime::{Error, LambdaEvent};

use crate::clock::Clock;
use crate::ecs::BaseFamily;
use crate::http::{Request, Response, tenant_id};
use crate::queue::Queue;
use crate::service::hold::Holds;
use crate::service::idle_defaults;
use crate::service::watchdog::Sight;
use crate::settings::{self, SettingsError, Variables};
use crate::tables::{ActivityTable, Ledger, Releases, Rollouts, SweepOverride, Tenants, Wishes};

/// What provision needs.
#[derive(Clone, Debug)]
pub struct Context {
    clock: Clock,
    tenants: Tenants,
    activity: ActivityTable,
    releases: Releases,
    rollouts: Rollouts,
    wishes: Wishes,
    rollout_policy: Policy,
    ledger: Ledger,
    queue: Queue,
    base: BaseFamily,
    layout: Layout,
    holds: Holds,
    policy: IdlePolicy,
    sight: Sight,
    overrides: SweepOverride,
}

impl Context {
    /// From the variables that provision reads.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        Ok(Self {
            clock: Clock::of(config),
            tenants: Tenants::new(config, variables)?,
            activity: ActivityTable::new(config, variables)?,
            releases: Releases::new(config, variables)?,
            rollouts: Rollouts::new(config, variables)?,
            wishes: Wishes::new(config, variables)?,
            rollout_policy: settings::rollout_policy(variables)?,
            ledger: Ledger::new(config, variables)?,
            queue: Queue::new(config, variables)?,
            base: BaseFamily::new(config, variables)?,
            layout: settings::layout(variables),
            holds: Holds::new(config, variables)?,
            policy: idle_defaults::policy(variables)?,
            sight: Sight::new(config, variables)?,
            overrides: SweepOverride::new(config, variables)?,
        })
    }
}

/// Handles a request. Every problem is an answer; the invocation itself does not fail.
pub async fn handle(
    context: &Context,
    event: LambdaEvent<ApiGatewayV2httpRequest>,
) -> Result<ApiGatewayV2httpResponse, Error> {
    let request = Request::from(event.payload);
    Ok(Box::pin(route(context, &request))
        .await
        .unwrap_or_else(Response::from)
        .into())
}

async fn route(context: &Context, request: &Request) -> Result<Response, Problem> {
    write::wait_of(request)?;
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["tenants"]) => read::page(context, request).await,
        ("GET", ["tenants", id]) => read::one(context, &tenant_id(id)?).await,
        ("GET", ["tenants", id, "history"]) => read::history(context, &tenant_id(id)?).await,
        ("GET", ["tenants", id, "explain"]) => read::explained(context, &tenant_id(id)?).await,
        ("PUT", ["tenants", id]) => Box::pin(write::put(context, request, tenant_id(id)?)).await,
        ("PATCH", ["tenants", id]) => write::patch(context, request, &tenant_id(id)?).await,
        ("DELETE", ["tenants", id]) => write::delete(context, request, &tenant_id(id)?).await,
        ("PUT", ["tenants", id, "hold"]) => hold::put(context, request, &tenant_id(id)?).await,
        ("DELETE", ["tenants", id, "hold"]) => hold::delete(context, request, &tenant_id(id)?).await,
        ("POST", ["tenants", id, "update"]) => write::update(context, request, &tenant_id(id)?).await,
        ("GET", ["fleet"]) => fleet::show(context).await,
        ("POST", ["tenants", id, "wake"]) => Box::pin(wake::post(context, request, &tenant_id(id)?)).await,
        ("DELETE", ["tenants", id, "wake"]) => wake::delete(context, request, &tenant_id(id)?).await,
        ("POST", ["sweeps"]) => sweeps::dry_run(context, request).await,
        ("PUT", ["sweeps", "override"]) => sweeps::give(context, request).await,
        ("DELETE", ["sweeps", "override"]) => sweeps::take_back(context, request).await,
        ("GET", ["releases"]) => rollouts::releases(context).await,
        ("POST", ["rollouts"]) => rollouts::ask(context, request).await,
        ("GET", ["rollouts", id]) => rollouts::one(context, id).await,
        ("POST", ["rollouts", id, verb]) => rollouts::operate(context, request, id, verb).await,
        ("POST", ["tenants", id, verb]) => {
            let reason = match *verb {
                "sleep" => Reason::Sleep,
                "restart" => Reason::Restart,
                "retry" => Reason::Retry,
                _ => return Err(no_route(request)),
            };
            write::intend(context, request, &tenant_id(id)?, reason).await
        }
        _ => Err(no_route(request)),
    }
}

fn no_route(request: &Request) -> Problem {
    let path = request.segments.join("/");
    Problem::new(Code::NoRoute, format!("there is no {} /{path}", request.method))
}
