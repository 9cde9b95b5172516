//! What is left to do for a tenant that runs as it should: to let go of the revisions that it has outgrown.

use super::{Next, Reached, Step, World};
use crate::definition::surplus;
use crate::tenant::{Applied, Tenant};

/// How many revisions of its own a tenant keeps that nothing refers to: for the release before, should the fleet be put back
/// to it, and the one before that. Each costs nothing but its place in the family.
const KEPT: usize = 2;

/// The next step for a tenant whose generation was reached in this pass. Only a definition that took another's place makes
/// others superfluous, so nothing is read for a tenant that runs what it ran before.
pub(super) fn next(tenant: &Tenant, reached: &Reached, world: &World) -> Next {
    let applied = tenant.applied_now();
    let replaced = match (&reached.before, applied) {
        (Some(before), Some(applied)) => before.fingerprint != applied.fingerprint,
        _ => false,
    };
    if !replaced || tenant.made.access_point.is_none() {
        return Next::Rest;
    }
    let Some(own) = &world.own_definitions else {
        return Next::Do(Step::LookAtOwnDefinitions(tenant.incarnation));
    };
    match surplus(own, |revision| refers_to(tenant, &revision.arn), KEPT).first() {
        Some(revision) => Next::Do(Step::Deregister((*revision).clone())),
        None => Next::Rest,
    }
}

/// The tenant's service, its task, its last good definition, or the one that was registered ahead is this revision.
fn refers_to(tenant: &Tenant, arn: &str) -> bool {
    let is = |applied: &Option<Applied>| applied.as_ref().is_some_and(|applied| applied.definition_arn == arn);
    let observed = tenant.observed.as_ref().is_some_and(|seen| seen.definition_arn == arn);
    is(&tenant.made.applied) || is(&tenant.made.last_good) || is(&tenant.made.ahead) || observed
}
