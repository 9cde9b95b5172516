//! What is stored of a tenant: one row, of which each attribute has one writer.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::definition::Fingerprint;
use crate::event::{Crashes, Observed, Stopped, TaskStatus};
use crate::release::ReleaseId;
use crate::tenant::{
    Applied, Booked, FailedDefinition, Generation, LastError, Made, Order, Outlook, Overlay, Policy, ServiceName,
    TenantId, Told,
};

/// A tenant's row.
///
/// There is no status in it: [`phase`](crate::tenant::phase) is a function of these facts, so none can get stuck that
/// the facts contradict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Whose row it is.
    pub tenant_id: TenantId,
    /// The generation in which the tenant was created or, after a delete, created again.
    pub incarnation: Generation,
    /// Former incarnations of which something may be left. The API adds to it, reconcile takes from it.
    #[serde(default)]
    pub retiring: Vec<Generation>,
    /// What is the tenant's own. Written by the API.
    pub overlay: Overlay,
    /// Grows by one with each change of the overlay; the `ETag` of the API.
    pub overlay_version: u64,
    /// What the tenant should be. Written by whoever changes it, by compare-and-swap on the generation.
    #[serde(flatten)]
    pub intent: Intent,
    /// What was made for the tenant. Written by reconcile.
    #[serde(flatten)]
    pub made: Made,
    /// What ECS says of the tenant's current task. Written through the version gate.
    pub observed: Option<Observed>,
    /// Why its last task ended. Written through the version gate.
    pub stopped: Option<Stopped>,
    /// Its latest crashes. Written by task-state.
    #[serde(default)]
    pub crashes: Crashes,
    /// When somebody must look at this tenant again, in milliseconds; absent once it is settled.
    pub due_at: Option<i64>,
    /// Since when it is on its way, in milliseconds; absent once it is settled.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub unsettled_at: Option<Timestamp>,
    /// When it is to be up. Written by the API; the sweep takes away what has come true.
    #[serde(flatten)]
    pub booked: Booked,
}

/// What a tenant should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Up, down or gone.
    #[serde(rename = "intent")]
    pub state: Wanted,
    /// Grows by one with each change of the intent or of the overlay.
    pub generation: Generation,
    /// Why it changed.
    #[serde(rename = "intentReason")]
    pub reason: Reason,
    /// Who changed it.
    #[serde(rename = "intentBy")]
    pub by: String,
    /// When it changed.
    #[serde(rename = "intentAt")]
    pub at: Timestamp,
    /// The release that a rollout or an update moves it to; [`Tenant::takes`] says what it takes without one.
    #[serde(rename = "intentRelease", default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    /// Who put it down and why, while it is to be down: a change of a sleeping tenant is no reason for its sleep.
    #[serde(rename = "putDown", default, skip_serializing_if = "Option::is_none")]
    pub put_down: Option<PutDown>,
}

/// The change of intent that put a tenant down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutDown {
    /// Why.
    pub reason: Reason,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The generation that it began.
    pub generation: Generation,
}

/// Up, down or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    /// One task, running.
    Running,
    /// No task; the data stays.
    Stopped,
    /// Nothing at all.
    Deleted,
}

/// Why an intent changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The tenant was created.
    Provision,
    /// Its overlay changed.
    Change,
    /// Somebody wants to use it.
    Wake,
    /// Somebody put it to sleep; it stays so until somebody wakes it.
    Sleep,
    /// Nobody used it for as long as its idle time.
    Idle,
    /// Somebody wants a fresh task.
    Restart,
    /// Somebody wants what failed to be tried again.
    Retry,
    /// Somebody wants it gone.
    Delete,
    /// A rollout moves it to another release.
    Rollout,
    /// Somebody has it take the release that it is offered.
    Update,
    /// It crashed more often than its budget allows.
    CrashLoop,
}

impl Reason {
    /// The reason as rows and answers have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Change => "change",
            Self::Wake => "wake",
            Self::Sleep => "sleep",
            Self::Idle => "idle",
            Self::Restart => "restart",
            Self::Retry => "retry",
            Self::Delete => "delete",
            Self::Rollout => "rollout",
            Self::Update => "update",
            Self::CrashLoop => "crash-loop",
        }
    }
}

/// Which release a tenant takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// This one: a rollout or an update moves it there, or a pin keeps it there.
    Named(ReleaseId),
    /// This one, which it has or has accepted, unless it was rejected since or a rollout's `forceBy` is past.
    Kept(ReleaseId),
    /// Whatever is promoted.
    Promoted,
}

impl Tenant {
    /// The name of the service that this incarnation has or will have.
    pub fn service(&self) -> ServiceName {
        ServiceName::new(self.tenant_id.clone(), self.incarnation)
    }

    /// Whether what should be was proven to be.
    pub fn is_settled(&self) -> bool {
        self.made
            .settled
            .is_some_and(|settled| settled.generation == self.intent.generation)
            && self.due_at.is_none()
    }

    /// What was applied for the present generation.
    pub fn applied_now(&self) -> Option<&Applied> {
        self.made
            .applied
            .as_ref()
            .filter(|applied| applied.generation == self.intent.generation)
    }

    /// Which release it takes when it is told next what to run.
    pub fn takes(&self, now: Timestamp) -> Takes {
        let has = self.made.applied.as_ref().map(|applied| applied.release);
        let named = self.intent.release;
        let pinned = self.overlay.pin.is_some_and(|pin| pin.holds(now));
        let moved = matches!(self.intent.reason, Reason::Rollout | Reason::Update);
        match (named, has) {
            (Some(release), _) if moved || !self.is_manual() => Takes::Named(release),
            (None, Some(release)) if pinned => Takes::Named(release),
            (Some(release), _) | (None, Some(release)) if self.is_manual() => Takes::Kept(release),
            _ => Takes::Promoted,
        }
    }

    /// The promoted release, if the tenant has another one and takes it only when somebody says so.
    pub fn offered(&self, promoted: Option<ReleaseId>, now: Timestamp) -> Option<ReleaseId> {
        let has = match self.takes(now) {
            Takes::Named(release) | Takes::Kept(release) if self.is_manual() => release,
            Takes::Named(_) | Takes::Kept(_) | Takes::Promoted => return None,
        };
        promoted.filter(|promoted| *promoted != has)
    }

    /// Whether it takes new releases only when somebody says so.
    pub fn is_manual(&self) -> bool {
        self.overlay.policy == Some(Policy::Manual)
    }

    /// It was proven to be asleep in the generation before this one, and ECS was told to run nothing since. Nobody else starts
    /// its tasks, so it still is.
    pub fn still_sleeps(&self) -> bool {
        let Some(settled) = self.made.settled else {
            return false;
        };
        let ran_before = |applied: &Applied| applied.generation < settled.generation;
        let ran_since = |told: &Told| matches!(told.order, Order::Run(_)) && told.at > settled.at;
        settled.generation.next() == self.intent.generation
            && self.made.applied.as_ref().is_some_and(ran_before)
            && !self.made.told.as_ref().is_some_and(ran_since)
            && !self.has_live_task()
    }

    /// Its service was told to run a task, and the last that was heard of that is that it runs or is on its way there.
    pub fn has_task_up(&self) -> bool {
        let up = |observed: &Observed| observed.last_status.is_rising_or_running();
        self.made.service_name.is_some() && self.observed.as_ref().is_some_and(up)
    }

    /// The error that ends the present generation without success.
    pub fn terminal_error(&self) -> Option<&LastError> {
        self.made
            .last_error
            .as_ref()
            .filter(|error| error.outlook == Outlook::Terminal && error.generation == self.intent.generation)
    }

    /// The current task is RUNNING, can be reached, and runs what was applied.
    pub fn runs(&self, applied: &Applied) -> bool {
        self.observed
            .as_ref()
            .is_some_and(|observed| observed.endpoint().is_some() && observed.definition_arn == applied.definition_arn)
    }

    /// The current task is not STOPPED, as far as ECS has told.
    pub fn has_live_task(&self) -> bool {
        self.observed
            .as_ref()
            .is_some_and(|observed| observed.last_status != TaskStatus::Stopped)
    }

    /// What did not start although it is wanted, if what runs or is being started is the last good definition instead.
    pub fn fell_back_from(&self, promoted: Option<ReleaseId>) -> Option<&FailedDefinition> {
        let applied = self.applied_now()?;
        let wanted = self.intent.release.or(promoted);
        self.made.failed.iter().rev().find(|failed| {
            let anew = failed.generation == self.intent.generation;
            let again = failed.overlay_version == Some(self.overlay_version) && failed.release == wanted;
            failed.fingerprint != applied.fingerprint && (anew || again)
        })
    }

    /// The release for which its definition was registered ahead, if nothing about it has changed since.
    pub fn ready_for(&self) -> Option<ReleaseId> {
        let ahead = self.made.ahead.as_ref()?;
        (ahead.generation == self.intent.generation).then_some(ahead.release)
    }

    /// The registered revision of a fingerprint, if the row knows it.
    pub fn known_revision(&self, fingerprint: &Fingerprint) -> Option<&Applied> {
        let candidates = [
            self.applied_now(),
            self.made.last_good.as_ref(),
            self.made.ahead.as_ref(),
        ];
        candidates
            .into_iter()
            .flatten()
            .find(|applied| applied.fingerprint == *fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What a tenant on r1 takes at this second, with these members of its row.
    fn takes(changes: &Value, second: i64) -> Takes {
        let arn = "arn:aws:ecs:eu-central-1:111122223333:task-definition/base-user:7";
        let mut row = json!({
            "tenantId": "acme", "incarnation": 1, "overlay": {}, "overlayVersion": 1, "intent": "running",
            "generation": 4, "intentReason": "wake", "intentBy": "ada", "intentAt": "1970-01-01T00:00:00Z",
            "applied": {"generation": 3, "fingerprint": "0".repeat(64), "definitionArn": arn, "release": "r1"},
            "observed": null, "stopped": null, "dueAt": null,
        });
        row.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        let tenant: Tenant = serde_json::from_value(row).unwrap();
        tenant.takes(Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn whoever_follows_takes_what_is_promoted_unless_a_rollout_names_another() {
        assert_eq!(takes(&json!({}), 0), Takes::Promoted);
        let moved = json!({"intentReason": "rollout", "intentRelease": "r2"});
        assert_eq!(takes(&moved, 0), Takes::Named("r2".parse().unwrap()));
    }

    #[test]
    fn a_pin_keeps_the_release_until_it_ends() {
        let r1 = "r1".parse().unwrap();
        let pinned = json!({"overlay": {"pin": {"until": "1970-01-01T00:01:00Z"}}});
        assert_eq!(takes(&pinned, 59), Takes::Named(r1));
        assert_eq!(takes(&pinned, 60), Takes::Promoted);
    }

    #[test]
    fn whoever_decides_for_itself_keeps_what_it_has_or_has_accepted() {
        let kept = |release: &str| Takes::Kept(release.parse().unwrap());
        let manual = json!({"overlay": {"policy": "manual"}});
        assert_eq!(takes(&manual, 0), kept("r1"));
        let accepted = json!({"overlay": {"policy": "manual"}, "intentRelease": "r2"});
        assert_eq!(takes(&accepted, 0), kept("r2"));
        let update = json!({"overlay": {"policy": "manual"}, "intentRelease": "r2", "intentReason": "update"});
        assert_eq!(takes(&update, 0), Takes::Named("r2".parse().unwrap()));
        let newborn = json!({"overlay": {"policy": "manual"}, "applied": null});
        assert_eq!(takes(&newborn, 0), Takes::Promoted);
    }
}
