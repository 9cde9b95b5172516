//! Berth on one machine: the AWS services that it needs, on a virtual clock, and the `berth` command.

pub mod cloud;
pub mod template;
