//! What rendering promises, on bases as ECS describes them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod base;
mod check;
mod delivery;
mod difference;
mod golden;
mod properties;
mod scenarios;
mod stand;
