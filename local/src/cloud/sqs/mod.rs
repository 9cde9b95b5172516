//! SQS: standard and FIFO queues.
//!
//! What is left out: access policies, encryption and message timers of FIFO messages. Attributes that only those need are
//! kept and returned.

mod actions;
mod input;
mod queue;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use queue::{Message, ReceiptHandle};
pub(super) use wire::error_reply;

use super::Answer;
use super::ids::Ids;
use super::reply::Failure;
use queue::{Draft, Queue};

/// All queues of the account.
#[derive(Debug, Serialize, Deserialize)]
pub struct Queues {
    region: String,
    account: String,
    ids: Ids,
    last_sequence: u64,
    by_name: BTreeMap<String, Queue>,
}

/// What is received when nobody says how much: "Valid values: 1 to 10. Default: 1."
const DEFAULT_BATCH: usize = 1;

impl Queues {
    pub(super) fn new(config: &berth_fargate::Config) -> Self {
        Self {
            region: config.region.clone(),
            account: config.account.clone(),
            ids: Ids::new(config.seed ^ 0x5145_5545),
            last_sequence: 0,
            by_name: BTreeMap::new(),
        }
    }

    pub(super) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        self.by_name.values().filter_map(|queue| queue.next_due(now)).min()
    }

    /// Answers one call; a `ReceiveMessage` that finds nothing waits until its `WaitTimeSeconds` after `asked_at`.
    pub(super) fn call(&mut self, action: &str, body: &Bytes, now: Timestamp, asked_at: Timestamp) -> Answer {
        let input: Value = match serde_json::from_slice(body) {
            Ok(input) => input,
            Err(_) => {
                return Answer::Now(wire::answer(Err(Failure::new(
                    "SerializationException",
                    "The body is not JSON.",
                ))));
            }
        };
        if action == "ReceiveMessage" {
            return match self.receive_message(&input, now, asked_at) {
                Ok(Ok(value)) => Answer::Now(wire::answer(Ok(value))),
                Ok(Err(until)) => Answer::Waits { until },
                Err(failure) => Answer::Now(wire::answer(Err(failure))),
            };
        }
        Answer::Now(wire::answer(self.act(action, &input, now)))
    }

    /// Receives up to `most` messages of the queue with this ARN, as Lambda's poller does.
    pub fn take(&mut self, arn: &str, most: usize, now: Timestamp) -> Vec<Message> {
        let Some(name) = self.name_of(arn) else {
            return Vec::new();
        };
        let visibility = self
            .by_name
            .get(&name)
            .map(|queue| queue.seconds("VisibilityTimeout", 30));
        visibility
            .map(|visibility| self.receive(&name, most, visibility, now))
            .unwrap_or_default()
    }

    /// Whether something in the queue with this ARN may be delivered now.
    pub fn has_work(&self, arn: &str, now: Timestamp) -> bool {
        self.name_of(arn)
            .and_then(|name| self.by_name.get(&name))
            .is_some_and(|queue| queue.has_work(now))
    }

    /// Deletes a message of the queue with this ARN.
    pub fn delete(&mut self, arn: &str, receipt: &ReceiptHandle) {
        if let Some(queue) = self.name_of(arn).and_then(|name| self.by_name.get_mut(&name)) {
            queue.delete(receipt);
        }
    }

    /// Puts a message into the queue with this ARN, as a dead-letter or failure destination does. False if there is no
    /// such queue.
    pub fn put(&mut self, arn: &str, body: &Value, now: Timestamp) -> bool {
        let (id, sequence) = (self.ids.uuid(), self.next_sequence());
        let Some(queue) = self.name_of(arn).and_then(|name| self.by_name.get_mut(&name)) else {
            return false;
        };
        let fifo = queue.is_fifo().then(|| id.clone());
        let draft = Draft {
            id,
            body: body.to_string(),
            group: fifo.clone(),
            deduplication: fifo,
            attributes: Value::Null,
            delay: Duration::ZERO,
        };
        queue.send(draft, sequence, now);
        true
    }

    /// The receipt that a Lambda function was given, back as a value.
    pub fn receipt_text(receipt: &ReceiptHandle) -> &str {
        &receipt.0
    }

    /// A message's attributes as an SQS event of Lambda carries them.
    pub fn system_attributes(message: &Message) -> Value {
        wire::system_attributes(message)
    }

    fn receive(&mut self, name: &str, most: usize, visibility: Duration, now: Timestamp) -> Vec<Message> {
        let (ids, queues) = (&mut self.ids, &mut self.by_name);
        let Some(queue) = queues.get_mut(name).filter(|queue| !queue.is_empty()) else {
            return Vec::new();
        };
        let redrive = redrive_of(queue);
        let limit = redrive.as_ref().map(|(_, limit)| *limit);
        let received = queue.receive(most, visibility, limit, now, || ids.uuid());
        if let Some((target, _)) = redrive {
            for message in received.dead {
                let sequence = self.next_sequence();
                if let Some(dead) = self.name_of(&target).and_then(|name| self.by_name.get_mut(&name)) {
                    dead.take_in(message, sequence, now);
                }
            }
        }
        received.messages
    }

    fn next_sequence(&mut self) -> u64 {
        self.last_sequence += 1;
        self.last_sequence
    }

    fn name_of(&self, arn: &str) -> Option<String> {
        self.by_name
            .iter()
            .find(|(_, queue)| queue.arn == arn)
            .map(|(name, _)| name.clone())
    }

    fn url(&self, name: &str) -> String {
        format!("https://sqs.{}.amazonaws.com/{}/{name}", self.region, self.account)
    }
}

/// The dead-letter queue's ARN and how often a message may be received before it goes there.
fn redrive_of(queue: &Queue) -> Option<(String, u32)> {
    let policy: Value = serde_json::from_str(queue.attributes.get("RedrivePolicy")?).ok()?;
    let limit = match policy.get("maxReceiveCount")? {
        Value::String(text) => text.parse().ok()?,
        number => u32::try_from(number.as_u64()?).ok()?,
    };
    Some((policy.get("deadLetterTargetArn")?.as_str()?.to_owned(), limit))
}
