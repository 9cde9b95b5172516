//! The invariants, checked beside the functions on what is truly there.
//!
//! What is stored is looked at after each write, what ECS does after each step. Nothing here decides by the functions'
//! own word: the tasks are those of the simulated ECS, the rows those of the table.

mod calls;
mod ledger;
mod rest;
mod rollouts;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use berth_core::definition::{Base, Layout, Main, Workspace};
use berth_core::tenant::{Files, Overlay, Phase, Tenant, phase};
use berth_fargate::TaskTruth;
use jiff::Timestamp;
use serde_json::Value;

use rollouts::Rollouts;

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
    /// The rows of the table of activity, as they were last written.
    activity: BTreeMap<String, Value>,
    past: BTreeMap<String, Past>,
    /// How many of the tasks that there ever were have been looked at.
    tasks_seen: u64,
    /// How many stops each sweep has claimed.
    claims: BTreeMap<u64, usize>,
    /// By how much clocks are off.
    clocks: Duration,
    rollouts: Rollouts,
    /// While it is set, reconcile must not change anything.
    pub(super) settled: bool,
}

impl Watch {
    /// Over a world in which there is nobody yet.
    pub(super) fn new(stack: &Stack) -> Option<Self> {
        let layout = Layout {
            main: Main::OnlyEssential,
            workspace: Workspace::Named("workspace".to_owned()),
            ..Layout::default()
        };
        Some(Self {
            names: Names::of(stack)?,
            layout,
            rows: BTreeMap::new(),
            activity: BTreeMap::new(),
            past: BTreeMap::new(),
            tasks_seen: 0,
            claims: BTreeMap::new(),
            clocks: Duration::ZERO,
            rollouts: Rollouts::default(),
            settled: false,
        })
    }

    /// What the functions write may be off by so much.
    pub(super) fn clocks_differ_by(&mut self, span: Duration) {
        self.clocks = span;
    }

    /// The rows, as they were last written.
    pub(super) fn rows(&self) -> &BTreeMap<String, Tenant> {
        &self.rows
    }

    /// I3: nothing says *stopped* while a task is billable. It could come true of a row that is written, and of a task that
    /// is started.
    pub(super) fn step(&mut self, cloud: &mut Cloud) -> Result<(), Violation> {
        let region = cloud.region();
        let ever = region.tasks_ever();
        let new = usize::try_from(ever - self.tasks_seen).unwrap_or(usize::MAX);
        self.tasks_seen = ever;
        let mut started = region.every_task().rev().take(new);
        started.try_for_each(|task| {
            let row = task.service.and_then(|name| self.rows.get(tenant_of(name)?));
            row.map_or(Ok(()), |row| is_not_said_to_be_stopped(row, &task))
        })
    }
}

/// I3, of a row and a task of the tenant.
fn is_not_said_to_be_stopped(row: &Tenant, task: &TaskTruth<'_>) -> Result<(), Violation> {
    let phase = phase(row);
    if task.stopped || !matches!(phase, Phase::Stopped | Phase::Deleted) {
        return Ok(());
    }
    let what = format!("the row says {phase:?}, and task {} is {}", task.arn, task.status);
    Err(Violation::of("I3", row.tenant_id.as_str(), what))
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
