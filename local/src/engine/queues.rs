//! Event source mappings: Lambda's pollers of SQS queues.
//!
//! Source: Lambda Developer Guide, "Using Lambda with Amazon SQS": a message is deleted when its batch has succeeded;
//! with `ReportBatchItemFailures` all but the reported ones are; the others come back after their visibility timeout.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Engine;
use super::functions::Ended;
use crate::cloud::{Message, Queues};
use crate::connector::Shared;
use crate::template::Stack;

/// How long a message that has just been sent waits for its poller. A function that sends itself a message each time it
/// runs must not hold the clock still.
const LATENCY: Duration = Duration::from_millis(20);

/// One event source mapping.
pub(super) struct Poller {
    function: usize,
    queue: String,
    batch: usize,
    at_once: usize,
    in_flight: usize,
    next: Timestamp,
}

pub(super) fn pollers(stack: &Stack, now: Timestamp) -> Vec<Poller> {
    let functions = stack.functions.iter().enumerate();
    let mappings = functions.flat_map(|(function, spec)| spec.mappings.iter().map(move |mapping| (function, mapping)));
    mappings
        .map(|(function, mapping)| Poller {
            function,
            queue: mapping.queue.clone(),
            batch: mapping.batch,
            at_once: mapping.at_once,
            in_flight: 0,
            next: now,
        })
        .collect()
}

impl Poller {
    /// When it will poll next, if there is something to be had and it has a hand free.
    pub(super) fn next_due(&self, shared: &Shared, now: Timestamp) -> Option<Timestamp> {
        let ready = self.in_flight < self.at_once && shared.cloud().queues().has_work(&self.queue, now);
        ready.then_some(self.next)
    }
}

impl Engine {
    /// Takes what may be taken from the queues; true if there was something.
    pub(super) fn poll_queues(&mut self) -> bool {
        let now = self.now();
        let mut batches = Vec::new();
        for (place, poller) in self.pollers.iter_mut().enumerate() {
            while poller.next <= now && poller.in_flight < poller.at_once {
                let messages = self.shared.cloud().queues().take(&poller.queue, poller.batch, now);
                if messages.is_empty() {
                    break;
                }
                poller.in_flight += 1;
                let payload = event(&poller.queue, &messages);
                batches.push((poller.function, place, messages, payload));
            }
            if batches.iter().any(|(_, other, ..)| *other == place) {
                poller.next = now + LATENCY;
            }
        }
        let any = !batches.is_empty();
        for (function, place, messages, payload) in batches {
            self.start_batch(function, place, messages, payload);
        }
        any
    }

    /// Deletes what was dealt with; the rest comes back when its visibility timeout is over.
    pub(super) fn batch_ended(&mut self, place: usize, messages: &[Message], ended: Ended) {
        let Some(poller) = self.pollers.get_mut(place) else {
            return;
        };
        poller.in_flight = poller.in_flight.saturating_sub(1);
        let failed = match ended {
            Ok(answer) => failed_of(&answer),
            Err(why) => {
                tracing::warn!(queue = poller.queue, why, "a batch failed");
                return;
            }
        };
        let mut cloud = self.shared.cloud();
        for message in messages.iter().filter(|message| !failed.contains(&message.id)) {
            if let Some(receipt) = &message.receipt {
                cloud.queues().delete(&poller.queue, receipt);
            }
        }
    }
}

fn failed_of(answer: &Value) -> BTreeSet<String> {
    let failures = answer.get("batchItemFailures").and_then(Value::as_array);
    let ids = failures
        .into_iter()
        .flatten()
        .filter_map(|failure| failure.get("itemIdentifier")?.as_str());
    ids.map(ToOwned::to_owned).collect()
}

/// The event that Lambda makes of messages.
fn event(queue: &str, messages: &[Message]) -> Value {
    let records: Vec<Value> = messages
        .iter()
        .map(|message| {
            json!({
                "messageId": message.id,
                "receiptHandle": message.receipt.as_ref().map(Queues::receipt_text),
                "body": message.body,
                "attributes": Queues::system_attributes(message),
                "messageAttributes": {},
                "md5OfBody": format!("{:x}", md5::compute(&message.body)),
                "eventSource": "aws:sqs",
                "eventSourceARN": queue,
                "awsRegion": "us-east-1",
            })
        })
        .collect();
    json!({"Records": records})
}
