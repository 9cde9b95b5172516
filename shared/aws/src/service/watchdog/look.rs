//! Looks at the whole `Activity` table.

use aws_sdk_dynamodb::types::AttributeValue;
use berth_core::idle::{ActivityRow, Verdict, judge};
use futures_util::future::join_all;
use jiff::Timestamp;

use super::Context;
use crate::error::CallError;
use crate::tables::{Item, activity_row};

/// In how many parts the table is read at the same time. Each part ends with a page that is not full: 100,000 rows of
/// 120 bytes are 12 pages, and three parts make them 15 at the most.
const SEGMENTS: i32 = 3;

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

impl Sweep {
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
}

/// Reads the table and judges each row at the moment at which the reading began.
pub(super) async fn look(context: &Context) -> Sweep {
    let at = context.clock.now();
    let parts = join_all((0..SEGMENTS).map(|segment| look_at_segment(context, segment, at))).await;
    let mut all = empty(at);
    for part in parts {
        all.findings.extend(part.findings);
        all.unreadable += part.unreadable;
        all.pages += part.pages;
        all.unseen.extend(part.unseen);
    }
    all
}

async fn look_at_segment(context: &Context, segment: i32, at: Timestamp) -> Sweep {
    let mut part = empty(at);
    let mut from: Option<Item> = None;
    loop {
        match context.activity.scan(segment, SEGMENTS, from).await {
            Ok(page) => {
                part.pages += 1;
                page.rows.iter().for_each(|stored| part.judge(context, stored));
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

impl Sweep {
    fn judge(&mut self, context: &Context, stored: &Item) {
        let Some(row) = activity_row(stored) else {
            self.unreadable += 1;
            return;
        };
        let verdict = judge(&row, &context.policy, self.at);
        let untrue = match &verdict {
            Verdict::BadTimestamp(repair) => stored.get(repair.attribute()).cloned(),
            _ => None,
        };
        self.findings.push(Finding { row, verdict, untrue });
    }
}

fn empty(at: Timestamp) -> Sweep {
    Sweep {
        at,
        findings: Vec::new(),
        unreadable: 0,
        pages: 0,
        unseen: Vec::new(),
    }
}
