//! Those who watch the world: what has changed, what happened and what time it is, as server-sent events.
//!
//! Source: WHATWG HTML, "Server-sent events". Nobody is told the state itself: whoever watches asks the API for it, like
//! anyone else.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::pace::Pace;
use crate::cloud::Written;
use crate::engine::Engine;
use crate::template::Function;

/// How many messages may wait for one watcher. One that is so far behind is let go; it asks again, and reads everything.
const WAITING: usize = 512;

/// How many events are told at once. What a long leap of the clock brings is more than anybody reads.
const MOST_EVENTS: usize = 100;

/// How often the time is told although nothing has happened: it also shows that the line is open.
const TIME_EVERY: Duration = Duration::from_secs(5);

/// By how much a clock that runs by itself may differ from what was told before it is told anew.
const DRIFT_MS: i64 = 2_000;

/// Everyone who watches.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    all: Vec<mpsc::Sender<Bytes>>,
    /// The last event that was told.
    seen: u64,
    told: Option<(Pace, Instant)>,
}

impl Watchers {
    /// One more; what it will be told.
    pub(super) fn join(&mut self, engine: &Engine) -> mpsc::Receiver<Bytes> {
        let (sender, receiver) = mpsc::channel(WAITING);
        if self.all.is_empty() {
            let mut cloud = engine.shared().cloud();
            self.seen = cloud.events_after(0).last().map_or(0, |emitted| emitted.seq);
            cloud.take_written();
        }
        self.all.push(sender);
        // Whoever is new wants to know the time at once.
        self.told = None;
        receiver
    }

    /// Tells everyone what has changed since they were told last.
    pub(super) fn tell(&mut self, engine: &Engine, pace: Pace) {
        self.all.retain(|watcher| !watcher.is_closed());
        if self.all.is_empty() {
            return;
        }
        let mut text = String::new();
        if self.is_time_due(engine.now(), pace) {
            self.told = Some((pace, Instant::now()));
            text.push_str(&clock(engine, pace));
        }
        text.push_str(&self.events(engine));
        text.push_str(&changes(engine));
        if !text.is_empty() {
            let message = Bytes::from(text);
            self.all.retain(|watcher| watcher.try_send(message.clone()).is_ok());
        }
    }

    fn is_time_due(&self, now: Timestamp, pace: Pace) -> bool {
        self.told.is_none_or(|(told, at)| {
            let drift = now.as_millisecond() - told.now().as_millisecond();
            at.elapsed() > TIME_EVERY || told.speed().to_bits() != pace.speed().to_bits() || drift.abs() > DRIFT_MS
        })
    }

    fn events(&mut self, engine: &Engine) -> String {
        let cloud = engine.shared().cloud();
        let news: Vec<_> = cloud.events_after(self.seen).collect();
        self.seen = news.last().map_or(self.seen, |emitted| emitted.seq);
        let skipped = news.len().saturating_sub(MOST_EVENTS);
        let told = news.into_iter().skip(skipped);
        told.map(|emitted| message("event", &json!({ "seq": emitted.seq, "event": emitted.event })))
            .collect()
    }
}

/// What time it is, how fast it passes, and what is wrong with the world on purpose.
fn clock(engine: &Engine, pace: Pace) -> String {
    let lose = engine.shared().cloud().region().delivery().lose;
    message(
        "clock",
        &json!({ "now": engine.now().to_string(), "speed": pace.speed(), "lose": lose }),
    )
}

/// Which tenants have changed, and whether anything has that is of the whole fleet.
fn changes(engine: &Engine) -> String {
    let written = engine.shared().cloud().take_written();
    let variables = engine
        .stack()
        .function(Function::Provision)
        .map(|provision| &provision.variables);
    let table = |name: &str| {
        variables
            .and_then(|variables| variables.get(name))
            .cloned()
            .unwrap_or_default()
    };
    let (tenants, fleet) = (table("BERTH_TENANTS_TABLE"), table("BERTH_FLEET_TABLE"));
    let ids: BTreeSet<&String> = written
        .iter()
        .filter(|row| row.table == tenants)
        .filter_map(|row| row.tenant.as_ref())
        .collect();
    let of_fleet = written.iter().any(|Written { table, .. }| *table == fleet);
    if ids.is_empty() && !of_fleet {
        return String::new();
    }
    message("changed", &json!({ "tenants": ids, "fleet": of_fleet }))
}

fn message(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}
