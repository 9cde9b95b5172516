//! What the API is asked with, but for overlays and wakes, which are the tenant's own.

use serde::Deserialize;

use crate::release::ReleaseId;
use crate::rollout::PolicyChange;
use crate::tenant::TenantId;

/// The body of `POST /rollouts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RolloutRequest {
    /// To which release; to the newest base if to none.
    pub release: Option<ReleaseId>,
    /// How it is to differ from the fleet's policy.
    #[serde(default, deserialize_with = "crate::object::one")]
    pub policy: PolicyChange,
}

/// The body of `PUT /sweeps/override`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OverrideRequest {
    /// Why so many are to be put to sleep at once. Two hundred characters of it are kept.
    #[cfg_attr(feature = "openapi", schemars(regex(pattern = r"\S")))]
    pub reason: String,
}

/// The body of `PUT /tenants/{id}/hold`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HoldRequest {
    /// For how long, from now. What is longer than the longest hold is cut to it.
    #[cfg_attr(feature = "openapi", schemars(range(min = 1)))]
    pub seconds: u64,
    /// What the tenant is busy with, for whoever asks why it is up. Two hundred characters of it are kept.
    pub reason: String,
}

/// The body of `POST /activity`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TouchRequest {
    /// Who has worked just now.
    #[cfg_attr(feature = "openapi", schemars(length(max = 100)))]
    pub tenants: Vec<String>,
}

/// The body of `POST /dead-letters/redrive`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RedriveRequest {
    /// Whose are to be sent back; without it, all that are about any tenant.
    pub tenant: Option<TenantId>,
}
