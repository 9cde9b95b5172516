//! What the end-to-end tests share: the running command, the function binaries on a Lambda Runtime API, and a second
//! client that looks into the same world.

pub mod binary;
pub mod command;
pub mod runtime_api;
pub mod stand;
