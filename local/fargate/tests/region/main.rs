//! A Region, tested from outside: by calls, time and events.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "all of this is test code: its helpers may fail the test, too"
)]

mod convergence;
mod definitions;
mod deployments;
mod file_systems;
mod services;
mod support;
mod tasks;
mod world;
