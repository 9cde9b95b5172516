//! How far a rollout is with each tenant, read off the tenant's own row.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fleet::{Consent, Failure, Outcome, TenantFacts, Verdict, verdict};
use super::row::{Rollout, Stage};
use crate::release::ReleaseId;
use crate::tenant::{TenantId, Wanted};

/// How far a rollout is with a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is not this rollout's to move.
    Skipped(Skip),
    /// It will be moved, but not now.
    Waiting(Wait),
    /// It can be moved.
    Pending(Attempt),
    /// It is on its way.
    Moving {
        /// Since when it does not run.
        since: Timestamp,
        /// When nobody knows any more.
        until: Timestamp,
    },
    /// It was moved and runs.
    Succeeded,
    /// It was moved and does not run.
    Failed(Failure),
    /// It was moved, and nobody found out in time.
    Unknown {
        /// Since when it does not run.
        since: Timestamp,
    },
}

/// Why a tenant is not a rollout's to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(tag = "why", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Skip {
    /// It sleeps, and takes the promoted release when it wakes.
    Asleep,
    /// It is being deleted.
    Deleted,
    /// It is pinned.
    Pinned {
        /// Until when.
        until: Timestamp,
    },
    /// It is offered the release, and nothing forces it.
    Manual,
    /// It is there, or on its way there, by itself.
    Current,
    /// Tenants are being put back, and it never had the release.
    NotConcerned,
}

/// Why a tenant is not moved now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(tag = "why", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Wait {
    /// It is in the middle of another change.
    Settling {
        /// When that counts as stuck, and the tenant is moved anyway.
        until: Timestamp,
    },
    /// It is busy.
    Busy {
        /// Until when at most.
        until: Timestamp,
    },
    /// It is offered the release until then.
    Offered {
        /// When it is moved anyway.
        until: Timestamp,
    },
}

impl Wait {
    /// When the wait is over.
    pub fn until(self) -> Timestamp {
        match self {
            Self::Settling { until } | Self::Busy { until } | Self::Offered { until } => until,
        }
    }
}

/// Whether a move is the tenant's first one in this rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It is.
    First,
    /// It failed before, and an operator asked for another try.
    Again,
}

/// How many tenants are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Tenants that should be running.
    pub running: u32,
    /// Of these, not the rollout's to move: pinned, merely offered, or there by themselves.
    pub skipped: u32,
    /// Not moved now.
    pub waiting: u32,
    /// Can be moved.
    pub pending: u32,
    /// On their way.
    pub moving: u32,
    /// Were moved and run.
    pub succeeded: u32,
    /// Were moved and do not run.
    pub failed: u32,
    /// Were moved, and nobody found out in time.
    pub unknown: u32,
}

impl Tally {
    /// Everyone whom the rollout moves, has moved or will move.
    pub fn population(&self) -> u32 {
        self.waiting + self.pending + self.moved()
    }

    /// Everyone whom the rollout has moved.
    pub fn moved(&self) -> u32 {
        self.moving + self.succeeded + self.failed + self.unknown
    }

    /// Whether everyone who was moved has a verdict.
    ///
    /// One in a hundred of those who run the release may be restarting at any moment for reasons of their own; in a
    /// large fleet there is always one, and no wave would ever be over.
    pub fn settled(&self) -> bool {
        self.unknown == 0 && self.moving <= self.succeeded / 100
    }
}

/// A whole fleet, seen by a rollout.
pub(super) struct Survey<'a> {
    pub(super) tally: Tally,
    pub(super) pending: Vec<(&'a TenantFacts, Attempt)>,
    pub(super) failures: Vec<(&'a TenantId, Failure)>,
    pub(super) unknown: Vec<&'a TenantId>,
    pub(super) waits: Vec<(&'a TenantId, Wait)>,
}

impl<'a> Survey<'a> {
    pub(super) fn of(rollout: &Rollout, fleet: &'a [TenantFacts], now: Timestamp) -> Self {
        let mut survey = Self {
            tally: Tally::default(),
            pending: Vec::new(),
            failures: Vec::new(),
            unknown: Vec::new(),
            waits: Vec::new(),
        };
        for facts in fleet {
            survey.add(facts, rollout.progress(facts, now));
        }
        survey
    }

    fn add(&mut self, facts: &'a TenantFacts, progress: Progress) {
        let tally = &mut self.tally;
        if facts.wanted == Wanted::Running {
            tally.running += 1;
        }
        match progress {
            Progress::Skipped(Skip::Asleep | Skip::Deleted) => {}
            Progress::Skipped(Skip::Pinned { .. } | Skip::Manual | Skip::Current | Skip::NotConcerned) => {
                tally.skipped += 1;
            }
            Progress::Waiting(wait) => {
                tally.waiting += 1;
                self.waits.push((&facts.tenant, wait));
            }
            Progress::Pending(attempt) => {
                tally.pending += 1;
                self.pending.push((facts, attempt));
            }
            Progress::Moving { .. } => tally.moving += 1,
            Progress::Succeeded => tally.succeeded += 1,
            Progress::Failed(failure) => {
                tally.failed += 1;
                self.failures.push((&facts.tenant, failure));
            }
            Progress::Unknown { .. } => {
                tally.unknown += 1;
                self.unknown.push(&facts.tenant);
            }
        }
    }
}

impl Rollout {
    /// Where tenants are moved to on the present course; `None` when there is nowhere, or the rollout is over.
    pub fn destination(&self) -> Option<ReleaseId> {
        match self.stage()? {
            Stage::Canary | Stage::Baking { .. } | Stage::Wave { .. } => Some(self.release),
            Stage::Withdrawing { .. } => self.from,
        }
    }

    /// How far it is with a tenant.
    pub fn progress(&self, facts: &TenantFacts, now: Timestamp) -> Progress {
        let Some(to) = self.destination() else {
            return Progress::Skipped(Skip::NotConcerned);
        };
        match facts.wanted {
            Wanted::Deleted => return Progress::Skipped(Skip::Deleted),
            Wanted::Stopped => return self.stopped(facts, to),
            Wanted::Running => {}
        }
        if facts.rollout == Some(self.id) && facts.target == Some(to) {
            return self.after_move(facts, to, now);
        }
        if let Some(failure) = self.failed.get(&facts.tenant) {
            return Progress::Failed(failure.clone());
        }
        let heading = facts.heading(self.pointer().promoted);
        if heading == Some(to) {
            return Progress::Skipped(Skip::Current);
        }
        let withdrawing = matches!(self.stage(), Some(Stage::Withdrawing { .. }));
        if withdrawing && heading != Some(self.release) {
            return Progress::Skipped(Skip::NotConcerned);
        }
        self.before_move(facts, now)
    }

    /// A tenant that is down sleeps, unless it crashed its way down on the release while this rollout was watching.
    fn stopped(&self, facts: &TenantFacts, to: ReleaseId) -> Progress {
        let watched_since = self.retry_before.unwrap_or(self.started).max(self.started);
        let on_it = facts.applied.is_some_and(|applied| applied.release == to);
        match &facts.outcome {
            Outcome::Failed(failure) if on_it && facts.intent_at >= watched_since => Progress::Failed(failure.clone()),
            Outcome::Failed(_) | Outcome::Running | Outcome::NotYet { .. } => Progress::Skipped(Skip::Asleep),
        }
    }

    fn after_move(&self, facts: &TenantFacts, to: ReleaseId, now: Timestamp) -> Progress {
        let pinned = facts.pinned_until.is_some_and(|until| now < until);
        let again = !pinned && self.retry_before.is_some_and(|before| facts.intent_at < before);
        match verdict(facts, to, self.policy.step_deadline(), now) {
            Verdict::Success => Progress::Succeeded,
            Verdict::InProgress { since, until } => Progress::Moving { since, until },
            Verdict::Failure(_) | Verdict::Unknown { .. } if again => Progress::Pending(Attempt::Again),
            Verdict::Failure(failure) => Progress::Failed(failure),
            Verdict::Unknown { since } => match self.failed.get(&facts.tenant) {
                Some(failure) => Progress::Failed(failure.clone()),
                None => Progress::Unknown { since },
            },
        }
    }

    fn before_move(&self, facts: &TenantFacts, now: Timestamp) -> Progress {
        if let Some(until) = facts.pinned_until.filter(|until| now < *until) {
            return Progress::Skipped(Skip::Pinned { until });
        }
        let force = self.policy.force_by();
        let forced = force.is_some_and(|at| at <= now);
        let withdrawing = matches!(self.stage(), Some(Stage::Withdrawing { .. }));
        if facts.consent == Consent::Manual && !forced && !withdrawing {
            return match force {
                Some(until) => Progress::Waiting(Wait::Offered { until }),
                None => Progress::Skipped(Skip::Manual),
            };
        }
        let current = facts.heading(self.pointer().promoted);
        let now_at = current.map(|release| verdict(facts, release, self.policy.step_deadline(), now));
        let runs = match now_at {
            Some(Verdict::InProgress { until, .. }) if !withdrawing => {
                return Progress::Waiting(Wait::Settling { until });
            }
            Some(Verdict::Success) | None => true,
            Some(Verdict::InProgress { .. } | Verdict::Failure(_) | Verdict::Unknown { .. }) => false,
        };
        match facts.busy_until.filter(|until| runs && !forced && now < *until) {
            Some(until) => {
                let until = force.map_or(until, |at| until.min(at));
                Progress::Waiting(Wait::Busy { until })
            }
            None => Progress::Pending(Attempt::First),
        }
    }
}
