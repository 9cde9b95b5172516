//! One queue: what is in it, what of it is in flight, and in what order it comes out.
//!
//! Source: Amazon SQS Developer Guide, "FIFO delivery logic", "Visibility timeout", "Exactly-once processing",
//! "Dead-letter queues".

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// For how long a deduplication id is remembered ("Exactly-once processing").
const DEDUPLICATION: Duration = Duration::from_mins(5);

/// Names one receipt of one message; a message that is received again gets another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReceiptHandle(pub(super) String);

/// A message as it was sent, and what has become of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    /// The message's id.
    pub id: String,
    /// What it says.
    pub body: String,
    /// The group, in a FIFO queue.
    pub group: Option<String>,
    /// The deduplication id, in a FIFO queue.
    pub deduplication: Option<String>,
    /// The sender's own attributes, as sent.
    pub attributes: Value,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Its place in the queue.
    pub sequence: u64,
    /// How often it has been received.
    pub receives: u32,
    /// When it was first received.
    pub first_received_at: Option<Timestamp>,
    /// When it can be received next.
    pub visible_at: Timestamp,
    /// The latest receipt.
    pub receipt: Option<ReceiptHandle>,
}

impl Message {
    fn in_flight(&self, now: Timestamp) -> bool {
        self.receipt.is_some() && self.visible_at > now
    }
}

/// What is to be sent.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) body: String,
    pub(super) group: Option<String>,
    pub(super) deduplication: Option<String>,
    pub(super) attributes: Value,
    pub(super) delay: Duration,
}

/// What a receive has found.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// To be delivered.
    pub(super) messages: Vec<Message>,
    /// Received too often: these belong into the dead-letter queue.
    pub(super) dead: Vec<Message>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sent {
    at: Timestamp,
    id: String,
    sequence: u64,
}

/// One queue.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Queue {
    pub(super) arn: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) created_at: Timestamp,
    messages: BTreeMap<u64, Message>,
    remembered: BTreeMap<String, Sent>,
}

impl Queue {
    pub(super) fn new(arn: String, attributes: BTreeMap<String, String>, now: Timestamp) -> Self {
        let tags = BTreeMap::new();
        Self {
            arn,
            attributes,
            tags,
            created_at: now,
            messages: BTreeMap::new(),
            remembered: BTreeMap::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn is_fifo(&self) -> bool {
        self.flag("FifoQueue")
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.attributes.get(name).is_some_and(|value| value == "true")
    }

    pub(super) fn seconds(&self, name: &str, default: u64) -> Duration {
        Duration::from_secs(
            self.attributes
                .get(name)
                .and_then(|value| value.parse().ok())
                .unwrap_or(default),
        )
    }

    /// Puts a message into the queue, unless it is a duplicate. Returns the id and sequence number that the sender is told.
    pub(super) fn send(&mut self, draft: Draft, sequence: u64, now: Timestamp) -> (String, u64) {
        self.remembered.retain(|_, sent| sent.at + DEDUPLICATION > now);
        let per_group = self
            .attributes
            .get("DeduplicationScope")
            .is_some_and(|scope| scope == "messageGroup");
        let scope = draft.group.as_deref().filter(|_| per_group).unwrap_or_default();
        let key = draft.deduplication.as_ref().map(|token| format!("{scope}\n{token}"));
        if let Some(sent) = key.as_ref().and_then(|key| self.remembered.get(key)) {
            return (sent.id.clone(), sent.sequence);
        }
        if let Some(key) = key {
            self.remembered.insert(
                key,
                Sent {
                    at: now,
                    id: draft.id.clone(),
                    sequence,
                },
            );
        }
        let id = draft.id.clone();
        let message = Message {
            id: draft.id,
            body: draft.body,
            group: draft.group,
            deduplication: draft.deduplication,
            attributes: draft.attributes,
            sent_at: now,
            sequence,
            receives: 0,
            first_received_at: None,
            visible_at: now + draft.delay,
            receipt: None,
        };
        self.messages.insert(sequence, message);
        (id, sequence)
    }

    /// Takes in a message that another queue has given up. It keeps its id and its age.
    pub(super) fn take_in(&mut self, message: Message, sequence: u64, now: Timestamp) {
        let moved = Message {
            sequence,
            visible_at: now,
            receipt: None,
            receives: 0,
            first_received_at: None,
            ..message
        };
        self.messages.insert(sequence, moved);
    }

    /// Up to `most` messages that may be delivered now; they are in flight from here on.
    ///
    /// In a FIFO queue a group with a message in flight delivers nothing, and a group's messages come in order.
    pub(super) fn receive(
        &mut self,
        most: usize,
        visibility: Duration,
        most_receives: Option<u32>,
        now: Timestamp,
        mut receipt: impl FnMut() -> String,
    ) -> Received {
        self.forget_old(now);
        let mut blocked: BTreeSet<String> = self
            .messages
            .values()
            .filter(|message| message.in_flight(now))
            .filter_map(|message| message.group.clone())
            .collect();
        let mut received = Received::default();
        let mut dead = Vec::new();
        for message in self.messages.values_mut() {
            if received.messages.len() >= most {
                break;
            }
            if message.group.as_ref().is_some_and(|group| blocked.contains(group)) {
                continue;
            }
            if message.visible_at > now {
                blocked.extend(message.group.clone());
                continue;
            }
            if most_receives.is_some_and(|limit| message.receives >= limit) {
                dead.push(message.sequence);
                continue;
            }
            message.receives += 1;
            message.first_received_at.get_or_insert(now);
            message.visible_at = now + visibility;
            message.receipt = Some(ReceiptHandle(receipt()));
            received.messages.push(message.clone());
        }
        received.dead = dead
            .iter()
            .filter_map(|sequence| self.messages.remove(sequence))
            .collect();
        received
    }

    /// Deletes the message with this receipt. A receipt that is out of date deletes nothing, and is no error.
    pub(super) fn delete(&mut self, receipt: &ReceiptHandle) {
        self.messages
            .retain(|_, message| message.receipt.as_ref() != Some(receipt));
    }

    /// Makes the message with this receipt visible after `visibility`; false if it is not in flight.
    pub(super) fn change_visibility(&mut self, receipt: &ReceiptHandle, visibility: Duration, now: Timestamp) -> bool {
        let found = self
            .messages
            .values_mut()
            .find(|m| m.receipt.as_ref() == Some(receipt) && m.in_flight(now));
        if let Some(message) = found {
            message.visible_at = now + visibility;
            return true;
        }
        false
    }

    pub(super) fn purge(&mut self) {
        self.messages.clear();
    }

    /// Takes all messages out, in order.
    pub(super) fn drain(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.messages).into_values().collect()
    }

    /// When the next message that is hidden now can be received.
    pub(super) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        self.messages
            .values()
            .map(|message| message.visible_at)
            .filter(|at| *at > now)
            .min()
    }

    /// Whether a receive would deliver something. It may say yes where all that is there belongs into the dead-letter queue.
    pub(super) fn has_work(&self, now: Timestamp) -> bool {
        let blocked: BTreeSet<&String> = self
            .messages
            .values()
            .filter(|m| m.in_flight(now))
            .filter_map(|m| m.group.as_ref())
            .collect();
        let free = |message: &Message| message.group.as_ref().is_none_or(|group| !blocked.contains(group));
        self.messages
            .values()
            .any(|message| message.visible_at <= now && free(message))
    }

    /// Messages that are visible, in flight, and delayed.
    pub(super) fn counts(&self, now: Timestamp) -> [usize; 3] {
        let count =
            |wanted: &dyn Fn(&Message) -> bool| self.messages.values().filter(|message| wanted(message)).count();
        [
            count(&|message| message.visible_at <= now),
            count(&|message| message.in_flight(now)),
            count(&|message| message.visible_at > now && message.receipt.is_none()),
        ]
    }

    fn forget_old(&mut self, now: Timestamp) {
        let retention = self.seconds("MessageRetentionPeriod", 345_600);
        self.messages.retain(|_, message| message.sent_at + retention > now);
    }
}
