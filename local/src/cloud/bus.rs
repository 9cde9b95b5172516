//! The default event bus: every event that was emitted, in order.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How many events are kept. Whoever reads slower than this many behind misses some; a test suite reads far faster, and a
/// fleet that is left running for days must not fill the memory.
const KEPT: usize = 50_000;

/// An event and its place in the order of all events.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Emitted {
    /// Starts at 1 and grows by one.
    pub seq: u64,
    /// The whole envelope, as EventBridge delivers it.
    pub event: Value,
}

/// The default event bus.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Bus {
    last: u64,
    delivered: u64,
    log: VecDeque<Emitted>,
}

impl Bus {
    pub(super) fn emit(&mut self, event: Value) {
        self.last += 1;
        self.log.push_back(Emitted { seq: self.last, event });
        if self.log.len() > KEPT {
            self.log.pop_front();
        }
    }

    pub(super) fn after(&self, seq: u64) -> impl Iterator<Item = &Emitted> {
        let from = self.log.partition_point(|emitted| emitted.seq <= seq);
        self.log.range(from..)
    }

    pub(super) fn undelivered(&mut self) -> impl Iterator<Item = &Value> {
        let from = std::mem::replace(&mut self.delivered, self.last);
        self.after(from).map(|emitted| &emitted.event)
    }
}
