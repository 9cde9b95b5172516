//! SQS's errors, and messages as it writes them.

use bytes::Bytes;
use http::{HeaderValue, Response};
use serde_json::{Map, Value, json};

use super::queue::Message;
use crate::cloud::reply::{Failure, json_reply};

const MEDIA_TYPE: &str = "application/x-amz-json-1.0";

/// The answer of an action. Errors also carry the code of the older query protocol, which SDKs still show.
pub(super) fn answer(result: Result<Value, Failure>) -> Response<Bytes> {
    match result {
        Err(failure) => error_reply(&failure),
        value => json_reply(value, MEDIA_TYPE),
    }
}

/// An error of SQS.
pub(in crate::cloud) fn error_reply(failure: &Failure) -> Response<Bytes> {
    let mut response = json_reply(Err(failure.clone()), MEDIA_TYPE);
    let code = match failure.code.as_str() {
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue",
        "QueueNameExists" => "QueueAlreadyExists",
        "EmptyBatchRequest" => "AWS.SimpleQueueService.EmptyBatchRequest",
        "TooManyEntriesInBatchRequest" => "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        "BatchEntryIdsNotDistinct" => "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        "MessageNotInflight" => "AWS.SimpleQueueService.MessageNotInflight",
        other => other,
    };
    if let Ok(value) = HeaderValue::from_str(&format!("{code};Sender")) {
        response.headers_mut().insert("x-amzn-query-error", value);
    }
    response
}

pub(super) fn no_such_queue() -> Failure {
    Failure::new("QueueDoesNotExist", "The specified queue does not exist.")
}

pub(super) fn missing(name: &str) -> Failure {
    Failure::new(
        "MissingParameter",
        format!("The request must contain the parameter {name}."),
    )
}

pub(super) fn invalid(name: &str, why: &str) -> Failure {
    Failure::new(
        "InvalidParameterValue",
        format!("Value for parameter {name} is invalid. Reason: {why}."),
    )
}

/// MD5 as hexadecimal text, which is how SQS lets clients check what arrived.
pub(super) fn md5_hex(text: &str) -> String {
    format!("{:x}", md5::compute(text))
}

/// A message as `ReceiveMessage` returns it.
pub(super) fn message(message: &Message) -> Value {
    let mut shown = json!({
        "MessageId": message.id,
        "Body": message.body,
        "MD5OfBody": md5_hex(&message.body),
        "ReceiptHandle": message.receipt.as_ref().map_or("", |receipt| receipt.0.as_str()),
        "Attributes": system_attributes(message),
    });
    if let (Some(shown), false) = (shown.as_object_mut(), message.attributes.is_null()) {
        shown.insert("MessageAttributes".to_owned(), message.attributes.clone());
    }
    shown
}

/// The attributes that SQS itself gives a message (API Reference, `ReceiveMessage`, `MessageSystemAttributeNames`).
pub(super) fn system_attributes(message: &Message) -> Value {
    let mut attributes = Map::new();
    let mut put = |name: &str, value: String| attributes.insert(name.to_owned(), Value::String(value));
    put("SenderId", "AIDALOCAL".to_owned());
    put("SentTimestamp", message.sent_at.as_millisecond().to_string());
    put("ApproximateReceiveCount", message.receives.to_string());
    if let Some(first) = message.first_received_at {
        put("ApproximateFirstReceiveTimestamp", first.as_millisecond().to_string());
    }
    if let Some(group) = &message.group {
        put("MessageGroupId", group.clone());
    }
    if let Some(token) = &message.deduplication {
        put("MessageDeduplicationId", token.clone());
        put("SequenceNumber", sequence(message.sequence));
    }
    Value::Object(attributes)
}

/// A sequence number: "a large, non-consecutive number that Amazon SQS assigns to each message", of 20 digits.
pub(super) fn sequence(number: u64) -> String {
    format!("{:020}", 18_849_000_000_000_000_000_u128 + u128::from(number) * 256)
}
