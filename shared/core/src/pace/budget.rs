//! Budgets and what is taken from them.

use std::time::Duration;

use jiff::Timestamp;

/// A bucket of AWS's from which Berth's calls take tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// `RegisterTaskDefinition` and `DeregisterTaskDefinition`.
    DefinitionWrites,
    /// `DescribeTaskDefinition` and `ListTaskDefinitions`.
    DefinitionReads,
    /// `CreateService`, `UpdateService` and `DeleteService`.
    ServiceWrites,
    /// `DescribeServices`.
    ServiceReads,
    /// `ListTasks` and `DescribeTasks`.
    TaskReads,
    /// `CreateAccessPoint`, `DeleteAccessPoint` and `DescribeAccessPoints`.
    AccessPoints,
}

impl Bucket {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 6] = [
        Self::DefinitionWrites,
        Self::DefinitionReads,
        Self::ServiceWrites,
        Self::ServiceReads,
        Self::TaskReads,
        Self::AccessPoints,
    ];

    /// Its name in rows and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DefinitionWrites => "definition-writes",
            Self::DefinitionReads => "definition-reads",
            Self::ServiceWrites => "service-writes",
            Self::ServiceReads => "service-reads",
            Self::TaskReads => "task-reads",
            Self::AccessPoints => "access-points",
        }
    }

    /// What AWS grants: how many tokens the bucket holds, and how many come back in a second.
    ///
    /// Source: "Request throttling for the Amazon ECS API", the categories *Task definition modify* and *read*, *Cluster
    /// service resource modify* and *read*, and *Cluster resource read*. EFS documents no number, only that it throttles; the
    /// one here is what provisioning and deleting need at the pace that the others allow, and no more.
    fn granted(self) -> (u32, u32) {
        match self {
            Self::DefinitionWrites => (20, 1),
            Self::DefinitionReads => (50, 20),
            Self::ServiceWrites => (50, 5),
            Self::ServiceReads | Self::TaskReads => (100, 20),
            Self::AccessPoints => (10, 2),
        }
    }
}

/// How much of each bucket Berth uses, in percent of AWS's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u32);

/// A share that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not 10 to 1000 percent of AWS's default limits; more than 100 only where AWS has raised yours")]
pub struct InvalidShare(u32);

impl Default for Share {
    /// Four fifths: the rest is for deployments, consoles and other systems in the same account, whose calls AWS counts
    /// in the same buckets.
    fn default() -> Self {
        Self(80)
    }
}

impl Share {
    /// This many percent.
    pub fn percent(percent: u32) -> Result<Self, InvalidShare> {
        if (10..=1000).contains(&percent) {
            Ok(Self(percent))
        } else {
            Err(InvalidShare(percent))
        }
    }

    /// What Berth allows itself of a bucket. Rounded to its disadvantage.
    pub fn budget(self, bucket: Bucket) -> Budget {
        let (burst, a_second) = bucket.granted();
        Budget {
            burst: i64::from(burst * self.0 / 100).max(1),
            interval: 100_000_u32.div_ceil(a_second * self.0).into(),
        }
    }
}

/// What Berth allows itself of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The most tokens.
    burst: i64,
    /// In how many milliseconds one comes back.
    interval: i64,
}

/// Whose turn it is while tokens are scarce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Somebody waits for it. It takes the last token, and is promised one that is still to come back.
    Interactive,
    /// Nobody waits for it, but it has begun. It leaves a quarter of the burst to those for whom somebody waits.
    Bulk,
    /// It may as well be begun later. It leaves half of the burst.
    Spare,
}

impl Lane {
    fn leaves(self, burst: i64) -> i64 {
        match self {
            Self::Interactive => 0,
            Self::Bulk => burst / 4,
            Self::Spare => burst / 2,
        }
    }
}

/// The conditions of one claim, in milliseconds: `spent` becomes `max(spent, full) + cost`, if that is at most `latest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The `spent` of a full bucket: what would have been refilled before it is lost.
    pub full: i64,
    /// By how much the tokens move it on.
    pub cost: i64,
    /// The latest that it may become.
    pub latest: i64,
    /// How far behind the present the lane has to leave it.
    reserve: i64,
}

/// There are not enough tokens for this lane in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// From when on there are, if nobody else takes any: in milliseconds.
    pub opens: i64,
}

impl Budget {
    /// In which time one token comes back.
    pub fn interval(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.interval).unwrap_or_default())
    }

    /// The conditions of a claim of so many tokens at `now`, by somebody who can wait until `until`.
    pub fn terms(&self, tokens: u32, lane: Lane, now: Timestamp, until: Timestamp) -> Terms {
        let now = now.as_millisecond();
        let reserve = lane.leaves(self.burst) * self.interval;
        Terms {
            full: now - self.burst * self.interval,
            cost: i64::from(tokens) * self.interval,
            latest: match lane {
                Lane::Interactive => until.as_millisecond().max(now),
                Lane::Bulk | Lane::Spare => now - reserve,
            },
            reserve,
        }
    }
}

impl Terms {
    /// What `spent` becomes; the tokens are there at that moment, or already if it has passed.
    pub fn claim(&self, spent: Option<i64>) -> Result<i64, Refused> {
        let becomes = spent.unwrap_or(self.full).max(self.full) + self.cost;
        if becomes <= self.latest {
            Ok(becomes)
        } else {
            Err(Refused {
                opens: becomes + self.reserve,
            })
        }
    }
}
