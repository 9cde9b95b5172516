//! What ECS says about a tenant, by an event or by an answer of `DescribeTasks`.
//!
//! An *observation* is one state of one task. Events come late, twice, out of order or never, so an observation changes
//! a row only through the [gate](judge_observation). A pass that asks ECS for the truth uses the same gate, and so the two
//! can never overwrite each other's newer word.
//!
//! Reading is lenient: members that are unknown, missing or of another type do not fail it, except for those without
//! which an observation has no identity or order. An event about something that is not ours is an outcome, not an error.

mod crash;
mod gate;
mod task;
mod wire;

#[cfg(test)]
mod tests;

pub use crash::{CrashBudget, Crashes, StopCause, stop_cause};
pub use gate::{Gate, Observed, judge_observation};
pub use task::{DeploymentChange, DeploymentState, DesiredStatus, Stopped, TaskObservation, TaskStatus};
pub use wire::{NotOurs, Reading, Scope, Unreadable, read_described_task, read_event};
