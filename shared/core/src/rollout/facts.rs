//! A tenant's facts, from its rows.

use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;

use super::fleet::{Applied, Consent, DefinitionOf, Failure, FailureCode, Outcome, TenantFacts};
use crate::plan::WAITING;
use crate::tenant::{Policy, Reason, Tenant, Wanted};

/// What a rollout reads in a tenant's row of the Activity table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Its last real work.
    pub last: Option<Timestamp>,
    /// Until when it is busy: the end of its hold or of its protection, whichever is later.
    pub busy_until: Option<Timestamp>,
}

impl TenantFacts {
    /// The facts of a tenant. Without a row of activity it is not busy and goes first.
    pub fn of(tenant: &Tenant, activity: Activity) -> Self {
        let intent = &tenant.intent;
        let by_rollout = matches!(intent.reason, Reason::Rollout | Reason::Retry);
        let overlay = &tenant.overlay;
        Self {
            tenant: tenant.tenant_id.clone(),
            wanted: intent.state,
            generation: intent.generation,
            intent_at: intent.at,
            target: intent.release,
            rollout: intent.by.parse().ok().filter(|_| by_rollout),
            applied: tenant.made.applied.as_ref().map(|applied| Applied {
                generation: applied.generation,
                release: applied.release,
            }),
            outcome: outcome(tenant),
            consent: match overlay.policy {
                Some(Policy::Manual) => Consent::Manual,
                Some(Policy::Auto) | None => Consent::Automatic,
            },
            pinned_until: overlay.pin.map(|pin| pin.until.unwrap_or(Timestamp::MAX)),
            busy_until: activity.busy_until,
            last_activity: activity.last,
            definition: definition_of(tenant),
            ready_for: tenant.ready_for(),
        }
    }
}

fn definition_of(tenant: &Tenant) -> DefinitionOf {
    if tenant.made.access_point.is_some() {
        return DefinitionOf::Itself;
    }
    let mut hasher = DefaultHasher::new();
    tenant.overlay.to_json().to_string().hash(&mut hasher);
    DefinitionOf::Equals(hasher.finish())
}

/// What came of the tenant's present generation. Running is said only on reconcile's proof, because a task of the old
/// definition may still be RUNNING, and one that is RUNNING may not be healthy yet.
fn outcome(tenant: &Tenant) -> Outcome {
    let generation = tenant.intent.generation;
    if tenant.intent.state == Wanted::Stopped && tenant.intent.reason == Reason::CrashLoop {
        return failed(FailureCode::CrashLoop, "it started and kept crashing");
    }
    if let Some(definition) = tenant.made.failed.iter().find(|failed| failed.generation == generation) {
        return failed(FailureCode::Deployment, &definition.reason);
    }
    // Who is late has no verdict yet: the rollout has a deadline of its own, and asks an operator then.
    if let Some(error) = tenant.terminal_error().filter(|error| error.step != WAITING) {
        let code = match error.step.as_str() {
            "render" | "register" => FailureCode::Registration,
            _ => FailureCode::Other,
        };
        return failed(code, &format!("{}: {}", error.code, error.message));
    }
    let proven = tenant
        .made
        .settled
        .is_some_and(|settled| settled.generation == generation);
    if proven && tenant.applied_now().is_some_and(|applied| tenant.runs(applied)) {
        return Outcome::Running;
    }
    let stopped = tenant.stopped.as_ref().map(|stopped| stopped.at);
    Outcome::NotYet {
        since: stopped.map_or(tenant.intent.at, |at| at.max(tenant.intent.at)),
    }
}

fn failed(code: FailureCode, message: &str) -> Outcome {
    Outcome::Failed(Failure::new(code, message))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A tenant that rollout ro3 moved to r2 in generation 4 and that runs it, with these members changed.
    fn facts(changes: &Value) -> TenantFacts {
        let arn = "arn:aws:ecs:eu-central-1:111122223333:task-definition/base-user:7";
        let mut row = json!({
            "tenantId": "acme", "incarnation": 1, "overlay": {}, "overlayVersion": 1,
            "intent": "running", "generation": 4, "intentReason": "rollout", "intentBy": "ro3",
            "intentAt": "2026-11-20T10:00:00Z", "intentRelease": "r2",
            "applied": {"generation": 4, "fingerprint": "0".repeat(64), "definitionArn": arn, "release": "r2"},
            "settled": {"generation": 4, "at": "2026-11-20T10:01:00Z"},
            "observed": null, "stopped": null, "dueAt": null,
        });
        row.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        let mut tenant: Tenant = serde_json::from_value(row).unwrap();
        tenant.observed = Some(observed(arn));
        TenantFacts::of(&tenant, Activity::default())
    }

    fn observed(arn: &str) -> crate::event::Observed {
        serde_json::from_value(json!({
            "taskArn": "arn:aws:ecs:eu-central-1:111122223333:task/berth/1", "version": 3, "createdAt": 0,
            "lastStatus": "RUNNING", "privateIp": "10.0.0.1", "definitionArn": arn
        }))
        .unwrap()
    }

    fn code(facts: &TenantFacts) -> Option<FailureCode> {
        match &facts.outcome {
            Outcome::Failed(failure) => Some(failure.code),
            Outcome::Running | Outcome::NotYet { .. } => None,
        }
    }

    #[test]
    fn running_is_said_only_on_proof() {
        assert_eq!(facts(&json!({})).outcome, Outcome::Running);
        let since = "2026-11-20T10:00:00Z".parse().unwrap();
        let unproven = facts(&json!({"settled": {"generation": 3, "at": "2026-11-20T09:00:00Z"}}));
        assert_eq!(unproven.outcome, Outcome::NotYet { since });
    }

    #[test]
    fn each_way_to_fail_is_read_off_the_row() {
        let definition = json!([{"fingerprint": "0".repeat(64), "generation": 4, "reason": "health checks failed"}]);
        assert_eq!(
            code(&facts(&json!({"failed": definition}))),
            Some(FailureCode::Deployment)
        );
        let earlier = json!([{"fingerprint": "0".repeat(64), "generation": 3, "reason": "health checks failed"}]);
        assert_eq!(code(&facts(&json!({"failed": earlier}))), None);
        let error = |step: &str, outlook: &str| {
            json!({"lastError": {"generation": 4, "code": "ClientException", "message": "extraHosts", "step": step,
                   "attempts": 1, "at": "2026-11-20T10:00:30Z", "outlook": outlook}})
        };
        assert_eq!(
            code(&facts(&error("register", "terminal"))),
            Some(FailureCode::Registration)
        );
        assert_eq!(
            code(&facts(&error("create-service", "terminal"))),
            Some(FailureCode::Other)
        );
        assert_eq!(code(&facts(&error("register", "transient"))), None);
        assert_eq!(
            code(&facts(&error("wait", "terminal"))),
            None,
            "being late is no verdict"
        );
        let looped = facts(&json!({"intent": "stopped", "intentReason": "crash-loop", "intentBy": "task-state"}));
        assert_eq!(code(&looped), Some(FailureCode::CrashLoop));
    }

    #[test]
    fn only_a_rollout_speaks_for_a_rollout() {
        let id = "ro3".parse().ok();
        assert_eq!(facts(&json!({})).rollout, id);
        assert_eq!(facts(&json!({"intentReason": "retry"})).rollout, id);
        assert_eq!(facts(&json!({"intentReason": "wake"})).rollout, None);
        assert_eq!(facts(&json!({"intentBy": "ada"})).rollout, None);
    }

    #[test]
    fn r6_a_pin_without_an_end_holds_for_ever() {
        let pinned = |pin: Value| facts(&json!({"overlay": {"pin": pin}})).pinned_until;
        assert_eq!(pinned(json!({})), Some(Timestamp::MAX));
        let until = "2027-01-31T00:00:00Z";
        assert_eq!(pinned(json!({"until": until})), Some(until.parse().unwrap()));
    }
}
