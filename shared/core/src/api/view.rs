//! A tenant as callers see it.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::event::Observed;
use crate::idle::Case;
use crate::release::ReleaseId;
use crate::tenant::{Generation, Outlook, Phase, Reason, Tenant, TenantId, Wanted, phase};

/// What `GET /tenants/{id}` and the intents answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TenantView {
    /// Its id.
    pub id: TenantId,
    /// Where it is on its way.
    pub phase: Phase,
    /// Whether everything that was asked for was proven to be so.
    pub settled: bool,
    /// What it should be.
    pub intent: IntentView,
    /// What is its own.
    #[cfg_attr(feature = "openapi", schemars(with = "crate::tenant::Overlay"))]
    pub overlay: Value,
    /// The version of the overlay; also the `ETag`.
    pub overlay_version: u64,
    /// The release that it runs and the one that the fleet should.
    pub release: ReleaseView,
    /// The revision that ECS was told to run.
    pub definition_arn: Option<String>,
    /// What it is given of the template that its overlay names; absent before it is known.
    pub bundle: Option<BundleView>,
    /// Its ECS service.
    pub service_name: Option<String>,
    /// Its current task.
    pub task_arn: Option<String>,
    /// Where it can be reached; only while it runs.
    pub endpoint: Option<Endpoint>,
    /// Its last real work.
    pub last_activity: Option<Timestamp>,
    /// It is busy until then.
    pub hold_until: Option<Timestamp>,
    /// When it will be put to sleep if nobody uses it.
    pub stops_at: Option<Timestamp>,
    /// No sweep puts it to sleep before this, because somebody has asked for that.
    pub protected_until: Option<Timestamp>,
    /// When it is booked to wake.
    pub wake_at: Option<Timestamp>,
    /// Why its last task ended.
    pub stopped: Option<StoppedView>,
    /// What went wrong and has not been overcome.
    pub last_error: Option<ErrorView>,
}

/// What a tenant should be, and who wants it so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct IntentView {
    /// Up, down or gone.
    pub state: Wanted,
    /// Grows with each change.
    pub generation: Generation,
    /// Why it changed last.
    pub reason: Reason,
    /// Who changed it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// The release that a tenant runs and the one that the fleet should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ReleaseView {
    /// What ECS was told to run for this tenant.
    pub applied: Option<ReleaseId>,
    /// What new and waking tenants take.
    pub promoted: Option<ReleaseId>,
    /// What a tenant with `"policy":"manual"` takes by `POST /tenants/{id}/update`, and not by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offered: Option<ReleaseId>,
}

/// What a tenant is given of its template at every start of the definition that it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct BundleView {
    /// The template.
    pub template: String,
    /// The SHA-256 of the bundle, in hexadecimal.
    pub digest: String,
    /// Why it is not the template's present content, but what was delivered before: the template could not be delivered when it
    /// was looked at last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
}

/// Where a tenant can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Endpoint {
    /// The private address of its task.
    pub address: String,
}

/// Why a task ended, and who wanted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StoppedView {
    /// ECS's stop code.
    pub code: String,
    /// Why: ours, if the stop was wanted, else ECS's.
    pub reason: String,
    /// The main container's exit code.
    pub exit_code: Option<i64>,
    /// When.
    pub at: Timestamp,
    /// Who wanted it; absent if nobody did.
    pub by: Option<String>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ErrorView {
    /// AWS's code, or ours.
    pub code: String,
    /// What happened.
    pub message: String,
    /// At which step.
    pub step: String,
    /// How often.
    pub attempts: u32,
    /// When, for the last time.
    pub at: Timestamp,
    /// Whether trying again is of any use.
    pub outlook: Outlook,
}

impl IntentView {
    /// The intent of a tenant.
    pub fn of(tenant: &Tenant) -> Self {
        Self {
            state: tenant.intent.state,
            generation: tenant.intent.generation,
            reason: tenant.intent.reason,
            by: tenant.intent.by.clone(),
            at: tenant.intent.at,
        }
    }
}

impl BundleView {
    /// The bundle of the template that a tenant's overlay names.
    pub fn of(tenant: &Tenant) -> Option<Self> {
        let bundle = tenant.delivered(tenant.overlay.template.as_ref()?)?;
        Some(Self {
            template: bundle.template.to_string(),
            digest: bundle.digest.to_string(),
            kept: bundle.kept.clone(),
        })
    }
}

impl ErrorView {
    /// What went wrong with a tenant and has not been overcome.
    pub fn of(tenant: &Tenant) -> Option<Self> {
        let error = tenant.made.last_error.as_ref()?;
        Some(Self {
            code: error.code.clone(),
            message: error.message.clone(),
            step: error.step.clone(),
            attempts: error.attempts,
            at: error.at,
            outlook: error.outlook,
        })
    }
}

impl TenantView {
    /// A tenant as its row and its activity say; `case` is its row of activity, if it has one.
    pub fn of(tenant: &Tenant, promoted: Option<ReleaseId>, case: Option<&Case>, now: Timestamp) -> Self {
        let running = tenant.observed.as_ref().filter(|_| tenant.retiring.is_empty());
        Self {
            id: tenant.tenant_id.clone(),
            phase: phase(tenant),
            settled: tenant.is_settled(),
            intent: IntentView::of(tenant),
            overlay: tenant.overlay.to_json(),
            overlay_version: tenant.overlay_version,
            release: ReleaseView {
                applied: tenant.made.applied.as_ref().map(|applied| applied.release),
                promoted,
                offered: tenant.offered(promoted, now),
            },
            definition_arn: tenant
                .made
                .applied
                .as_ref()
                .map(|applied| applied.definition_arn.clone()),
            bundle: BundleView::of(tenant),
            service_name: tenant.made.service_name.as_ref().map(ToString::to_string),
            task_arn: running.map(|observed| observed.task_arn.clone()),
            endpoint: running.and_then(Observed::endpoint).map(|ip| Endpoint {
                address: ip.to_string(),
            }),
            last_activity: case.and_then(|case| case.row.last_activity.instant()),
            hold_until: case.and_then(|case| case.row.hold_until.instant().filter(|until| *until > case.now)),
            stops_at: case.and_then(|case| case.judge().stops_at()),
            protected_until: tenant.booked.protected_until,
            wake_at: tenant.booked.wake.as_ref().map(|wake| wake.at),
            stopped: stopped(tenant),
            last_error: ErrorView::of(tenant),
        }
    }
}

/// A stop that was wanted is told in our words; any other in ECS's.
fn stopped(tenant: &Tenant) -> Option<StoppedView> {
    let stopped = tenant.stopped.as_ref()?;
    let put_down = tenant.intent.put_down.as_ref();
    let wanted = put_down.filter(|_| stopped.code == "ServiceSchedulerInitiated");
    Some(StoppedView {
        code: stopped.code.clone(),
        reason: wanted.map_or_else(|| stopped.reason.clone(), |down| down.reason.as_str().to_owned()),
        exit_code: stopped.exit_code,
        at: stopped.at,
        by: wanted.map(|down| down.by.clone()),
    })
}
