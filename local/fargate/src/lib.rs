//! A simulator of Amazon ECS on Fargate, and of as much of Amazon EFS as tasks need, for tests and local use.
//!
//! A [`World`] is one account's ECS in one Region. It answers API calls in the wire format ([`World::call`]), lives by a
//! clock that the caller moves ([`World::advance_to`]), and hands out the events that `EventBridge` would deliver
//! ([`World::take_events`]). It does no I/O, starts no thread, reads no clock and takes all randomness from a seed, so
//! that a run can be repeated exactly.
//!
//! What it models, and from which documentation, is in the README.

mod agenda;
mod cluster;
mod definition;
mod dice;
mod efs;
mod events;
mod glance;
mod image;
mod inspect;
mod names;
mod page;
mod placement;
mod resource_tags;
mod service;
mod stale;
mod tags;
mod task;
mod throttle;
mod wire;
mod world;

pub use events::Delivery;
pub use events::stack::StackStatus;
pub use glance::{ServiceGlance, TaskGlance};
pub use image::{Behaviour, UnknownBehaviour};
pub use inspect::{BucketTruth, ServiceTruth, TaskTruth};
pub use names::{Config, Consistency, Throttling};
pub use placement::Capacity;
pub use task::actions::{Interruption, NoSuchTask};
pub use world::World;
