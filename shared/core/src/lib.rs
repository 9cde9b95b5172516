//! The pure half of Berth: what a tenant should be, what to do about it, and why.
//!
//! Everything here is a function of values. There is deliberately no AWS SDK, no clock, no environment, no randomness
//! and no `await`: decisions take `now`, and the same input gives the same answer with the reasons for what was *not*
//! done. Instants are [`jiff::Timestamp`], spans are [`std::time::Duration`]; rows keep instants as milliseconds.

pub mod api;
pub mod cost;
pub mod definition;
pub mod doctor;
pub mod event;
pub mod explain;
pub mod idle;
mod object;
pub mod pace;
pub mod plan;
pub mod release;
pub mod rollout;
pub mod template;
pub mod tenant;
