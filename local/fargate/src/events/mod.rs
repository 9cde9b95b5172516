//! What `EventBridge` is told, and how it delivers it.
//!
//! Source: Amazon `EventBridge` User Guide, "AWS service events"; the outer `version` is always "0". `EventBridge`
//! delivers at least once and promises no order.

pub(crate) mod stack;

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dice::Dice;
use crate::wire::object;
use crate::world::World;

/// How badly events are delivered. The default is: each once, at once, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// How often an event comes twice, the second time up to `longest_delay` later: 0 never, 1 always.
    pub duplicate: f64,
    /// How often an event is late by up to `longest_delay`, so that others overtake it.
    pub delay: f64,
    /// How often an event never comes.
    pub lose: f64,
    /// The longest time by which an event is late.
    pub longest_delay: Duration,
}

/// Events on their way.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outbox {
    on_the_way: BinaryHeap<Reverse<Parcel>>,
    next: u64,
    pub(crate) delivery: Delivery,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Parcel {
    due: Timestamp,
    number: u64,
    event: Value,
}

impl Parcel {
    fn order(&self) -> (Timestamp, u64) {
        (self.due, self.number)
    }
}

impl PartialEq for Parcel {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Parcel {}

impl PartialOrd for Parcel {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Parcel {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl Outbox {
    fn send(&mut self, event: Value, now: Timestamp, dice: &mut Dice) {
        let Delivery {
            duplicate,
            delay,
            lose,
            longest_delay,
        } = self.delivery;
        let longest = u64::try_from(longest_delay.as_millis()).unwrap_or(u64::MAX);
        if dice.chance(lose) {
            return;
        }
        let due = if dice.chance(delay) {
            now + dice.span(0, longest)
        } else {
            now
        };
        if dice.chance(duplicate) {
            self.push(due + dice.span(0, longest), event.clone());
        }
        self.push(due, event);
    }

    fn push(&mut self, due: Timestamp, event: Value) {
        self.on_the_way.push(Reverse(Parcel {
            due,
            number: self.next,
            event,
        }));
        self.next += 1;
    }

    /// When the next event arrives.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.on_the_way.peek().map(|Reverse(parcel)| parcel.due)
    }

    /// The events that have arrived by now.
    pub(crate) fn take(&mut self, now: Timestamp) -> Vec<Value> {
        let mut arrived = Vec::new();
        while self.next_due().is_some_and(|due| due <= now) {
            arrived.extend(self.on_the_way.pop().map(|Reverse(parcel)| parcel.event));
        }
        arrived
    }
}

impl World {
    /// Tells `EventBridge` about something in ECS.
    pub(crate) fn emit_ecs(&mut self, kind: &str, resource: &str, detail: Value) {
        self.emit("aws.ecs", kind, resource, detail);
    }

    pub(crate) fn emit(&mut self, source: &str, kind: &str, resource: &str, detail: Value) {
        let event = object([
            ("version", "0".into()),
            ("id", self.dice.uuid().into()),
            ("detail-type", kind.into()),
            ("source", source.into()),
            ("account", self.config.account.as_str().into()),
            ("time", format!("{:.0}", self.now).into()),
            ("region", self.config.region.as_str().into()),
            ("resources", Value::Array(vec![resource.into()])),
            ("detail", detail),
        ]);
        self.outbox.send(event, self.now, &mut self.dice);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sent(delivery: Delivery) -> Vec<i64> {
        let mut outbox = Outbox {
            delivery,
            ..Outbox::default()
        };
        let mut dice = Dice::new(7);
        let now = Timestamp::UNIX_EPOCH;
        for number in 0..100 {
            outbox.send(json!(number), now, &mut dice);
        }
        let later = now + Duration::from_mins(1);
        outbox.take(later).iter().filter_map(Value::as_i64).collect()
    }

    #[test]
    fn by_default_each_event_comes_once_at_once_and_in_order() {
        assert_eq!(sent(Delivery::default()), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn events_are_lost_duplicated_and_reordered_as_asked() {
        assert_eq!(
            sent(Delivery {
                lose: 1.0,
                ..Delivery::default()
            }),
            Vec::<i64>::new()
        );
        assert_eq!(
            sent(Delivery {
                duplicate: 1.0,
                ..Delivery::default()
            })
            .len(),
            200
        );
        let longest_delay = Duration::from_mins(1);
        let mut late = sent(Delivery {
            delay: 0.5,
            longest_delay,
            ..Delivery::default()
        });
        assert!(!late.is_sorted());
        late.sort_unstable();
        assert_eq!(late, (0..100).collect::<Vec<_>>());
    }
}
