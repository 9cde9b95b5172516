//! Families and their revisions.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::container::ContainerSpec;
use crate::names::{Config, epoch};
use crate::tags::Tags;
use crate::wire::error::ApiError;

/// `family:revision`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct RevisionId {
    pub(crate) family: String,
    pub(crate) revision: u32,
}

impl RevisionId {
    pub(crate) fn arn(&self, config: &Config) -> String {
        config.ecs_arn(&format!("task-definition/{}:{}", self.family, self.revision))
    }
}

/// Where a revision is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RevisionStatus {
    Active,
    Inactive {
        since: Timestamp,
    },
    DeleteInProgress {
        inactive_since: Timestamp,
        since: Timestamp,
    },
}

impl RevisionStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Inactive { .. } => "INACTIVE",
            Self::DeleteInProgress { .. } => "DELETE_IN_PROGRESS",
        }
    }
}

/// One revision.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Revision {
    /// The normal form of what was registered.
    pub(crate) body: Map<String, Value>,
    pub(crate) tags: Tags,
    pub(crate) status: RevisionStatus,
    pub(crate) registered: Timestamp,
    pub(crate) containers: Vec<ContainerSpec>,
    /// How many live tasks and services refer to it.
    pub(crate) references: u32,
}

/// All revisions of one name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Family {
    /// The newest revision's number; it only grows.
    newest: u32,
    pub(crate) revisions: BTreeMap<u32, Revision>,
    pub(crate) active: BTreeSet<u32>,
}

/// All families by name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Definitions {
    pub(crate) families: BTreeMap<String, Family>,
}

/// A reference as callers write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    /// A family: its latest ACTIVE revision.
    Family(String),
    Revision(RevisionId),
}

impl Reference {
    /// Reads a family, a `family:revision` or an ARN; none for anything else.
    pub(crate) fn read(given: &str, config: &Config) -> Option<Self> {
        let name = if given.starts_with("arn:") {
            config.ecs_resource(given)?.strip_prefix("task-definition/")?
        } else {
            given
        };
        match name.split_once(':') {
            None => Some(Self::Family(name.to_owned())),
            Some((family, revision)) => Some(Self::Revision(RevisionId {
                family: family.to_owned(),
                revision: revision.parse().ok()?,
            })),
        }
    }
}

impl Definitions {
    pub(crate) fn add(&mut self, family: &str, revision: Revision) -> RevisionId {
        let stored = self.families.entry(family.to_owned()).or_default();
        stored.newest += 1;
        stored.active.insert(stored.newest);
        stored.revisions.insert(stored.newest, revision);
        RevisionId {
            family: family.to_owned(),
            revision: stored.newest,
        }
    }

    pub(crate) fn active(&self) -> impl Iterator<Item = RevisionId> {
        let revisions = |(family, stored): (&String, &Family)| {
            let family = family.clone();
            let ids = stored.active.iter().map(move |revision| RevisionId {
                family: family.clone(),
                revision: *revision,
            });
            ids.collect::<Vec<_>>()
        };
        self.families.iter().flat_map(revisions)
    }

    pub(crate) fn get(&self, id: &RevisionId) -> Option<&Revision> {
        self.families.get(&id.family)?.revisions.get(&id.revision)
    }

    pub(crate) fn get_mut(&mut self, id: &RevisionId) -> Option<&mut Revision> {
        self.families.get_mut(&id.family)?.revisions.get_mut(&id.revision)
    }

    /// The revision that a reference means, whatever its status; for a family the latest ACTIVE one.
    pub(crate) fn find(&self, given: &str, config: &Config) -> Option<RevisionId> {
        match Reference::read(given, config)? {
            Reference::Family(family) => {
                let revision = *self.families.get(&family)?.active.last()?;
                Some(RevisionId { family, revision })
            }
            Reference::Revision(id) => self.get(&id).map(|_| id),
        }
    }

    /// The revision with which something new may be started. Source: `DeregisterTaskDefinition`: INACTIVE revisions
    /// cannot be used for that (the simulator forbids it at once, without the up to ten minutes of grace).
    pub(crate) fn usable(&self, given: &str, config: &Config) -> Result<RevisionId, ApiError> {
        let id = self
            .find(given, config)
            .ok_or_else(|| ApiError::client("TaskDefinition not found."))?;
        match self.get(&id).map(|revision| revision.status) {
            Some(RevisionStatus::Active) => Ok(id),
            _ => Err(ApiError::client("TaskDefinition is inactive")),
        }
    }

    /// Takes a revision out of what a family's name can mean.
    pub(crate) fn set_status(&mut self, id: &RevisionId, status: RevisionStatus) {
        let Some(family) = self.families.get_mut(&id.family) else {
            return;
        };
        if let Some(revision) = family.revisions.get_mut(&id.revision) {
            revision.status = status;
            family.active.remove(&id.revision);
        }
    }

    pub(crate) fn refer(&mut self, id: &RevisionId) {
        if let Some(revision) = self.get_mut(id) {
            revision.references += 1;
        }
    }

    /// Whether nothing refers to it any more.
    pub(crate) fn release(&mut self, id: &RevisionId) -> bool {
        self.get_mut(id).is_some_and(|revision| {
            revision.references = revision.references.saturating_sub(1);
            revision.references == 0
        })
    }

    /// The definition as `DescribeTaskDefinition` shows it.
    pub(crate) fn show(&self, id: &RevisionId, config: &Config) -> Value {
        let Some(revision) = self.get(id) else {
            return Value::Null;
        };
        let mut shown = revision.body.clone();
        shown.insert("taskDefinitionArn".to_owned(), json!(id.arn(config)));
        shown.insert("revision".to_owned(), json!(id.revision));
        shown.insert("status".to_owned(), json!(revision.status.name()));
        shown.insert(
            "requiresAttributes".to_owned(),
            super::normal::required_attributes(&revision.body),
        );
        shown.insert(
            "compatibilities".to_owned(),
            super::rules::compatibilities(&revision.body),
        );
        shown.insert("registeredAt".to_owned(), epoch(revision.registered));
        shown.insert(
            "registeredBy".to_owned(),
            json!(format!("arn:aws:iam::{}:root", config.account)),
        );
        match revision.status {
            RevisionStatus::Active => {}
            RevisionStatus::Inactive { since } => {
                shown.insert("deregisteredAt".to_owned(), epoch(since));
            }
            RevisionStatus::DeleteInProgress { inactive_since, since } => {
                shown.insert("deregisteredAt".to_owned(), epoch(inactive_since));
                shown.insert("deleteRequestedAt".to_owned(), epoch(since));
            }
        }
        Value::Object(shown)
    }
}
