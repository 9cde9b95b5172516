//! What a tenant should become, in the terms of AWS.

use crate::definition::{FileSystemId, Fingerprint};
use crate::release::ReleaseId;
use crate::tenant::{FailedDefinition, Reason, TemplateName, Tenant};

/// What a tenant should become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// No task.
    Down,
    /// One task of this target.
    Up(Target),
    /// One task, but none can be made.
    Impossible(Failure),
}

/// What a tenant should run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// It cannot be rendered before the tenant has a directory on this file system.
    NeedsAccessPoint {
        /// `fs-…`
        file_system_id: FileSystemId,
    },
    /// It cannot be rendered before it is known which bundle of this template it is given.
    NeedsBundle {
        /// Its template.
        template: TemplateName,
    },
    /// This definition.
    Definition {
        /// What it is.
        fingerprint: Fingerprint,
        /// The base that it was rendered from.
        release: ReleaseId,
        /// How a running task of another definition gives way to it.
        replacing: Replacing,
    },
}

/// How a task gives way to its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacing {
    /// The old one is proven to be STOPPED before the new one starts: two never share the volume.
    Strict,
    /// ECS replaces it within the service's deployment limits.
    Rolling,
}

/// Why there is nothing to run, however often it is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A stable code (`render_failed`, `deployment_failed`, …).
    pub code: &'static str,
    /// What happened and what to do, for an operator.
    pub message: String,
    /// The step that failed.
    pub step: &'static str,
}

impl Tenant {
    /// The target that stands for `wanted`: itself, or what to run instead because ECS could not bring `wanted` up.
    ///
    /// A definition that failed for this tenant is not tried again until the overlay or the release changes (then its
    /// fingerprint does) or somebody asks for a retry. Until then the last good one serves.
    pub fn goal_of(&self, wanted: Target) -> Goal {
        let Target::Definition { fingerprint, .. } = &wanted else {
            return Goal::Up(wanted);
        };
        let Some(failed) = self.failure_of(fingerprint) else {
            return Goal::Up(wanted);
        };
        match self
            .made
            .last_good
            .as_ref()
            .filter(|good| self.failure_of(&good.fingerprint).is_none())
        {
            Some(good) => Goal::Up(Target::Definition {
                fingerprint: good.fingerprint,
                release: good.release,
                replacing: Replacing::Strict,
            }),
            None => Goal::Impossible(Failure {
                code: "deployment_failed",
                message: format!(
                    "the container does not start: {}; change the overlay or the base, or retry",
                    failed.reason
                ),
                step: "run",
            }),
        }
    }

    /// How this definition failed, unless it may be tried again.
    pub fn failure_of(&self, fingerprint: &Fingerprint) -> Option<&FailedDefinition> {
        self.made.failed.iter().find(|failed| {
            let retried = self.intent.reason == Reason::Retry && failed.generation < self.intent.generation;
            failed.fingerprint == *fingerprint && !retried
        })
    }

    /// The target of a generation that ECS has been told of: what it was told, whatever has been promoted since.
    pub fn standing_target(&self) -> Option<Target> {
        self.applied_now().map(|applied| Target::Definition {
            fingerprint: applied.fingerprint,
            release: applied.release,
            replacing: Replacing::Strict,
        })
    }
}
