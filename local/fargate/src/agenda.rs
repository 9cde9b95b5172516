//! What will happen by itself, and when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Things that are due, in the order of their time; those of one time in the order in which they were planned.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "T: Ord + Serialize + for<'a> Deserialize<'a>")]
pub(crate) struct Agenda<T> {
    planned: BinaryHeap<Reverse<(Timestamp, u64, T)>>,
    next: u64,
}

impl<T: Ord> Default for Agenda<T> {
    fn default() -> Self {
        Self {
            planned: BinaryHeap::new(),
            next: 0,
        }
    }
}

impl<T: Ord> Agenda<T> {
    pub(crate) fn plan(&mut self, at: Timestamp, what: T) {
        self.planned.push(Reverse((at, self.next, what)));
        self.next += 1;
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.planned.peek().map(|Reverse((at, ..))| *at)
    }

    /// The earliest thing that is due at `until` or before.
    pub(crate) fn pop(&mut self, until: Timestamp) -> Option<(Timestamp, T)> {
        if self.next_due()? > until {
            return None;
        }
        self.planned.pop().map(|Reverse((at, _, what))| (at, what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_come_by_time_and_then_in_the_order_of_planning() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut agenda = Agenda::default();
        for (second, what) in [(2, "c"), (1, "b"), (1, "a"), (3, "d")] {
            agenda.plan(at(second), what);
        }
        let seen: Vec<_> = std::iter::from_fn(|| agenda.pop(at(2))).map(|(_, what)| what).collect();
        assert_eq!(seen, ["b", "a", "c"]);
        assert_eq!(agenda.next_due(), Some(at(3)));
    }
}
