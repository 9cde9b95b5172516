//! The steps of a plan, and the reasons for taking none.

use std::fmt;

use jiff::Timestamp;

use crate::definition::{FileSystemId, Fingerprint, Revision};
use crate::plan::Failure;
use crate::template::ASSETS;
use crate::tenant::{Applied, Files, Generation, ServiceName, TemplateName};

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// This.
    Do(Step),
    /// Nothing: something else has to happen first, and will be told.
    Wait(Wait),
    /// Nothing: the tenant is what it should be, and the row says so.
    Rest,
}

/// One call, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read the service.
    LookAtService(ServiceName),
    /// Read the tasks of the service that may be alive.
    LookAtTasks(ServiceName),
    /// Read which revisions were registered for this incarnation alone.
    LookAtOwnDefinitions(Generation),
    /// Make the tenant's directory.
    CreateAccessPoint {
        /// On which file system.
        file_system_id: FileSystemId,
        /// For which incarnation.
        incarnation: Generation,
    },
    /// Stage the bundle of this template, and record that the tenant is given it.
    Stage(TemplateName),
    /// Register the target's definition, or find the revision that it is registered as.
    Register(Fingerprint),
    /// Make the service, with one task.
    CreateService {
        /// Its name.
        name: ServiceName,
        /// What it runs.
        definition_arn: String,
    },
    /// Let the service have one task of this definition.
    Run {
        /// Its name.
        name: ServiceName,
        /// What it runs.
        definition_arn: String,
    },
    /// Let the service have one task of the definition that it has, in a new deployment: ECS has given the last one up, and starts
    /// no task of it any more.
    RunAnew {
        /// Its name.
        name: ServiceName,
        /// What it runs.
        definition_arn: String,
    },
    /// Let the service have no task.
    Stop(ServiceName),
    /// Record that ECS was told, by then, to let the service have no task.
    ConfirmStop(Timestamp),
    /// Accept heartbeats, from now on for this generation.
    OpenActivity,
    /// Accept no heartbeats any more.
    CloseActivity,
    /// Record what ECS was told.
    Confirm(Applied),
    /// Record that ECS could not bring up what it was told.
    MarkFailed {
        /// What it was told.
        applied: Applied,
        /// What it said.
        reason: String,
    },
    /// Record that the generation is reached.
    Settle(Proof),
    /// Record that the generation cannot be reached.
    GiveUp(Failure),
    /// Delete the service, which has no task any more.
    DeleteService(ServiceName),
    /// Deregister a revision that nobody else uses.
    Deregister(Revision),
    /// Delete the tenant's directory entry; its data stays.
    DeleteAccessPoint(Files),
    /// Record that nothing is left of a former incarnation.
    Forget(Generation),
    /// Record that nothing is left of the tenant.
    Bury,
}

/// What was seen that proves a generation to be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The task that was observed RUNNING runs what was applied.
    Running(Applied),
    /// Every task is STOPPED.
    Stopped,
}

/// Why nothing can be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// These tasks are not STOPPED yet.
    TasksToStop(Vec<String>),
    /// No task is seen that is not STOPPED, but until then one may be there that is not seen yet. Nothing will tell.
    ToBeSure(Timestamp),
    /// ECS was told to run a task; none is RUNNING yet.
    TaskToStart,
    /// The service is still DRAINING.
    ServiceToDrain(ServiceName),
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TasksToStop(tasks) if tasks.is_empty() => f.write_str("the service to have no task"),
            Self::TasksToStop(tasks) => write!(f, "{} to be STOPPED", tasks.join(", ")),
            Self::ToBeSure(until) => write!(f, "{until}, before which a task may be there that is not seen"),
            Self::TaskToStart => f.write_str("a task to be RUNNING"),
            Self::ServiceToDrain(name) => write!(f, "service {name} to have drained"),
        }
    }
}

impl Step {
    /// A short name for logs, rows and counters.
    pub fn name(&self) -> &'static str {
        match self {
            Self::LookAtService(_) => "look-at-service",
            Self::LookAtTasks(_) => "look-at-tasks",
            Self::LookAtOwnDefinitions(_) => "look-at-own-definitions",
            Self::CreateAccessPoint { .. } => "create-access-point",
            Self::Stage(_) => ASSETS,
            Self::Register(_) => "register",
            Self::CreateService { .. } => "create-service",
            Self::Run { .. } => "run",
            Self::RunAnew { .. } => "run-anew",
            Self::Stop(_) => "stop",
            Self::ConfirmStop(_) => "confirm-stop",
            Self::OpenActivity => "open-activity",
            Self::CloseActivity => "close-activity",
            Self::Confirm(_) => "confirm",
            Self::MarkFailed { .. } => "mark-failed",
            Self::Settle(_) => "settle",
            Self::GiveUp(_) => "give-up",
            Self::DeleteService(_) => "delete-service",
            Self::Deregister(_) => "deregister",
            Self::DeleteAccessPoint(_) => "delete-access-point",
            Self::Forget(_) => "forget",
            Self::Bury => "bury",
        }
    }
}
