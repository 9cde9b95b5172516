//! What the end-to-end tests share: the running command, the function binaries on a Lambda Runtime API, and a second
//! client that looks into the same world.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::disallowed_methods,
    reason = "this crate is test code: a surprise is a failed test"
)]

pub mod binary;
pub mod runtime_api;
pub mod stand;
