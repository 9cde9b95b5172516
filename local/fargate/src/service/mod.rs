//! Services: a wanted number of tasks, and the deployments that bring them up.

pub(crate) mod actions;
pub(crate) mod breaker;
pub(crate) mod deployment;
pub(crate) mod plan;
pub(crate) mod record;
pub(crate) mod scheduler;
pub(crate) mod settings;
pub(crate) mod update;
pub(crate) mod view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::definition::store::RevisionId;
use crate::tags::Tags;
use crate::task::TaskKey;
use deployment::{Completed, Deployment};
use settings::Settings;

/// A service's number within the world. A name that is created again is another service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ServiceKey(u64);

/// A service's `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ServiceStatus {
    Active,
    Draining,
    Inactive,
}

impl ServiceStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Draining => "DRAINING",
            Self::Inactive => "INACTIVE",
        }
    }
}

/// One service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) cluster: String,
    pub(crate) status: ServiceStatus,
    pub(crate) created: Timestamp,
    pub(crate) desired: u32,
    pub(crate) settings: Settings,
    pub(crate) tags: Tags,
    /// The PRIMARY deployment first, then the ACTIVE ones; none once the service is INACTIVE.
    pub(crate) deployments: Vec<Deployment>,
    /// What was last deployed successfully: what a rollback goes back to.
    pub(crate) completed: Option<Completed>,
    /// What it ran last, once it is INACTIVE.
    pub(crate) last_definition: Option<RevisionId>,
    /// Newest first.
    pub(crate) messages: VecDeque<Message>,
    /// Its tasks that are not STOPPED.
    pub(crate) live: BTreeSet<TaskKey>,
    /// When the scheduler looks at it next.
    pub(crate) next_look: Option<Timestamp>,
    /// Whether the scheduler has said that it is steady, and nothing has changed since.
    pub(crate) steady: bool,
}

/// One of the service's own `events`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) at: Timestamp,
    pub(crate) text: String,
}

impl Service {
    pub(crate) fn primary(&self) -> Option<&Deployment> {
        self.deployments.first()
    }

    pub(crate) fn primary_mut(&mut self) -> Option<&mut Deployment> {
        self.deployments.first_mut()
    }
}

/// All services that are still remembered.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Services {
    all: BTreeMap<ServiceKey, Service>,
    next: u64,
    pub(crate) tokens: BTreeMap<String, Token>,
}

/// A `CreateService` request that was done under a client token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) request: Map<String, Value>,
    pub(crate) service: ServiceKey,
    pub(crate) until: Timestamp,
}

impl Services {
    pub(crate) fn get(&self, key: ServiceKey) -> Option<&Service> {
        self.all.get(&key)
    }

    pub(crate) fn get_mut(&mut self, key: ServiceKey) -> Option<&mut Service> {
        self.all.get_mut(&key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Service> {
        self.all.values()
    }

    pub(crate) fn add(&mut self, service: Service) -> ServiceKey {
        let key = ServiceKey(self.next);
        self.next += 1;
        self.all.insert(key, service);
        key
    }

    pub(crate) fn remove(&mut self, key: ServiceKey) -> Option<Service> {
        self.all.remove(&key)
    }

    /// Whether it is ACTIVE or DRAINING.
    pub(crate) fn is_alive(&self, key: ServiceKey) -> bool {
        self.get(key)
            .is_some_and(|service| service.status != ServiceStatus::Inactive)
    }

    pub(crate) fn is_active(&self, key: ServiceKey) -> bool {
        self.get(key)
            .is_some_and(|service| service.status == ServiceStatus::Active)
    }
}
