//! The world: one account's ECS, Fargate and EFS in one Region, and its time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agenda::Agenda;
use crate::cluster::Clusters;
use crate::definition::store::Definitions;
use crate::dice::Dice;
use crate::efs::FileSystems;
use crate::events::{Delivery, Outbox};
use crate::image::Behaviour;
use crate::names::{Config, Consistency, Throttling};
use crate::placement::Capacity;
use crate::service::Services;
use crate::stale::Pasts;
use crate::task::Tasks;
use crate::task::life::TaskStep;
use crate::throttle::Buckets;
use crate::wire::fault::Faults;

/// A whole simulated Region. It can be saved and restored (it is `Serialize` and `Deserialize`), and it changes only
/// by calls and by the passing of its own time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct World {
    pub(crate) config: Config,
    pub(crate) now: Timestamp,
    pub(crate) dice: Dice,
    pub(crate) agenda: Agenda<Due>,
    pub(crate) outbox: Outbox,
    pub(crate) buckets: Buckets,
    pub(crate) faults: Faults,
    pub(crate) images: BTreeMap<String, Behaviour>,
    pub(crate) clusters: Clusters,
    pub(crate) definitions: Definitions,
    pub(crate) tasks: Tasks,
    pub(crate) services: Services,
    pub(crate) file_systems: FileSystems,
    pub(crate) pasts: Pasts,
    pub(crate) capacity: Capacity,
}

/// Something that will happen by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Due {
    /// A task's next step.
    Task(crate::task::TaskKey, TaskStep),
    /// The service scheduler looks at a service.
    Service(crate::service::ServiceKey),
    /// A service that was INACTIVE for long is forgotten.
    ForgetService(crate::service::ServiceKey),
    /// A revision in `DELETE_IN_PROGRESS` is looked at.
    Definition(crate::definition::store::RevisionId),
    /// An access point or file system changes its state.
    FileSystems(crate::efs::EfsStep),
}

impl World {
    /// An empty Region at `config.start`.
    pub fn new(config: Config) -> Self {
        Self {
            now: config.start,
            dice: Dice::new(config.seed),
            config,
            agenda: Agenda::default(),
            outbox: Outbox::default(),
            buckets: Buckets::default(),
            faults: Faults::default(),
            images: BTreeMap::new(),
            clusters: Clusters::default(),
            definitions: Definitions::default(),
            tasks: Tasks::default(),
            services: Services::default(),
            file_systems: FileSystems::default(),
            pasts: Pasts::default(),
            capacity: Capacity::Available,
        }
    }

    /// What the world was made from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The time in the world.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// When something will next happen by itself: a step of a task or service, or an event that arrives.
    pub fn next_due(&self) -> Option<Timestamp> {
        match (self.agenda.next_due(), self.outbox.next_due()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Lets time pass until `until`: everything that is due by then happens, in order and each at its own time.
    /// Time never goes back; an earlier time changes nothing.
    pub fn advance_to(&mut self, until: Timestamp) {
        while let Some((at, due)) = self.agenda.pop(until) {
            self.now = self.now.max(at);
            self.happen(due);
        }
        self.now = self.now.max(until);
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Task(task, step) => self.task_step(task, step),
            Due::Service(service) => self.service_due(service),
            Due::ForgetService(service) => self.forget_service(service),
            Due::Definition(revision) => self.definition_due(&revision),
            Due::FileSystems(step) => self.file_systems.step(&step),
        }
    }

    /// The events that `EventBridge` has delivered by now and that nobody has taken yet, as whole envelopes.
    pub fn take_events(&mut self) -> Vec<Value> {
        self.outbox.take(self.now)
    }

    /// How events are delivered.
    pub fn delivery(&self) -> &Delivery {
        &self.outbox.delivery
    }

    /// Says how badly events are delivered from now on.
    pub fn set_delivery(&mut self, delivery: Delivery) {
        self.outbox.delivery = delivery;
    }

    /// Says how containers of exactly this image behave, from the next task on.
    pub fn set_image(&mut self, image: &str, behaviour: Behaviour) {
        self.images.insert(image.to_owned(), behaviour);
    }

    /// The next `count` calls of `action` are answered with the error `code` instead of being done. `service` is `ecs`
    /// or `efs`. A fault replaces the one before of the same action; `count` 0 removes it.
    pub fn set_fault(&mut self, service: &str, action: &str, code: &str, count: u32) {
        self.faults.set(service, action, code, count);
    }

    /// Says whether Fargate has capacity for new tasks from now on.
    pub fn set_capacity(&mut self, capacity: Capacity) {
        self.capacity = capacity;
    }

    /// Says whether the API buckets are enforced from now on.
    pub fn set_throttling(&mut self, throttling: Throttling) {
        self.config.throttling = throttling;
    }

    /// Says how consistent reads of tasks and services are from now on.
    pub fn set_consistency(&mut self, consistency: Consistency) {
        self.config.consistency = consistency;
    }
}
