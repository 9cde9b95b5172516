//! What work costs, and whose turn it is.

use std::time::Duration;

use super::budget::{Bucket, Lane, Share};
use crate::plan::Step;
use crate::release::ReleaseId;
use crate::tenant::{Reason, Replace, Tenant, Wanted};

/// How many tokens of each bucket a piece of work takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost(Vec<(Bucket, u32)>);

impl Cost {
    /// The buckets that it takes from.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> {
        self.0.iter().map(|(bucket, _)| *bucket)
    }

    /// How long it takes until as much has come back.
    pub fn refilled_in(&self, share: Share) -> Duration {
        let times = self
            .0
            .iter()
            .map(|(bucket, tokens)| share.budget(*bucket).interval() * *tokens);
        times.max().unwrap_or_default()
    }
}

/// What moving a running tenant to a release takes. One with a volume has a definition of its own, which may be registered
/// already, and is stopped before it is started; one without shares both the definition and the update with nobody's downtime.
pub fn cost_of_move(tenant: &Tenant, to: ReleaseId) -> Cost {
    let updates = match (&tenant.made.access_point, tenant.overlay.replace) {
        (None, _) | (Some(_), Some(Replace::Rolling)) => 1,
        (Some(_), Some(Replace::Strict) | None) => 2,
    };
    let mut cost = vec![(Bucket::ServiceWrites, updates)];
    if tenant.made.access_point.is_some() && tenant.ready_for() != Some(to) {
        cost.push((Bucket::DefinitionWrites, 1));
    }
    Cost(cost)
}

/// What registering a definition takes.
pub fn cost_of_registering() -> Cost {
    Cost(vec![(Bucket::DefinitionWrites, 1)])
}

/// What letting go of a revision that nobody uses takes.
pub fn cost_of_tidying() -> Cost {
    Cost(vec![(Bucket::DefinitionWrites, 1)])
}

/// What putting a tenant to sleep takes.
pub fn cost_of_stop() -> Cost {
    Cost(vec![(Bucket::ServiceWrites, 1)])
}

/// In whose turn a step of a tenant's plan is taken.
///
/// Idle stops and rollouts are bulk, and so is what is left to clear away of a tenant that is deleted; clearing away after one
/// that runs is spare. What starts a task is interactive: the tenant is down until it has happened, whoever wanted that.
pub fn lane(tenant: &Tenant, step: &Step) -> Lane {
    let starts = matches!(
        step,
        Step::Run { .. } | Step::RunAnew { .. } | Step::CreateService { .. }
    );
    match (step, tenant.intent.reason) {
        (Step::Deregister(_), _) if tenant.intent.state == Wanted::Running && tenant.retiring.is_empty() => Lane::Spare,
        (Step::Deregister(_) | Step::DeleteAccessPoint(_), _) => Lane::Bulk,
        (_, Reason::Idle | Reason::Rollout) if !starts => Lane::Bulk,
        _ => Lane::Interactive,
    }
}
