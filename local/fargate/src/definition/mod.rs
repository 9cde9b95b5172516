//! Task definitions: families, revisions, and what Fargate accepts.

pub(crate) mod actions;
pub(crate) mod container;
pub(crate) mod container_rules;
pub(crate) mod normal;
pub(crate) mod rules;
pub(crate) mod size;
pub(crate) mod store;
pub(crate) mod volume_rules;
