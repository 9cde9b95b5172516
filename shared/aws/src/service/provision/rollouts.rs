//! Rollouts and releases: what they are, what would happen, and what an operator wants of them.

use berth_core::api::{Asked, Code, Problem, ReleaseRow, ReleasesView, RolloutAsked, RolloutRequest, RolloutView};
use berth_core::release::RolloutId;
use berth_core::rollout::{Refused, Resume, Rollout};
use serde_json::json;

use super::{Context, preview};
use crate::http::{Request, Response};
use crate::tables::{Entry, RolloutRow, Swapped, Version, Wish};

/// How often a change is tried that others got ahead of.
const TRIES: usize = 5;

/// `GET /releases`: every release, and which are current.
pub(super) async fn releases(context: &Context) -> Result<Response, Problem> {
    let pointer = context.releases.pointer().await?;
    let mut all = context.releases.all().await?;
    all.sort_by_key(|release| std::cmp::Reverse(release.id));
    let view = ReleasesView {
        promoted: pointer.promoted,
        candidate: pointer.candidate,
        rollout: pointer.rollout,
        releases: all.iter().map(ReleaseRow::from).collect(),
    };
    Ok(Response::json(200, &view))
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
    let asked: RolloutRequest = request.members(Code::InvalidRollout)?;
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
        return preview::show(context, asked.release, policy, &request.caller).await;
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
            let asked = Asked {
                release: wish.release,
                by: wish.by,
                at: wish.at,
            };
            return Ok(Response::json(202, &RolloutAsked { asked }).with("retry-after", "60"));
        }
    }
    Err(crowded())
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
