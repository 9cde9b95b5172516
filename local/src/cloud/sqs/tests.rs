#![allow(
    clippy::needless_pass_by_value,
    reason = "a literal reads better without a reference"
)]

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Queues;
use crate::cloud::{Answer, Config};

/// Queues at a time that a test moves.
struct World {
    queues: Queues,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let config = Config::new(1, Timestamp::UNIX_EPOCH);
        Self {
            queues: Queues::new(&config),
            now: config.start,
        }
    }

    fn pass(&mut self, milliseconds: i64) {
        self.now += SignedDuration::from_millis(milliseconds);
    }

    fn asked_at(&mut self, action: &str, input: &Value, asked_at: Timestamp) -> Option<(u16, Value)> {
        let body = Bytes::from(input.to_string());
        match self.queues.call(action, &body, self.now, asked_at) {
            Answer::Now(response) => {
                let body = serde_json::from_slice(response.body()).expect("JSON");
                Some((response.status().as_u16(), body))
            }
            Answer::Waits { .. } => None,
        }
    }

    fn call(&mut self, action: &str, input: Value) -> Value {
        let (status, body) = self.asked_at(action, &input, self.now).expect("an answer");
        assert_eq!(status, 200, "{action} {input}: {body}");
        body
    }

    fn fails(&mut self, action: &str, input: Value) -> String {
        let (status, body) = self.asked_at(action, &input, self.now).expect("an answer");
        assert_eq!(status, 400, "{action} {input}: {body}");
        body["__type"].as_str().expect("a code").to_owned()
    }

    fn queue(&mut self, name: &str, attributes: Value) -> String {
        let mut all = json!({"FifoQueue": "true"});
        all.as_object_mut()
            .expect("an object")
            .extend(attributes.as_object().expect("an object").clone());
        let reply = self.call("CreateQueue", json!({"QueueName": name, "Attributes": all}));
        reply["QueueUrl"].as_str().expect("a URL").to_owned()
    }

    fn send(&mut self, url: &str, group: &str, body: &str) {
        self.send_as(url, group, body, &format!("{group}-{body}"));
    }

    fn send_as(&mut self, url: &str, group: &str, body: &str, token: &str) {
        let input =
            json!({"QueueUrl": url, "MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": token});
        self.call("SendMessage", input);
    }

    fn receive(&mut self, url: &str) -> Vec<Value> {
        let reply = self.call("ReceiveMessage", json!({"QueueUrl": url, "MaxNumberOfMessages": 10}));
        reply["Messages"].as_array().cloned().unwrap_or_default()
    }

    fn bodies(&mut self, url: &str) -> Vec<String> {
        self.receive(url)
            .iter()
            .map(|message| message["Body"].as_str().expect("a body").to_owned())
            .collect()
    }

    fn delete(&mut self, url: &str, message: &Value) {
        self.call(
            "DeleteMessage",
            json!({"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}),
        );
    }
}

#[test]
fn a_group_in_flight_holds_back_its_own_messages_only() {
    let mut world = World::new();
    let url = world.queue("q.fifo", json!({}));
    world.send(&url, "one", "a");
    let first = world.receive(&url);
    world.send(&url, "one", "b");
    world.send(&url, "two", "c");
    assert_eq!(world.bodies(&url), ["c"]);
    world.delete(&url, &first[0]);
    assert_eq!(world.bodies(&url), ["b"]);
}

#[test]
fn a_message_comes_back_when_its_visibility_timeout_is_over_and_not_before() {
    let mut world = World::new();
    let url = world.queue("q.fifo", json!({"VisibilityTimeout": "30"}));
    world.send(&url, "g", "a");
    assert_eq!(world.bodies(&url), ["a"]);
    world.pass(29_999);
    assert!(world.bodies(&url).is_empty());
    world.pass(1);
    assert_eq!(world.bodies(&url), ["a"]);
}

#[test]
fn an_old_receipt_deletes_nothing() {
    let mut world = World::new();
    let url = world.queue("q.fifo", json!({"VisibilityTimeout": "1"}));
    world.send(&url, "g", "a");
    let first = world.receive(&url);
    world.pass(1_000);
    let second = world.receive(&url);
    world.delete(&url, &first[0]);
    world.pass(1_000);
    assert_eq!(
        world.bodies(&url),
        ["a"],
        "the newest receipt alone deletes: {second:?}"
    );
}

#[test]
fn a_duplicate_is_one_for_five_minutes() {
    let mut world = World::new();
    let url = world.queue("q.fifo", json!({}));
    world.send_as(&url, "g", "a", "token");
    let first = world.receive(&url);
    world.delete(&url, &first[0]);
    world.pass(299_999);
    world.send_as(&url, "g", "b", "token");
    assert!(world.bodies(&url).is_empty());
    world.pass(1);
    world.send_as(&url, "g", "c", "token");
    assert_eq!(world.bodies(&url), ["c"]);
}

#[test]
fn deduplication_can_be_per_group() {
    let mut world = World::new();
    for (scope, expected) in [("messageGroup", 2), ("queue", 1)] {
        let url = world.queue(&format!("{scope}.fifo"), json!({"DeduplicationScope": scope}));
        world.send_as(&url, "one", "a", "token");
        world.send_as(&url, "two", "a", "token");
        assert_eq!(world.bodies(&url).len(), expected, "{scope}");
    }
}

#[test]
fn a_long_poll_waits_for_its_time_and_no_longer() {
    let mut world = World::new();
    let url = world.queue("q.fifo", json!({}));
    let input = json!({"QueueUrl": url, "WaitTimeSeconds": 5});
    let asked_at = world.now;
    world.pass(4_999);
    assert!(world.asked_at("ReceiveMessage", &input, asked_at).is_none());
    world.pass(1);
    assert_eq!(
        world.asked_at("ReceiveMessage", &input, asked_at),
        Some((200, json!({})))
    );
}

#[test]
fn a_poisonous_message_moves_to_the_dead_letters_and_can_be_moved_back() {
    let mut world = World::new();
    let dead = world.queue("dead.fifo", json!({}));
    let dead_arn = "arn:aws:sqs:us-east-1:123456789012:dead.fifo";
    let policy = json!({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2}).to_string();
    let url = world.queue("q.fifo", json!({"RedrivePolicy": policy, "VisibilityTimeout": "1"}));
    world.send(&url, "g", "poison");
    for _ in 0..2 {
        assert_eq!(world.bodies(&url), ["poison"]);
        world.pass(1_000);
    }
    assert!(world.bodies(&url).is_empty());
    assert_eq!(world.bodies(&dead), ["poison"]);
    world.pass(30_000);
    world.call("StartMessageMoveTask", json!({"SourceArn": dead_arn}));
    assert_eq!(world.bodies(&url), ["poison"]);
    assert!(world.bodies(&dead).is_empty());
}

#[test]
fn a_batch_tells_its_failures_apart() {
    let mut world = World::new();
    let url = world.queue("q.fifo", json!({}));
    let entry = |id: &str, group: Value| json!({"Id": id, "MessageBody": id, "MessageGroupId": group, "MessageDeduplicationId": id});
    let entries = [entry("good", json!("g")), entry("bad", Value::Null)];
    let reply = world.call("SendMessageBatch", json!({"QueueUrl": url, "Entries": entries}));
    assert_eq!(
        (reply["Successful"][0]["Id"].as_str(), reply["Failed"][0]["Id"].as_str()),
        (Some("good"), Some("bad"))
    );
    let twice = [entry("same", json!("g")), entry("same", json!("g"))];
    assert_eq!(
        world.fails("SendMessageBatch", json!({"QueueUrl": url, "Entries": twice})),
        "BatchEntryIdsNotDistinct"
    );
    assert_eq!(
        world.fails("SendMessageBatch", json!({"QueueUrl": url, "Entries": []})),
        "EmptyBatchRequest"
    );
}

#[test]
fn mistakes_have_their_codes() {
    let mut world = World::new();
    let url = world.queue("q.fifo", json!({}));
    assert_eq!(
        world.fails("ReceiveMessage", json!({"QueueUrl": "https://x/1/none"})),
        "QueueDoesNotExist"
    );
    assert_eq!(
        world.fails("SendMessage", json!({"QueueUrl": url, "MessageBody": "a"})),
        "MissingParameter"
    );
    let no_token = json!({"QueueUrl": url, "MessageBody": "a", "MessageGroupId": "g"});
    assert_eq!(world.fails("SendMessage", no_token), "InvalidParameterValue");
    assert_eq!(
        world.fails("ReceiveMessage", json!({"QueueUrl": url, "MaxNumberOfMessages": 11})),
        "InvalidParameterValue"
    );
    assert_eq!(
        world.fails("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": "x"})),
        "ReceiptHandleIsInvalid"
    );
    assert_eq!(
        world.fails(
            "CreateQueue",
            json!({"QueueName": "no-fifo", "Attributes": {"FifoQueue": "true"}})
        ),
        "InvalidParameterValue"
    );
}
