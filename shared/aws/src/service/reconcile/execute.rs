//! Carries one step out. There is no choice left to make here.

use berth_core::definition::Fingerprint;
use berth_core::idle::not_before;
use berth_core::plan::{Definition, Goal, Heartbeats, Replacing, Service, Step, Target, World};
use berth_core::tenant::{FilesClaim, Generation, ServiceName, Tenant, TenantId};

use super::goal::{Aim, Rendered};
use super::{Context, Stepped, record};
use crate::error::CallError;
use crate::service::observe;
use crate::tables::{Attempt, Claim, Opening, Owner};

/// Carries one step out, puts what it learned into the world, and says what the row is afterwards.
pub(super) async fn step(
    context: &Context,
    tenant: &Tenant,
    aim: &Aim,
    world: &mut World,
    step: &Step,
) -> Result<Stepped, CallError> {
    let id = &tenant.tenant_id;
    match step {
        Step::LookAtService(name) => {
            let shown = context.ecs.describe_service(name).await?;
            world.with_look(shown, tenant.made.told.as_ref(), context.clock.now());
        }
        Step::LookAtTasks(name) => return look_at_tasks(context, tenant, world, name).await,
        Step::LookAtDefinition(fingerprint) => {
            let owner = rendered(aim)?.owner.clone();
            let found = context.registry.find(&owner, fingerprint).await?;
            world.definition = Some(found.map_or(Definition::Absent, Definition::Registered));
        }
        Step::LookAtOwnDefinitions(incarnation) => {
            world.own_definitions = Some(own_definitions(context, id, *incarnation).await?);
        }
        Step::CreateAccessPoint {
            file_system_id,
            incarnation,
        } => {
            let claim = FilesClaim {
                file_system_id: file_system_id.clone(),
                incarnation: *incarnation,
            };
            return make_access_point(context, tenant, claim).await;
        }
        Step::Register(_) => world.definition = Some(register(context, rendered(aim)?).await?),
        Step::CreateService { name, definition_arn } => {
            match context.ecs.create_service(name, definition_arn, replacing(aim)).await {
                Ok(made) => world.with_service(made),
                // The name is this tenant's alone: what exists under it is an earlier attempt's, and is looked at.
                Err(error) if error.message.contains("not idempotent") => world.service = None,
                Err(error) => {
                    return inactive(context, aim, world, definition_arn, error)
                        .await
                        .map(|()| on(tenant));
                }
            }
            world.told = Some(definition_arn.clone());
        }
        Step::Run { name, definition_arn } => {
            match context.ecs.run(name, definition_arn, replacing(aim)).await {
                Ok(service) => world.with_service(service),
                Err(error) => {
                    return inactive(context, aim, world, definition_arn, error)
                        .await
                        .map(|()| on(tenant));
                }
            }
            world.told = Some(definition_arn.clone());
        }
        Step::Stop(name) => {
            let answer = context.ecs.stop(name).await?;
            world.with_emptied(answer, context.clock.now());
        }
        Step::ConfirmStop(at) => return record::stop_told(context, tenant, *at).await,
        Step::OpenActivity => open_activity(context, tenant, world).await?,
        Step::CloseActivity => {
            context.activity.close(id, tenant.intent.generation).await?;
            world.heartbeats = Some(Heartbeats::Closed);
        }
        Step::DeleteService(name) => {
            let gone = context.ecs.delete_service(name).await?;
            // Without tasks a service goes from DRAINING to INACTIVE by itself; nothing of it can start any more.
            world.service = Some(if gone == Service::Draining {
                Service::Inactive
            } else {
                gone
            });
        }
        Step::Deregister(arn) => deregister(context, tenant, world, arn).await?,
        Step::DeleteAccessPoint(point) => {
            context.efs.delete(&point.place.access_point_id).await?;
            return record::access_point_deleted(context, tenant, point).await;
        }
        Step::Forget(incarnation) => {
            *world = World::default();
            return record::forgotten(context, tenant, *incarnation).await;
        }
        Step::Confirm(applied) => return record::confirmed(context, tenant, applied, world).await,
        Step::MarkFailed { applied, reason } => return record::marked_failed(context, tenant, applied, reason).await,
        Step::Settle(proof) => return record::settled(context, tenant, proof).await,
        Step::GiveUp(failure) => return record::given_up(context, tenant, failure).await,
        Step::Bury => return record::buried(context, tenant).await,
    }
    Ok(on(tenant))
}

/// Makes an access point, after the row says that it is going to be made.
async fn make_access_point(context: &Context, tenant: &Tenant, claim: FilesClaim) -> Result<Stepped, CallError> {
    let claimed = if tenant.made.files_claim.as_ref() == Some(&claim) {
        tenant.clone()
    } else {
        match record::access_point_claimed(context, tenant, &claim).await? {
            Stepped::On(row) => row,
            over @ Stepped::Over(_) => return Ok(over),
        }
    };
    let FilesClaim {
        file_system_id,
        incarnation,
    } = claim;
    let point = context
        .efs
        .create(&tenant.tenant_id, incarnation, &file_system_id)
        .await?;
    record::access_point(context, &claimed, &point).await
}

async fn look_at_tasks(
    context: &Context,
    tenant: &Tenant,
    world: &mut World,
    name: &ServiceName,
) -> Result<Stepped, CallError> {
    let now = context.clock.now();
    let current = tenant.observed.as_ref().map(|observed| observed.task_arn.as_str());
    let tasks = context.ecs.tasks(name, current).await?;
    let seen = observe::apply_all(&context.tenants, tenant, &tasks, now).await?;
    world.with_tasks(tasks, tenant, now);
    Ok(seen.map_or_else(|| on(tenant), Stepped::On))
}

async fn open_activity(context: &Context, tenant: &Tenant, world: &mut World) -> Result<(), CallError> {
    let now = context.clock.now();
    let opening = Opening {
        generation: tenant.intent.generation,
        idle_after: context.idle.idle_after(&tenant.overlay),
        now,
        not_before: not_before(tenant, context.idle.min_uptime(&tenant.overlay), now),
    };
    context.activity.open(&tenant.tenant_id, &opening).await?;
    world.heartbeats = Some(Heartbeats::Open);
    Ok(())
}

async fn deregister(context: &Context, tenant: &Tenant, world: &mut World, arn: &str) -> Result<(), CallError> {
    context.ecs.deregister(arn).await?;
    let incarnation = tenant.retiring.first().copied().unwrap_or(tenant.incarnation);
    context.registry.drop_owned(&tenant.tenant_id, incarnation, arn).await?;
    if let Some(own) = &mut world.own_definitions {
        own.retain(|other| other != arn);
    }
    Ok(())
}

fn on(tenant: &Tenant) -> Stepped {
    Stepped::On(tenant.clone())
}

fn rendered(aim: &Aim) -> Result<&Rendered, CallError> {
    aim.rendered
        .as_ref()
        .ok_or_else(|| CallError::incomplete("reconcile", "a definition is asked for that was not rendered"))
}

fn replacing(aim: &Aim) -> Replacing {
    match (&aim.rendered, &aim.goal) {
        (Some(rendered), _) => rendered.replacing,
        (None, Goal::Up(Target::Definition { replacing, .. })) => *replacing,
        (None, _) => Replacing::Strict,
    }
}

/// Registers a definition once, however many want it at the same time.
async fn register(context: &Context, rendered: &Rendered) -> Result<Definition, CallError> {
    let Rendered { definition, owner, .. } = rendered;
    let fingerprint = definition.fingerprint();
    let now = context.clock.now();
    let family = definition.family();
    let attempt = match context.registry.claim(owner, &fingerprint, family, now).await? {
        Claim::Registered(arn) => return Ok(Definition::Registered(arn)),
        Claim::Held => {
            return Err(CallError::incomplete(
                "reconcile",
                "another invocation is registering this definition",
            ));
        }
        Claim::Granted(attempt) => attempt,
    };
    let found = match attempt {
        Attempt::First => None,
        Attempt::Again => {
            context
                .ecs
                .find_tagged(definition.family(), Fingerprint::TAG, &fingerprint.to_string())
                .await?
        }
    };
    let arn = match found {
        Some(found) => found.arn,
        None => match context.ecs.register(definition.request()).await {
            Ok(made) => made.arn,
            Err(error) => {
                context.registry.release(owner, &fingerprint).await?;
                return Err(error);
            }
        },
    };
    context.registry.record(owner, &fingerprint, &arn).await?;
    Ok(Definition::Registered(arn))
}

/// The revisions that were registered for an incarnation alone, those included of which the registry was not told.
async fn own_definitions(context: &Context, id: &TenantId, incarnation: Generation) -> Result<Vec<String>, CallError> {
    let owner = Owner::Tenant(id.clone(), incarnation);
    for claim in context.registry.unrecorded(id, incarnation).await? {
        let found = context
            .ecs
            .find_tagged(&claim.family, Fingerprint::TAG, &claim.fingerprint.to_string())
            .await?;
        match found {
            Some(found) => context.registry.record(&owner, &claim.fingerprint, &found.arn).await?,
            None => context.registry.drop_claim(&owner, &claim.fingerprint).await?,
        }
    }
    context.registry.owned(id, incarnation).await
}

/// A definition that became INACTIVE behind our back is registered anew, once; a second time it is an error.
async fn inactive(
    context: &Context,
    aim: &Aim,
    world: &mut World,
    arn: &str,
    error: CallError,
) -> Result<(), CallError> {
    let gone = error.message.to_lowercase().contains("inactive") || error.message.contains("TaskDefinition not found");
    let Some(Rendered { definition, owner, .. }) = aim.rendered.as_ref().filter(|_| gone) else {
        return Err(error);
    };
    if world.renewed.replace(arn.to_owned()).is_some() {
        return Err(error);
    }
    context.registry.forget(owner, &definition.fingerprint(), arn).await?;
    world.definition = Some(Definition::Absent);
    Ok(())
}
