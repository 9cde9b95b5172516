//! The row that a sweep reads of each running tenant.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::tenant::{Generation, TenantId};

/// An instant as a row has it: nothing that is stored is trusted to be one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Recorded {
    /// The attribute is not there.
    #[default]
    Absent,
    /// A whole number, which is milliseconds since the epoch if the writer was sane.
    Millis(i64),
    /// Anything else, as text for the reader.
    Garbage(String),
}

impl Recorded {
    /// An instant that Berth itself wrote.
    pub fn at(at: Timestamp) -> Self {
        Self::Millis(at.as_millisecond())
    }

    /// The instant, if it is one.
    pub fn instant(&self) -> Option<Timestamp> {
        match self {
            Self::Millis(millis) => Timestamp::from_millisecond(*millis).ok(),
            Self::Absent | Self::Garbage(_) => None,
        }
    }

    fn is_absent(&self) -> bool {
        *self == Self::Absent
    }
}

/// A row of the Activity table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ActivityRow {
    /// Whose row it is.
    pub tenant: TenantId,
    /// The generation of the intent that the row was written for.
    pub epoch: Generation,
    /// After how much time without work the tenant is idle; none: never (always on).
    #[serde(default, skip_serializing_if = "Option::is_none", with = "super::seconds::optional")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<u64>"))]
    pub idle_after: Option<Duration>,
    /// `lastActivity`: when it last worked. Its presence means that heartbeats are accepted.
    #[serde(default, skip_serializing_if = "Recorded::is_absent")]
    pub last_activity: Recorded,
    /// `holdUntil`: "I am busy until then".
    #[serde(default, skip_serializing_if = "Recorded::is_absent")]
    pub hold_until: Recorded,
    /// `notBefore`: the end of its minimum uptime or of its protection, whichever is later.
    #[serde(default, skip_serializing_if = "Recorded::is_absent")]
    pub not_before: Recorded,
    /// `claimed`: the epoch in which a sweep claimed the tenant for a stop. It counts only while that is still the row's
    /// epoch, so a wake, which writes a new epoch, ends the claim without touching it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<Generation>,
    /// `claimedAt`: when that was. A stop takes from then until it is proven.
    #[serde(default, skip_serializing_if = "Recorded::is_absent")]
    pub claimed_at: Recorded,
}
