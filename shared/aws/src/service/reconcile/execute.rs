//! Carries one step out. There is no choice left to make here.

use std::time::Duration;

use berth_core::definition::{Definition, Fingerprint, Revision};
use berth_core::idle::not_before;
use berth_core::pace::jitter;
use berth_core::plan::{Goal, Heartbeats, Reached, Replacing, Service, Step, Target, World};
use berth_core::template::{Staged, delivery};
use berth_core::tenant::{FilesClaim, Generation, ServiceName, TemplateName, Tenant, TenantId};

use super::goal::{Aim, Rendered};
use super::{Context, Stepped, record};
use crate::assets::NoBundle;
use crate::ecs::Registered;
use crate::error::CallError;
use crate::pace::Turn;
use crate::service::observe;
use crate::tables::{Attempt, Claim, Opening, Own, Owner};

/// Carries one step out, puts what it learned into the world, and says what the row is afterwards.
pub(super) async fn step(
    context: &Context,
    tenant: &Tenant,
    aim: &Aim,
    turn: Turn<'_>,
    world: &mut World,
    step: &Step,
) -> Result<Stepped, CallError> {
    let id = &tenant.tenant_id;
    match step {
        Step::LookAtService(name) => {
            let shown = context.ecs.describe_service(turn, name).await?;
            world.with_look(shown, tenant.made.told.as_ref(), context.clock.now());
        }
        Step::LookAtTasks(name) => return look_at_tasks(context, tenant, turn, world, name).await,
        Step::LookAtOwnDefinitions(incarnation) => {
            world.own_definitions = Some(own_definitions(context, turn, id, *incarnation).await?);
        }
        Step::CreateAccessPoint {
            file_system_id,
            incarnation,
        } => {
            let claim = FilesClaim {
                file_system_id: file_system_id.clone(),
                incarnation: *incarnation,
            };
            return make_access_point(context, tenant, turn, claim).await;
        }
        Step::Stage(template) => return stage(context, tenant, world, template).await,
        Step::Register(_) => world.definition = Some(register(context, turn, rendered(aim)?).await?),
        Step::CreateService { name, definition_arn } => {
            match context
                .ecs
                .create_service(turn, name, definition_arn, replacing(aim))
                .await
            {
                Ok(made) => world.with_service(made),
                // The name is this tenant's alone: what exists under it is an earlier attempt's, and is looked at.
                Err(error) if error.message.contains("not idempotent") => {
                    let shown = context.ecs.describe_service(turn, name).await?;
                    world.with_look(shown, tenant.made.told.as_ref(), context.clock.now());
                    return Ok(on(tenant));
                }
                Err(error) => {
                    return inactive(context, aim, world, definition_arn, error)
                        .await
                        .map(|()| on(tenant));
                }
            }
            world.told = Some(definition_arn.clone());
        }
        Step::Run { name, definition_arn } | Step::RunAnew { name, definition_arn } => {
            let ecs = &context.ecs;
            let ran = match step {
                Step::RunAnew { .. } => ecs.run_anew(turn, name, definition_arn, replacing(aim)).await,
                _ => ecs.run(turn, name, definition_arn, replacing(aim)).await,
            };
            match ran {
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
            let answer = context.ecs.stop(turn, name).await?;
            world.with_emptied(answer, context.clock.now());
        }
        Step::ConfirmStop(at) => return record::stop_told(context, tenant, *at).await,
        Step::OpenActivity => open_activity(context, tenant, world).await?,
        Step::CloseActivity => {
            context.activity.close(id, tenant.intent.generation).await?;
            world.heartbeats = Some(Heartbeats::Closed);
        }
        Step::DeleteService(name) => {
            let gone = context.ecs.delete_service(turn, name).await?;
            // Without tasks a service goes from DRAINING to INACTIVE by itself; nothing of it can start any more.
            world.service = Some(if gone == Service::Draining {
                Service::Inactive
            } else {
                gone
            });
        }
        Step::Deregister(revision) => deregister(context, tenant, turn, world, revision).await?,
        Step::DeleteAccessPoint(point) => {
            context.efs.delete(turn, &point.place.access_point_id).await?;
            return record::access_point_deleted(context, tenant, point).await;
        }
        Step::Forget(incarnation) => {
            *world = World::default();
            return record::forgotten(context, tenant, *incarnation).await;
        }
        Step::Confirm(applied) => return record::confirmed(context, tenant, applied, world).await,
        Step::MarkFailed { applied, reason } => return record::marked_failed(context, tenant, applied, reason).await,
        Step::Settle(proof) => {
            let before = tenant.made.last_good.clone();
            world.reached = Some(Reached { before });
            return record::settled(context, tenant, proof).await;
        }
        Step::GiveUp(failure) => return record::given_up(context, tenant, failure).await,
        Step::Bury => return record::buried(context, tenant).await,
    }
    Ok(on(tenant))
}

/// Makes an access point, after the row says that it is going to be made.
async fn make_access_point(
    context: &Context,
    tenant: &Tenant,
    turn: Turn<'_>,
    claim: FilesClaim,
) -> Result<Stepped, CallError> {
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
        .create(turn, (&tenant.tenant_id, incarnation), &file_system_id)
        .await?;
    record::access_point(context, &claimed, &point).await
}

/// Stages what the tenant is to be given of its template, or learns that there is nothing to give.
async fn stage(
    context: &Context,
    tenant: &Tenant,
    world: &mut World,
    template: &TemplateName,
) -> Result<Stepped, CallError> {
    let staged = match context.assets.stage(template).await {
        Ok(digest) => Staged::Now(digest),
        Err(NoBundle::Call(error)) => return Err(error),
        Err(NoBundle::Template(why)) => Staged::Not {
            why,
            last: match tenant.delivered(template).map(|last| last.digest) {
                Some(last) if context.assets.has(last).await? => Some(last),
                Some(_) | None => None,
            },
        },
    };
    match delivery(tenant, template, staged) {
        Ok(bundle) => record::staged(context, tenant, &bundle).await,
        Err(failure) => {
            world.undeliverable = Some(failure);
            Ok(on(tenant))
        }
    }
}

async fn look_at_tasks(
    context: &Context,
    tenant: &Tenant,
    turn: Turn<'_>,
    world: &mut World,
    name: &ServiceName,
) -> Result<Stepped, CallError> {
    let now = context.clock.now();
    let current = tenant.observed.as_ref().map(|observed| observed.task_arn.as_str());
    let tasks = context.ecs.tasks(turn, name, current).await?;
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

async fn deregister(
    context: &Context,
    tenant: &Tenant,
    turn: Turn<'_>,
    world: &mut World,
    revision: &Revision,
) -> Result<(), CallError> {
    context.ecs.deregister(turn, &revision.arn).await?;
    let incarnation = tenant.retiring.first().copied().unwrap_or(tenant.incarnation);
    let owner = Owner::Tenant(tenant.tenant_id.clone(), incarnation);
    context.registry.drop_row(&owner, &revision.fingerprint).await?;
    if let Some(own) = &mut world.own_definitions {
        own.retain(|other| other != revision);
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

/// How long the others wait for the one that registers a definition that many want, and how often they look.
const REGISTERING: (Duration, Duration) = (Duration::from_secs(10), Duration::from_millis(500));

/// Registers a definition once, however many want it at the same time.
pub(super) async fn register(context: &Context, turn: Turn<'_>, rendered: &Rendered) -> Result<String, CallError> {
    let Rendered { definition, owner, .. } = rendered;
    let fingerprint = definition.fingerprint();
    // One of its own nobody else can have registered. One that many share most likely is registered already.
    if *owner == Owner::Anyone
        && let Some(arn) = context.registry.take_up(&fingerprint, rendered.release).await?
    {
        return Ok(arn);
    }
    let family = definition.family();
    let begun = context.clock.now();
    let attempt = loop {
        let now = context.clock.now();
        match context
            .registry
            .claim(owner, &fingerprint, (family, rendered.release), now)
            .await?
        {
            Claim::Registered(arn) => return Ok(arn),
            Claim::Granted(attempt) => break attempt,
            Claim::Held if now.duration_since(begun).unsigned_abs() < REGISTERING.0 && now < turn.until => {
                let span = jitter(REGISTERING.1, (turn.whose, now.as_millisecond()));
                context.clock.sleep(span).await;
            }
            Claim::Held => {
                let why = "another invocation has been registering this definition for a while";
                return Err(CallError::incomplete("reconcile", why));
            }
        }
    };
    let arn = match made_before(context, turn, definition, attempt).await? {
        Some(arn) => arn,
        None => match context.ecs.register(turn, definition.request()).await {
            Ok(made) => made.arn,
            Err(error) => {
                context.registry.release(owner, &fingerprint).await?;
                return Err(error);
            }
        },
    };
    context.registry.record(owner, &fingerprint, &arn).await?;
    Ok(arn)
}

/// The revision that an earlier attempt has registered without its being recorded.
async fn made_before(
    context: &Context,
    turn: Turn<'_>,
    definition: &Definition,
    attempt: Attempt,
) -> Result<Option<String>, CallError> {
    if attempt == Attempt::First {
        return Ok(None);
    }
    let tag = definition.fingerprint().to_string();
    let found = context
        .ecs
        .find_tagged(turn, definition.family(), (Fingerprint::TAG, &tag))
        .await?;
    Ok(found.map(|found| found.arn))
}

/// The revisions that were registered for an incarnation alone, those included of which the registry was not told.
async fn own_definitions(
    context: &Context,
    turn: Turn<'_>,
    id: &TenantId,
    incarnation: Generation,
) -> Result<Vec<Revision>, CallError> {
    let owner = Owner::Tenant(id.clone(), incarnation);
    let mut revisions = Vec::new();
    for own in context.registry.own(id, incarnation).await? {
        let (family, fingerprint) = match own {
            Own::Registered(revision) => {
                revisions.push(revision);
                continue;
            }
            Own::Claimed { family, fingerprint } => (family, fingerprint),
        };
        let tag = fingerprint.to_string();
        match context.ecs.find_tagged(turn, &family, (Fingerprint::TAG, &tag)).await? {
            Some(Registered { arn }) => {
                context.registry.record(&owner, &fingerprint, &arn).await?;
                revisions.push(Revision { fingerprint, arn });
            }
            None => context.registry.drop_row(&owner, &fingerprint).await?,
        }
    }
    Ok(revisions)
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
    world.definition = None;
    Ok(())
}
