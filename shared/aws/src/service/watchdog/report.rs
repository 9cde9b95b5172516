//! What a sweep saw, decided and did, for the log, for the dry run and for people.

use berth_core::idle::{Admission, Verdict};
use berth_core::tenant::TenantId;
use jiff::Timestamp;
use serde::Serialize;

use super::{Ended, Finding, Sweep};
use crate::error::CallError;

/// One tenant of the report.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Who.
    pub tenant: TenantId,
    /// What is made of it, and why.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// How many of each verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
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

/// How many findings ended in which way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ends {
    /// Stops.
    pub stopped: usize,
    /// Stops for claims of earlier sweeps.
    pub healed: usize,
    /// Claims that were lost, most often to work.
    pub lost_claims: usize,
    /// Intents that had moved on, or tenants that were gone.
    pub superseded: usize,
    /// Timestamps that were replaced.
    pub repaired: usize,
    /// Tenants for which a call failed.
    pub failed: usize,
}

/// What a sweep saw, decided and did.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// When.
    pub at: Timestamp,
    /// Whether the whole fleet was seen. What was not seen was not touched, and is looked at again in a minute.
    pub complete: bool,
    /// How many pages were read.
    pub pages: usize,
    /// How many rows cannot be read, and were left alone.
    pub unreadable: usize,
    /// How many tenants accept heartbeats.
    pub running: usize,
    /// How many of each verdict.
    pub verdicts: Verdicts,
    /// Whether the idle ones may be stopped.
    pub admission: Admission,
    /// Who is idle.
    pub idle: Vec<Line>,
    /// Who is not, and why not; at most [`Report::SHOWN`] of them.
    pub not_idle: Vec<Line>,
    /// What was done; all zero in a dry run.
    pub ends: Ends,
    /// How many overdue tenants reconcile was told of.
    #[serde(serialize_with = "count_or_null")]
    pub overdue: Result<usize, CallError>,
}

impl Report {
    /// How many tenants that stay up are listed one by one: the answer of a function is limited to 6 MB.
    pub const SHOWN: usize = 5_000;

    pub(super) fn new(sweep: &Sweep, admission: Admission) -> Self {
        let line = |finding: &Finding| Line {
            tenant: finding.row.tenant.clone(),
            verdict: finding.verdict.clone(),
        };
        let is_idle = |finding: &&Finding| matches!(finding.verdict, Verdict::Idle { .. });
        Self {
            at: sweep.at,
            complete: sweep.is_complete(),
            pages: sweep.pages,
            unreadable: sweep.unreadable,
            running: sweep.running(),
            verdicts: Verdicts::of(&sweep.findings),
            admission,
            idle: sweep.findings.iter().filter(is_idle).map(line).collect(),
            not_idle: sweep
                .findings
                .iter()
                .filter(|f| !is_idle(f))
                .take(Self::SHOWN)
                .map(line)
                .collect(),
            ends: Ends::default(),
            overdue: Ok(0),
        }
    }

    pub(super) fn count(&mut self, end: Ended) {
        let ends = &mut self.ends;
        match end {
            Ended::Stopped => ends.stopped += 1,
            Ended::Healed => ends.healed += 1,
            Ended::LostClaim => ends.lost_claims += 1,
            Ended::Superseded | Ended::Gone => ends.superseded += 1,
            Ended::Repaired => ends.repaired += 1,
            Ended::Failed => ends.failed += 1,
            Ended::RepairedByOthers | Ended::Left => {}
        }
    }

    /// One line, which the alarms are made of.
    pub(super) fn log(&self) {
        let refused = matches!(self.admission, Admission::Refused { .. });
        if let Err(error) = &self.overdue {
            tracing::error!(%error, "who is overdue is not known; it is asked again in a minute");
        }
        tracing::info!(
            complete = self.complete,
            pages = self.pages,
            unreadable = self.unreadable,
            running = self.running,
            idle = self.verdicts.idle,
            refused,
            stopped = self.ends.stopped,
            healed = self.ends.healed,
            lost_claims = self.ends.lost_claims,
            repaired = self.ends.repaired,
            failed = self.ends.failed,
            overdue = self.overdue.as_ref().ok(),
            "sweep"
        );
    }
}

impl Verdicts {
    fn of(findings: &[Finding]) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            *match finding.verdict {
                Verdict::Idle { .. } => &mut counts.idle,
                Verdict::Active { .. } => &mut counts.active,
                Verdict::Held { .. } => &mut counts.held,
                Verdict::Protected { .. } => &mut counts.protected,
                Verdict::AlwaysOn => &mut counts.always_on,
                Verdict::NotServing => &mut counts.not_serving,
                Verdict::Claimed { .. } => &mut counts.claimed,
                Verdict::BadTimestamp(_) => &mut counts.bad_timestamp,
            } += 1;
        }
        counts
    }
}

fn count_or_null<S: serde::Serializer>(overdue: &Result<usize, CallError>, to: S) -> Result<S::Ok, S::Error> {
    overdue.as_ref().ok().serialize(to)
}
