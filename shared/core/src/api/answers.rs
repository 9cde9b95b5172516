//! What the API answers where it is not one row: pages, receipts, and what became of many.

use jiff::Timestamp;
use serde::Serialize;

use super::{Problem, ReleaseRow, TenantView};
use crate::definition::Effect;
use crate::explain::Entry;
use crate::idle::Override;
use crate::release::{ReleaseId, RolloutId};
use crate::rollout::Plan;
use crate::tenant::TenantId;

/// What `GET /tenants` answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TenantPage {
    /// The tenants, in no particular order. There may be none although there is a next page.
    pub tenants: Vec<TenantView>,
    /// Where the next page starts; null on the last page.
    pub cursor: Option<String>,
}

/// What `GET /tenants/{id}/history` answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct History {
    /// What was decided about the tenant, newest first.
    pub decisions: Vec<Entry>,
    /// Where the next page starts; null on the last page.
    pub cursor: Option<String>,
}

/// What `PUT /tenants/{id}/hold` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct HoldView {
    /// Until when it is held.
    pub until: Timestamp,
    /// For how many seconds that is: what was asked for, or the longest that there is.
    pub seconds: u64,
}

/// What `PUT /sweeps/override` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct OverrideView {
    /// Who gave it, why and when.
    #[serde(flatten)]
    pub given: Override,
    /// Until when it may be used.
    pub until: Timestamp,
}

/// What `GET /releases` answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ReleasesView {
    /// What new and waking tenants take.
    pub promoted: Option<ReleaseId>,
    /// What is on trial.
    pub candidate: Option<ReleaseId>,
    /// The newest rollout, over or not.
    pub rollout: Option<RolloutId>,
    /// Every release that was ever seen, newest first.
    pub releases: Vec<ReleaseRow>,
}

/// What `POST /rollouts` answers: a receipt. The rollout begins within a minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct RolloutAsked {
    /// What was asked for.
    pub asked: Asked,
}

/// A rollout that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Asked {
    /// To which release; to the newest base if to none.
    pub release: Option<ReleaseId>,
    /// Who asked.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What `POST /rollouts?dryRun=true` answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RolloutPreview {
    /// Where tenants would be moved to; the next number if nobody has seen the base before.
    pub release: ReleaseId,
    /// Where they come from.
    pub from: Option<ReleaseId>,
    /// What differs between the two bases, and for how many of those who would be moved it is none.
    pub changes: Vec<Effect>,
    /// Who would be moved when.
    #[serde(flatten)]
    pub plan: Plan,
}

/// What `POST /activity` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Touches {
    /// What became of each, in the order in which they were named.
    pub results: Vec<Touched>,
}

/// What became of one of many heartbeats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Touched {
    /// Whose heartbeat, as it was named.
    pub id: String,
    /// The status that it would have been answered with by itself.
    pub status: u16,
    /// Why it was not accepted; absent if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// A message that reconcile could not deal with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct DeadLetter {
    /// The message's own id.
    pub id: String,
    /// Whom it is about; nobody, if it cannot be read.
    pub tenant: Option<TenantId>,
    /// Why nobody could deal with it.
    pub reason: String,
    /// When it was given up, if it was reconcile that did so.
    pub at: Option<Timestamp>,
    /// What it says.
    pub body: String,
}

/// What `GET /dead-letters` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeadLetters {
    /// At most a hundred, and ten of each tenant. They stay.
    pub dead_letters: Vec<DeadLetter>,
}

/// What `POST /dead-letters/redrive` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Redriven {
    /// Those that went back to reconcile, at most a hundred.
    pub sent_back: Vec<DeadLetter>,
}
