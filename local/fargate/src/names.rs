//! The world's place (account and Region) and the ARNs that follow from it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// What a world is made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The 12 digits of the account.
    pub account: String,
    /// The Region, for example `us-east-1`.
    pub region: String,
    /// Where all randomness comes from: the same calls at the same times on the same seed end in the same world.
    pub seed: u64,
    /// The time at which the world begins.
    pub start: Timestamp,
    /// Whether reads see every write at once.
    #[serde(default)]
    pub consistency: Consistency,
    /// Whether the API buckets are enforced.
    #[serde(default)]
    pub throttling: Throttling,
    /// How many services a cluster may have: a quota that AWS raises on request.
    #[serde(default = "services_per_cluster")]
    pub services_per_cluster: usize,
}

/// Source: "Amazon ECS service quotas", services per cluster.
fn services_per_cluster() -> usize {
    5000
}

/// Whether reads of tasks and services see every write at once.
///
/// Source: Amazon ECS API Reference, `RunTask`: the API follows an eventual consistency model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Consistency {
    /// They do.
    #[default]
    Strong,
    /// For this long after a task or service was made or changed, a read may see what was there before.
    Eventual {
        /// The longest time for which something new can be unknown.
        lag: Duration,
        /// How often a read within that time is behind: 0 never, 1 always.
        rate: f64,
    },
}

/// Whether the API buckets are enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Throttling {
    /// As documented.
    #[default]
    Documented,
    /// Every call passes.
    Off,
}

impl Config {
    /// The account `123456789012` in `us-east-1`, with the documented buckets, from this time on.
    pub fn new(seed: u64, start: Timestamp) -> Self {
        Self {
            account: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            seed,
            start,
            consistency: Consistency::Strong,
            throttling: Throttling::Documented,
            services_per_cluster: services_per_cluster(),
        }
    }

    /// The ARN of an ECS resource, for example `cluster/main`.
    pub(crate) fn ecs_arn(&self, resource: &str) -> String {
        format!("arn:aws:ecs:{}:{}:{resource}", self.region, self.account)
    }

    /// The ARN of an EFS resource, for example `file-system/fs-1`.
    pub(crate) fn efs_arn(&self, resource: &str) -> String {
        format!("arn:aws:elasticfilesystem:{}:{}:{resource}", self.region, self.account)
    }

    /// The resource part of an ECS ARN of this account and Region; none for any other text.
    pub(crate) fn ecs_resource<'a>(&self, arn: &'a str) -> Option<&'a str> {
        let rest = arn.strip_prefix("arn:")?.split_once(':')?.1.strip_prefix("ecs:")?;
        rest.strip_prefix(self.region.as_str())?
            .strip_prefix(':')?
            .strip_prefix(self.account.as_str())?
            .strip_prefix(':')
    }
}

/// A time as the AWS JSON protocols write it: seconds since the epoch, with milliseconds.
pub(crate) fn epoch(at: Timestamp) -> Value {
    #[allow(
        clippy::cast_precision_loss,
        reason = "milliseconds since the epoch fit into 53 bits"
    )]
    let milliseconds = at.as_millisecond() as f64;
    json!(milliseconds / 1000.0)
}

/// A time as events write it: ISO 8601 with milliseconds.
pub(crate) fn iso(at: Timestamp) -> Value {
    Value::String(format!("{at:.3}"))
}
