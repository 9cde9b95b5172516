//! What is stored of a tenant: one row, of which each attribute has one writer.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::definition::{AccessPoint, FileSystemId, Fingerprint};
use crate::event::{Crashes, Observed, Stopped, TaskStatus};
use crate::release::ReleaseId;
use crate::tenant::{Generation, Overlay, ServiceName, TenantId};

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
    /// The release that a rollout moves it to; without one a new generation takes the promoted release.
    #[serde(rename = "intentRelease", default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
}

/// Up, down or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
            Self::CrashLoop => "crash-loop",
        }
    }
}

/// What reconcile made for a tenant and learned while making it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Made {
    /// The directory of its workspace volume.
    pub access_point: Option<Files>,
    /// The directory that was about to be made. It may be there although the row does not have it: the answer was lost.
    pub files_claim: Option<FilesClaim>,
    /// Its ECS service.
    pub service_name: Option<ServiceName>,
    /// What ECS was last told to run.
    pub applied: Option<Applied>,
    /// The newest definition that was seen RUNNING.
    pub last_good: Option<Applied>,
    /// The definitions that ECS could not bring up; at most [`FAILURES_KEPT`](Self::FAILURES_KEPT), oldest first.
    pub failed: Vec<FailedDefinition>,
    /// The generation that was proven to be reached, and when.
    pub settled: Option<Settled>,
    /// What went wrong last, if it has not been overcome.
    pub last_error: Option<LastError>,
    /// When everything of a deleted tenant was proven to be gone.
    pub deleted_at: Option<Timestamp>,
}

impl Made {
    /// How many failed definitions a row remembers: the newest and the last good one that failed after it would do; a
    /// few more keep a tenant that is changed often from trying the same bad definition again.
    pub const FAILURES_KEPT: usize = 5;
}

/// A tenant's directory, and which incarnation it was made for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Files {
    /// Where it is.
    #[serde(flatten)]
    pub place: AccessPoint,
    /// The incarnation that it was made for.
    pub incarnation: Generation,
}

/// A directory that somebody was about to make.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilesClaim {
    /// On which file system.
    pub file_system_id: FileSystemId,
    /// For which incarnation.
    pub incarnation: Generation,
}

/// What ECS was told to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// For which generation.
    pub generation: Generation,
    /// What it is.
    pub fingerprint: Fingerprint,
    /// Its registered revision.
    pub definition_arn: String,
    /// The base that it was rendered from.
    pub release: ReleaseId,
}

/// A definition that ECS could not bring up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedDefinition {
    /// Which.
    pub fingerprint: Fingerprint,
    /// In which generation it was tried.
    pub generation: Generation,
    /// What ECS said.
    pub reason: String,
}

/// Proof that a generation was reached: everything that it asked for was read back from AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settled {
    /// Which generation.
    pub generation: Generation,
    /// When the proof was read.
    pub at: Timestamp,
}

/// What went wrong on the way to a generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastError {
    /// The generation that was being made.
    pub generation: Generation,
    /// AWS's error code, or ours.
    pub code: String,
    /// What happened, for an operator.
    pub message: String,
    /// The step that failed.
    pub step: String,
    /// How often it failed.
    pub attempts: u32,
    /// When it failed last.
    pub at: Timestamp,
    /// Whether trying again is of any use without a change.
    pub outlook: Outlook,
}

/// Whether trying again is of any use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outlook {
    /// It may pass: throttling, a timeout, something still being made.
    Transient,
    /// It stays until the overlay, the release or the account changes.
    Terminal,
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

    /// The release that a pin in force keeps the tenant on: the one that it was last told to run.
    pub fn pinned_release(&self, now: Timestamp) -> Option<ReleaseId> {
        self.overlay.pin.filter(|pin| pin.holds(now))?;
        self.made.applied.as_ref().map(|applied| applied.release)
    }

    /// ECS was told to run something, and nothing was proven since: neither that it runs nor that it is stopped.
    pub fn last_run_is_open(&self) -> bool {
        let proven = self.made.settled.map(|settled| settled.generation);
        self.made
            .applied
            .as_ref()
            .is_some_and(|applied| proven < Some(applied.generation))
    }

    /// The error that ends the present generation without success.
    pub fn terminal_error(&self) -> Option<&LastError> {
        self.made
            .last_error
            .as_ref()
            .filter(|error| error.outlook == Outlook::Terminal && error.generation == self.intent.generation)
    }

    /// The current task is RUNNING and runs what was applied.
    pub fn runs(&self, applied: &Applied) -> bool {
        self.observed.as_ref().is_some_and(|observed| {
            observed.last_status == TaskStatus::Running && observed.definition_arn == applied.definition_arn
        })
    }

    /// The current task is not STOPPED, as far as ECS has told.
    pub fn has_live_task(&self) -> bool {
        self.observed
            .as_ref()
            .is_some_and(|observed| observed.last_status != TaskStatus::Stopped)
    }

    /// The registered revision of a fingerprint, if the row knows it.
    pub fn known_revision(&self, fingerprint: &Fingerprint) -> Option<&Applied> {
        let candidates = [self.applied_now(), self.made.last_good.as_ref()];
        candidates
            .into_iter()
            .flatten()
            .find(|applied| applied.fingerprint == *fingerprint)
    }
}
