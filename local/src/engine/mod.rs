//! The *engine*: what decides, on one machine, what happens next.
//!
//! It holds the deployed stack and does what AWS does between its parts: it matches events to rules, polls queues, ticks
//! schedules, invokes functions, retries, and gives up into dead letters. It runs on virtual time alone: [`Engine::advance_to`]
//! goes from one due instant to the next, and at each lets everything settle before time goes on. Whoever owns it decides
//! how virtual time follows real time.

mod api;
mod auth;
mod deploy;
mod functions;
mod invoke;
mod pattern;
mod queues;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

pub use auth::{Anonymous, TOKEN_SECONDS, TokenFor, token};
pub(crate) use deploy::base_definition;
pub use deploy::{BASE_FAMILY, BASE_STACK, CLUSTER, DeployError, Refusal, Settings, ask, s3};
pub use functions::InitError;

use crate::cloud::{Answer, StoreError};
use crate::connector::Shared;
use crate::template::{Function, Stack};
use functions::Functions;
use invoke::{Event, Finished, Running};
use queues::Poller;

/// Where an answer goes.
pub type ReplyTo = oneshot::Sender<Response<Bytes>>;

/// A long poll from outside that has not been answered yet.
struct Patient {
    request: Request<Bytes>,
    asked_at: Timestamp,
    until: Timestamp,
    reply_to: ReplyTo,
}

/// A schedule and its next tick.
struct Ticking {
    function: usize,
    schedule: usize,
    next: Timestamp,
}

/// An invocation that has not ended, and the switch that ends it.
struct UnderWay {
    function: Function,
    switch: oneshot::Sender<()>,
}

/// Set when a future can go on; it is the waker of all invocations.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// A deployed stack that runs.
pub struct Engine {
    shared: Shared,
    anonymous: Anonymous,
    stack: Stack,
    functions: Functions,
    running: FuturesUnordered<Running>,
    woken: Arc<Woken>,
    invocations: u64,
    later: BTreeMap<(Timestamp, u64), Event>,
    pollers: Vec<Poller>,
    ticking: Vec<Ticking>,
    patients: Vec<Patient>,
    under_way: BTreeMap<u64, UnderWay>,
}

impl Engine {
    /// A stack whose tables and queues are there already.
    fn new(shared: Shared, stack: Stack, functions: Functions, anonymous: Anonymous) -> Self {
        let now = shared.now();
        let pollers = queues::pollers(&stack, now);
        let schedules = stack.functions.iter().enumerate().flat_map(|(function, spec)| {
            spec.schedules.iter().enumerate().map(move |(schedule, tick)| Ticking {
                function,
                schedule,
                next: now + tick.every,
            })
        });
        let ticking = schedules.collect();
        Self {
            shared,
            anonymous,
            functions,
            running: FuturesUnordered::new(),
            woken: Arc::default(),
            invocations: 0,
            later: BTreeMap::new(),
            pollers,
            ticking,
            patients: Vec::new(),
            under_way: BTreeMap::new(),
            stack,
        }
    }

    /// The cloud that the functions and the world outside share.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.shared.now()
    }

    /// The deployed stack.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// Which function an invocation that is under way is of.
    pub fn function_of(&self, invocation: u64) -> Option<Function> {
        self.under_way.get(&invocation).map(|under_way| under_way.function)
    }

    /// From now on a function's clock is off by so much.
    pub fn set_clock(&self, function: Function, off_by: SignedDuration) {
        if let Some(clock) = self.functions.clock(function) {
            clock.set(off_by);
        }
    }

    /// Ends an invocation where it stands, as one ends whose sandbox is lost. Whoever invoked it sees it fail.
    pub fn crash(&mut self, invocation: u64) {
        if let Some(under_way) = self.under_way.remove(&invocation) {
            // One that has ended already cannot crash.
            let _ = under_way.switch.send(());
        }
    }

    /// From now on the functions run somewhere else: nothing here invokes them, and no message is taken off a queue.
    pub fn leave_functions_to_others(&mut self) {
        self.stack.functions.clear();
        self.pollers.clear();
        self.ticking.clear();
    }

    /// Answers a request to the HTTP API, as soon as its function has.
    pub fn http(&mut self, request: &Request<Bytes>, reply_to: ReplyTo) {
        let now = self.now();
        let taken = api::route(&self.stack, request.method().as_str(), request.uri().path());
        let Some(taken) = taken else {
            // Whoever has gone away needs no answer.
            let _ = reply_to.send(api::dated(api::not_found(), now));
            return;
        };
        let header = request.headers().get(http::header::AUTHORIZATION);
        let header = header.map(|header| header.to_str().unwrap_or_default());
        match auth::authorize(header, self.anonymous, now) {
            Ok(authorizer) => {
                let payload = api::event(&taken, &authorizer, request, (self.invocations, now));
                self.start_http(taken.function, payload, reply_to);
            }
            Err(refused) => drop(reply_to.send(api::unauthorized(refused))),
        }
    }

    /// Answers a request to an AWS service. A long poll is answered when there is something, or when its time is over.
    pub fn aws(&mut self, request: Request<Bytes>, reply_to: ReplyTo) {
        let asked_at = self.now();
        self.ask(Patient {
            request,
            asked_at,
            until: asked_at,
            reply_to,
        });
    }

    /// When something will next happen by itself.
    pub fn next_due(&self) -> Option<Timestamp> {
        let now = self.now();
        let ticks = self.ticking.iter().map(|tick| tick.next);
        let retries = self.later.keys().next().map(|(at, _)| *at);
        let polls = self
            .pollers
            .iter()
            .filter_map(|poller| poller.next_due(&self.shared, now));
        let clouds = self.shared.cloud().next_due();
        let patients = self.patients.iter().map(|patient| patient.until);
        ticks
            .chain(retries)
            .chain(polls)
            .chain(clouds)
            .chain(self.shared.next_wake())
            .chain(patients)
            .min()
    }

    /// Lets time pass until `until`. Everything that is due by then happens, each at its own time, and all that follows
    /// from it happens before time goes on. When this returns, functions wait for nothing but later times.
    pub fn advance_to(&mut self, until: Timestamp) -> Result<(), StoreError> {
        self.settle();
        while let Some(due) = self.next_due().filter(|due| *due <= until) {
            self.step(due)?;
        }
        self.step(until)
    }

    /// Lets everything happen that needs no time.
    pub fn settle(&mut self) {
        while self.deliver() | self.poll_queues() | self.run() {}
        self.ask_again();
    }

    fn step(&mut self, to: Timestamp) -> Result<(), StoreError> {
        self.shared.cloud().advance_to(to)?;
        let now = self.now();
        self.shared.wake(now);
        self.tick(now);
        self.retry(now);
        self.settle();
        Ok(())
    }

    /// Runs what can run; true if an invocation has ended.
    fn run(&mut self) -> bool {
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut context = Context::from_waker(&waker);
        let mut ended = false;
        loop {
            self.woken.0.store(false, Ordering::Release);
            match self.running.poll_next_unpin(&mut context) {
                Poll::Ready(Some(finished)) => {
                    ended = true;
                    self.finish(finished);
                }
                Poll::Pending if self.woken.0.load(Ordering::Acquire) => {}
                Poll::Ready(None) | Poll::Pending => return ended,
            }
        }
    }

    fn finish(&mut self, finished: Finished) {
        match finished {
            Finished::Http { reply_to, ended } => {
                let _ = reply_to.send(api::dated(api::response(ended), self.now()));
            }
            Finished::Event { event, ended } => self.event_ended(event, ended),
            Finished::Batch {
                poller,
                messages,
                ended,
            } => self.batch_ended(poller, &messages, ended),
        }
    }

    fn ask(&mut self, patient: Patient) {
        let answer = self.shared.cloud().call(&patient.request, patient.asked_at);
        match answer {
            Answer::Now(response) => {
                let _ = patient.reply_to.send(response);
            }
            Answer::Waits { until } => self.patients.push(Patient { until, ..patient }),
        }
    }

    /// Asks again for all that waited; those that have gone away are forgotten.
    fn ask_again(&mut self) {
        for patient in std::mem::take(&mut self.patients) {
            if !patient.reply_to.is_closed() {
                self.ask(patient);
            }
        }
    }
}
