//! Scenarios of the design against the whole system: the functions' own code, the tables and queues of the template, and the
//! simulated ECS and EFS, on virtual time. Each is named after its id.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must fail, in its helpers as well"
)]

mod api;
mod calls;
mod crashes;
mod definitions;
mod events;
mod pacing;
mod poison;
mod stand;
mod steps;
