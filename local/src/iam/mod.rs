//! What each function may call, by its role in the template, and what it has called.
//!
//! On this machine a function may do what its role allows and nothing else, as in an account: a call that the role does not
//! allow is answered *access denied*. What of the roles was needed is remembered, so that a test can ask for what was not.
//!
//! Sources: IAM User Guide, "IAM JSON policy elements reference"; Service Authorization Reference, "Actions, resources, and
//! condition keys" of each service; `DynamoDB` Developer Guide, "Using IAM policy conditions for fine-grained access control".

mod dynamodb;
mod needs;
mod statement;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::Request;
use serde_json::Value;

pub use statement::Statement;

use crate::cloud::Call;
use crate::template::{Function, Stack};
use needs::Place;

/// One thing that a call must be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Need {
    /// The IAM action, like `dynamodb:UpdateItem`.
    action: String,
    /// The ARN of what it is done to, or `*` where the service has none for it.
    resource: String,
    /// The condition keys of the request.
    keys: BTreeMap<&'static str, Vec<String>>,
}

/// A part of a role: an action on a resource, or one of the values that a condition admits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// Whose role.
    pub function: Function,
    /// Which statement.
    pub sid: String,
    /// The action and the resource, or the condition key and the value, as the template has them.
    pub what: (String, String),
}

/// A call that a role does not allow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("the role of {function} does not allow {action} on {resource}{because}")]
pub struct Denied {
    /// Who called.
    pub function: Function,
    /// What.
    pub action: String,
    /// What it would have been done to.
    pub resource: String,
    /// What was in the request that a condition may not admit.
    pub because: String,
}

/// The roles of all functions, and what of them was needed.
#[derive(Debug)]
pub struct Roles {
    place: Place,
    statements: BTreeMap<Function, Vec<Statement>>,
    needed: BTreeSet<Part>,
    denied: BTreeSet<Denied>,
}

impl Roles {
    /// The roles of a stack that is deployed to this Region.
    pub fn of(stack: &Stack, region: &str) -> Self {
        let statements = stack.functions.iter().map(|spec| (spec.function, spec.role.clone()));
        Self {
            place: Place::of(stack, region),
            statements: statements.collect(),
            needed: BTreeSet::new(),
            denied: BTreeSet::new(),
        }
    }

    /// Whether a function may make this call. A request that is for no service is for the cloud to refuse.
    pub fn permit(&mut self, function: Function, request: &Request<Bytes>) -> Result<(), (Call, Denied)> {
        let Ok(call) = Call::of(request) else {
            return Ok(());
        };
        for need in needs::of(&self.place, &call, request) {
            if let Err(denied) = self.allow(function, &need) {
                tracing::error!(%denied, "a call was not allowed");
                self.denied.insert(denied.clone());
                return Err((call, denied));
            }
        }
        Ok(())
    }

    fn allow(&mut self, function: Function, need: &Need) -> Result<(), Denied> {
        let statements = self.statements.get(&function).into_iter().flatten();
        let mut parts = statements.filter_map(|statement| Some((statement, statement.allows(need)?)));
        let Some((statement, parts)) = parts.next() else {
            let because = if need.keys.is_empty() {
                String::new()
            } else {
                format!(" with {:?}", need.keys)
            };
            return Err(Denied {
                function,
                action: need.action.clone(),
                resource: need.resource.clone(),
                because,
            });
        };
        for what in parts {
            let sid = &statement.sid;
            // Most calls need what one before them has needed.
            let part = Part {
                function,
                sid: sid.clone(),
                what,
            };
            self.needed.insert(part);
        }
        Ok(())
    }

    /// What of the roles was needed.
    pub fn needed(&self) -> &BTreeSet<Part> {
        &self.needed
    }

    /// What was called and is not allowed.
    pub fn denied(&self) -> &BTreeSet<Denied> {
        &self.denied
    }

    /// Every part of every role.
    pub fn parts(&self) -> BTreeSet<Part> {
        let all = self.statements.iter().flat_map(|(function, statements)| {
            let parts = statements.iter().flat_map(|statement| {
                let sid = &statement.sid;
                statement.parts().into_iter().map(move |what| (sid.clone(), what))
            });
            parts.map(|(sid, what)| Part {
                function: *function,
                sid,
                what,
            })
        });
        all.collect()
    }
}

/// The members of a request's body.
fn body(request: &Request<Bytes>) -> Value {
    serde_json::from_slice(request.body()).unwrap_or_default()
}
