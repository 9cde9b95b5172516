//! The *cloud*: the AWS services of this machine, as one value on a virtual clock.
//!
//! There is no socket, thread, wall clock or global state here. A request is answered at the cloud's own present moment,
//! and time passes only by [`Cloud::advance_to`], so one thread can drive a whole cloud deterministically.

mod bus;
mod cloudformation;
mod dynamodb;
mod ecr;
mod fault;
mod ids;
mod items;
mod reply;
mod route;
mod s3;
mod sqs;
mod tables;
#[cfg(test)]
mod tests;
mod written;

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use berth_fargate::{
    Behaviour, Config, Consistency, Delivery, Interruption, NoSuchTask, Throttling, UnknownBehaviour,
};
pub use bus::Emitted;
pub use cloudformation::{Deployed, StackResource, StackStatus, UnknownStatus};
pub use dynamodb::StoreError;
pub use fault::Fault;
pub use reply::Failure;
pub use route::{Call, Service, UnknownService};
pub(crate) use route::{form_value, percent_decoded, query_pairs, query_value, s3_target};
pub use sqs::{Message, Queues, ReceiptHandle};
pub use tables::Tables;
pub use written::Written;

use bus::Bus;
use cloudformation::Stacks;
use dynamodb::Embedded;
use ecr::Repositories;
use fault::Faults;
use items::Items;
use s3::Buckets;
use written::Writes;

/// What a request was answered with.
#[derive(Debug)]
pub enum Answer {
    /// The response.
    Now(Response<Bytes>),
    /// Nothing yet: a long poll. Ask again with the same `asked_at` when something has changed, at the latest at `until`,
    /// when the answer will be there.
    Waits { until: Timestamp },
}

/// All services of one account in one Region.
#[derive(Debug)]
pub struct Cloud {
    tables: Tables,
    state: State,
    writes: Writes,
}

/// Everything but the tables, which have a file of their own.
#[derive(Debug, Serialize, Deserialize)]
pub struct State {
    world: berth_fargate::World,
    queues: Queues,
    buckets: Buckets,
    stacks: Stacks,
    repositories: Repositories,
    faults: Faults,
    bus: Bus,
}

impl Cloud {
    /// A cloud in which nothing has been made yet.
    pub fn new(config: Config) -> Result<Self, StoreError> {
        Self::with(config, Tables::Embedded(Embedded::in_memory()?))
    }

    /// The same for the simulation: its tables are in memory, and have as much of the API as the functions call.
    pub fn plain(config: Config) -> Result<Self, StoreError> {
        Self::with(config, Tables::Plain(Items::default()))
    }

    /// The same with both kinds of tables, which must answer each call alike.
    #[cfg(test)]
    pub(crate) fn compared(config: Config) -> Result<Self, StoreError> {
        Self::with(config, Tables::Compared(Embedded::in_memory()?, Items::default()))
    }

    fn with(config: Config, tables: Tables) -> Result<Self, StoreError> {
        let state = State {
            queues: Queues::new(&config),
            stacks: Stacks::new(&config),
            world: berth_fargate::World::new(config),
            buckets: Buckets::default(),
            repositories: Repositories::default(),
            faults: Faults::default(),
            bus: Bus::default(),
        };
        Self::restore(state, tables)
    }

    /// The cloud that [`Cloud::state`] and [`Cloud::tables`] were taken of.
    pub fn restore(state: State, tables: Tables) -> Result<Self, StoreError> {
        let mut cloud = Self {
            tables,
            state,
            writes: Writes::default(),
        };
        cloud.tables.set_now(cloud.state.world.now())?;
        Ok(cloud)
    }

    /// What is to be kept beside the tables.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The tables.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.state.world.now()
    }

    /// When something will next happen by itself.
    pub fn next_due(&self) -> Option<Timestamp> {
        let queues = self.state.queues.next_due(self.now());
        self.state.world.next_due().into_iter().chain(queues).min()
    }

    /// Lets time pass until `until`: everything that is due by then happens, each at its own time.
    pub fn advance_to(&mut self, until: Timestamp) -> Result<(), StoreError> {
        self.state.world.advance_to(until);
        self.tables.set_now(self.state.world.now())?;
        self.collect_events();
        Ok(())
    }

    /// Answers one API call, addressed and signed as the SDKs do. `asked_at` is when it was first asked: only a long poll
    /// is asked twice.
    pub fn call(&mut self, request: &Request<Bytes>, asked_at: Timestamp) -> Answer {
        let call = match Call::of(request) {
            Ok(call) => call,
            Err(error) => return Answer::Now(reply::unroutable(&error)),
        };
        if let Some(code) = self.state.faults.strike(&call) {
            return Answer::Now(reply::injected(&call, &code));
        }
        let now = self.now();
        let response = match call.service {
            Service::Ecs | Service::Efs => self.state.world.call(request),
            Service::DynamoDb => {
                self.writes.note(&call.action, request.body());
                self.tables.call(&call.action, request.body())
            }
            Service::S3 => self.state.buckets.call(&call.action, request, now),
            Service::CloudFormation => self.state.stacks.call(&call.action, request),
            Service::Ecr => self.state.repositories.call(&call.action, request.body(), now),
            Service::Sqs => return self.state.queues.call(&call.action, request.body(), now, asked_at),
        };
        self.collect_events();
        Answer::Now(response)
    }

    /// The queues, for those that read them from inside, like Lambda's event source mappings.
    pub fn queues(&mut self) -> &mut Queues {
        &mut self.state.queues
    }

    /// ECS, EFS and the events: how they behave, and what is truly there.
    pub fn region(&mut self) -> &mut berth_fargate::World {
        &mut self.state.world
    }

    /// What a call is answered that is refused with this error code instead of being done.
    pub fn refusal(call: &Call, code: &str) -> Response<Bytes> {
        reply::injected(call, code)
    }

    /// An event that nothing here has made: another account's, or one of an ECS that tells it differently.
    pub fn emit(&mut self, event: Value) {
        self.state.bus.emit(event);
    }

    /// What a call is answered whose caller may not make it.
    pub(crate) fn denial(call: &Call, why: &str) -> Response<Bytes> {
        reply::denied(call, why)
    }

    /// The events with a sequence number above `seq`, in order.
    pub fn events_after(&self, seq: u64) -> impl Iterator<Item = &Emitted> {
        self.state.bus.after(seq)
    }

    /// The events that no rule has been asked about yet, in order; each is shown once.
    pub fn undelivered(&mut self) -> impl Iterator<Item = &Value> {
        self.state.bus.undelivered()
    }

    /// The rows that were written since this was asked last. Nothing is kept before it is asked for the first time.
    pub fn take_written(&mut self) -> BTreeSet<Written> {
        self.writes.take()
    }

    /// The next calls of one action fail.
    pub fn set_fault(&mut self, fault: Fault) {
        self.state.faults.set(fault);
    }

    /// Says how containers of exactly this image behave, from the next task on.
    pub fn set_image(&mut self, image: &str, behaviour: Behaviour) {
        self.state.world.set_image(image, behaviour);
        self.state.repositories.find(image);
    }

    /// Says that this image is not in its repository, so that it cannot be pulled either.
    pub fn lose_image(&mut self, image: &str) {
        self.state.world.set_image(image, Behaviour::PullError);
        self.state.repositories.lose(image);
    }

    /// Says what state a stack is in now, and tells EventBridge.
    pub fn set_stack(&mut self, name: &str, status: StackStatus) {
        let now = self.now();
        let stack = self.state.stacks.set(name, status, now);
        self.state.world.emit_stack_status(&berth_fargate::StackStatus {
            name: stack.name,
            id: stack.id,
            status: status.as_str(),
            reason: "",
            client_request_token: "",
        });
        self.collect_events();
    }

    /// Says what a stack was deployed with and what it has made; it is complete, and nobody is told.
    pub fn set_deployed(&mut self, name: &str, deployed: Deployed) {
        let now = self.now();
        self.state.stacks.set(name, StackStatus::CreateComplete, now);
        self.state.stacks.deployed(name, deployed);
    }

    fn collect_events(&mut self) {
        for event in self.state.world.take_events() {
            self.state.bus.emit(event);
        }
    }
}
