//! Rollouts and releases: what they are, what would happen, and what an operator wants of them.

use std::collections::BTreeSet;
use std::time::Duration;

use berth_core::api::{Code, Problem, ReleaseRow, RolloutView};
use berth_core::release::{ReleaseId, RolloutId};
use berth_core::rollout::{Costs, Policy, PolicyChange, Refused, Resume, Rollout, plan};
use serde::Deserialize;
use serde_json::json;

use super::Context;
use crate::error::CallError;
use crate::http::{Request, Response};
use crate::service::fleet::Fleet;
use crate::tables::{Entry, RolloutRow, Swapped, Version, Wish};

/// How often a change is tried that others got ahead of.
const TRIES: usize = 5;

/// What moving a tenant takes, for an estimate: a stop timeout of 30 s, a Fargate start, and a health check.
const PER_MOVE: Duration = Duration::from_secs(90);

/// The body of `POST /rollouts`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Asked {
    /// To which release; to the newest base if to none.
    release: Option<ReleaseId>,
    /// How it is to differ from the fleet's policy.
    policy: PolicyChange,
}

/// `GET /releases`: every release, and which are current.
pub(super) async fn releases(context: &Context) -> Result<Response, Problem> {
    let pointer = context.releases.pointer().await?;
    let mut all = context.releases.all().await?;
    all.sort_by_key(|release| std::cmp::Reverse(release.id));
    let rows: Vec<ReleaseRow> = all.iter().map(ReleaseRow::from).collect();
    let body = json!({ "promoted": pointer.promoted, "candidate": pointer.candidate, "rollout": pointer.rollout, "releases": rows });
    Ok(Response::json(200, &body))
}

/// `GET /rollouts/{id}`.
pub(super) async fn one(context: &Context, id: &str) -> Result<Response, Problem> {
    let row = find(context, id).await?;
    Ok(shown(200, &row.rollout, &row))
}

/// `POST /rollouts`: asks for a rollout, which begins within a minute. With `?dryRun=true` it answers who would be moved
/// in which wave, and writes nothing.
pub(super) async fn ask(context: &Context, request: &Request) -> Result<Response, Problem> {
    let invalid = |why: String| Problem::new(Code::InvalidRollout, why);
    let asked: Asked = serde_json::from_value(request.json()?).map_err(|error| invalid(error.to_string()))?;
    let policy = context.rollout_policy.with(asked.policy.clone());
    let policy = policy.map_err(|error| invalid(error.to_string()))?;
    if let Some(release) = asked.release
        && context.releases.get(release).await?.is_none()
    {
        return Err(invalid(format!(
            "there is no release {release}; GET /releases lists them"
        )));
    }
    if request.flag("dryRun")? {
        return dry_run(context, asked.release, policy, &request.caller).await;
    }
    let wish = Wish {
        release: asked.release,
        policy: asked.policy,
        by: request.caller.clone(),
        at: context.clock.now(),
        answer: None,
    };
    for _ in 0..TRIES {
        let seen = context.wishes.last().await?.map_or(Version::ABSENT, |row| row.version);
        if let Swapped::Done(_) = context.wishes.write(&wish, seen).await? {
            let body = json!({ "asked": { "release": wish.release, "by": wish.by, "at": wish.at } });
            return Ok(Response::json(202, &body).with("retry-after", "60"));
        }
    }
    Err(crowded())
}

/// What a rollout would do with the fleet as it is: to a known release, or to a base that is new.
async fn dry_run(context: &Context, release: Option<ReleaseId>, policy: Policy, by: &str) -> Result<Response, Problem> {
    let pointer = context.releases.pointer().await?;
    let newest = context
        .releases
        .all()
        .await?
        .into_iter()
        .map(|release| release.id)
        .max();
    let new = newest.map_or(ReleaseId::FIRST, ReleaseId::next);
    let id = pointer.rollout.map_or(RolloutId::FIRST, RolloutId::next);
    let now = context.clock.now();
    let to = release.unwrap_or(new);
    let rollout = Rollout::start(id, to, pointer.promoted, policy, by.to_owned(), now);
    let fleet = Fleet::read(&context.tenants, &context.activity).await?;
    let costs = costs(context, pointer.promoted, &fleet).await?;
    Ok(Response::json(200, &plan(&rollout, &fleet.facts, costs, now)))
}

/// With a workspace volume every tenant has a definition of its own and is stopped before it is started; without one,
/// equal overlays share a definition and one call moves a tenant.
async fn costs(context: &Context, promoted: Option<ReleaseId>, fleet: &Fleet) -> Result<Costs, CallError> {
    let base = match promoted {
        Some(release) => Some(context.releases.base(release).await?),
        None => None,
    };
    let volume = base.is_none_or(|base| !matches!(base.workspace(&context.layout), Ok(None)));
    let overlays: BTreeSet<String> = fleet
        .tenants
        .values()
        .map(|tenant| tenant.overlay.to_json().to_string())
        .collect();
    let (registrations, calls) = if volume {
        (fleet.tenants.len(), 2)
    } else {
        (overlays.len(), 1)
    };
    Ok(Costs {
        per_move: PER_MOVE,
        between_moves: Duration::from_millis(250) * calls,
        between_registrations: Duration::from_millis(1_250),
        registrations: u32::try_from(registrations).unwrap_or(u32::MAX),
    })
}

/// What an operator wants of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Pause,
    Resume(Resume),
    Abort,
    RollBack,
}

impl Verb {
    /// A resumption with `?retry=true` moves the failed ones once more.
    pub(super) fn resume(request: &Request) -> Result<Self, Problem> {
        Ok(Self::Resume(if request.flag("retry")? {
            Resume::Retry
        } else {
            Resume::Accept
        }))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume(_) => "resume",
            Self::Abort => "abort",
            Self::RollBack => "rollback",
        }
    }
}

/// `POST /rollouts/{id}/{pause,resume,abort,rollback}`.
pub(super) async fn operate(context: &Context, request: &Request, verb: Verb) -> Result<Response, Problem> {
    let (id, by, now) = (request.id.as_str(), request.caller.as_str(), context.clock.now());
    for _ in 0..TRIES {
        let row = find(context, id).await?;
        let rollout = &row.rollout;
        let changed = match verb {
            Verb::Pause => rollout.pause(by, now),
            Verb::Resume(how) => rollout.resume(how, now),
            Verb::Abort => rollout.abort(by, now),
            Verb::RollBack => rollout.roll_back(by, now),
        };
        let changed = changed.map_err(|refused: Refused| Problem::new(Code::RolloutRefused, refused.to_string()))?;
        if let Swapped::Done(_) = context.rollouts.store(&changed, row.version).await? {
            let retry = verb == Verb::Resume(Resume::Retry);
            let on = json!({ "rollout": changed.id, "by": by, "asked": verb.name(), "retry": retry });
            let decision = format!("rollout-{}", verb.name());
            context.ledger.record_fleet(&Entry { at: now, decision, on }).await?;
            return Ok(shown(202, &changed, &row));
        }
    }
    Err(crowded())
}

async fn find(context: &Context, id: &str) -> Result<RolloutRow, Problem> {
    let none = || {
        Problem::new(
            Code::NoRollout,
            format!("there is no rollout {id:?}; GET /releases names the newest"),
        )
    };
    let id: RolloutId = id.parse().map_err(|_| none())?;
    context.rollouts.get(id).await?.ok_or_else(none)
}

fn shown(status: u16, rollout: &Rollout, row: &RolloutRow) -> Response {
    Response::json(status, &RolloutView::of(rollout, row.tally))
}

fn crowded() -> Problem {
    Problem::new(
        Code::Conflict,
        "others change the same rollout at the same time; try again",
    )
}
