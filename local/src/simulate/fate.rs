//! What becomes of a call: drawn by the seed, at the moment at which it is let through.

use std::collections::BTreeSet;
use std::time::Duration;

use super::plan::Trouble;
use crate::cloud::{Call, Service};

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Done,
    Refused(&'static str),
    Lost,
    ReplyLost,
    CrashBefore,
    CrashAfter,
    /// The rows of an eventually consistent read are not there yet.
    Behind,
    /// No answer comes, and after this time it is done.
    Late(Duration),
}

/// How often each trouble strikes in this run, per call.
#[derive(Clone, Debug)]
pub(super) struct Odds {
    of_each: Vec<(Trouble, f64)>,
    slow: f64,
}

/// After how long a call is done that nobody waits for any more, at most. It is shorter than the time for which a message is
/// hidden whose work failed, so that the next pass over the tenant comes after it.
const LATEST: u64 = 30_000;

/// A call after which there is something that was not there before, or runs again; `UpdateService` stops as well, and is left
/// out whole. Done after its caller has given up, and after
/// everything else of the tenant was stopped or removed, it cannot be told from one that somebody meant; AWS gives no caller a
/// way to take it back or to find it in time.
fn begins_something(action: &str) -> bool {
    matches!(
        action,
        "RegisterTaskDefinition" | "CreateAccessPoint" | "CreateService" | "UpdateService"
    )
}

/// The most that one trouble strikes. At this rate a pass of twenty calls fails two times of three.
const MOST: f64 = 0.05;

impl Odds {
    /// Some runs are hardly troubled, others all the time.
    pub(super) fn draw(troubles: &BTreeSet<Trouble>, dice: &mut fastrand::Rng) -> Self {
        // Drawn for all troubles alike, so that leaving one out changes as little as possible.
        let drawn = Trouble::ALL.map(|trouble| (trouble, MOST * dice.f64().powi(2)));
        let strikes = |(trouble, _): &(Trouble, f64)| troubles.contains(trouble);
        let slow = drawn
            .iter()
            .find(|(trouble, _)| *trouble == Trouble::Slow && troubles.contains(trouble));
        Self {
            slow: slow.map_or(0.0, |(_, odds)| *odds),
            of_each: drawn.into_iter().filter(strikes).collect(),
        }
    }

    /// Nothing goes wrong any more.
    pub(super) fn none() -> Self {
        Self {
            of_each: Vec::new(),
            slow: 0.0,
        }
    }

    /// How long it takes until the next call is let through.
    pub(super) fn pause(&self, dice: &mut fastrand::Rng) -> Duration {
        let most = if self.slow > 0.0 && dice.f64() < self.slow {
            20_000
        } else {
            20
        };
        Duration::from_millis(dice.u64(..=most))
    }

    /// What becomes of this call.
    pub(super) fn fate(&self, call: &Call, eventual: bool, dice: &mut fastrand::Rng) -> Fate {
        for (trouble, odds) in &self.of_each {
            if dice.f64() >= *odds {
                continue;
            }
            let coin = dice.bool();
            return match trouble {
                Trouble::Throttle => Fate::Refused(throttled(call)),
                Trouble::ServerError => Fate::Refused(broken(call)),
                Trouble::LostCall => Fate::Lost,
                Trouble::LostReply => Fate::ReplyLost,
                Trouble::Crash if coin => Fate::CrashBefore,
                Trouble::Crash => Fate::CrashAfter,
                Trouble::StaleRead if eventual => Fate::Behind,
                Trouble::LateEffect if !call.changes_nothing() && !begins_something(&call.action) => {
                    Fate::Late(Duration::from_millis(dice.u64(..LATEST)))
                }
                Trouble::StaleRead
                | Trouble::Slow
                | Trouble::Events
                | Trouble::Images
                | Trouble::Deploys
                | Trouble::LateEffect
                | Trouble::ClockSkew => continue,
            };
        }
        Fate::Done
    }
}

/// The code with which a service throttles ("Common errors" of each API reference; ECS's is not in its model).
fn throttled(call: &Call) -> &'static str {
    match call.service {
        Service::Sqs => "RequestThrottled",
        Service::CloudFormation => "Throttling",
        Service::S3 => "SlowDown",
        Service::Ecs | Service::Efs | Service::DynamoDb | Service::Ecr => "ThrottlingException",
    }
}

/// The code with which a service says that the fault is its own.
fn broken(call: &Call) -> &'static str {
    match call.service {
        Service::Ecs | Service::Ecr => "ServerException",
        Service::Efs | Service::DynamoDb => "InternalServerError",
        Service::Sqs | Service::CloudFormation => "InternalFailure",
        Service::S3 => "InternalError",
    }
}
