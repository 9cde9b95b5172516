//! Eventual consistency: reads of tasks and services that are behind.
//!
//! Source: Amazon ECS API Reference, `RunTask`: the API follows an eventual consistency model; the result of a command
//! might not be visible to later commands at once. Events are not behind: they carry what they tell of.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::names::Consistency;
use crate::service::ServiceKey;
use crate::task::TaskKey;
use crate::world::World;

/// What a read may still see.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Past {
    until: Timestamp,
    shown: Value,
}

/// The states that reads may still see.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Pasts {
    tasks: BTreeMap<TaskKey, Past>,
    services: BTreeMap<ServiceKey, Past>,
}

impl Pasts {
    pub(crate) fn forget_task(&mut self, key: TaskKey) {
        self.tasks.remove(&key);
    }

    pub(crate) fn forget_service(&mut self, key: ServiceKey) {
        self.services.remove(&key);
    }
}

impl World {
    /// Whether a read at this moment does not see something that was made at `created`.
    pub(crate) fn unseen(&mut self, created: Timestamp) -> bool {
        match self.config.consistency {
            Consistency::Eventual { lag, rate } if self.now < created + lag => self.dice.chance(rate),
            _ => false,
        }
    }

    /// Until when reads may see what is about to change.
    fn visible_until(&self) -> Option<Timestamp> {
        match self.config.consistency {
            Consistency::Eventual { lag, .. } => Some(self.now + lag),
            Consistency::Strong => None,
        }
    }

    /// Keeps what a task is now, for reads that are behind. To be called before it changes.
    pub(crate) fn keep_past_of_task(&mut self, key: TaskKey) {
        if let Some(until) = self.visible_until() {
            let shown = self.show_task_with_tags(key);
            self.pasts.tasks.insert(key, Past { until, shown });
        }
    }

    /// Keeps what a service is now, for reads that are behind. To be called before it changes.
    pub(crate) fn keep_past_of_service(&mut self, key: ServiceKey) {
        if let Some(until) = self.visible_until() {
            let shown = self.show_service_with_tags(key);
            self.pasts.services.insert(key, Past { until, shown });
        }
    }

    /// What a read of a task sees instead of what the task is, if it is behind.
    pub(crate) fn past_of_task(&mut self, key: TaskKey) -> Option<Value> {
        let past = self
            .pasts
            .tasks
            .get(&key)
            .filter(|past| self.now < past.until)?
            .shown
            .clone();
        self.behind().then_some(past)
    }

    /// What a read of a service sees instead of what the service is, if it is behind.
    pub(crate) fn past_of_service(&mut self, key: ServiceKey) -> Option<Value> {
        let past = self
            .pasts
            .services
            .get(&key)
            .filter(|past| self.now < past.until)?
            .shown
            .clone();
        self.behind().then_some(past)
    }

    fn behind(&mut self) -> bool {
        match self.config.consistency {
            Consistency::Eventual { rate, .. } => self.dice.chance(rate),
            Consistency::Strong => false,
        }
    }
}
