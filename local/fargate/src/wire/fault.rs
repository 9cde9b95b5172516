//! Errors on demand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::{ApiError, injected};

/// The faults that are still to come, by service and action.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Faults(BTreeMap<String, Fault>);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Fault {
    code: String,
    left: u32,
}

impl Faults {
    pub(crate) fn set(&mut self, service: &str, action: &str, code: &str, count: u32) {
        let key = format!("{service}:{action}");
        if count == 0 {
            self.0.remove(&key);
        } else {
            self.0.insert(
                key,
                Fault {
                    code: code.to_owned(),
                    left: count,
                },
            );
        }
    }

    /// The error with which this call is to be answered, if any.
    pub(crate) fn strike(&mut self, service: &str, action: &str) -> Option<ApiError> {
        if self.0.is_empty() {
            return None;
        }
        let key = format!("{service}:{action}");
        let fault = self.0.get_mut(&key)?;
        let error = injected(service, &fault.code);
        fault.left -= 1;
        if fault.left == 0 {
            self.0.remove(&key);
        }
        Some(error)
    }
}
