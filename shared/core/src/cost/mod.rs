//! What Berth costs in a month, and what it saves.
//!
//! A *bill* has a line for each thing that AWS charges: a quantity, a unit price, and where the quantity comes from. What
//! Berth does for a heartbeat, a wake, a stop was measured ([`measured`](WAKE)); how often each happens is said by the
//! [`Fleet`]; prices are a list with a date ([`Prices`]). A month has 730 hours, as AWS's own calculator has it.

mod bill;
mod measured;
mod money;
mod prices;
#[cfg(test)]
mod tests;

pub use bill::{Bill, Line, bill};
pub use measured::{
    ACTIVITY_ROW, ALARM_METRICS, CHANGE, DASHBOARDS, DEFINITION_ROW, Function, HEARTBEAT, IDLE_STOP, LEDGER_OF_A_NIGHT,
    METRICS, QUIET, Share, TENANT_ROW, WAKE, WAKE_TO_RELEASE, Work,
};
pub use money::{InvalidQuantity, Money, Quantity};
pub use prices::{Architecture, Price, Prices, US_EAST_1};

use std::time::Duration;

use crate::tenant::Size;

/// A fleet, and what it does.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// How many tenants there are.
    pub tenants: u64,
    /// How many of a hundred run at any time, on average.
    pub active: Quantity,
    /// How often a running tenant tells that it works.
    pub heartbeat: Duration,
    /// What is held back by whoever sends heartbeats: within this time of one, no other of the same tenant is sent.
    ///
    /// Not `CoalesceSeconds`: a heartbeat that arrives and is not written costs as much as one that is, because
    /// `DynamoDB` bills a condition that fails.
    pub held_back: Duration,
    /// How many heartbeats a request brings.
    pub batch: u64,
    /// How often a tenant is woken in a day, on average. As often it is put to sleep.
    pub wakes: Quantity,
    /// How often a month the base is deployed.
    pub deploys: u64,
    /// How large a container is.
    pub size: Size,
    /// What containers run on.
    pub containers: Architecture,
    /// What functions run on.
    pub functions: Architecture,
    /// How long a call of AWS takes from a function, in milliseconds. Not measured.
    pub call_millis: u64,
    /// What an invocation logs, Lambda's own lines too, in bytes. Not measured.
    pub log_bytes: u64,
}
