//! The buckets of the ECS API.
//!
//! Source: Amazon ECS API Reference, "Request throttling for the Amazon ECS API" (token buckets per account and
//! Region, one per action category), and Developer Guide, "AWS Fargate throttling limits" (launches).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wire::error::ApiError;

/// An action category: the actions of one category draw from one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Category {
    ClusterModify,
    ClusterRead,
    DefinitionModify,
    DefinitionRead,
    DefinitionDelete,
    TagModify,
    TagRead,
    ClusterResourceModify,
    ClusterResourceRead,
    ServiceModify,
    ServiceRead,
    /// Not of the API: the launches of Fargate tasks, On-Demand and Spot.
    FargateLaunch,
}

impl Category {
    /// The category of an ECS action; none for an action that the simulator does not know.
    pub(crate) fn of(action: &str) -> Option<Self> {
        Some(match action {
            "CreateCluster" | "DeleteCluster" => Self::ClusterModify,
            "DescribeClusters" | "ListClusters" => Self::ClusterRead,
            "RegisterTaskDefinition" | "DeregisterTaskDefinition" => Self::DefinitionModify,
            "DescribeTaskDefinition" | "ListTaskDefinitions" | "ListTaskDefinitionFamilies" => Self::DefinitionRead,
            "DeleteTaskDefinitions" => Self::DefinitionDelete,
            "TagResource" | "UntagResource" => Self::TagModify,
            "ListTagsForResource" => Self::TagRead,
            "RunTask" | "StopTask" => Self::ClusterResourceModify,
            "DescribeTasks" | "ListTasks" => Self::ClusterResourceRead,
            "CreateService" | "UpdateService" | "DeleteService" => Self::ServiceModify,
            "DescribeServices" | "ListServices" => Self::ServiceRead,
            _ => return None,
        })
    }

    /// The bucket's maximum capacity (the burst) and its refill a second (the sustained rate).
    fn limits(self) -> (u32, u32) {
        match self {
            Self::ClusterModify | Self::DefinitionModify => (20, 1),
            Self::ClusterRead | Self::DefinitionRead | Self::TagRead => (50, 20),
            Self::DefinitionDelete => (5, 1),
            Self::TagModify => (20, 10),
            Self::ClusterResourceModify => (100, 40),
            Self::ClusterResourceRead | Self::ServiceRead | Self::FargateLaunch => (100, 20),
            Self::ServiceModify => (50, 5),
        }
    }
}

/// One bucket of tokens.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Bucket {
    /// Thousandths of a token, so that a millisecond's refill is a whole number.
    milli: i64,
    filled: Timestamp,
    /// The fewest that there ever were.
    lowest: i64,
}

/// All buckets that were drawn from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Buckets(std::collections::BTreeMap<Category, Bucket>);

impl Buckets {
    /// Takes `tokens` tokens, or refuses and takes none.
    pub(crate) fn draw(&mut self, category: Category, tokens: u32, now: Timestamp) -> Result<(), ApiError> {
        let (burst, rate) = category.limits();
        let full = i64::from(burst) * 1000;
        let bucket = self.0.entry(category).or_insert(Bucket {
            milli: full,
            filled: now,
            lowest: full,
        });
        let passed = now.as_millisecond() - bucket.filled.as_millisecond();
        bucket.milli = passed
            .saturating_mul(i64::from(rate))
            .saturating_add(bucket.milli)
            .min(full);
        bucket.filled = now;
        let wanted = i64::from(tokens) * 1000;
        if bucket.milli < wanted {
            return Err(ApiError::new("ThrottlingException", "Rate exceeded"));
        }
        bucket.milli -= wanted;
        bucket.lowest = bucket.lowest.min(bucket.milli);
        Ok(())
    }

    /// Of each bucket that was drawn from its name, its burst, and the fewest tokens that it ever held.
    pub(crate) fn lowest(&self) -> impl Iterator<Item = (String, u32, u32)> {
        self.0.iter().map(|(category, bucket)| {
            let lowest = u32::try_from(bucket.lowest / 1000).unwrap_or_default();
            (format!("{category:?}"), category.limits().0, lowest)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn drain(buckets: &mut Buckets, category: Category, now: Timestamp) -> u32 {
        (0..1000).find(|_| buckets.draw(category, 1, now).is_err()).unwrap()
    }

    #[test]
    fn each_category_has_the_documented_burst_and_refill() {
        for (action, burst, rate) in [
            ("CreateCluster", 20, 1),
            ("DescribeClusters", 50, 20),
            ("RegisterTaskDefinition", 20, 1),
            ("DescribeTaskDefinition", 50, 20),
            ("DeleteTaskDefinitions", 5, 1),
            ("TagResource", 20, 10),
            ("ListTagsForResource", 50, 20),
            ("StopTask", 100, 40),
            ("ListTasks", 100, 20),
            ("UpdateService", 50, 5),
            ("DescribeServices", 100, 20),
        ] {
            let category = Category::of(action).unwrap();
            let mut buckets = Buckets::default();
            let start = Timestamp::UNIX_EPOCH;
            assert_eq!(drain(&mut buckets, category, start), burst, "{action}");
            assert_eq!(
                drain(&mut buckets, category, start + Duration::from_millis(999)),
                rate.max(1) - 1,
                "{action}"
            );
            let second = start + Duration::from_secs(1);
            assert_eq!(drain(&mut buckets, category, second), 1, "{action}");
            assert_eq!(
                drain(&mut buckets, category, second + Duration::from_hours(1)),
                burst,
                "{action}"
            );
        }
    }

    #[test]
    fn the_fewest_tokens_that_there_were_are_remembered() {
        let mut buckets = Buckets::default();
        let start = Timestamp::UNIX_EPOCH;
        let lowest = |buckets: &Buckets| buckets.lowest().map(|(_, _, lowest)| lowest).collect::<Vec<_>>();
        assert!(buckets.draw(Category::ServiceModify, 30, start).is_ok());
        assert_eq!(lowest(&buckets), [20]);
        let later = start + Duration::from_mins(1);
        assert!(buckets.draw(Category::ServiceModify, 1, later).is_ok());
        assert!(
            buckets.draw(Category::ServiceModify, 50, later).is_err(),
            "a refusal takes nothing"
        );
        assert_eq!(lowest(&buckets), [20]);
    }

    #[test]
    fn buckets_are_apart() {
        let mut buckets = Buckets::default();
        let now = Timestamp::UNIX_EPOCH;
        drain(&mut buckets, Category::DefinitionModify, now);
        assert!(buckets.draw(Category::DefinitionRead, 1, now).is_ok());
    }
}
