//! The actions on task definitions.

use std::cmp::Reverse;
use std::time::Duration;

use serde_json::{Value, json};

use super::store::{Reference, Revision, RevisionId, RevisionStatus};
use super::{container, normal, rules};
use crate::page::page;
use crate::tags;
use crate::wire::args::Args;
use crate::wire::error::{Answer, ApiError};
use crate::world::{Due, World};

/// How long a revision that nothing refers to stays in `DELETE_IN_PROGRESS` before it is gone.
const DELETION: Duration = Duration::from_mins(1);

impl World {
    pub(crate) fn register_definition(&mut self, args: Args<'_>) -> Answer {
        let tags = tags::read(args).map_err(|error| ApiError::client(error.message))?;
        let size = rules::check(args)?;
        let body = normal::normalise(args.0, size);
        rules::check_length(&body)?;
        let revision = Revision {
            containers: container::read_all(Args(&body)),
            body,
            tags,
            status: RevisionStatus::Active,
            registered: self.now,
            references: 0,
        };
        let family = args.text("family").unwrap_or_default();
        let id = self.definitions.add(family, revision);
        Ok(self.show_definition(&id, args.get("tags").is_some()))
    }

    pub(crate) fn describe_definition(&mut self, args: Args<'_>) -> Answer {
        let given = args.text("taskDefinition").unwrap_or_default();
        let found = self.definitions.find(given, &self.config);
        let id = found.ok_or_else(|| ApiError::client("Unable to describe task definition."))?;
        Ok(self.show_definition(&id, args.includes("include", "TAGS")))
    }

    fn show_definition(&self, id: &RevisionId, with_tags: bool) -> Value {
        let definition = self.definitions.show(id, &self.config);
        match self.definitions.get(id) {
            Some(revision) if with_tags => json!({"taskDefinition": definition, "tags": tags::list(&revision.tags)}),
            _ => json!({"taskDefinition": definition}),
        }
    }

    pub(crate) fn deregister_definition(&mut self, args: Args<'_>) -> Answer {
        let given = args.text("taskDefinition").unwrap_or_default();
        let id = match Reference::read(given, &self.config) {
            Some(Reference::Revision(id)) if self.definitions.get(&id).is_some() => id,
            Some(Reference::Family(_)) => {
                return Err(ApiError::client("Invalid revision: a revision must be specified."));
            }
            _ => return Err(ApiError::client("The specified task definition does not exist.")),
        };
        let status = self.definitions.get(&id).map(|revision| revision.status);
        if matches!(status, Some(RevisionStatus::DeleteInProgress { .. })) {
            return Err(ApiError::client("The specified task definition is being deleted."));
        }
        if status == Some(RevisionStatus::Active) {
            self.definitions
                .set_status(&id, RevisionStatus::Inactive { since: self.now });
        }
        Ok(json!({"taskDefinition": self.definitions.show(&id, &self.config)}))
    }

    /// Source: `DeleteTaskDefinitions`: 1 to 10 revisions, each INACTIVE; what cannot be deleted is in `failures`.
    pub(crate) fn delete_definitions(&mut self, args: Args<'_>) -> Answer {
        let given: Vec<_> = args.texts("taskDefinitions").collect();
        if given.is_empty() || given.len() > 10 {
            return Err(ApiError::parameter(
                "Between 1 and 10 task definitions can be deleted at once.",
            ));
        }
        let (mut deleted, mut failures) = (Vec::new(), Vec::new());
        for given in given {
            match self.delete_definition(given) {
                Ok(id) => deleted.push(self.definitions.show(&id, &self.config)),
                Err(reason) => failures.push(json!({"arn": given, "reason": reason})),
            }
        }
        Ok(json!({"taskDefinitions": deleted, "failures": failures}))
    }

    fn delete_definition(&mut self, given: &str) -> Result<RevisionId, &'static str> {
        let Some(Reference::Revision(id)) = Reference::read(given, &self.config) else {
            return Err(
                "The specified task definition identifier is invalid. Specify a valid name or ARN with a revision.",
            );
        };
        let status = self.definitions.get(&id).map(|revision| revision.status);
        match status {
            None => Err("The specified task definition does not exist."),
            Some(RevisionStatus::Active) => Err(
                "The specified task definition is still in ACTIVE status. Please deregister the target and try again.",
            ),
            Some(RevisionStatus::DeleteInProgress { .. }) => Ok(id),
            Some(RevisionStatus::Inactive { since }) => {
                let status = RevisionStatus::DeleteInProgress {
                    inactive_since: since,
                    since: self.now,
                };
                self.definitions.set_status(&id, status);
                self.agenda.plan(self.now + DELETION, Due::Definition(id.clone()));
                Ok(id)
            }
        }
    }

    /// A revision in `DELETE_IN_PROGRESS` that nothing refers to is gone; its number is never used again.
    pub(crate) fn definition_due(&mut self, id: &RevisionId) {
        let gone = self.definitions.get(id).is_some_and(|revision| {
            revision.references == 0 && matches!(revision.status, RevisionStatus::DeleteInProgress { .. })
        });
        if gone && let Some(family) = self.definitions.families.get_mut(&id.family) {
            family.revisions.remove(&id.revision);
        }
    }

    /// Something that referred to a revision does not any more.
    pub(crate) fn release_definition(&mut self, id: &RevisionId) {
        if self.definitions.release(id) {
            let deleting = self.definitions.get(id).map(|revision| revision.status);
            if matches!(deleting, Some(RevisionStatus::DeleteInProgress { .. })) {
                self.agenda.plan(self.now + DELETION, Due::Definition(id.clone()));
            }
        }
    }

    /// Source: `ListTaskDefinitions`: `familyPrefix` is a full family name; ACTIVE by default; by family, then revision.
    pub(crate) fn list_definitions(&mut self, args: Args<'_>) -> Answer {
        let status = args.text("status").unwrap_or("ACTIVE");
        let chosen = args.named("familyPrefix");
        let families: Box<dyn DoubleEndedIterator<Item = _>> = match chosen {
            Some(family) => Box::new(self.definitions.families.get_key_value(family).into_iter()),
            None => Box::new(self.definitions.families.iter()),
        };
        let ids = families.flat_map(|(family, stored)| {
            let right = stored
                .revisions
                .iter()
                .filter(|(_, revision)| revision.status.name() == status);
            right.map(|(number, _)| (family.clone(), *number))
        });
        let (keys, next) = if args.text("sort") == Some("DESC") {
            let page = page(ids.rev().map(Reverse), args, 100).map_err(as_client)?;
            (page.keys.into_iter().map(|Reverse(key)| key).collect(), page.next)
        } else {
            let page = page(ids, args, 100).map_err(as_client)?;
            (page.keys, page.next)
        };
        let arn = |(family, revision): (String, u32)| RevisionId { family, revision }.arn(&self.config);
        let listed: Vec<_> = keys.into_iter().map(arn).collect();
        Ok(json!({"taskDefinitionArns": listed, "nextToken": next}))
    }

    /// Source: `ListTaskDefinitionFamilies`: `familyPrefix` is a prefix; a family is ACTIVE if it has an ACTIVE revision;
    /// without a status families of either kind are listed.
    pub(crate) fn list_families(&mut self, args: Args<'_>) -> Answer {
        let prefix = args.text("familyPrefix").unwrap_or_default();
        let status = args.text("status");
        let begin = prefix.to_owned()..;
        let families = self
            .definitions
            .families
            .range(begin)
            .take_while(|(name, _)| name.starts_with(prefix));
        let right = families.filter(|(_, family)| match status {
            Some("ACTIVE") => !family.active.is_empty(),
            Some("INACTIVE") => family.active.is_empty() && !family.revisions.is_empty(),
            _ => !family.revisions.is_empty(),
        });
        let page = page(right.map(|(name, _)| name.clone()), args, 100).map_err(as_client)?;
        Ok(json!({"families": page.keys, "nextToken": page.next}))
    }
}

fn as_client(error: ApiError) -> ApiError {
    ApiError::client(error.message)
}
