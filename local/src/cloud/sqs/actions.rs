//! SQS's actions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::input::{attributes_of, number, receipt, string_map, text};
use super::queue::{Draft, Queue};
use super::wire::{invalid, md5_hex, message, missing, no_such_queue, sequence};
use super::{DEFAULT_BATCH, Queues, redrive_of};
use crate::cloud::reply::Failure;

/// The largest message: 1 MiB (API Reference, `SendMessage`, `MessageBody`).
const MOST_BYTES: usize = 1_048_576;

type Outcome = Result<Value, Failure>;

impl Queues {
    pub(super) fn act(&mut self, action: &str, input: &Value, now: Timestamp) -> Outcome {
        match action {
            "CreateQueue" => self.create(input, now),
            "DeleteQueue" => {
                let name = self.named(input)?;
                self.by_name.remove(&name);
                Ok(json!({}))
            }
            "GetQueueUrl" => {
                let name = text(input, "QueueName")?;
                let known = self.by_name.contains_key(name);
                known
                    .then(|| json!({"QueueUrl": self.url(name)}))
                    .ok_or_else(no_such_queue)
            }
            "ListQueues" => Ok(self.list(input)),
            "GetQueueAttributes" => self.attributes(input, now),
            "SetQueueAttributes" => {
                let new = attributes_of(input)?;
                self.queue(input)?.attributes.extend(new);
                Ok(json!({}))
            }
            "SendMessage" => self.send(&self.named(input)?, input, now),
            "SendMessageBatch" => self.batch(input, |queues, name, entry| queues.send(name, entry, now)),
            "DeleteMessage" => {
                let receipt = receipt(input)?;
                self.queue(input)?.delete(&receipt);
                Ok(json!({}))
            }
            "DeleteMessageBatch" => self.batch(input, |queues, name, entry| {
                queues
                    .by_name
                    .get_mut(name)
                    .ok_or_else(no_such_queue)?
                    .delete(&receipt(entry)?);
                Ok(json!({}))
            }),
            "ChangeMessageVisibility" => self.change_visibility(&self.named(input)?, input, now),
            "ChangeMessageVisibilityBatch" => {
                self.batch(input, |queues, name, entry| queues.change_visibility(name, entry, now))
            }
            "PurgeQueue" => {
                self.queue(input)?.purge();
                Ok(json!({}))
            }
            "StartMessageMoveTask" => self.move_back(input, now),
            "ListDeadLetterSourceQueues" => self.sources(input),
            "TagQueue" => {
                let tags = string_map(input.get("Tags"));
                self.queue(input)?.tags.extend(tags);
                Ok(json!({}))
            }
            "ListQueueTags" => Ok(json!({"Tags": self.queue(input)?.tags})),
            other => Err(Failure::new(
                "InvalidAction",
                format!("The action {other} is not valid for this endpoint."),
            )),
        }
    }

    /// The messages, or the time at which the long poll ends.
    pub(super) fn receive_message(
        &mut self,
        input: &Value,
        now: Timestamp,
        asked_at: Timestamp,
    ) -> Result<Result<Value, Timestamp>, Failure> {
        let name = self.named(input)?;
        let queue = self.by_name.get(&name).ok_or_else(no_such_queue)?;
        let most = number(input, "MaxNumberOfMessages", 1..=10)?
            .map_or(DEFAULT_BATCH, |most| usize::try_from(most).unwrap_or(1));
        let wait = number(input, "WaitTimeSeconds", 0..=20)?;
        let wait = wait.map_or_else(
            || queue.seconds("ReceiveMessageWaitTimeSeconds", 0),
            Duration::from_secs,
        );
        let visibility = number(input, "VisibilityTimeout", 0..=43_200)?;
        let visibility = visibility.map_or_else(|| queue.seconds("VisibilityTimeout", 30), Duration::from_secs);
        let messages = self.receive(&name, most, visibility, now);
        let until = asked_at + wait;
        if messages.is_empty() && now < until {
            return Ok(Err(until));
        }
        let shown: Vec<Value> = messages.iter().map(message).collect();
        Ok(Ok(if shown.is_empty() {
            json!({})
        } else {
            json!({"Messages": shown})
        }))
    }

    fn create(&mut self, input: &Value, now: Timestamp) -> Outcome {
        let name = text(input, "QueueName")?.to_owned();
        let attributes = attributes_of(input)?;
        let fifo = attributes.get("FifoQueue").is_some_and(|value| value == "true");
        let fifo_stem = name.strip_suffix(".fifo");
        let stem = fifo_stem.unwrap_or(&name);
        let valid = !stem.is_empty()
            && name.len() <= 80
            && stem.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
            && fifo == fifo_stem.is_some();
        if !valid {
            return Err(invalid(
                "QueueName",
                "1 to 80 alphanumeric characters, hyphens and underscores; only a FIFO queue ends in .fifo",
            ));
        }
        if let Some(existing) = self.by_name.get(&name) {
            if attributes
                .iter()
                .any(|(key, value)| existing.attributes.get(key) != Some(value))
            {
                return Err(Failure::new(
                    "QueueNameExists",
                    "A queue already exists with the same name and a different value for an attribute",
                ));
            }
            return Ok(json!({"QueueUrl": self.url(&name)}));
        }
        let arn = format!("arn:aws:sqs:{}:{}:{name}", self.region, self.account);
        let mut queue = Queue::new(arn, attributes, now);
        queue.tags = string_map(input.get("tags"));
        self.by_name.insert(name.clone(), queue);
        Ok(json!({"QueueUrl": self.url(&name)}))
    }

    fn list(&self, input: &Value) -> Value {
        let prefix = input.get("QueueNamePrefix").and_then(Value::as_str).unwrap_or_default();
        let urls: Vec<String> = self
            .by_name
            .keys()
            .filter(|name| name.starts_with(prefix))
            .map(|name| self.url(name))
            .collect();
        json!({"QueueUrls": urls})
    }

    fn attributes(&mut self, input: &Value, now: Timestamp) -> Outcome {
        let wanted: Vec<String> = input
            .get("AttributeNames")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect())
            .unwrap_or_default();
        let queue = self.queue(input)?;
        let [visible, in_flight, delayed] = queue.counts(now);
        let mut all: BTreeMap<String, String> = [
            ("QueueArn", queue.arn.clone()),
            ("CreatedTimestamp", queue.created_at.as_second().to_string()),
            ("LastModifiedTimestamp", queue.created_at.as_second().to_string()),
            ("ApproximateNumberOfMessages", visible.to_string()),
            ("ApproximateNumberOfMessagesNotVisible", in_flight.to_string()),
            ("ApproximateNumberOfMessagesDelayed", delayed.to_string()),
            ("VisibilityTimeout", "30".to_owned()),
            ("DelaySeconds", "0".to_owned()),
            ("MessageRetentionPeriod", "345600".to_owned()),
            ("MaximumMessageSize", MOST_BYTES.to_string()),
            ("ReceiveMessageWaitTimeSeconds", "0".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        all.extend(queue.attributes.clone());
        all.retain(|name, _| wanted.iter().any(|wanted| wanted == "All" || wanted == name));
        Ok(if all.is_empty() {
            json!({})
        } else {
            json!({"Attributes": all})
        })
    }

    fn send(&mut self, name: &str, input: &Value, now: Timestamp) -> Outcome {
        let body = text(input, "MessageBody")?.to_owned();
        if body.len() > MOST_BYTES || body.is_empty() {
            return Err(invalid("MessageBody", "it must be 1 to 1048576 bytes long"));
        }
        let delay = number(input, "DelaySeconds", 0..=900)?.map(Duration::from_secs);
        let group = input
            .get("MessageGroupId")
            .and_then(Value::as_str)
            .map(ToOwned::to_owned);
        let given = input
            .get("MessageDeduplicationId")
            .and_then(Value::as_str)
            .map(ToOwned::to_owned);
        let (id, place) = (self.ids.uuid(), self.next_sequence());
        let queue = self.by_name.get_mut(name).ok_or_else(no_such_queue)?;
        let fifo = queue.is_fifo();
        if fifo && group.is_none() {
            return Err(missing("MessageGroupId"));
        }
        if fifo && delay.is_some_and(|delay| !delay.is_zero()) {
            return Err(invalid(
                "DelaySeconds",
                "the request includes a parameter that is not valid for this queue type",
            ));
        }
        let by_content = queue
            .flag("ContentBasedDeduplication")
            .then(|| format!("{:x}", HexDigest(&body)));
        let deduplication = given.or(by_content).filter(|_| fifo);
        if fifo && deduplication.is_none() {
            return Err(invalid(
                "MessageDeduplicationId",
                "the queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
            ));
        }
        let draft = Draft {
            id,
            group,
            deduplication,
            attributes: input.get("MessageAttributes").cloned().unwrap_or_default(),
            delay: delay.unwrap_or_else(|| queue.seconds("DelaySeconds", 0)),
            body,
        };
        let md5 = md5_hex(&draft.body);
        let (id, place) = queue.send(draft, place, now);
        let mut reply = json!({"MessageId": id, "MD5OfMessageBody": md5});
        if let (Some(reply), true) = (reply.as_object_mut(), fifo) {
            reply.insert("SequenceNumber".to_owned(), Value::String(sequence(place)));
        }
        Ok(reply)
    }

    fn change_visibility(&mut self, name: &str, input: &Value, now: Timestamp) -> Outcome {
        let timeout = number(input, "VisibilityTimeout", 0..=43_200)?.ok_or_else(|| missing("VisibilityTimeout"))?;
        let receipt = receipt(input)?;
        let queue = self.by_name.get_mut(name).ok_or_else(no_such_queue)?;
        if queue.change_visibility(&receipt, Duration::from_secs(timeout), now) {
            return Ok(json!({}));
        }
        Err(Failure::new(
            "MessageNotInflight",
            "The specified message isn't in flight.",
        ))
    }

    /// Does `one` for each entry; those that fail are told apart from those that succeed.
    fn batch(&mut self, input: &Value, mut one: impl FnMut(&mut Self, &str, &Value) -> Outcome) -> Outcome {
        let name = self.named(input)?;
        let entries = input
            .get("Entries")
            .and_then(Value::as_array)
            .ok_or_else(|| missing("Entries"))?;
        let ids: BTreeSet<&str> = entries.iter().filter_map(|entry| entry.get("Id")?.as_str()).collect();
        match entries.len() {
            0 => {
                return Err(Failure::new(
                    "EmptyBatchRequest",
                    "There should be at least one entry in the request.",
                ));
            }
            1..=10 if ids.len() == entries.len() => {}
            1..=10 => {
                return Err(Failure::new(
                    "BatchEntryIdsNotDistinct",
                    "Two or more batch entries have the same Id.",
                ));
            }
            _ => {
                return Err(Failure::new(
                    "TooManyEntriesInBatchRequest",
                    "A batch has at most 10 entries.",
                ));
            }
        }
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in entries {
            let id = text(entry, "Id")?;
            match one(self, &name, entry) {
                Ok(Value::Object(mut reply)) => {
                    reply.insert("Id".to_owned(), json!(id));
                    successful.push(reply);
                }
                Ok(_) => {}
                Err(failure) => {
                    failed
                        .push(json!({"Id": id, "Code": failure.code, "Message": failure.message, "SenderFault": true}));
                }
            }
        }
        Ok(json!({"Successful": successful, "Failed": failed}))
    }

    /// Moves what is in a dead-letter queue to where it came from, or to a queue that is named. The move is over when the
    /// call returns.
    fn move_back(&mut self, input: &Value, now: Timestamp) -> Outcome {
        let source = text(input, "SourceArn")?;
        let from = self
            .name_of(source)
            .ok_or_else(|| Failure::new("ResourceNotFoundException", "There is no queue with this SourceArn."))?;
        let named = input
            .get("DestinationArn")
            .and_then(Value::as_str)
            .map(ToOwned::to_owned);
        let origin = || {
            self.by_name
                .values()
                .find(|queue| redrive_of(queue).is_some_and(|(arn, _)| arn == source))
        };
        let destination = named.or_else(|| origin().map(|queue| queue.arn.clone()));
        let to = destination.and_then(|arn| self.name_of(&arn));
        let to = to.ok_or_else(|| {
            Failure::new(
                "ResourceNotFoundException",
                "No queue has this one as its dead-letter queue.",
            )
        })?;
        for message in self.by_name.get_mut(&from).map(Queue::drain).unwrap_or_default() {
            let place = self.next_sequence();
            if let Some(queue) = self.by_name.get_mut(&to) {
                queue.take_in(message, place, now);
            }
        }
        Ok(json!({"TaskHandle": self.ids.uuid()}))
    }

    fn sources(&mut self, input: &Value) -> Outcome {
        let arn = self.queue(input)?.arn.clone();
        let leads_here = |queue: &Queue| redrive_of(queue).is_some_and(|(target, _)| target == arn);
        let urls: Vec<String> = self
            .by_name
            .iter()
            .filter(|(_, queue)| leads_here(queue))
            .map(|(name, _)| self.url(name))
            .collect();
        Ok(json!({"queueUrls": urls}))
    }

    fn named(&self, input: &Value) -> Result<String, Failure> {
        let name = text(input, "QueueUrl")?.rsplit('/').next().unwrap_or_default();
        self.by_name
            .contains_key(name)
            .then(|| name.to_owned())
            .ok_or_else(no_such_queue)
    }

    fn queue(&mut self, input: &Value) -> Result<&mut Queue, Failure> {
        let name = self.named(input)?;
        self.by_name.get_mut(&name).ok_or_else(no_such_queue)
    }
}

/// SHA-256 of a body, which is what content-based deduplication compares.
struct HexDigest<'a>(&'a str);

impl std::fmt::LowerHex for HexDigest<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Sha256::digest(self.0)
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}
