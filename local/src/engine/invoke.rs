//! Invocations: by requests, by events, by batches of messages.
//!
//! Source: Lambda Developer Guide, "Invoking a function asynchronously" and "How Lambda handles errors and retries with
//! asynchronous invocation": two retries, one minute and two minutes after the failure; then the failure destination.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::functions::Ended;
use super::{Engine, ReplyTo, UnderWay, pattern};
use crate::cloud::Message;
use crate::template::{Function, FunctionSpec};

/// The pauses before the first and the second retry.
const PAUSES: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(2)];

/// An event on its way to a function.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// The function's place in the stack.
    function: usize,
    payload: Value,
    failures: u32,
}

/// An invocation that has ended.
pub(super) enum Finished {
    /// Someone waits for the answer.
    Http { reply_to: ReplyTo, ended: Ended },
    /// An event, which is retried.
    Event { event: Event, ended: Ended },
    /// A batch of messages.
    Batch {
        poller: usize,
        messages: Vec<Message>,
        ended: Ended,
    },
}

/// An invocation under way.
pub(super) type Running = Pin<Box<dyn Future<Output = Finished>>>;

impl Engine {
    pub(super) fn start_http(&mut self, function: Function, payload: Value, reply_to: ReplyTo) {
        let Some(place) = self.stack.functions.iter().position(|spec| spec.function == function) else {
            return;
        };
        if let Some(invocation) = self.invocation(place, payload) {
            self.running.push(Box::pin(async move {
                Finished::Http {
                    reply_to,
                    ended: invocation.await,
                }
            }));
        }
    }

    pub(super) fn start_batch(&mut self, function: usize, poller: usize, messages: Vec<Message>, payload: Value) {
        if let Some(invocation) = self.invocation(function, payload) {
            self.running.push(Box::pin(async move {
                Finished::Batch {
                    poller,
                    messages,
                    ended: invocation.await,
                }
            }));
        }
    }

    fn start_event(&mut self, event: Event) {
        if let Some(invocation) = self.invocation(event.function, event.payload.clone()) {
            self.running.push(Box::pin(async move {
                Finished::Event {
                    event,
                    ended: invocation.await,
                }
            }));
        }
    }

    /// An invocation that ends, one way or the other, within the function's timeout.
    fn invocation(&mut self, function: usize, payload: Value) -> Option<Pin<Box<dyn Future<Output = Ended>>>> {
        self.invocations += 1;
        let (now, id) = (self.now(), self.invocations);
        let spec = self.stack.functions.get(function)?;
        let mut work = self.functions.invoke(spec, payload, id, now);
        let shared = self.shared.clone();
        let work = poll_fn(move |context| {
            shared.calls_are_of(id);
            work.as_mut().poll(context)
        });
        let (limit, alarm) = (spec.timeout, Box::pin(self.shared.sleep(spec.timeout)));
        let (switch, off) = oneshot::channel();
        let function = spec.function;
        self.under_way.retain(|_, other| !other.switch.is_closed());
        self.under_way.insert(id, UnderWay { function, switch });
        // Tokio's budget would suspend work until its own scheduler has had a turn, and it has none between two instants.
        Some(Box::pin(tokio::task::coop::unconstrained(async move {
            match select(work, select(alarm, off)).await {
                Either::Left((ended, _)) => ended,
                Either::Right((Either::Left(_), _)) => {
                    Err(format!("Task timed out after {}.00 seconds", limit.as_secs()))
                }
                Either::Right((Either::Right(_), _)) => Err("the sandbox was lost".to_owned()),
            }
        })))
    }

    /// Gives new events to the functions whose rules they match; true if there was one.
    pub(super) fn deliver(&mut self) -> bool {
        let mut matched = Vec::new();
        for payload in self.shared.cloud().undelivered() {
            for (function, spec) in self.stack.functions.iter().enumerate() {
                let rules = spec.rules.iter();
                let matching = rules.filter(|rule| pattern::matches(&rule.pattern, payload));
                matched.extend(matching.map(|_| Event {
                    function,
                    payload: payload.clone(),
                    failures: 0,
                }));
            }
        }
        let any = !matched.is_empty();
        for event in matched {
            self.start_event(event);
        }
        any
    }

    /// Starts what the schedules have due.
    pub(super) fn tick(&mut self, now: Timestamp) {
        let mut due = Vec::new();
        for ticking in &mut self.ticking {
            let spec = self.stack.functions.get(ticking.function);
            let Some(schedule) = spec.and_then(|spec| spec.schedules.get(ticking.schedule)) else {
                continue;
            };
            if ticking.next > now {
                continue;
            }
            let text = schedule
                .input
                .replace("<aws.scheduler.scheduled-time>", &ticking.next.to_string());
            ticking.next = now + schedule.every;
            let payload = serde_json::from_str(&text).unwrap_or(Value::String(text));
            due.push(Event {
                function: ticking.function,
                payload,
                failures: 0,
            });
        }
        for event in due {
            self.start_event(event);
        }
    }

    /// Starts again what has failed and whose pause is over.
    pub(super) fn retry(&mut self, now: Timestamp) {
        let later = self.later.split_off(&(now, u64::MAX));
        for event in std::mem::replace(&mut self.later, later).into_values() {
            self.start_event(event);
        }
    }

    pub(super) fn event_ended(&mut self, event: Event, ended: Ended) {
        let (Err(why), Some(spec)) = (ended, self.stack.functions.get(event.function)) else {
            return;
        };
        let failures = event.failures + 1;
        let pause = usize::try_from(event.failures)
            .ok()
            .and_then(|failures| PAUSES.get(failures));
        let now = self.now();
        if let Some(pause) = pause.filter(|_| failures <= spec.on_failure.retries) {
            tracing::warn!(function = %spec.function, why, "failed; tried again later");
            self.later
                .insert((now + *pause, self.invocations), Event { failures, ..event });
            self.invocations += 1;
            return;
        }
        tracing::warn!(function = %spec.function, why, "failed for good");
        let record = record(spec, &event, failures, &why, now);
        if let Some(queue) = &spec.on_failure.queue {
            self.shared.cloud().queues().put(queue, &record, now);
        }
    }
}

/// What a failure destination gets ("Adding a destination", example invocation record).
fn record(spec: &FunctionSpec, event: &Event, failures: u32, why: &str, now: Timestamp) -> Value {
    json!({
        "version": "1.0",
        "timestamp": now.to_string(),
        "requestContext": {
            "functionArn": format!("arn:aws:lambda:us-east-1:123456789012:function:{}:$LATEST", spec.name),
            "condition": "RetriesExhausted",
            "approximateInvokeCount": failures,
        },
        "requestPayload": event.payload,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": why},
    })
}
