//! Towards one running task.

use super::{
    ActiveService, DeploymentState, Heartbeats, Next, Proof, Replacing, Service, Step, Target, Wait, World, at_rest,
    down, tidy,
};
use crate::tenant::{Applied, Reason, ServiceName, Tenant};

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
        None => Next::Do(unseen(tenant, name, wanted, replacing)),
        Some(Service::Draining) => Next::Wait(Wait::ServiceToDrain(name)),
        Some(Service::Absent | Service::Inactive) => Next::Do(Step::CreateService {
            name,
            definition_arn: wanted.definition_arn,
        }),
        Some(Service::Active(service)) => with_service(tenant, service, wanted, replacing, world),
    }
}

/// What to do with a service that was not looked at in this pass: where the row tells what a look would show, it is done
/// at once, and ECS's answer shows the rest.
fn unseen(tenant: &Tenant, name: ServiceName, wanted: Applied, replacing: Replacing) -> Step {
    let definition_arn = wanted.definition_arn;
    let Some(before) = tenant
        .made
        .service_name
        .is_some()
        .then_some(tenant.made.applied.as_ref())
        .flatten()
    else {
        // It was never told of, so there is none, or only one that the same call has made before.
        return Step::CreateService { name, definition_arn };
    };
    let restart = tenant.intent.reason == Reason::Restart;
    let other = before.definition_arn != definition_arn;
    let new = before.generation != tenant.intent.generation;
    match replacing {
        Replacing::Rolling if new && other && !restart => Step::Run { name, definition_arn },
        Replacing::Rolling | Replacing::Strict if new && (other || restart) && tenant.has_task_up() => Step::Stop(name),
        Replacing::Rolling | Replacing::Strict => Step::LookAtService(name),
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
        Target::NeedsBundle { template } => {
            return Err(match &world.undeliverable {
                Some(failure) => down::give_up(tenant, failure, world),
                None => Next::Do(Step::Stage(template.clone())),
            });
        }
    };
    // One that ECS did not take any more is not known, whatever the row says.
    let usable = |known: &&Applied| world.renewed.as_ref() != Some(&known.definition_arn);
    match &world.definition {
        None => match tenant.known_revision(fingerprint).filter(usable) {
            Some(known) => Ok((
                Applied {
                    generation,
                    release,
                    ..known.clone()
                },
                replacing,
            )),
            None => Err(Next::Do(Step::Register(*fingerprint))),
        },
        Some(arn) => {
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
    let told = tenant.applied_now() == Some(&wanted);
    let definition_arn = wanted.definition_arn.clone();
    let retry = tenant.intent.reason == Reason::Retry;
    let given_up = retry && !told && service.has_given_up(&definition_arn);
    let run = if given_up {
        Step::RunAnew {
            name: name.clone(),
            definition_arn,
        }
    } else {
        Step::Run {
            name: name.clone(),
            definition_arn,
        }
    };
    if service.desired == 0 {
        return match replacing {
            Replacing::Rolling => Next::Do(run),
            Replacing::Strict if tenant.still_sleeps() && world.emptied_at.is_none() => Next::Do(run),
            Replacing::Strict => at_rest(tenant, &name, world).map_or_else(|next| next, |()| Next::Do(run)),
        };
    }
    let restart = tenant.intent.reason == Reason::Restart && !told && world.told.is_none();
    if restart || given_up || service.definition_arn != wanted.definition_arn {
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
        // ECS was told a moment ago: there is nothing to see yet.
        None if world.told.is_some() => Next::Wait(Wait::TaskToStart),
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
