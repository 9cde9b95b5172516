//! A sweep as callers see it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::idle::{ActivityRow, Admission, Verdict};
use crate::tenant::TenantId;

/// What `POST /sweeps?dryRun=true` answers: what a sweep would do now, to whom, and why not to the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SweepView {
    /// When the fleet was judged.
    pub at: Timestamp,
    /// Whether the whole fleet was seen. What was not seen is not judged, not touched, and looked at again in a minute.
    pub complete: bool,
    /// How many pages were read.
    pub pages: usize,
    /// How many rows cannot be read, and are left alone.
    pub unreadable: usize,
    /// How many tenants accept heartbeats.
    pub running: usize,
    /// How many of each verdict.
    pub verdicts: Verdicts,
    /// Whether the idle ones may be stopped.
    pub admission: Admission,
    /// Who is idle.
    pub idle: Vec<SweepLine>,
    /// Who is not, and why not.
    pub not_idle: Vec<SweepLine>,
    /// How many are in neither list, because an answer has an end; the verdicts count them.
    pub left_off: usize,
}

/// One tenant of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SweepLine {
    /// Who.
    pub tenant: TenantId,
    /// What is made of it, and why.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// How many of each verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Verdicts {
    /// May be stopped.
    pub idle: usize,
    /// Worked too recently.
    pub active: usize,
    /// Said that they are busy.
    pub held: usize,
    /// Are protected, or not up for long enough.
    pub protected: usize,
    /// Have no idle time.
    pub always_on: usize,
    /// Accept no heartbeats.
    pub not_serving: usize,
    /// Were claimed by an earlier sweep.
    pub claimed: usize,
    /// Have a timestamp that cannot be true.
    pub bad_timestamp: usize,
}

impl SweepView {
    /// How many tenants each list has at most: the answer of a function is limited to 6 MB, and a line has up to 300
    /// bytes.
    pub const SHOWN: usize = 5_000;

    /// With these findings.
    #[must_use]
    pub fn with<'a>(mut self, findings: impl IntoIterator<Item = (&'a ActivityRow, &'a Verdict)>) -> Self {
        for (row, verdict) in findings {
            self.verdicts.count(verdict);
            let list = match verdict {
                Verdict::Idle { .. } => &mut self.idle,
                _ => &mut self.not_idle,
            };
            if list.len() < Self::SHOWN {
                list.push(SweepLine {
                    tenant: row.tenant.clone(),
                    verdict: verdict.clone(),
                });
            } else {
                self.left_off += 1;
            }
        }
        self
    }
}

impl Verdicts {
    fn count(&mut self, verdict: &Verdict) {
        *match verdict {
            Verdict::Idle { .. } => &mut self.idle,
            Verdict::Active { .. } => &mut self.active,
            Verdict::Held { .. } => &mut self.held,
            Verdict::Protected { .. } => &mut self.protected,
            Verdict::AlwaysOn => &mut self.always_on,
            Verdict::NotServing => &mut self.not_serving,
            Verdict::Claimed { .. } => &mut self.claimed,
            Verdict::BadTimestamp(_) => &mut self.bad_timestamp,
        } += 1;
    }
}
