//! A large fleet follows a deploy: how long that takes beside what ECS's budgets allow, and how long those wait meanwhile for
//! whom a tenant is woken.
//!
//! Nothing goes wrong here, but calls take their time: the pace of a rollout depends on it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

use super::check::Violation;
use crate::cloud::{Answer, Call, Cloud, Config, Service, StackStatus};
use crate::connector::{Held, Shared};
use crate::engine::{BASE_STACK, Engine, Settings, ask, base_definition};
use crate::template::Function;

/// What tenants keep on a volume of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Keeps {
    /// Nothing: they share their definitions, and are replaced in one update.
    Nothing,
    /// Their files: each has a definition of its own, and is stopped before it is started.
    Files,
}

/// How a rollout went.
#[derive(Clone, Debug, PartialEq)]
pub struct Rolled {
    /// How many tenants ran and were moved.
    pub moved: usize,
    /// From the first wave to the end.
    pub took: Duration,
    /// What the budget allows that takes longest: for the calls that were made, from a full bucket.
    pub allowed: Duration,
    /// Of which budget that is.
    pub by: &'static str,
    /// How long each wake waited until ECS had been told, in order.
    pub wakes: Vec<Duration>,
    /// Each bucket of AWS's: its name, how much it holds, and how little was left in it.
    pub buckets: Vec<(&'static str, f64, f64)>,
    /// How many calls AWS throttled.
    pub throttled: usize,
    /// How many calls were made in all, before, during and after.
    pub calls: usize,
}

/// When every run begins.
const START: i64 = 1_800_000_000;

/// How many tenants sleep, and are woken one after the other while the others are moved.
const SLEEPERS: usize = 200;

/// How far apart wakes are.
const BETWEEN_WAKES: Duration = Duration::from_secs(10);

/// How far apart provisions are: within the budget of `CreateService`, and of `RegisterTaskDefinition` where each needs one.
const BETWEEN_PROVISIONS: [(Keeps, Duration); 2] = [
    (Keeps::Nothing, Duration::from_millis(270)),
    (Keeps::Files, Duration::from_millis(1_300)),
];

/// How long a call takes. Nothing of AWS's promises it; it is what these services are usually seen to take in their Region.
fn latency(service: Service) -> Duration {
    Duration::from_millis(match service {
        Service::DynamoDb => 5,
        Service::Sqs => 10,
        Service::S3 => 20,
        Service::Ecs | Service::Efs | Service::CloudFormation | Service::Ecr => 80,
    })
}

/// A bucket of AWS's, as it is drained.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    name: &'static str,
    holds: f64,
    a_second: f64,
    left: f64,
    lowest: f64,
    taken: u32,
    at: Timestamp,
}

impl Bucket {
    fn new(name: &'static str, holds: f64, a_second: f64, at: Timestamp) -> Self {
        Self {
            name,
            holds,
            a_second,
            left: holds,
            lowest: holds,
            taken: 0,
            at,
        }
    }

    /// Source: "Request throttling for the Amazon ECS API".
    fn of(action: &str) -> Option<usize> {
        match action {
            "CreateService" | "UpdateService" | "DeleteService" => Some(0),
            "RegisterTaskDefinition" | "DeregisterTaskDefinition" => Some(1),
            _ => None,
        }
    }

    fn take(&mut self, now: Timestamp) {
        let passed = now.duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * self.a_second).min(self.holds) - 1.0;
        self.lowest = self.lowest.min(self.left);
        self.at = now;
        self.taken += 1;
    }

    /// How long four fifths of what AWS grants take for what was taken.
    fn allows(&self) -> Duration {
        let share = 0.8;
        let wanted = f64::from(self.taken) - share * self.holds;
        Duration::from_secs_f64(wanted.max(0.0) / (share * self.a_second))
    }
}

/// The world, and what is measured in it.
struct Stage {
    engine: Engine,
    calls: UnboundedReceiver<Held>,
    under_way: BTreeMap<(Timestamp, usize), (Call, Held)>,
    made: usize,
    throttled: usize,
    buckets: [Bucket; 2],
    /// Wakes that ECS has not been told of, by service.
    awaited: HashMap<String, Timestamp>,
    wakes: Vec<Duration>,
}

fn broken(why: impl std::fmt::Display) -> Violation {
    Violation::of_all("rollout", why.to_string())
}

/// Provisions so many tenants, deploys another base, and sees the rollout through.
pub fn rollout(tenants: usize, keeps: Keeps, mut told: impl FnMut(&str)) -> Result<Rolled, Violation> {
    let mut stage = Stage::new(tenants, keeps)?;
    told("provisioning");
    stage.provision(tenants, keeps)?;
    stage.buckets = Stage::full(stage.engine.now());
    told("rolling out");
    let calls = stage.made;
    let newest = |fleet: &Value| fleet.get("rollout").and_then(Value::as_str).map(ToOwned::to_owned);
    let before = newest(&stage.get("/fleet")?);
    stage.deploy(keeps, "2")?;
    let id = stage.until(Duration::from_mins(10), "a rollout", |stage| {
        Ok(newest(&stage.get("/fleet")?).filter(|id| Some(id) != before.as_ref()))
    })?;
    let path = format!("/rollouts/{id}");
    let phase = |view: &Value| {
        view.pointer("/status/phase")
            .and_then(Value::as_str)
            .map(ToOwned::to_owned)
    };
    let mut waves = None;
    let mut sleeper = 0;
    loop {
        let view = stage.get(&path)?;
        let now = stage.engine.now();
        match phase(&view).as_deref() {
            Some("wave") => drop(waves.get_or_insert_with(|| {
                stage.buckets = Stage::full(now);
                now
            })),
            Some("completed") => break,
            Some("canary" | "baking") => {}
            _ => return Err(broken(view)),
        }
        if waves.is_none() {
            stage.pass(Duration::from_secs(1))?;
            continue;
        }
        for _ in 0..6 {
            stage.wake(sleeper % SLEEPERS)?;
            sleeper += 1;
            stage.pass(BETWEEN_WAKES)?;
        }
        let moved = view
            .pointer("/tally/succeeded")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        told(&format!("{moved} of {tenants} moved"));
    }
    let view = stage.get(&path)?;
    let ended = view
        .pointer("/status/since")
        .and_then(Value::as_str)
        .and_then(|at| at.parse::<Timestamp>().ok());
    let (Some(began), Some(ended)) = (waves, ended) else {
        return Err(broken(view));
    };
    stage.report(tenants, ended.duration_since(began).unsigned_abs(), calls)
}

impl Stage {
    fn new(tenants: usize, keeps: Keeps) -> Result<Self, Violation> {
        let start = Timestamp::from_second(START).map_err(broken)?;
        let config = Config {
            // The rest is in other clusters: the buckets are the account's.
            services_per_cluster: tenants + SLEEPERS,
            ..Config::new(1, start)
        };
        let (shared, calls) = Shared::held_back(Cloud::plain(config).map_err(broken)?);
        let policy = json!({
            "bakeSeconds": 60, "waves": [100], "maxInFlight": 500, "maxInFlightPercent": 100, "stepSeconds": 3_600,
        });
        let mut parameters: BTreeMap<_, _> = [("RolloutPolicy".to_owned(), policy.to_string())].into();
        if keeps == Keeps::Nothing {
            parameters.insert("WorkspaceVolume".to_owned(), String::new());
        }
        let settings = Settings {
            parameters,
            ..Settings::default()
        };
        let mut stage = Self {
            engine: Engine::deploy_into(shared, "us-east-1", &settings).map_err(broken)?,
            calls,
            under_way: BTreeMap::new(),
            made: 0,
            throttled: 0,
            buckets: Self::full(start),
            awaited: HashMap::new(),
            wakes: Vec::new(),
        };
        stage.pass(Duration::from_mins(2))?;
        if keeps == Keeps::Nothing {
            stage.deploy(keeps, "1")?;
            stage.until(Duration::from_mins(30), "a base without a volume", |stage| {
                let promoted = stage
                    .get("/fleet")?
                    .get("promoted")
                    .and_then(Value::as_str)
                    .map(ToOwned::to_owned);
                Ok(promoted.filter(|release| release == "r2"))
            })?;
        }
        Ok(stage)
    }

    fn full(at: Timestamp) -> [Bucket; 2] {
        [
            Bucket::new("UpdateService and its like", 50.0, 5.0, at),
            Bucket::new("RegisterTaskDefinition and its like", 20.0, 1.0, at),
        ]
    }

    fn report(mut self, moved: usize, took: Duration, before: usize) -> Result<Rolled, Violation> {
        self.wakes.sort_unstable();
        let longest = self.buckets.iter().max_by_key(|bucket| bucket.allows());
        let longest = longest.ok_or_else(|| broken("no bucket"))?;
        Ok(Rolled {
            moved,
            took,
            allowed: longest.allows(),
            by: longest.name,
            wakes: self.wakes,
            buckets: self
                .buckets
                .iter()
                .map(|one| (one.name, one.holds, one.lowest))
                .collect(),
            throttled: self.throttled,
            calls: self.made - before,
        })
    }

    /// Provisions everyone, and puts some to sleep.
    fn provision(&mut self, tenants: usize, keeps: Keeps) -> Result<(), Violation> {
        let apart = BETWEEN_PROVISIONS
            .iter()
            .find(|(kept, _)| *kept == keeps)
            .map(|(_, apart)| *apart);
        let apart = apart.unwrap_or_default();
        let overlay = json!({"idle": {"alwaysOn": true}});
        let names = (0..tenants).map(|number| format!("t{number}"));
        for name in names.chain((0..SLEEPERS).map(sleeper)) {
            self.send("PUT", &format!("/tenants/{name}"), &overlay);
            self.pass(apart)?;
        }
        let all = tenants + SLEEPERS;
        self.until(Duration::from_hours(2), "a fleet that runs", |stage| {
            stage.count("running", all)
        })?;
        for number in 0..SLEEPERS {
            self.send("POST", &format!("/tenants/{}/sleep", sleeper(number)), &Value::Null);
            self.pass(Duration::from_millis(300))?;
        }
        self.until(Duration::from_hours(1), "sleepers", |stage| {
            stage.count("stopped", SLEEPERS)
        })
    }

    fn count(&mut self, phase: &str, wanted: usize) -> Result<Option<()>, Violation> {
        let fleet = self.get("/fleet")?;
        let found = fleet
            .pointer(&format!("/phases/{phase}"))
            .and_then(Value::as_u64)
            .unwrap_or_default();
        Ok((usize::try_from(found) == Ok(wanted)).then_some(()))
    }

    /// Wakes a sleeper, and sends to sleep again who was woken long before.
    fn wake(&mut self, number: usize) -> Result<(), Violation> {
        let id = sleeper(number);
        self.awaited.insert(format!("t-{id}-g1"), self.engine.now());
        self.send("POST", &format!("/tenants/{id}/wake"), &Value::Null);
        let before = sleeper((number + SLEEPERS / 2) % SLEEPERS);
        self.send("POST", &format!("/tenants/{before}/sleep"), &Value::Null);
        self.pass(Duration::ZERO)
    }

    /// A base with this version, as its own stack deploys it.
    fn deploy(&mut self, keeps: Keeps, version: &str) -> Result<(), Violation> {
        let spec = self.engine.stack().function(Function::Reconcile);
        let file_system = spec.and_then(|spec| spec.variables.get("BERTH_FILE_SYSTEM").cloned());
        let mut base = base_definition(&file_system.unwrap_or_default(), version);
        if keeps == Keeps::Nothing {
            for place in ["/volumes", "/containerDefinitions/0/mountPoints"] {
                if let Some(list) = base.pointer_mut(place) {
                    *list = json!([]);
                }
            }
        }
        let mut cloud = self.engine.shared().cloud();
        ask(&mut cloud, Service::Ecs, "RegisterTaskDefinition", &base).map_err(broken)?;
        cloud.set_stack(BASE_STACK, StackStatus::UpdateComplete);
        Ok(())
    }

    /// Looks every ten seconds until there is something to see.
    fn until<T>(
        &mut self,
        most: Duration,
        what: &str,
        mut look: impl FnMut(&mut Self) -> Result<Option<T>, Violation>,
    ) -> Result<T, Violation> {
        let end = self.engine.now() + most;
        while self.engine.now() < end {
            if let Some(seen) = look(self)? {
                return Ok(seen);
            }
            self.pass(Duration::from_secs(10))?;
        }
        Err(broken(format!(
            "{what} did not come in {} minutes",
            most.as_secs() / 60
        )))
    }

    fn send(&mut self, method: &str, path: &str, body: &Value) -> Option<oneshot::Receiver<Response<Bytes>>> {
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json");
        let (reply_to, reply) = oneshot::channel();
        self.engine.http(&request.body(Bytes::from(text)).ok()?, reply_to);
        Some(reply)
    }

    fn get(&mut self, path: &str) -> Result<Value, Violation> {
        let Some(mut reply) = self.send("GET", path, &Value::Null) else {
            return Err(broken(path));
        };
        for _ in 0..100 {
            self.pass(Duration::from_millis(100))?;
            if let Ok(response) = reply.try_recv() {
                return serde_json::from_slice(response.body()).map_err(broken);
            }
        }
        Err(broken(format!("no answer to GET {path}")))
    }

    /// Time passes; calls are answered when they have taken theirs.
    fn pass(&mut self, span: Duration) -> Result<(), Violation> {
        let until = self.engine.now() + span;
        loop {
            self.take_calls();
            let next = self.under_way.keys().next().map(|(at, _)| *at);
            let due = self
                .engine
                .next_due()
                .into_iter()
                .chain(next)
                .fold(until, Timestamp::min);
            self.engine.advance_to(due).map_err(broken)?;
            self.take_calls();
            while let Some(entry) = self.under_way.first_entry().filter(|entry| entry.key().0 <= due) {
                let (call, held) = entry.remove();
                self.answer(&call, held);
                self.take_calls();
            }
            if due >= until {
                return Ok(());
            }
        }
    }

    fn take_calls(&mut self) {
        self.engine.settle();
        while let Ok(held) = self.calls.try_recv() {
            if let Ok(call) = Call::of(&held.request) {
                self.made += 1;
                let at = self.engine.now() + latency(call.service);
                self.under_way.insert((at, self.made), (call, held));
            }
        }
    }

    fn answer(&mut self, call: &Call, held: Held) {
        if held.reply_to.is_closed() {
            return;
        }
        let mut cloud = self.engine.shared().cloud();
        let now = cloud.now();
        let Answer::Now(answer) = cloud.call(&held.request, now) else {
            return;
        };
        drop(cloud);
        if let Some(bucket) = Bucket::of(&call.action).and_then(|place| self.buckets.get_mut(place)) {
            bucket.take(now);
            if answer.status().is_success() {
                self.woken(&held.request, now);
            } else if answer.body().windows(10).any(|part| part == b"Throttling") {
                self.throttled += 1;
            }
        }
        // A caller whose time has run out waits for nothing any more.
        drop(held.reply_to.send(Ok(answer)));
    }

    /// Notes how long a wake has waited of which ECS was told now.
    fn woken(&mut self, request: &Request<Bytes>, now: Timestamp) {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let starts = body.get("desiredCount").and_then(Value::as_u64) == Some(1);
        let service = body.get("service").and_then(Value::as_str).filter(|_| starts);
        if let Some(asked) = service.and_then(|service| self.awaited.remove(service)) {
            self.wakes.push(now.duration_since(asked).unsigned_abs());
        }
    }
}

fn sleeper(number: usize) -> String {
    format!("sleeper{number}")
}
