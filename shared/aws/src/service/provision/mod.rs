//! provision: the tenants API. It changes intents and reads rows; it never calls ECS or EFS.

mod dead_letters;
mod fleet;
mod hold;
mod preview;
mod read;
mod rollouts;
mod sweeps;
mod wake;
mod write;

use rollouts::Verb;

use aws_config::SdkConfig;
use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use berth_core::api::{Operation, Problem};
use berth_core::definition::Layout;
use berth_core::idle::IdlePolicy;
use berth_core::rollout::Policy;
use berth_core::tenant::Reason;
use lambda_runtime::{Error, LambdaEvent};

use crate::assets::Assets;
use crate::clock::Clock;
use crate::dead_letters::DeadLetterOffice;
use crate::ecs::BaseFamily;
use crate::http::{Response, admit, elsewhere};
use crate::queue::Queue;
use crate::service::hold::Holds;
use crate::service::idle_defaults;
use crate::service::watchdog::Sight;
use crate::settings::{self, SettingsError, Variables};
use crate::tables::{ActivityTable, Ledger, Releases, Rollouts, SweepOverride, Tenants, Wishes};

/// The description of the API, made of the routes and types of the code: `berth_core::api::openapi`.
const OPENAPI: &str = include_str!("../../../../../docs/openapi.json");

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
    assets: Assets,
    holds: Holds,
    policy: IdlePolicy,
    sight: Sight,
    overrides: SweepOverride,
    dead_letters: DeadLetterOffice,
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
            assets: Assets::new(config, variables)?,
            holds: Holds::new(config, variables)?,
            policy: idle_defaults::policy(variables)?,
            sight: Sight::new(config, variables)?,
            overrides: SweepOverride::new(config, variables)?,
            dead_letters: DeadLetterOffice::new(config, variables)?,
        })
    }
}

/// Handles a request. Every problem is an answer; the invocation itself does not fail.
pub async fn handle(
    context: &Context,
    event: LambdaEvent<ApiGatewayV2httpRequest>,
) -> Result<ApiGatewayV2httpResponse, Error> {
    Ok(Box::pin(route(context, event.payload))
        .await
        .unwrap_or_else(Response::from)
        .into())
}

async fn route(context: &Context, event: ApiGatewayV2httpRequest) -> Result<Response, Problem> {
    let (operation, request) = admit(event)?;
    let request = &request;
    match operation {
        Operation::ListTenants => read::page(context, request).await,
        Operation::GetTenant => read::one(context, &request.tenant()?).await,
        Operation::History => read::history(context, request).await,
        Operation::PutTenant => Box::pin(write::put(context, request, request.tenant()?)).await,
        Operation::PatchTenant => write::patch(context, request, &request.tenant()?).await,
        Operation::DeleteTenant => write::delete(context, request, &request.tenant()?).await,
        Operation::Wake => Box::pin(wake::post(context, request, &request.tenant()?)).await,
        Operation::CancelWake => wake::delete(context, request, &request.tenant()?).await,
        Operation::Sleep => write::intend(context, request, Reason::Sleep).await,
        Operation::Restart => write::intend(context, request, Reason::Restart).await,
        Operation::Retry => write::intend(context, request, Reason::Retry).await,
        Operation::PutHold => hold::put(context, request, &request.tenant()?).await,
        Operation::DeleteHold => hold::delete(context, request, &request.tenant()?).await,
        Operation::UpdateTenant => write::update(context, request, &request.tenant()?).await,
        Operation::ExplainTenant => read::explained(context, &request.tenant()?).await,
        Operation::PreviewSweep => sweeps::dry_run(context, request).await,
        Operation::PutOverride => sweeps::give(context, request).await,
        Operation::DeleteOverride => sweeps::take_back(context, request).await,
        Operation::GetFleet => fleet::show(context).await,
        Operation::ListReleases => rollouts::releases(context).await,
        Operation::StartRollout => rollouts::ask(context, request).await,
        Operation::GetRollout => rollouts::one(context, &request.id).await,
        Operation::PauseRollout => rollouts::operate(context, request, Verb::Pause).await,
        Operation::ResumeRollout => rollouts::operate(context, request, Verb::resume(request)?).await,
        Operation::AbortRollout => rollouts::operate(context, request, Verb::Abort).await,
        Operation::RollBackRollout => rollouts::operate(context, request, Verb::RollBack).await,
        Operation::ListDeadLetters => dead_letters::list(context).await,
        Operation::Redrive => dead_letters::redrive(context, request).await,
        Operation::OpenApi => Ok(Response::document("application/json", OPENAPI)),
        Operation::ErrorPage => read::error_page(&request.id),
        Operation::Touch | Operation::TouchMany => Err(elsewhere(operation)),
    }
}
