//! Towards one running task.

use super::{
    ActiveService, Definition, DeploymentState, Heartbeats, Next, Proof, Replacing, Service, Step, Target, Wait, World,
    at_rest, tidy,
};
use crate::tenant::{Applied, Reason, Tenant};

/// The next step towards a running task of `target`.
pub(super) fn next(tenant: &Tenant, target: &Target, world: &World) -> Next {
    if let Some(proof) = proof(tenant) {
        return Next::Do(Step::Settle(proof));
    }
    if let Some(reached) = &world.reached {
        return tidy::next(tenant, reached, world);
    }
    let (wanted, replacing) = match revision(tenant, target, world) {
        Ok(found) => found,
        Err(next) => return next,
    };
    let name = tenant.service();
    match &world.service {
        None => Next::Do(Step::LookAtService(name)),
        Some(Service::Draining) => Next::Wait(Wait::ServiceToDrain(name)),
        Some(Service::Absent | Service::Inactive) => Next::Do(Step::CreateService {
            name,
            definition_arn: wanted.definition_arn,
        }),
        Some(Service::Active(service)) => with_service(tenant, service, wanted, replacing, world),
    }
}

/// The generation is not settled, and its current task is RUNNING with what was applied for it.
fn proof(tenant: &Tenant) -> Option<Proof> {
    let applied = tenant.applied_now()?;
    (!tenant.is_settled() && tenant.runs(applied)).then(|| Proof::Running(applied.clone()))
}

/// The registered revision of the target, and how it takes over; or what is needed to know it.
fn revision(tenant: &Tenant, target: &Target, world: &World) -> Result<(Applied, Replacing), Next> {
    let generation = tenant.intent.generation;
    let (fingerprint, release, replacing) = match target {
        Target::Definition {
            fingerprint,
            release,
            replacing,
        } => (fingerprint, *release, *replacing),
        Target::NeedsAccessPoint { file_system_id } => {
            let file_system_id = file_system_id.clone();
            return Err(Next::Do(Step::CreateAccessPoint {
                file_system_id,
                incarnation: tenant.incarnation,
            }));
        }
    };
    match &world.definition {
        None => match tenant.known_revision(fingerprint) {
            Some(known) => Ok((
                Applied {
                    generation,
                    release,
                    ..known.clone()
                },
                replacing,
            )),
            None => Err(Next::Do(Step::LookAtDefinition(*fingerprint))),
        },
        Some(Definition::Absent) => Err(Next::Do(Step::Register(*fingerprint))),
        Some(Definition::Claimed) => Err(Next::Wait(Wait::DefinitionToBeRegistered(*fingerprint))),
        Some(Definition::Registered(arn)) => {
            let (fingerprint, definition_arn) = (*fingerprint, arn.clone());
            Ok((
                Applied {
                    generation,
                    fingerprint,
                    definition_arn,
                    release,
                },
                replacing,
            ))
        }
    }
}

/// The next step with an ACTIVE service.
fn with_service(
    tenant: &Tenant,
    service: &ActiveService,
    wanted: Applied,
    replacing: Replacing,
    world: &World,
) -> Next {
    if let Some(step) = gave_up(tenant, service) {
        return Next::Do(step);
    }
    let name = tenant.service();
    let run = Step::Run {
        name: name.clone(),
        definition_arn: wanted.definition_arn.clone(),
    };
    if service.desired == 0 {
        return match replacing {
            Replacing::Rolling => Next::Do(run),
            Replacing::Strict => at_rest(tenant, &name, world).map_or_else(|next| next, |()| Next::Do(run)),
        };
    }
    let told = tenant.applied_now() == Some(&wanted);
    let restart = tenant.intent.reason == Reason::Restart && !told && world.told.is_none();
    if restart || service.definition_arn != wanted.definition_arn {
        return Next::Do(match replacing {
            Replacing::Rolling if !restart => run,
            Replacing::Rolling | Replacing::Strict => Step::Stop(name),
        });
    }
    if !told {
        return Next::Do(match world.heartbeats {
            Some(Heartbeats::Open) => Step::Confirm(wanted),
            Some(Heartbeats::Closed) | None => Step::OpenActivity,
        });
    }
    match &world.tasks {
        None => Next::Do(Step::LookAtTasks(name)),
        Some(_) if tenant.runs(&wanted) => Next::Rest,
        Some(_) => Next::Wait(Wait::TaskToStart),
    }
}

/// ECS gave up what it was told: the deployment FAILED, or the circuit breaker has put another definition back.
///
/// "Amazon ECS deployment circuit breaker": with rollback the service goes back to the last deployment that completed.
/// That need not be the one that the row knows as good: ECS may have seen one run of which no event told.
fn gave_up(tenant: &Tenant, service: &ActiveService) -> Option<Step> {
    let applied = tenant
        .applied_now()
        .filter(|applied| tenant.failure_of(&applied.fingerprint).is_none())?;
    let reason = if service.definition_arn == applied.definition_arn {
        match &service.deployment {
            DeploymentState::Failed { reason } => reason.clone(),
            DeploymentState::InProgress | DeploymentState::Completed => return None,
        }
    } else if service.desired > 0 {
        "the circuit breaker put another definition back".to_owned()
    } else {
        return None;
    };
    Some(Step::MarkFailed {
        applied: applied.clone(),
        reason,
    })
}
