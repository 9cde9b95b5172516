//! The row that a sweep reads of each running tenant.

use std::time::Duration;

use jiff::Timestamp;

use crate::tenant::{Generation, TenantId};

/// An instant as a row has it: nothing that is stored is trusted to be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The attribute is not there.
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
}

/// A row of the Activity table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityRow {
    /// Whose row it is.
    pub tenant: TenantId,
    /// The generation of the intent that the row was written for.
    pub epoch: Generation,
    /// After how much time without work the tenant is idle; none: never (always on).
    pub idle_after: Option<Duration>,
    /// `lastActivity`: when it last worked. Its presence means that heartbeats are accepted.
    pub last_activity: Recorded,
    /// `holdUntil`: "I am busy until then".
    pub hold_until: Recorded,
    /// `notBefore`: the end of its minimum uptime or of its protection, whichever is later.
    pub not_before: Recorded,
    /// `claimed`: the epoch in which a sweep claimed the tenant for a stop. It counts only while that is still the row's
    /// epoch, so a wake, which writes a new epoch, ends the claim without touching it.
    pub claimed: Option<Generation>,
}
