//! What the tenant should become: its goal, and the definition behind it.

use berth_core::definition::{self, Definition, Fingerprint};
use berth_core::plan::{Failure, Goal, Replacing, Target};
use berth_core::release::ReleaseId;
use berth_core::template::{BundleAt, Delivered};
use berth_core::tenant::{
    FailedDefinition, Files, Generation, Overlay, Reason, Replace, Takes, TemplateName, Tenant, Wanted,
};

use super::Context;
use crate::error::CallError;
use crate::tables::Owner;

/// A goal, and what it takes to register its definition.
pub(super) struct Aim {
    pub(super) goal: Goal,
    pub(super) rendered: Option<Rendered>,
}

/// A rendered definition that may have to be registered.
pub(super) struct Rendered {
    pub(super) definition: Definition,
    pub(super) owner: Owner,
    pub(super) release: ReleaseId,
    pub(super) replacing: Replacing,
}

/// What of a row the goal depends on; as long as it is equal the goal is too.
pub(super) fn depends_on(tenant: &Tenant) -> impl PartialEq {
    let applied: Option<(Generation, Fingerprint, ReleaseId)> = tenant
        .applied_now()
        .map(|applied| (applied.generation, applied.fingerprint, applied.release));
    let intent: (Wanted, Generation, Option<ReleaseId>, Reason) = (
        tenant.intent.state,
        tenant.intent.generation,
        tenant.intent.release,
        tenant.intent.reason,
    );
    let own: (Option<Files>, Option<Delivered>, Overlay) = (
        tenant.made.access_point.clone(),
        tenant.made.bundle.clone(),
        tenant.overlay.clone(),
    );
    // As long as a former incarnation is being cleared away there is no goal for the present one.
    let past: (Vec<FailedDefinition>, Vec<Generation>) = (tenant.made.failed.clone(), tenant.retiring.clone());
    (applied, intent, own, past)
}

/// The release that a pass has chosen for a generation, so that it asks for it once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chosen(Option<(Generation, ReleaseId)>);

/// The goal of a tenant, by the release that it takes.
pub(super) async fn of(context: &Context, tenant: &Tenant, chosen: &mut Chosen) -> Result<Aim, CallError> {
    if tenant.intent.state != Wanted::Running || !tenant.retiring.is_empty() {
        return Ok(Aim {
            goal: Goal::Down,
            rendered: None,
        });
    }
    if let Some(standing) = tenant.standing_target() {
        return Ok(Aim {
            goal: tenant.goal_of(standing),
            rendered: None,
        });
    }
    let release = match chosen.0 {
        Some((generation, release)) if generation == tenant.intent.generation => Some(release),
        _ => release(context, tenant).await?,
    };
    chosen.0 = release.map(|release| (tenant.intent.generation, release));
    let Some(release) = release else {
        return Ok(impossible(
            "no_release",
            "no base has been promoted yet: deploy the base stack first".to_owned(),
        ));
    };
    on(context, tenant, release).await
}

/// The goal of a tenant that is to run a release.
pub(super) async fn on(context: &Context, tenant: &Tenant, release: ReleaseId) -> Result<Aim, CallError> {
    let base = context.releases.base(release).await?;
    let volume = match base.workspace(&context.layout) {
        Ok(volume) => volume,
        Err(error) => return Ok(impossible("render_failed", error.to_string())),
    };
    let incarnation = tenant.incarnation;
    let files = tenant
        .made
        .access_point
        .as_ref()
        .filter(|point| point.incarnation == incarnation);
    if volume.is_some() && files.is_none() {
        return Ok(match context.file_system.clone() {
            Some(file_system_id) => Aim {
                goal: Goal::Up(Target::NeedsAccessPoint { file_system_id }),
                rendered: None,
            },
            None => impossible(
                "no_file_system",
                "the base has a workspace volume and BERTH_FILE_SYSTEM is not set".to_owned(),
            ),
        });
    }
    let bundle = match bundle(context, tenant) {
        Ok(bundle) => bundle,
        Err(template) => {
            return Ok(Aim {
                goal: Goal::Up(Target::NeedsBundle { template }),
                rendered: None,
            });
        }
    };
    let owner = match volume {
        Some(_) => Owner::Tenant(tenant.tenant_id.clone(), incarnation),
        None => Owner::Anyone,
    };
    let replacing = match (volume, tenant.overlay.replace) {
        (None, _) | (Some(_), Some(Replace::Rolling)) => Replacing::Rolling,
        (Some(_), Some(Replace::Strict) | None) => Replacing::Strict,
    };
    let files = files.map(|point| &point.place);
    Ok(
        match definition::render(&base, &context.layout, &tenant.overlay, files, bundle.as_ref()) {
            Ok(definition) => {
                let fingerprint = definition.fingerprint();
                let goal = tenant.goal_of(Target::Definition {
                    fingerprint,
                    release,
                    replacing,
                });
                Aim {
                    goal,
                    rendered: Some(Rendered {
                        definition,
                        owner,
                        release,
                        replacing,
                    }),
                }
            }
            Err(error) => impossible("render_failed", error.to_string()),
        },
    )
}

/// Where the bundle is that the tenant is given, if its overlay names a template; `Err` if it is not known yet which one.
fn bundle(context: &Context, tenant: &Tenant) -> Result<Option<BundleAt>, TemplateName> {
    let Some(template) = &tenant.overlay.template else {
        return Ok(None);
    };
    let settled = tenant.settled_bundle(template, context.clock.now());
    let settled = settled.ok_or_else(|| template.clone())?;
    Ok(Some(context.assets.at(settled.digest)))
}

/// The release that the tenant takes; `None` as long as none was promoted.
async fn release(context: &Context, tenant: &Tenant) -> Result<Option<ReleaseId>, CallError> {
    let now = context.clock.now();
    let kept = match tenant.takes(now) {
        Takes::Named(release) => return Ok(Some(release)),
        Takes::Kept(release) => Some(release),
        Takes::Promoted => None,
    };
    let pointer = context.releases.pointer().await?;
    if let Some(kept) = kept
        && !pointer.is_forced(now)
        && let Some(release) = context.releases.get(kept).await?
        && !release.is_rejected()
    {
        return Ok(Some(kept));
    }
    Ok(pointer.promoted)
}

fn impossible(code: &'static str, message: String) -> Aim {
    Aim {
        goal: Goal::Impossible(Failure {
            code,
            message,
            step: "render",
        }),
        rendered: None,
    }
}
