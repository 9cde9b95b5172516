//! Faults: errors on demand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::route::{Call, Service};

/// The next `count` calls of one action are answered with an error instead of being done.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Whose action.
    pub service: Service,
    /// Which action, as the service model names it.
    pub action: String,
    /// The error code.
    pub error: String,
    /// How many calls; 0 takes the fault away.
    pub count: u32,
}

/// The faults that are still to strike, at most one per action.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Faults {
    waiting: BTreeMap<String, (String, u32)>,
}

impl Faults {
    pub(super) fn set(&mut self, fault: Fault) {
        let key = key(fault.service, &fault.action);
        if fault.count == 0 {
            self.waiting.remove(&key);
        } else {
            self.waiting.insert(key, (fault.error, fault.count));
        }
    }

    /// The error code that this call gets, if a fault is waiting for it.
    pub(super) fn strike(&mut self, call: &Call) -> Option<String> {
        let key = key(call.service, &call.action);
        let (error, count) = self.waiting.get_mut(&key)?;
        let error = error.clone();
        *count -= 1;
        if *count == 0 {
            self.waiting.remove(&key);
        }
        Some(error)
    }
}

fn key(service: Service, action: &str) -> String {
    format!("{}:{action}", service.as_str())
}
