//! What is checked of a call: before it is done, what it would do to what is there; after it, what it did.

use berth_core::definition::render;
use berth_core::tenant::{Files, Reason};
use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;

use super::{Beside, Violation, Watch, tenant_of};
use crate::cloud::{Call, Cloud, Service};
use crate::simulate::rows;
use crate::template::Function;

/// What a call was about to change.
#[derive(Debug, Default)]
pub(in crate::simulate) struct Before {
    body: Value,
    tenant: Option<String>,
}

impl Watch {
    /// Looks at what a call is about to change.
    pub(in crate::simulate) fn before(
        &self,
        cloud: &mut Cloud,
        call: &Call,
        request: &Request<Bytes>,
        beside: &Beside<'_>,
    ) -> Result<Before, Violation> {
        if call.changes_nothing() {
            return Ok(Before::default());
        }
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        if self.settled && beside.function == Some(Function::Reconcile) && !takes_tokens(&body) {
            let what = format!("another pass over what is settled calls {} {body}", call.action);
            return Err(Violation::of_all("fixpoint", what));
        }
        match (call.service, call.action.as_str()) {
            (Service::Ecs, "CreateService" | "UpdateService") => {
                self.forces_nothing(&body)?;
                starts_alone(cloud, &body)?;
            }
            (Service::Ecs, "StopTask") => return Err(Violation::of_all("I1", "StopTask was called")),
            _ => {}
        }
        let key = body
            .pointer("/Key/tenantId/S")
            .or_else(|| body.pointer("/Item/tenantId/S"));
        let tenant = key.and_then(Value::as_str).map(ToOwned::to_owned);
        Ok(Before { body, tenant })
    }

    /// Looks at what a call has changed.
    pub(in crate::simulate) fn after(
        &mut self,
        cloud: &mut Cloud,
        call: &Call,
        before: &Before,
        answer: &Response<Bytes>,
        beside: &Beside<'_>,
    ) -> Result<(), Violation> {
        if !answer.status().is_success() {
            return Ok(());
        }
        if call.action == "RegisterTaskDefinition" {
            self.registered(&before.body, beside)?;
        }
        if is_of(&before.body, &self.names.fleet) {
            let answer: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
            let row = answer.get("Attributes").map(rows::plain_item).unwrap_or_default();
            self.rollouts.written(&row);
        }
        let Some(tenant) = &before.tenant else { return Ok(()) };
        if is_of(&before.body, &self.names.tenants) {
            let stored = rows::written(cloud, &self.names.tenants, tenant, answer);
            return self.tenant_written(cloud, tenant, stored, call, beside);
        }
        if is_of(&before.body, &self.names.activity) {
            let stored = rows::written(cloud, &self.names.activity, tenant, answer);
            return self.activity_written(cloud, tenant, stored.as_ref(), beside);
        }
        Ok(())
    }

    /// A14: a deployment is forced only where somebody asked for a retry of what ECS has given up.
    fn forces_nothing(&self, body: &Value) -> Result<(), Violation> {
        let name = body.get("service").and_then(Value::as_str);
        let Some(tenant) = name.and_then(tenant_of).filter(|_| is_forced(body)) else {
            return Ok(());
        };
        let reason = self.rows().get(tenant).map(|row| row.intent.reason);
        if reason == Some(Reason::Retry) {
            return Ok(());
        }
        let what = format!("forceNewDeployment was sent for {reason:?}");
        Err(Violation::of("A14", tenant, what))
    }

    /// I10: each definition that is registered for tenants is base + overlay of a base and an overlay that there were.
    fn registered(&self, request: &Value, beside: &Beside<'_>) -> Result<(), Violation> {
        let volumes = request.get("volumes").and_then(Value::as_array).into_iter().flatten();
        let point = |volume: &Value| {
            volume
                .pointer("/efsVolumeConfiguration/authorizationConfig/accessPointId")
                .cloned()
        };
        let points: Vec<Value> = volumes.filter_map(point).collect();
        for (tenant, past) in &self.past {
            let named = |files: &&Files| {
                points
                    .iter()
                    .any(|point| *point == files.place.access_point_id.as_str())
            };
            let files = past.files.iter().find(named);
            let Some(files) = files else { continue };
            let renders = beside.bases.iter().flat_map(|base| {
                past.overlays
                    .iter()
                    .filter_map(|overlay| render(base, &self.layout, overlay, Some(&files.place), None).ok())
            });
            if renders.into_iter().any(|definition| definition.request() == request) {
                return Ok(());
            }
            let what =
                format!("a definition was registered that is no base with any of the tenant's overlays: {request}");
            return Err(Violation::of("I10", tenant, what));
        }
        Err(Violation::of_all(
            "I10",
            format!("a definition was registered for nobody: {request}"),
        ))
    }
}

/// A token is taken for a read too, and that changes nothing for anybody.
fn takes_tokens(body: &Value) -> bool {
    body.pointer("/Key/kind/S").and_then(Value::as_str) == Some("budget")
}

fn is_of(body: &Value, table: &str) -> bool {
    body.get("TableName").and_then(Value::as_str) == Some(table)
}

fn is_forced(body: &Value) -> bool {
    body.get("forceNewDeployment") == Some(&Value::Bool(true))
}

/// I1: of a tenant with a volume nothing is started before all of its tasks are STOPPED.
///
/// Checked where Berth starts a task. A task that ECS itself replaces, because it ended or the circuit breaker put the
/// last good definition back, overlaps with its successor for as long as it is DEPROVISIONING; no caller of ECS can
/// prevent that, and no container of it runs then.
fn starts_alone(cloud: &mut Cloud, body: &Value) -> Result<(), Violation> {
    let strict = body
        .pointer("/deploymentConfiguration/maximumPercent")
        .and_then(Value::as_u64)
        == Some(100);
    let starts = body.get("desiredCount").and_then(Value::as_u64) == Some(1);
    let name = body
        .get("serviceName")
        .or_else(|| body.get("service"))
        .and_then(Value::as_str);
    let Some(tenant) = name.and_then(tenant_of).filter(|_| strict && starts) else {
        return Ok(());
    };
    let region = cloud.region();
    let creates = body.get("serviceName").is_some();
    let wanted = body.get("taskDefinition").and_then(Value::as_str);
    let repeats = !is_forced(body)
        && region.every_service().any(|service| {
            // What is there already is not made again; nor is a deployment that the service has.
            let has = creates || (service.desired == 1 && service.definition_arn.as_deref() == wanted);
            Some(service.name) == name && has
        });
    if repeats {
        return Ok(());
    }
    let alive = region
        .every_task()
        .find(|task| !task.stopped && task.service.and_then(tenant_of) == Some(tenant));
    match alive {
        None => Ok(()),
        Some(task) => {
            let what = format!("a task is started while {} is {}", task.arn, task.status);
            Err(Violation::of("I1", tenant, what))
        }
    }
}
