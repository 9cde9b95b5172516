//! Whether a deployed stack is as it should be, decided from what was read of it.
//!
//! A *check* is a subject and its health. What could not be read is *not checked*, which is neither good nor bad: an error
//! is not an absence. A check that is not well says what to do.

mod checks;
#[cfg(test)]
mod tests;

pub use checks::{
    access_points, base, cluster, dead_letters, event_letters, file_system, overdue, queue, quota, releases, resources,
    roles, rollout, schedule, stack, table,
};

use serde::Serialize;

/// What was read, or why it could not be.
pub type Read<T> = Result<T, String>;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What.
    pub subject: String,
    /// How it is.
    #[serde(flatten)]
    pub health: Health,
}

/// How something is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "health", rename_all = "camelCase")]
pub enum Health {
    /// As it should be.
    Ok {
        /// What was found.
        found: String,
    },
    /// It works, and somebody should look.
    Warning {
        /// What was found.
        found: String,
        /// What to do.
        fix: String,
    },
    /// Something does not work.
    Failed {
        /// What was found.
        found: String,
        /// What to do.
        fix: String,
    },
    /// It is not known.
    NotChecked {
        /// Why not.
        why: String,
    },
}

impl Health {
    fn ok(found: impl Into<String>) -> Self {
        Self::Ok { found: found.into() }
    }

    fn warning(found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Warning {
            found: found.into(),
            fix: fix.into(),
        }
    }

    fn failed(found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Failed {
            found: found.into(),
            fix: fix.into(),
        }
    }
}

impl Check {
    /// The check of something that was read.
    fn of<T>(subject: impl Into<String>, read: &Read<T>, judge: impl FnOnce(&T) -> Health) -> Self {
        let health = match read {
            Ok(found) => judge(found),
            Err(why) => Health::NotChecked { why: why.clone() },
        };
        Self {
            subject: subject.into(),
            health,
        }
    }

    /// Whether something does not work.
    pub fn has_failed(&self) -> bool {
        matches!(self.health, Health::Failed { .. })
    }
}

/// A resource of the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its name in the template.
    pub logical: String,
    /// `CloudFormation`'s word for how it is.
    pub status: String,
}

/// The cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// ECS's word for how it is.
    pub status: String,
    /// How many services it has.
    pub services: u64,
}

/// A base, and which roles Berth may hand over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles {
    /// The base's task role, if it has one.
    pub task: Option<String>,
    /// The base's execution role, if it has one.
    pub execution: Option<String>,
    /// What the stack's parameters allow.
    pub allowed: Vec<String>,
}

/// A quota of the account, and what is used of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// What is allowed.
    pub limit: u64,
    /// What is used; `None` if that is not known here.
    pub used: Option<u64>,
}
