//! Looks at the whole `Activity` table, and judges it. This much is a dry run.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use berth_core::api::{SweepView, Verdicts};
use berth_core::idle::{ActivityRow, Admission, IdlePolicy, StopGuard, SweepCase, Verdict, judge};
use futures_util::future::join_all;
use jiff::Timestamp;

use crate::clock::Clock;
use crate::error::CallError;
use crate::service::idle_defaults;
use crate::settings::{SettingsError, Variables};
use crate::tables::{ActivityTable, Item, SweepOverride, activity_row};

/// In how many parts the table is read at the same time. Each part ends with a page that is not full: 100,000 rows of
/// 120 bytes are 12 pages, and three parts make them 15 at the most.
const SEGMENTS: i32 = 3;

/// What it takes to see the fleet as a sweep does, and to change nothing.
#[derive(Clone, Debug)]
pub struct Sight {
    pub(super) clock: Clock,
    pub(super) activity: ActivityTable,
    pub(super) overrides: SweepOverride,
    pub(super) policy: IdlePolicy,
    guard: StopGuard,
}

/// One tenant and what is made of it.
#[derive(Debug)]
pub struct Finding {
    /// What was seen.
    pub row: ActivityRow,
    /// What is made of it.
    pub verdict: Verdict,
    /// The timestamp that cannot be true, as it is stored.
    pub(super) untrue: Option<AttributeValue>,
}

/// What was seen of the fleet. What was not seen is not in it, and nothing happens to it.
#[derive(Debug)]
pub struct Sweep {
    /// When.
    pub at: Timestamp,
    /// Each row that was seen.
    pub findings: Vec<Finding>,
    /// How many rows were seen that cannot be read, and are left alone.
    pub unreadable: usize,
    /// How many pages were read.
    pub pages: usize,
    /// Why parts of the table were not seen to their end.
    pub unseen: Vec<CallError>,
}

impl Sight {
    /// From the variables that a sweep reads.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        Ok(Self {
            clock: Clock::of(config),
            activity: ActivityTable::new(config, variables)?,
            overrides: SweepOverride::new(config, variables)?,
            policy: idle_defaults::policy(variables)?,
            guard: StopGuard::default(),
        })
    }

    /// What a sweep would do now: the same look, the same verdicts, the same guard, and no write.
    pub async fn dry_run(&self) -> SweepView {
        let sweep = self.look().await;
        let admission = self.case(&sweep).await.admit();
        sweep.view(admission)
    }

    /// Reads the table and judges each row at the moment at which the reading began.
    pub(super) async fn look(&self) -> Sweep {
        let at = self.clock.now();
        let parts = join_all((0..SEGMENTS).map(|segment| self.look_at_segment(segment, at))).await;
        let mut all = Sweep::empty(at);
        for part in parts {
            all.findings.extend(part.findings);
            all.unreadable += part.unreadable;
            all.pages += part.pages;
            all.unseen.extend(part.unseen);
        }
        all
    }

    async fn look_at_segment(&self, segment: i32, at: Timestamp) -> Sweep {
        let mut part = Sweep::empty(at);
        let mut from: Option<Item> = None;
        loop {
            match self.activity.scan(segment, SEGMENTS, from).await {
                Ok(page) => {
                    part.pages += 1;
                    page.rows.iter().for_each(|stored| part.judge(&self.policy, stored));
                    from = page.next;
                }
                Err(error) => {
                    tracing::error!(segment, pages = part.pages, %error, "a part of the fleet was not seen");
                    part.unseen.push(error);
                    from = None;
                }
            }
            if from.is_none() {
                return part;
            }
        }
    }

    /// What decides whether the sweep may stop what it found idle. The override is read only if it needs one; one that
    /// cannot be read is none.
    pub(super) async fn case(&self, sweep: &Sweep) -> SweepCase {
        let case = SweepCase {
            guard: self.guard,
            wanted: sweep.idle(),
            running: sweep.running(),
            override_once: None,
        };
        if case.admit() == Admission::Granted {
            return case;
        }
        match self.overrides.unused(sweep.at).await {
            Ok(override_once) => SweepCase { override_once, ..case },
            Err(error) => {
                tracing::error!(%error, "whether there is an override is not known, so there is none");
                case
            }
        }
    }
}

impl Sweep {
    fn empty(at: Timestamp) -> Self {
        Self {
            at,
            findings: Vec::new(),
            unreadable: 0,
            pages: 0,
            unseen: Vec::new(),
        }
    }

    fn judge(&mut self, policy: &IdlePolicy, stored: &Item) {
        let Some(row) = activity_row(stored) else {
            self.unreadable += 1;
            return;
        };
        let verdict = judge(&row, policy, self.at);
        let untrue = match &verdict {
            Verdict::BadTimestamp(repair) => stored.get(repair.attribute()).cloned(),
            _ => None,
        };
        self.findings.push(Finding { row, verdict, untrue });
    }

    /// Whether the whole table was seen.
    pub fn is_complete(&self) -> bool {
        self.unseen.is_empty()
    }

    /// How many tenants were seen that accept heartbeats.
    pub fn running(&self) -> usize {
        let serving = |f: &&Finding| !matches!(f.verdict, Verdict::NotServing | Verdict::Claimed { .. });
        self.findings.iter().filter(serving).count()
    }

    /// How many of them are idle.
    pub fn idle(&self) -> usize {
        self.findings
            .iter()
            .filter(|f| matches!(f.verdict, Verdict::Idle { .. }))
            .count()
    }

    /// The sweep as callers see it.
    pub(super) fn view(&self, admission: Admission) -> SweepView {
        let view = SweepView {
            at: self.at,
            complete: self.is_complete(),
            pages: self.pages,
            unreadable: self.unreadable,
            running: self.running(),
            verdicts: Verdicts::default(),
            admission,
            idle: Vec::new(),
            not_idle: Vec::new(),
            left_off: 0,
        };
        view.with(self.findings.iter().map(|finding| (&finding.row, &finding.verdict)))
    }
}
