//! A drive: the newest rollout, one step further.
//!
//! The order of the writes is what makes it restartable. The rollout is stored first, by compare-and-swap, which also
//! keeps other drivers off the fleet; then the pointer and the release's row follow it; then the moves are made, each
//! by compare-and-swap on the tenant. Whatever a crash leaves out, the next drive sees missing.

use std::time::Duration;

use berth_core::pace::{Cost, cost_of_move, cost_of_registering};
use berth_core::release::{Pointer, RolloutId};
use berth_core::rollout::{End, Move, MoveReason, Rollout, State, Step, Tally, WhyNot, step};
use berth_core::tenant::{Reason, Tenant, TenantId, Wanted};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::Context;
use crate::error::CallError;
use crate::pace::Course;
use crate::service::fleet::Fleet;
use crate::service::intent;
use crate::tables::{Outcome, RolloutRow, Swapped, Version, Versioned};

/// How long a driver keeps others off: less than the function's timeout, and no longer than the pause between two drives, so
/// that a driver that died costs one of them.
const CLAIM: Duration = Duration::from_mins(1);

/// How long before the end of its claim a driver stops making moves.
const MARGIN: Duration = Duration::from_secs(4);

/// How often a driver looks whether it is still wanted: whoever pauses a rollout sees it stand still after that long.
const LOOKS_EVERY: Duration = Duration::from_secs(5);

/// What a drive came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Drive {
    /// There never was a rollout.
    Nothing,
    /// The newest rollout is over.
    Over {
        /// Which.
        rollout: RolloutId,
    },
    /// Another driver is at it.
    Driven {
        /// Until when at most.
        until: Timestamp,
    },
    /// Somebody else changed the rollout or the pointer first. The next drive sees what they did.
    Raced,
    /// A step was taken.
    Stepped {
        /// Of which rollout.
        rollout: RolloutId,
        /// How it stands after it.
        standing: Standing,
        /// How many tenants were where before it.
        tally: Tally,
        /// How many were moved.
        moved: usize,
        /// How many had changed in between, and are decided on anew.
        lost: usize,
        /// Why no more were moved.
        why_not: Vec<WhyNot>,
    },
}

/// How a rollout stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// It goes on.
    Going,
    /// It waits for an operator.
    Paused,
    /// It is over, and its release was rejected.
    Rejected,
    /// It is over in another way.
    Ended,
}

impl From<&State> for Standing {
    fn from(state: &State) -> Self {
        match state {
            State::Active { .. } => Self::Going,
            State::Paused { .. } => Self::Paused,
            State::Over { end, .. } => match end {
                End::Rejected { .. } => Self::Rejected,
                End::Completed | End::Superseded { .. } | End::RolledBack { .. } | End::Aborted { .. } => Self::Ended,
            },
        }
    }
}

/// Takes the newest rollout one step further.
pub async fn drive(context: &Context) -> Result<Drive, CallError> {
    let pointer = context.releases.pointer_row().await?;
    let Some(id) = pointer.value.rollout else {
        return Ok(Drive::Nothing);
    };
    let Some(row) = context.rollouts.get(id).await? else {
        let what = format!("the pointer names rollout {id}, which has no row");
        return Err(CallError::incomplete("read of Fleet", &what));
    };
    let now = context.clock.now();
    if let Some(until) = row.driven_until.filter(|until| now < *until) {
        return Ok(Drive::Driven { until });
    }
    if matches!(row.rollout.state, State::Over { .. }) {
        follow(context, &pointer, &row.rollout, now).await?;
        return Ok(Drive::Over { rollout: id });
    }
    supersede_before(context, &row.rollout, now).await?;
    advance(context, &pointer, &row, now).await
}

async fn advance(
    context: &Context,
    pointer: &Versioned<Pointer>,
    row: &RolloutRow,
    now: Timestamp,
) -> Result<Drive, CallError> {
    let fleet = Fleet::read(&context.tenants, &context.activity).await?;
    let decided = step(&row.rollout, &fleet.facts, now);
    let id = row.rollout.id;
    let changed = decided.next != row.rollout;
    let until = now.saturating_add(CLAIM).unwrap_or(now);
    let last = until.checked_sub(MARGIN).unwrap_or(now);
    if !changed && decided.moves.is_empty() {
        follow(context, pointer, &decided.next, now).await?;
        register_ahead(context, (id, row.version), &decided, last).await?;
        return Ok(stepped(id, &decided, &Made::default()));
    }
    let Swapped::Done(version) = context.rollouts.claim(&decided, row.version, until).await? else {
        return Ok(Drive::Raced);
    };
    if follow(context, pointer, &decided.next, now).await? == Swapped::Raced {
        return Ok(Drive::Raced);
    }
    let made = make(context, (id, version), &fleet, &decided.moves, last).await;
    let on = json!({
        "rollout": id, "release": decided.next.release, "state": decided.next.state, "tally": decided.tally,
        "moved": made.moved, "whyNot": decided.why_not,
    });
    context.record("rollout-step", on).await?;
    context.rollouts.free(id, version).await?;
    if let Some(error) = made.error {
        return Err(error);
    }
    register_ahead(context, (id, version), &decided, last).await?;
    Ok(stepped(id, &decided, &made))
}

/// In what is left of its time, a driver has definitions registered that will be needed: so the bake, and the wait for those
/// who are on their way, are not lost for `RegisterTaskDefinition`, of which ECS grants one a second.
async fn register_ahead(
    context: &Context,
    (rollout, version): (RolloutId, Version),
    decided: &Step,
    last: Timestamp,
) -> Result<(), CallError> {
    let (mut course, cost) = (context.pace.course(), cost_of_registering());
    for tenant in &decided.ahead {
        if !course.begin(&cost, last).await? {
            return Ok(());
        }
        if let Begun::No(why) = still_wanted(context, rollout, version).await? {
            tracing::info!(%rollout, why, "nothing more is registered ahead");
            return Ok(());
        }
        context
            .queue
            .ahead(tenant, decided.next.release, context.clock.now())
            .await?;
    }
    Ok(())
}

fn stepped(rollout: RolloutId, decided: &Step, made: &Made) -> Drive {
    Drive::Stepped {
        rollout,
        standing: Standing::from(&decided.next.state),
        tally: decided.tally,
        moved: made.moved.len(),
        lost: made.lost,
        why_not: decided.why_not.clone(),
    }
}

/// What came of the moves of a step.
#[derive(Debug, Default)]
struct Made {
    moved: Vec<TenantId>,
    lost: usize,
    error: Option<CallError>,
}

/// Makes the moves. One that fails does not keep the others from being made; the first error is told at the end.
async fn make(
    context: &Context,
    (rollout, version): (RolloutId, Version),
    fleet: &Fleet,
    moves: &[Move],
    last: Timestamp,
) -> Made {
    let mut made = Made::default();
    let mut course = context.pace.course();
    let mut look_at = context.clock.now().saturating_add(LOOKS_EVERY).unwrap_or(last);
    for wanted in moves {
        let Some(tenant) = fleet.tenants.get(&wanted.tenant) else {
            continue;
        };
        let cost = cost_of_move(tenant, wanted.to);
        let begun = begin(context, &mut course, (&cost, moves.len()), last).await;
        let now = context.clock.now();
        let begun = match begun {
            Ok(Begun::Yes) if now >= look_at => {
                look_at = now.saturating_add(LOOKS_EVERY).unwrap_or(last);
                still_wanted(context, rollout, version).await
            }
            other => other,
        };
        match begun {
            Ok(Begun::Yes) => {}
            Ok(Begun::No(why)) => {
                tracing::info!(%rollout, left = moves.len() - made.moved.len(), why, "the next drive goes on");
                break;
            }
            Err(error) => {
                made.error.get_or_insert(error);
                break;
            }
        }
        match move_one(context, rollout, tenant, wanted).await {
            Ok(true) => made.moved.push(wanted.tenant.clone()),
            Ok(false) => made.lost += 1,
            Err(error) => {
                tracing::error!(%rollout, tenant = %wanted.tenant, %error, "a move failed");
                made.error.get_or_insert(error);
            }
        }
    }
    made
}

/// Whether a move may be begun.
enum Begun {
    Yes,
    No(&'static str),
}

/// So few moves are begun at once whatever else goes on: what they take is there, or comes back while their tasks stop.
const UNPACED: usize = 4;

/// Waits until one more tenant may be moved, of so many in this drive.
async fn begin(
    context: &Context,
    course: &mut Course<'_>,
    (cost, moves): (&Cost, usize),
    last: Timestamp,
) -> Result<Begun, CallError> {
    if context.clock.now() >= last {
        return Ok(Begun::No("out of time"));
    }
    let paced = moves > UNPACED && !course.begin(cost, last).await?;
    Ok(if paced {
        Begun::No("the budget is spent")
    } else {
        Begun::Yes
    })
}

/// Whether the rollout is still what the driver decided on: nobody has paused, aborted or superseded it.
async fn still_wanted(context: &Context, rollout: RolloutId, version: Version) -> Result<Begun, CallError> {
    let row = context.rollouts.get(rollout).await?;
    let same = row.is_some_and(|row| row.version == version);
    Ok(if same {
        Begun::Yes
    } else {
        Begun::No("somebody has changed it")
    })
}

/// Moves a tenant whose intent is still what the decision was made on.
async fn move_one(context: &Context, rollout: RolloutId, tenant: &Tenant, wanted: &Move) -> Result<bool, CallError> {
    let now = context.clock.now();
    let reason = match wanted.reason {
        MoveReason::Retry => Reason::Retry,
        MoveReason::Canary | MoveReason::Wave | MoveReason::PutBack => Reason::Rollout,
    };
    let mut change = intent::Change::new(Wanted::Running, reason, &rollout.to_string(), now);
    change.release = Some(wanted.to);
    match intent::change(&context.tenants, tenant, change).await? {
        Outcome::Refused(_) => Ok(false),
        Outcome::Written(row) => {
            let generation = row.intent.generation;
            context.queue.nudge(&wanted.tenant, generation, "rollout", now).await?;
            Ok(true)
        }
    }
}

/// Has the pointer and the release's row say what the rollout says.
async fn follow(
    context: &Context,
    pointer: &Versioned<Pointer>,
    rollout: &Rollout,
    now: Timestamp,
) -> Result<Swapped, CallError> {
    let should = rollout.pointer();
    let mut swapped = Swapped::Done(pointer.version);
    if pointer.value != should {
        swapped = context.releases.point(&should, pointer.version).await?;
        if swapped == Swapped::Raced {
            return Ok(swapped);
        }
        let on = json!({ "rollout": rollout.id, "from": pointer.value, "to": should });
        context.record("pointer-moved", on).await?;
    }
    if let Some(said) = rollout.says_of_release(now)
        && let Some(release) = context.releases.judge(rollout.release, said).await?
    {
        let on = json!({ "rollout": rollout.id, "release": release.id, "state": release.state });
        context.record("release-judged", on).await?;
    }
    Ok(swapped)
}

/// Ends the rollout before this one, if nobody has.
async fn supersede_before(context: &Context, rollout: &Rollout, now: Timestamp) -> Result<(), CallError> {
    let Some(before) = rollout.id.previous() else {
        return Ok(());
    };
    let Some(row) = context.rollouts.get(before).await? else {
        return Ok(());
    };
    let Ok(ended) = row.rollout.supersede(rollout.id, rollout.release, now) else {
        return Ok(());
    };
    if let Some(said) = ended.says_of_release(now) {
        context.releases.judge(ended.release, said).await?;
    }
    context.rollouts.store(&ended, row.version).await?;
    let on = json!({ "rollout": before, "by": rollout.id, "release": ended.release });
    context.record("rollout-superseded", on).await
}
