//! activity: heartbeats, and nothing else.
//!
//! A heartbeat is one conditional write of one attribute. Only if there is no row at all is another table read, to tell
//! a tenant that sleeps from one that does not exist.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use berth_core::api::{self, Code, Operation, Problem, TouchRequest, Touches};
use berth_core::idle::refresh_before;
use berth_core::tenant::{TenantId, Wanted};
use futures_util::{StreamExt, stream};
use lambda_runtime::{Error, LambdaEvent};

use crate::clock::Clock;
use crate::error::CallError;
use crate::http::{Request, Response, admit, elsewhere, tenant_id};
use crate::service::idle_defaults;
use crate::settings::{SettingsError, Variables};
use crate::tables::{ActivityTable, Tenants, Touched};

/// What activity needs.
#[derive(Clone, Debug)]
pub struct Context {
    clock: Clock,
    activity: ActivityTable,
    tenants: Tenants,
    coalesce: Duration,
}

impl Context {
    /// From the variables that activity reads.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        Ok(Self {
            clock: Clock::of(config),
            activity: ActivityTable::new(config, variables)?,
            tenants: Tenants::new(config, variables)?,
            coalesce: idle_defaults::coalesce(variables)?,
        })
    }
}

/// What a heartbeat came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// The tenant has worked just now, and the table knows.
    Accepted,
    /// The tenant exists, but accepts no heartbeats: it sleeps or is being stopped.
    NotRunning,
    /// There is no such tenant.
    Unknown,
}

/// One heartbeat of a tenant, now.
pub async fn touch(context: &Context, id: &TenantId) -> Result<Touch, CallError> {
    let now = context.clock.now();
    match context
        .activity
        .touch(id, now, refresh_before(now, context.coalesce))
        .await?
    {
        Touched::Written | Touched::Fresh => Ok(Touch::Accepted),
        Touched::NotServing => Ok(Touch::NotRunning),
        Touched::Absent => Ok(match context.tenants.wanted(id).await? {
            Some(Wanted::Running | Wanted::Stopped) => Touch::NotRunning,
            Some(Wanted::Deleted) | None => Touch::Unknown,
        }),
    }
}

/// Handles a request. Every problem is an answer; the invocation itself does not fail.
pub async fn handle(
    context: &Context,
    event: LambdaEvent<ApiGatewayV2httpRequest>,
) -> Result<ApiGatewayV2httpResponse, Error> {
    Ok(route(context, event.payload)
        .await
        .unwrap_or_else(Response::from)
        .into())
}

async fn route(context: &Context, event: ApiGatewayV2httpRequest) -> Result<Response, Problem> {
    let (operation, request) = admit(event)?;
    match operation {
        Operation::Touch => one(context, &request.tenant()?).await,
        Operation::TouchMany => many(context, &request).await,
        other => Err(elsewhere(other)),
    }
}

/// `POST /tenants/{id}/activity`
async fn one(context: &Context, id: &TenantId) -> Result<Response, Problem> {
    match touch(context, id).await? {
        Touch::Accepted => Ok(Response::empty(204)),
        Touch::NotRunning => Err(Problem::not_running(id)),
        Touch::Unknown => Err(Problem::no_tenant(id.as_str())),
    }
}

/// How many tenants one request may name: with sixteen writes under way at a time it stays well below a second.
const MOST: usize = 100;

/// How many writes of one request are under way at the same time.
const AT_ONCE: usize = 16;

/// `POST /activity`: heartbeats of many tenants, each with its own status.
async fn many(context: &Context, request: &Request) -> Result<Response, Problem> {
    let invalid = |detail: String| Problem::new(Code::InvalidParameter, detail);
    let batch: TouchRequest = request.members(Code::InvalidParameter)?;
    if batch.tenants.len() > MOST {
        let named = batch.tenants.len();
        return Err(invalid(format!(
            "{named} tenants are named, and {MOST} are the most; send them in parts"
        )));
    }
    let one_by_one = stream::iter(batch.tenants).map(|id| one_of_many(context, id));
    let results = one_by_one.buffered(AT_ONCE).collect().await;
    Ok(Response::json(200, &Touches { results }))
}

async fn one_of_many(context: &Context, id: String) -> api::Touched {
    let problem = match tenant_id(&id) {
        Ok(tenant) => one(context, &tenant).await.err(),
        Err(problem) => Some(problem),
    };
    let status = problem.as_ref().map_or(204, |problem| problem.status);
    api::Touched { id, status, problem }
}
