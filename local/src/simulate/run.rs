//! One run: the whole system in one thread, on virtual time, and somebody who decides what happens next.
//!
//! Functions run until each waits for the answer to a call. Then one call is drawn, and its fate; it is done, or not; its
//! caller goes on to its next call, or is no more. Only when nobody waits does time go on to what is due next. So every
//! call is a place where others may come in between, and where an invocation may end.

use std::collections::BTreeSet;
use std::time::Duration;

use berth_core::tenant::{Phase, Tenant, phase};
use bytes::Bytes;
use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

use super::bases::BaseStack;
use super::check::{Beside, Violation, Watch};
use super::fate::{Fate, Odds};
use super::life::{Act, Ask, IMAGES, People};
use super::plan::{Plan, Trouble};
use super::story::{Became, Event, Story};
use crate::cloud::{Answer, Call, Cloud, Config, Consistency, Delivery, StoreError};
use crate::connector::{Held, NoAnswer, Shared};
use crate::engine::{Engine, Settings};
use crate::template::Function;

/// When every run begins.
const START: i64 = 1_800_000_000;

/// How long after the last trouble everything has to be at rest: the longest deadline of a phase (a start's 15 minutes),
/// after the longest time for which a message that a lost invocation took is hidden (6 minutes), and two sweeps.
const REST: Duration = Duration::from_mins(24);

/// How often the rest may be put off because something new was begun in time, as rollouts and idle stops are.
const LATER: usize = 12;

/// By how many milliseconds a clock is off at most: two clocks then differ by no more than two minutes.
const MOST_OFF: i64 = 60_000;

/// The most calls of one run. An honest run of the default plan makes a few thousand.
const MOST_STEPS: u64 = 200_000;

/// A call that waits to be let through.
struct Waiting {
    held: Held,
    call: Call,
}

/// A call that will be done although its caller has given up waiting for it.
struct Late {
    at: Timestamp,
    caller: u64,
    function: Option<Function>,
    call: Call,
    request: Request<Bytes>,
}

/// A run under way.
pub(super) struct Run {
    engine: Engine,
    calls: UnboundedReceiver<Held>,
    waiting: Vec<Waiting>,
    late: Vec<Late>,
    replies: Vec<(String, oneshot::Receiver<Response<Bytes>>)>,
    dice: fastrand::Rng,
    odds: Odds,
    /// Fates that are not drawn: of the next call of this action.
    orders: Vec<(&'static str, Fate)>,
    people: People,
    stack: BaseStack,
    tenants: BTreeSet<String>,
    watch: Watch,
    pub(super) story: Story,
}

impl Run {
    /// A world with a base that was deployed and promoted, in which nobody lives yet.
    pub(super) fn new(plan: &Plan) -> Result<Self, Violation> {
        Self::in_cloud(plan, Cloud::plain)
    }

    /// The same in a cloud that is made so.
    pub(super) fn in_cloud(
        plan: &Plan,
        make: impl FnOnce(Config) -> Result<Cloud, StoreError>,
    ) -> Result<Self, Violation> {
        let broken = |error: &dyn std::fmt::Display| Violation::of_all("run", format!("no world: {error}"));
        let start = Timestamp::from_second(START).map_err(|error| broken(&error))?;
        let cloud = make(Config::new(plan.seed, start)).map_err(|error| broken(&error))?;
        let (shared, calls) = Shared::held_back(cloud);
        let skew = Duration::from_millis(MOST_OFF.unsigned_abs() * 2).as_secs();
        let settings = Settings {
            parameters: [("ClockSkewSeconds".to_owned(), skew.to_string())].into(),
            ..Settings::default()
        };
        let engine = Engine::deploy_into(shared, "us-east-1", &settings).map_err(|error| broken(&error))?;
        let watch = Watch::new(engine.stack()).ok_or_else(|| broken(&"the tables have no names"))?;
        let file_system = engine
            .stack()
            .function(Function::Reconcile)
            .and_then(|spec| spec.variables.get("BERTH_FILE_SYSTEM").cloned())
            .unwrap_or_default();
        let stack = BaseStack::new(&mut engine.shared().cloud(), &file_system);
        let mut run = Self {
            engine,
            calls,
            waiting: Vec::new(),
            late: Vec::new(),
            replies: Vec::new(),
            dice: fastrand::Rng::with_seed(plan.seed),
            odds: Odds::none(),
            orders: Vec::new(),
            people: People::new(plan.tenants, &plan.troubles),
            stack,
            tenants: BTreeSet::new(),
            watch,
            story: Story::default(),
        };
        run.pass(Duration::from_mins(2))?;
        run.trouble(plan);
        Ok(run)
    }

    /// From now on things go wrong.
    fn trouble(&mut self, plan: &Plan) {
        self.odds = Odds::draw(&plan.troubles, &mut self.dice);
        let (lose, delay, duplicate, rate) = (
            self.dice.f64() * 0.3,
            self.dice.f64() * 0.5,
            self.dice.f64() * 0.3,
            self.dice.f64() * 0.5,
        );
        if plan.troubles.contains(&Trouble::ClockSkew) {
            for function in Function::ALL {
                let off_by = self.dice.i64(-MOST_OFF..=MOST_OFF);
                self.engine.set_clock(function, SignedDuration::from_millis(off_by));
            }
            self.watch
                .clocks_differ_by(Duration::from_millis(MOST_OFF.unsigned_abs()));
        }
        let mut cloud = self.engine.shared().cloud();
        if plan.troubles.contains(&Trouble::Images) {
            for (image, behaviour) in IMAGES {
                cloud.set_image(image, behaviour);
            }
        }
        if plan.troubles.contains(&Trouble::Events) {
            let longest_delay = Duration::from_secs(90);
            cloud.region().set_delivery(Delivery {
                duplicate,
                delay,
                lose,
                longest_delay,
            });
        }
        if plan.troubles.contains(&Trouble::StaleRead) {
            let lag = Duration::from_secs(5);
            cloud.region().set_consistency(Consistency::Eventual { lag, rate });
        }
    }

    /// From now on nothing new goes wrong. Clocks that are off stay so.
    fn calm(&mut self) {
        self.odds = Odds::none();
        self.orders.clear();
        let mut cloud = self.engine.shared().cloud();
        cloud.region().set_delivery(Delivery::default());
        cloud.region().set_consistency(Consistency::Strong);
    }

    /// People act, so many times.
    pub(super) fn live(&mut self, actions: usize) -> Result<(), Violation> {
        for _ in 0..actions {
            let pause = People::pause(&mut self.dice);
            self.pass(pause)?;
            let act = self.people.act(&mut self.dice);
            self.act(act);
        }
        Ok(())
    }

    pub(super) fn act(&mut self, act: Act) {
        match act {
            Act::Requests(asks) => asks.iter().for_each(|ask| self.ask(ask)),
            Act::Deploy(deploy) => {
                self.say(format!("deploy of the base: {deploy:?}"));
                self.stack.deploy(&mut self.engine.shared().cloud(), deploy);
            }
        }
    }

    pub(super) fn ask(&mut self, ask: &Ask) {
        let Ask { method, path, body } = ask;
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.say(format!("{method} {path} {text}"));
        self.tenants.extend(path.split('/').nth(2).map(ToOwned::to_owned));
        let request = Request::builder().method(*method).uri(path.as_str());
        let Ok(request) = request
            .header("content-type", "application/json")
            .body(Bytes::from(text))
        else {
            return;
        };
        let (reply_to, reply) = oneshot::channel();
        self.engine.http(&request, reply_to);
        self.replies.push((format!("{method} {path}"), reply));
    }

    fn say(&mut self, what: String) {
        self.story.add(self.engine.now(), Event::Outside(what));
    }

    /// Time passes, and everything happens that is due in it.
    pub(super) fn pass(&mut self, span: Duration) -> Result<(), Violation> {
        let until = self.engine.now() + span;
        loop {
            self.settle();
            let late = self.late.iter().map(|late| late.at);
            let until_next = late.chain(self.stack.next_due()).fold(until, Timestamp::min);
            if self.waiting.is_empty() {
                let due = self.engine.next_due().filter(|due| *due < until_next);
                self.advance(due.unwrap_or(until_next))?;
                self.settle();
                if self.waiting.is_empty() && due.is_none() && self.engine.now() >= until {
                    return Ok(());
                }
                continue;
            }
            if self.engine.now() < until {
                let pause = self.odds.pause(&mut self.dice);
                self.advance((self.engine.now() + pause).min(until_next))?;
                self.settle();
            } else if self.dice.bool() {
                // Some calls are still under way when the next thing happens.
                return Ok(());
            }
            self.let_one_through()?;
        }
    }

    fn advance(&mut self, to: Timestamp) -> Result<(), Violation> {
        let advanced = self.engine.advance_to(to);
        advanced.map_err(|error| Violation::of_all("run", error.to_string()))?;
        self.watch.step(&mut self.engine.shared().cloud())?;
        self.stack.roll_back(&mut self.engine.shared().cloud());
        self.come_late()
    }

    /// Does the calls whose callers wait no more and whose time has come.
    fn come_late(&mut self) -> Result<(), Violation> {
        let now = self.engine.now();
        while let Some(place) = self.late.iter().position(|late| late.at <= now) {
            let Late {
                caller,
                function,
                call,
                request,
                ..
            } = self.late.remove(place);
            let answer = self.perform(caller, function, &call, &request)?;
            let became = Became::DoneLate(answer.status().as_u16());
            self.tell(caller, function, call, request.into_body(), became);
            self.watch.step(&mut self.engine.shared().cloud())?;
        }
        Ok(())
    }

    fn tell(&mut self, invocation: u64, function: Option<Function>, call: Call, body: Bytes, became: Became) {
        let event = Event::Call {
            function,
            invocation,
            call,
            body,
            became,
        };
        self.story.add(self.engine.now(), event);
    }

    /// Lets the functions run until each waits for an answer.
    fn settle(&mut self) {
        self.engine.settle();
        while let Ok(held) = self.calls.try_recv() {
            if let Ok(call) = Call::of(&held.request) {
                self.waiting.push(Waiting { held, call });
            }
        }
        self.waiting.retain(|waiting| !waiting.held.reply_to.is_closed());
        for (what, mut reply) in std::mem::take(&mut self.replies) {
            match reply.try_recv() {
                Ok(response) => self.say(format!("{what} -> {}", response.status().as_u16())),
                Err(oneshot::error::TryRecvError::Empty) => self.replies.push((what, reply)),
                Err(oneshot::error::TryRecvError::Closed) => {}
            }
        }
    }

    /// Draws one of the calls that wait, and what becomes of it.
    fn let_one_through(&mut self) -> Result<(), Violation> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        if self.story.steps() > MOST_STEPS {
            return Err(Violation::of_all("run", "it does not come to an end"));
        }
        let Waiting { held, call } = self.waiting.swap_remove(self.dice.usize(..self.waiting.len()));
        let Held {
            caller,
            request,
            reply_to,
        } = held;
        let function = self.engine.function_of(caller);
        let fate = self.fate_of(&call, &request);
        let (became, answer) = match fate {
            Fate::Refused(code) => (Became::Refused(code), Some(Ok(Cloud::refusal(&call, code)))),
            Fate::Lost => (Became::Lost, Some(Err(NoAnswer))),
            Fate::Behind => (Became::Stale, Some(Ok(nothing_yet()))),
            Fate::Late(after) => {
                self.late.push(Late {
                    at: self.engine.now() + after,
                    caller,
                    function,
                    call: call.clone(),
                    request: request.clone(),
                });
                (Became::Delayed, Some(Err(NoAnswer)))
            }
            Fate::CrashBefore => (Became::CrashedBefore, None),
            Fate::Done | Fate::ReplyLost | Fate::CrashAfter => {
                let answer = self.perform(caller, function, &call, &request)?;
                let status = answer.status().as_u16();
                match fate {
                    Fate::Done => (Became::Done(status), Some(Ok(answer))),
                    Fate::ReplyLost => (Became::ReplyLost(status), Some(Err(NoAnswer))),
                    _ => (Became::CrashedAfter(status), None),
                }
            }
        };
        self.tell(caller, function, call, request.into_body(), became);
        match answer {
            // A caller whose time has run out waits for nothing any more.
            Some(answer) => drop(reply_to.send(answer)),
            None => self.engine.crash(caller),
        }
        self.watch.step(&mut self.engine.shared().cloud())
    }

    fn fate_of(&mut self, call: &Call, request: &Request<Bytes>) -> Fate {
        match self.orders.iter().position(|(action, _)| *action == call.action) {
            Some(order) => self.orders.remove(order).1,
            None => self.odds.fate(call, is_eventual(call, request), &mut self.dice),
        }
    }

    fn perform(
        &mut self,
        caller: u64,
        function: Option<Function>,
        call: &Call,
        request: &Request<Bytes>,
    ) -> Result<Response<Bytes>, Violation> {
        let mut cloud = self.engine.shared().cloud();
        let beside = Beside {
            bases: &self.stack.bases,
            caller,
            function,
            tenants: &self.tenants,
        };
        let before = self.watch.before(&mut cloud, call, request, &beside);
        let now = cloud.now();
        let done = before.and_then(|before| match cloud.call(request, now) {
            Answer::Now(answer) => {
                self.watch.after(&mut cloud, call, &before, &answer, &beside)?;
                Ok(answer)
            }
            Answer::Waits { .. } => Err(Violation::of_all("run", "a function polls a queue")),
        });
        drop(cloud);
        if done.is_err() {
            let body = request.body().clone();
            self.tell(caller, function, call.clone(), body, Became::Forbidden);
        }
        done
    }

    /// Nothing goes wrong any more, and everything comes to rest: then what is there is checked, and that another look
    /// at every tenant changes nothing.
    pub(super) fn come_to_rest(&mut self) -> Result<(), Violation> {
        self.say("from here on nothing goes wrong".to_owned());
        self.calm();
        self.pass(REST)?;
        for _ in 0..LATER {
            if self.watch.under_way().is_empty() {
                break;
            }
            self.watch.in_time(&self.engine.shared().cloud())?;
            self.pass(Duration::from_mins(3))?;
        }
        self.watch.in_time(&self.engine.shared().cloud())?;
        if !self.watch.under_way().is_empty() {
            return Ok(());
        }
        self.watch.at_rest(&mut self.engine.shared().cloud())?;
        self.look_again()
    }

    /// The next call of this action has this fate.
    #[cfg(test)]
    pub(super) fn order(&mut self, action: &'static str, fate: Fate) {
        self.orders.push((action, fate));
    }

    /// How many decisions of each kind the ledger has, each of which was decided again.
    #[cfg(test)]
    pub(super) fn replayed(&mut self) -> Result<std::collections::BTreeMap<String, usize>, Violation> {
        self.watch.replayed(&mut self.engine.shared().cloud())
    }

    /// Changes how ECS and its events behave.
    #[cfg(test)]
    pub(super) fn change(&mut self, change: impl FnOnce(&mut berth_fargate::World)) {
        change(self.engine.shared().cloud().region());
    }

    /// From now on a function's clock is off by so much.
    #[cfg(test)]
    pub(super) fn set_clock(&self, function: Function, off_by: SignedDuration) {
        self.engine.set_clock(function, off_by);
    }

    /// A tenant's row, as it was last written.
    #[cfg(test)]
    pub(super) fn row(&self, id: &str) -> Option<&Tenant> {
        self.watch.rows().get(id)
    }

    /// Every tenant's row, as it was last written.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Tenant> {
        self.watch.rows().values()
    }

    /// Another pass over every tenant changes nothing.
    fn look_again(&mut self) -> Result<(), Violation> {
        self.say("another look at everyone".to_owned());
        let rows = self.watch.rows().iter();
        // Whoever has failed is tried again by a look, and may fail again.
        let well = rows.filter(|(_, row)| phase(row) != Phase::Failed);
        let ids: Vec<String> = well.map(|(id, _)| id.clone()).collect();
        for id in &ids {
            self.nudge(id)?;
        }
        self.watch.settled = true;
        let passed = self.pass(Duration::from_secs(2));
        self.watch.settled = false;
        passed
    }

    /// Has reconcile look at a tenant.
    pub(super) fn nudge(&self, id: &str) -> Result<(), Violation> {
        let spec = self.engine.stack().function(Function::Reconcile);
        let mapping = spec.and_then(|spec| spec.mappings.first());
        let queue = mapping.map(|mapping| mapping.queue.as_str());
        let queue = queue.ok_or_else(|| Violation::of_all("run", "reconcile has no queue"))?;
        let mut cloud = self.engine.shared().cloud();
        let now = cloud.now();
        let body = json!({"tenantId": id, "why": "look-again"});
        cloud.queues().put(queue, &body, now);
        Ok(())
    }
}

/// Whether a read may be behind: a Query of an index, or a Query or Scan that does not ask for consistency.
fn is_eventual(call: &Call, request: &Request<Bytes>) -> bool {
    if !matches!(call.action.as_str(), "Query" | "Scan") {
        return false;
    }
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    body.get("ConsistentRead").and_then(Value::as_bool) != Some(true)
}

/// The answer of a read that sees none of the rows that were written lately.
fn nothing_yet() -> Response<Bytes> {
    Response::new(Bytes::from_static(br#"{"Items":[],"Count":0,"ScannedCount":0}"#))
}
