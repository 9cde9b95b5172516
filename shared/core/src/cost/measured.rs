//! What was measured of Berth.
//!
//! `local/tests/scenarios/bill.rs` runs the functions' own code, has the tables say what each call takes, and fails when it is
//! not what stands here: a base with a workspace volume, one tenant, nothing going wrong.

/// One of the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    /// The tenants API.
    Provision,
    /// Heartbeats.
    Activity,
    /// What ECS tells.
    TaskState,
    /// Releases and rollouts.
    Rebase,
    /// The sweep.
    Watchdog,
    /// What changes ECS.
    Reconcile,
}

impl Function {
    /// Its memory in `template.yaml`, in MB.
    pub const fn memory(self) -> u128 {
        match self {
            Self::Watchdog => 256,
            Self::Provision | Self::Activity | Self::TaskState | Self::Rebase | Self::Reconcile => 128,
        }
    }
}

/// What a function does for something: how often it is invoked, and how many calls of AWS it makes in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which function.
    pub function: Function,
    /// How often it is invoked.
    pub invocations: u64,
    /// How many calls it makes.
    pub calls: u64,
}

/// What something takes until it is done, all functions and events together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// What each function does.
    pub shares: &'static [Share],
    /// Read request units, in thousandths.
    pub reads: u64,
    /// Write request units, those of indexes too, in thousandths.
    pub writes: u64,
    /// Messages that are sent.
    pub sends: u64,
}

const fn share(function: Function, invocations: u64, calls: u64) -> Share {
    Share {
        function,
        invocations,
        calls,
    }
}

/// A quarter of an hour in which nothing happens: fifteen sweeps, fifteen drives, one look at the base.
pub const QUIET: Work = Work {
    shares: &[
        share(Function::Rebase, 15, 79),
        share(Function::Watchdog, 15, 75),
        share(Function::Reconcile, 1, 1),
    ],
    reads: 114_500,
    writes: 0,
    sends: 1,
};

/// A heartbeat that a request of its own brings.
pub const HEARTBEAT: Work = Work {
    shares: &[share(Function::Activity, 1, 1)],
    reads: 0,
    writes: 1_000,
    sends: 0,
};

/// A wake by the API, until the tenant runs.
pub const WAKE: Work = Work {
    shares: &[
        share(Function::Provision, 1, 4),
        share(Function::TaskState, 4, 10),
        share(Function::Reconcile, 2, 10),
    ],
    reads: 9_000,
    writes: 20_000,
    sends: 2,
};

/// A stop by the sweep, until it is proven.
pub const IDLE_STOP: Work = Work {
    shares: &[
        share(Function::TaskState, 5, 12),
        share(Function::Watchdog, 0, 5),
        share(Function::Reconcile, 2, 12),
    ],
    reads: 8_000,
    writes: 23_000,
    sends: 2,
};

/// A change of a running tenant by the API, until it runs again. A rollout does the same with each tenant: its driver makes the
/// write and sends the message that the API does here.
pub const CHANGE: Work = Work {
    shares: &[
        share(Function::Provision, 1, 6),
        share(Function::TaskState, 10, 24),
        share(Function::Reconcile, 3, 24),
    ],
    reads: 20_000,
    writes: 38_000,
    sends: 3,
};

/// The first wake after a release was promoted, whose definition is registered then.
pub const WAKE_TO_RELEASE: Work = Work {
    shares: &[
        share(Function::Provision, 1, 4),
        share(Function::TaskState, 5, 11),
        share(Function::Reconcile, 2, 16),
    ],
    reads: 12_000,
    writes: 23_000,
    sends: 2,
};

/// A row of `Tenants`, in bytes; the tenant's id is a UUID.
pub const TENANT_ROW: u64 = 1_402;

/// A row of `Activity`, in bytes.
pub const ACTIVITY_ROW: u64 = 100;

/// A row of `Fleet` that a tenant's definition has, in bytes.
pub const DEFINITION_ROW: u64 = 210;

/// What the ledger has of a wake and a stop, in bytes.
pub const LEDGER_OF_A_NIGHT: u64 = 731;

/// How many metrics the functions tell: `template.yaml` has one stack's.
pub const METRICS: u64 = 13;

/// How many metrics the alarms of `template.yaml` look at.
pub const ALARM_METRICS: u64 = 29;

/// How many dashboards `template.yaml` has.
pub const DASHBOARDS: u64 = 1;
