//! What happened, in order: a fingerprint of all of it, and the end of it in words.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use crate::cloud::{Call, Service};
use crate::template::Function;

/// How many steps are remembered for the story.
const REMEMBERED: usize = 4_000;

/// One step.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A call of a function, and what became of it.
    Call {
        function: Option<Function>,
        invocation: u64,
        call: Call,
        body: Bytes,
        became: Became,
    },
    /// Somebody outside did something.
    Outside(String),
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Became {
    /// It was done, and answered with this status.
    Done(u16),
    /// It was done later than asked, on what was true before: a stale answer.
    Stale,
    /// It was refused with this code.
    Refused(&'static str),
    /// It was not done, and not answered.
    Lost,
    /// It was not answered, and will be done.
    Delayed,
    /// It was done after its caller had given up waiting.
    DoneLate(u16),
    /// It was done, and not answered.
    ReplyLost(u16),
    /// It was not done, and its invocation is no more.
    CrashedBefore,
    /// It is what must not happen.
    Forbidden,
    /// It was done, and its invocation is no more.
    CrashedAfter(u16),
}

impl fmt::Display for Became {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(status) => write!(f, "{status}"),
            Self::Stale => f.write_str("stale answer"),
            Self::Refused(code) => write!(f, "refused: {code}"),
            Self::Lost => f.write_str("CALL LOST"),
            Self::Delayed => f.write_str("CALL DELAYED"),
            Self::DoneLate(status) => write!(f, "{status}, LATE"),
            Self::ReplyLost(status) => write!(f, "{status}, REPLY LOST"),
            Self::Forbidden => f.write_str("THIS"),
            Self::CrashedBefore => f.write_str("not done, CRASH"),
            Self::CrashedAfter(status) => write!(f, "{status}, then CRASH"),
        }
    }
}

/// The run so far.
#[derive(Debug, Default)]
pub(super) struct Story {
    hasher: DefaultHasher,
    steps: u64,
    remembered: VecDeque<(Timestamp, Event)>,
}

impl Story {
    pub(super) fn add(&mut self, at: Timestamp, event: Event) {
        self.steps += 1;
        at.as_nanosecond().hash(&mut self.hasher);
        match &event {
            Event::Call {
                invocation,
                call,
                became,
                ..
            } => (invocation, &call.action, became).hash(&mut self.hasher),
            Event::Outside(what) => what.hash(&mut self.hasher),
        }
        self.remembered.push_back((at, event));
        if self.remembered.len() > REMEMBERED {
            self.remembered.pop_front();
        }
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// What was sent with each call of an action.
    #[cfg(test)]
    pub(super) fn sent(&self, wanted: &str) -> Vec<Value> {
        let calls = self.remembered.iter().filter_map(|(_, event)| match event {
            Event::Call { call, body, .. } if call.action == wanted => serde_json::from_slice(body).ok(),
            Event::Call { .. } | Event::Outside(_) => None,
        });
        calls.collect()
    }

    /// A number that two runs share only if they went the same way.
    pub(super) fn fingerprint(&self) -> u64 {
        self.hasher.finish()
    }

    /// The last `most` steps of whoever had to do with a tenant, or with anyone if none is named; without the reads that
    /// went well.
    pub(super) fn tell(&self, tenant: Option<&str>, most: usize) -> Vec<String> {
        let about = |line: &str| tenant.is_none_or(|tenant| line.contains(tenant));
        let lines: Vec<(Option<u64>, bool, String)> = self.remembered.iter().map(Event::told).collect();
        let concerned: BTreeSet<u64> = lines
            .iter()
            .filter(|(.., line)| about(line))
            .filter_map(|(invocation, ..)| *invocation)
            .collect();
        let tells = |(invocation, quiet, line): &(Option<u64>, bool, String)| {
            !quiet && (about(line) || invocation.is_some_and(|invocation| concerned.contains(&invocation)))
        };
        let told: Vec<String> = lines.into_iter().filter(tells).map(|(.., line)| line).collect();
        let from = told.len().saturating_sub(most);
        told.into_iter().skip(from).collect()
    }
}

impl Event {
    /// Of which invocation it is, whether it is a read that went well, and what it was.
    fn told((at, event): &(Timestamp, Self)) -> (Option<u64>, bool, String) {
        match event {
            Self::Outside(what) => (None, false, format!("{at:.3} * {what}")),
            Self::Call {
                function,
                invocation,
                call,
                body,
                became,
            } => {
                let name = function.map_or("?", Function::as_str);
                let (action, subject) = (&call.action, subject(call, body));
                let quiet = *became == Became::Done(200) && call.changes_nothing();
                let line = format!("{at:.3}   {name}#{invocation} {action} {subject} -> {became}");
                (Some(*invocation), quiet, line)
            }
        }
    }
}

/// What a call is about, in a few words. Values of variables and secrets are not among them.
fn subject(call: &Call, body: &Bytes) -> String {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return String::new();
    };
    let text = |path: &str| body.pointer(path).and_then(Value::as_str).unwrap_or_default();
    match (call.service, call.action.as_str()) {
        (Service::DynamoDb, "GetItem") => format!("{} {}", text("/TableName"), key(body.get("Key"))),
        (Service::DynamoDb, _) => {
            let item = body.get("Key").or_else(|| body.get("Item"));
            let (table, update, condition) = (
                text("/TableName"),
                text("/UpdateExpression"),
                text("/ConditionExpression"),
            );
            let values = body.get("ExpressionAttributeValues").map(brief).unwrap_or_default();
            format!("{table} {} {update} IF {condition} {values}", key(item))
        }
        (Service::Sqs, _) => text("/MessageDeduplicationId").to_owned(),
        (Service::Ecs, "DescribeServices") => brief(body.get("services").unwrap_or(&Value::Null)),
        (Service::Ecs, "RegisterTaskDefinition") => text("/family").to_owned(),
        (Service::Ecs, _) => {
            let mut shown = body.clone();
            if let Some(members) = shown.as_object_mut() {
                for name in ["networkConfiguration", "tags", "cluster", "clientToken"] {
                    members.remove(name);
                }
            }
            brief(&shown)
        }
        (Service::Efs, _) => text("/RootDirectory/Path").to_owned(),
        _ => String::new(),
    }
}

fn key(item: Option<&Value>) -> String {
    let part = |name: &str| item.and_then(|item| item.pointer(&format!("/{name}/S"))?.as_str());
    let parts = ["tenantId", "kind", "id"].into_iter().filter_map(part);
    parts.collect::<Vec<_>>().join("/")
}

fn brief(value: &Value) -> String {
    const MOST: usize = 240;
    let text = value.to_string();
    if text.chars().count() <= MOST {
        return text;
    }
    text.chars().take(MOST).chain("…".chars()).collect()
}
