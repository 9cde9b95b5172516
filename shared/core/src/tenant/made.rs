//! What reconcile made for a tenant, what it told AWS, and what it learned while doing so.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Generation, ServiceName};
use crate::definition::{AccessPoint, FileSystemId, Fingerprint};
use crate::release::ReleaseId;
use crate::template::Delivered;

/// What reconcile made for a tenant and learned while making it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Made {
    /// The directory of its workspace volume.
    pub access_point: Option<Files>,
    /// The directory that was about to be made. It may be there although the row does not have it: the answer was lost.
    pub files_claim: Option<FilesClaim>,
    /// What it is given of its template.
    pub bundle: Option<Delivered>,
    /// Its ECS service.
    pub service_name: Option<ServiceName>,
    /// What ECS was last told to run.
    pub applied: Option<Applied>,
    /// What ECS was last told of the service, where that has to be known: see [`Told`].
    pub told: Option<Told>,
    /// The newest definition that was seen RUNNING.
    pub last_good: Option<Applied>,
    /// What was registered for it before the rollout that needs it moves it, in this generation.
    pub ahead: Option<Applied>,
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

/// What ECS was told of a tenant's service, and when.
///
/// It is kept because a look may be behind ("`RunTask`": the API is eventually consistent): for a while what ECS was told
/// is true, whatever a look shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// What.
    pub order: Order,
    /// When ECS had taken it, at the latest; by reconcile's clock.
    pub at: Timestamp,
}

/// How many tasks a service was told to have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Order {
    /// One, of this definition.
    Run(String),
    /// None.
    Stop,
}

impl Told {
    /// How long a look may be behind. AWS gives no bound and advises "a couple of seconds" between commands; deploy tools
    /// wait three to six. Longer than this, a stop would be proven later than its task takes to end; shorter, a task could
    /// be started beside one that no look shows yet.
    pub const BEHIND: Duration = Duration::from_secs(10);

    /// From when on looks show what was told, or what has become of it.
    pub fn shows_at(&self) -> Timestamp {
        self.at.checked_add(Self::BEHIND).unwrap_or(Timestamp::MAX)
    }
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
    /// The base that it was rendered from; rows from before this was kept do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    /// The version of the overlay that it was rendered from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay_version: Option<u64>,
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
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Outlook {
    /// It may pass: throttling, a timeout, something still being made.
    Transient,
    /// It stays until the overlay, the release or the account changes.
    Terminal,
}
