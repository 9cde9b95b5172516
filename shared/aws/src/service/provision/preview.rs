//! What a rollout would do: who moves in which wave, and what changes in their definitions. It calls nothing that writes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use berth_core::api::{Code, Problem, RolloutPreview};
use berth_core::definition::{Base, impact};
use berth_core::release::{ReleaseId, RolloutId};
use berth_core::rollout::{Costs, Policy, Progress, Rollout, plan};
use berth_core::tenant::Tenant;

use super::Context;
use crate::error::CallError;
use crate::http::Response;
use crate::service::fleet::Fleet;

/// What moving a tenant takes, for an estimate: a stop timeout of 30 s, a Fargate start, and a health check.
const PER_MOVE: Duration = Duration::from_secs(90);

/// What a rollout would do with the fleet as it is: to a known release, or to the newest base.
pub(super) async fn show(
    context: &Context,
    release: Option<ReleaseId>,
    policy: Policy,
    by: &str,
) -> Result<Response, Problem> {
    let pointer = context.releases.pointer().await?;
    let (to, after) = match release {
        Some(release) => (release, context.releases.base(release).await?),
        None => newest(context).await?,
    };
    let id = pointer.rollout.map_or(RolloutId::FIRST, RolloutId::next);
    let now = context.clock.now();
    let rollout = Rollout::start(id, to, pointer.promoted, policy, by.to_owned(), now);
    let fleet = Fleet::read(&context.tenants, &context.activity).await?;
    let concerned = |progress| matches!(progress, Progress::Pending(_) | Progress::Waiting(_));
    let movers: Vec<&Tenant> = fleet
        .facts
        .iter()
        .filter(|facts| concerned(rollout.progress(facts, now)))
        .filter_map(|facts| fleet.tenants.get(&facts.tenant))
        .collect();
    let changes = match pointer.promoted {
        Some(promoted) => {
            let before = context.releases.base(promoted).await?;
            let overlays = movers.iter().map(|tenant| &tenant.overlay);
            impact(&before, &after, &context.layout, overlays)
        }
        None => Vec::new(),
    };
    let costs = costs(context, &after, &movers);
    let preview = RolloutPreview {
        release: to,
        from: pointer.promoted,
        changes,
        plan: plan(&rollout, &fleet.facts, costs, now),
    };
    Ok(Response::json(200, &preview))
}

/// The newest base, and the release that it is or will be.
async fn newest(context: &Context) -> Result<(ReleaseId, Arc<Base>), Problem> {
    let Some(described) = context.base.newest().await? else {
        let detail = format!(
            "the family {} has no ACTIVE revision: deploy the base stack",
            context.base.name()
        );
        return Err(Problem::new(Code::NoRelease, detail));
    };
    let base = Base::from_response(described)
        .map_err(|error| CallError::incomplete("ecs:DescribeTaskDefinition", &error.to_string()))?;
    let seen = base.fingerprint();
    let all = context.releases.all().await?;
    let known = all.iter().find(|release| release.content == seen);
    let next = all
        .iter()
        .map(|release| release.id)
        .max()
        .map_or(ReleaseId::FIRST, ReleaseId::next);
    Ok((known.map_or(next, |release| release.id), Arc::new(base)))
}

/// With a workspace volume every tenant has a definition of its own and is stopped before it is started; without one,
/// equal overlays share a definition and one call moves a tenant.
fn costs(context: &Context, base: &Base, movers: &[&Tenant]) -> Costs {
    let volume = !matches!(base.workspace(&context.layout), Ok(None));
    let (registrations, calls) = if volume {
        (movers.len(), 2)
    } else {
        let overlays = movers.iter().map(|tenant| tenant.overlay.to_json().to_string());
        (overlays.collect::<BTreeSet<String>>().len(), 1)
    };
    Costs {
        per_move: PER_MOVE,
        between_moves: Duration::from_millis(250) * calls,
        between_registrations: Duration::from_millis(1_250),
        registrations: u32::try_from(registrations).unwrap_or(u32::MAX),
    }
}
