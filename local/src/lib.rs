//! Berth on one machine: the AWS services that it needs, on a virtual clock, the six functions, and the `berth` command.

pub mod cli;
pub mod cloud;
pub mod connector;
pub mod demo;
pub mod engine;
pub mod iam;
pub mod simulate;
pub mod template;
pub mod up;
