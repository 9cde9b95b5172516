//! The invariants, checked beside the functions on what is truly there.
//!
//! What is stored is looked at after each write, what ECS does after each step. Nothing here decides by the functions'
//! own word: the tasks are those of the simulated ECS, the rows those of the table.

mod calls;
mod ledger;
mod rest;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use berth_core::definition::{Base, Layout, Main, Workspace};
use berth_core::tenant::{Files, Overlay, Phase, Tenant, phase};
use jiff::Timestamp;

use crate::cloud::Cloud;
use crate::template::{Function, Stack};

/// What must never happen, and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant: `I1` to `I12`, `fixpoint`, `ledger`, or `run` if the run itself broke down.
    pub invariant: &'static str,
    /// Of which tenant, if of one.
    pub tenant: Option<String>,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = self.tenant.as_deref().unwrap_or("the fleet");
        write!(f, "{} of {whose}: {}", self.invariant, self.what)
    }
}

impl Violation {
    pub(super) fn of(invariant: &'static str, tenant: &str, what: impl Into<String>) -> Self {
        Self {
            invariant,
            tenant: Some(tenant.to_owned()),
            what: what.into(),
        }
    }

    pub(super) fn of_all(invariant: &'static str, what: impl Into<String>) -> Self {
        Self {
            invariant,
            tenant: None,
            what: what.into(),
        }
    }
}

/// The names of the tables.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) tenants: String,
    pub(super) activity: String,
    pub(super) fleet: String,
}

impl Names {
    fn of(stack: &Stack) -> Option<Self> {
        let variables = &stack.function(Function::Reconcile)?.variables;
        let name = |variable: &str| variables.get(variable).cloned();
        Some(Self {
            tenants: name("BERTH_TENANTS_TABLE")?,
            activity: name("BERTH_ACTIVITY_TABLE")?,
            fleet: name("BERTH_FLEET_TABLE")?,
        })
    }
}

/// Everything that was ever true of one tenant.
#[derive(Clone, Debug, Default)]
struct Past {
    overlays: Vec<Overlay>,
    files: Vec<Files>,
    /// When its last accepted heartbeat came.
    worked: Option<Timestamp>,
}

/// The watch over one run.
#[derive(Debug)]
pub(super) struct Watch {
    names: Names,
    layout: Layout,
    rows: BTreeMap<String, Tenant>,
    past: BTreeMap<String, Past>,
    /// How many stops each sweep has claimed.
    claims: BTreeMap<u64, usize>,
    /// While it is set, reconcile must not change anything.
    pub(super) settled: bool,
}

impl Watch {
    /// Over a world in which there is nobody yet.
    pub(super) fn new(stack: &Stack) -> Option<Self> {
        let layout = Layout {
            main: Main::OnlyEssential,
            workspace: Workspace::Named("workspace".to_owned()),
        };
        Some(Self {
            names: Names::of(stack)?,
            layout,
            rows: BTreeMap::new(),
            past: BTreeMap::new(),
            claims: BTreeMap::new(),
            settled: false,
        })
    }

    /// The rows, as they were last written.
    pub(super) fn rows(&self) -> &BTreeMap<String, Tenant> {
        &self.rows
    }

    /// I3: nothing says *stopped* while a task is billable.
    pub(super) fn step(&self, cloud: &mut Cloud) -> Result<(), Violation> {
        for task in cloud.region().every_task().filter(|task| !task.stopped) {
            let Some(row) = task.service.and_then(|name| self.rows.get(tenant_of(name)?)) else {
                continue;
            };
            let phase = phase(row);
            if matches!(phase, Phase::Stopped | Phase::Deleted) {
                let what = format!("the row says {phase:?}, and task {} is {}", task.arn, task.status);
                return Err(Violation::of("I3", row.tenant_id.as_str(), what));
            }
        }
        Ok(())
    }
}

/// The tenant of a service's name, `t-<id>-g<n>`.
fn tenant_of(service: &str) -> Option<&str> {
    Some(service.strip_prefix("t-")?.rsplit_once("-g")?.0)
}

/// Everything that the watch compares with from outside.
pub(super) struct Beside<'a> {
    pub(super) bases: &'a [Base],
    pub(super) caller: u64,
    pub(super) function: Option<Function>,
    pub(super) tenants: &'a BTreeSet<String>,
}
