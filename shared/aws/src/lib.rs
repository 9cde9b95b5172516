//! The acting half of Berth: settings, tables, AWS calls and the use case of each function.
//!
//! Decisions are made in `berth-core`; here they are read for, carried out and recorded. The seam for tests and for
//! local use is the SDK itself: its HTTP client, its time source and its sleep. There is no trait per service, and
//! nothing here reads a clock or the environment by itself.

pub mod assets;
pub mod clock;
pub mod dead_letters;
pub mod ecs;
pub mod efs;
pub mod error;
pub mod http;
pub mod images;
pub mod pace;
pub mod queue;
pub mod service;
pub mod settings;
pub mod stacks;
pub mod start;
pub mod survey;
pub mod tables;
pub mod telemetry;
