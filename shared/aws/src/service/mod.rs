//! The use case of each function: `Context` is what it needs, `handle` what it does with an event.

pub mod activity;
mod fleet;
pub mod hold;
pub mod idle_defaults;
pub mod intent;
pub mod observe;
pub mod provision;
pub mod rebase;
pub mod reconcile;
pub mod task_state;
pub mod watchdog;
