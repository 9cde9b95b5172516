//! What the service scheduler does next: a pure function of what there is.
//!
//! Source: DeploymentConfiguration.minimumHealthyPercent and .maximumPercent; Amazon ECS Developer Guide, "Deploy
//! Amazon ECS services by replacing tasks". `maximumPercent` limits tasks that are RUNNING or PENDING: a task in its
//! stop timeout (DEACTIVATING, STOPPING) does not count, so that with 0 and 100 percent a new task may start while the
//! container of the old one still runs.

use crate::task::TaskKey;

/// Which deployment a task belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The PRIMARY one.
    New,
    /// Any other.
    Old,
}

/// What a task is worth to the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Worth {
    /// It fails its health checks.
    Unhealthy,
    /// It is on its way up.
    Pending,
    /// It is RUNNING, but does not count as healthy yet.
    Fresh,
    /// It counts as healthy.
    Healthy,
}

/// A task that is RUNNING or PENDING.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) key: TaskKey,
    pub(crate) side: Side,
    pub(crate) worth: Worth,
    /// Whether ECS still wants it to run.
    pub(crate) wanted: bool,
}

/// All that the scheduler decides on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Situation {
    pub(crate) desired: u32,
    pub(crate) least_healthy: u32,
    pub(crate) most_running: u32,
    pub(crate) starts: Starts,
    /// The service's tasks that are RUNNING or PENDING, oldest first.
    pub(crate) members: Vec<Member>,
}

/// Whether the PRIMARY deployment may start tasks now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Starts {
    Allowed,
    /// The delay after tasks that failed to start is not over.
    Delayed,
    /// The deployment has FAILED.
    Never,
}

/// What the scheduler does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) start: u32,
    pub(crate) stop: Vec<TaskKey>,
}

/// The scheduler's next steps.
pub(crate) fn plan(situation: &Situation) -> Plan {
    let Situation {
        desired,
        least_healthy,
        starts,
        ref members,
        ..
    } = *situation;
    let wanted = |side: Side| {
        members
            .iter()
            .filter(move |member| member.wanted && member.side == side)
    };
    let mut new: Vec<_> = wanted(Side::New).collect();
    let mut old: Vec<_> = wanted(Side::Old).collect();
    // The least valuable tasks are stopped first, and of equals the youngest.
    new.sort_by_key(|member| (member.worth, std::cmp::Reverse(member.key)));
    old.sort_by_key(|member| (member.worth, std::cmp::Reverse(member.key)));

    let good = count(new.iter().filter(|member| member.worth != Worth::Unhealthy));
    let missing = match starts {
        Starts::Never => 0,
        _ => desired.saturating_sub(good),
    };
    let room = room(situation, &new, missing);
    let start = if starts == Starts::Allowed {
        missing.min(room)
    } else {
        0
    };

    let mut stop = surplus_of_new(&new, desired);
    let kept_new = count(
        new.iter()
            .filter(|m| m.worth == Worth::Healthy && !stop.contains(&m.key)),
    );
    // Unhealthy tasks make room where their replacements find none.
    let short = missing.saturating_sub(room);
    let unhealthy = new
        .iter()
        .filter(|member| member.worth == Worth::Unhealthy && !stop.contains(&member.key));
    let unhealthy: Vec<_> = unhealthy.take(short as usize).map(|member| member.key).collect();
    stop.extend(&unhealthy);

    if starts != Starts::Never || desired == 0 {
        let more = short.saturating_sub(count(unhealthy.iter()));
        stop.extend(old_to_stop(&old, kept_new, more, desired, least_healthy));
    }
    Plan { start, stop }
}

/// How many tasks may be started besides those that there are.
fn room(situation: &Situation, new: &[&Member], missing: u32) -> u32 {
    let Situation {
        desired,
        most_running,
        ref members,
        ..
    } = *situation;
    let occupied = count(members.iter());
    let replacing = new.len() < members.len() || new.iter().any(|member| member.worth == Worth::Unhealthy);
    if replacing {
        most_running.saturating_sub(occupied)
    } else {
        // No deployment and nothing to replace: the desired count itself is the limit.
        missing.max(most_running.max(desired).saturating_sub(occupied))
    }
}

/// The tasks of the new deployment that are too many.
fn surplus_of_new(new: &[&Member], desired: u32) -> Vec<TaskKey> {
    let healthy = count(new.iter().filter(|member| member.worth == Worth::Healthy));
    let total = count(new.iter());
    let good = count(new.iter().filter(|member| member.worth != Worth::Unhealthy));
    // A failing task is surplus as soon as the healthy ones are enough without it.
    let excess = good.saturating_sub(desired) + (total - good) * u32::from(healthy >= desired);
    new.iter().take(excess as usize).map(|member| member.key).collect()
}

/// The old tasks that go now: those that are not RUNNING or fail their health checks serve nobody, and of the others as
/// many as are too many or must make room, as long as enough remain.
fn old_to_stop(old: &[&Member], healthy_new: u32, room_needed: u32, desired: u32, least: u32) -> Vec<TaskKey> {
    let useful = count(old.iter().filter(|member| member.worth >= Worth::Fresh));
    let useless = count(old.iter()) - useful;
    let serving = healthy_new + useful;
    let too_many = serving.saturating_sub(desired);
    let needed = too_many.max(room_needed.saturating_sub(useless));
    let allowed = serving.saturating_sub(least).min(useful);
    old.iter()
        .take((useless + needed.min(allowed)) as usize)
        .map(|member| member.key)
        .collect()
}

fn count(items: impl Iterator) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(number: u64, side: Side, worth: Worth) -> Member {
        let key = serde_json::from_value(serde_json::json!(number)).unwrap();
        Member {
            key,
            side,
            worth,
            wanted: true,
        }
    }

    fn one(percents: (u32, u32), members: &[Member]) -> Situation {
        let (least, most) = percents;
        let members = members.to_vec();
        let (least_healthy, most_running) = (least.div_ceil(100), most / 100);
        Situation {
            desired: 1,
            least_healthy,
            most_running,
            starts: Starts::Allowed,
            members,
        }
    }

    fn starts_and_stops(situation: &Situation) -> (u32, usize) {
        let plan = plan(situation);
        (plan.start, plan.stop.len())
    }

    const OLD: (Side, Worth) = (Side::Old, Worth::Healthy);

    #[test]
    fn what_is_missing_is_started_and_what_is_too_much_is_stopped() {
        assert_eq!(starts_and_stops(&one((0, 100), &[])), (1, 0));
        let two = [
            member(1, Side::New, Worth::Healthy),
            member(2, Side::New, Worth::Pending),
        ];
        let plan = plan(&one((100, 200), &two));
        assert_eq!((plan.start, plan.stop), (0, vec![two[1].key]));
        let none = Situation {
            desired: 0,
            least_healthy: 0,
            most_running: 0,
            ..one((0, 100), &two)
        };
        assert_eq!(starts_and_stops(&none), (0, 2));
    }

    #[test]
    fn with_0_and_100_percent_the_old_task_goes_first() {
        let old = member(1, OLD.0, OLD.1);
        assert_eq!(starts_and_stops(&one((0, 100), &[old])), (0, 1));
        let leaving = Member { wanted: false, ..old };
        assert_eq!(
            starts_and_stops(&one((0, 100), &[leaving])),
            (0, 0),
            "it is still RUNNING"
        );
        assert_eq!(
            starts_and_stops(&one((0, 100), &[])),
            (1, 0),
            "it is in its stop timeout"
        );
    }

    #[test]
    fn with_100_and_200_percent_the_new_task_comes_first() {
        let old = member(1, OLD.0, OLD.1);
        let both = |worth| [old, member(2, Side::New, worth)];
        assert_eq!(starts_and_stops(&one((100, 200), &[old])), (1, 0));
        assert_eq!(starts_and_stops(&one((100, 200), &both(Worth::Pending))), (0, 0));
        assert_eq!(starts_and_stops(&one((100, 200), &both(Worth::Fresh))), (0, 0));
        assert_eq!(starts_and_stops(&one((100, 200), &both(Worth::Healthy))), (0, 1));
    }

    #[test]
    fn a_running_old_task_that_is_not_counted_yet_still_serves() {
        assert_eq!(
            starts_and_stops(&one((100, 200), &[member(1, Side::Old, Worth::Fresh)])),
            (1, 0)
        );
        assert_eq!(
            starts_and_stops(&one((100, 200), &[member(1, Side::Old, Worth::Pending)])),
            (1, 1)
        );
    }

    #[test]
    fn a_failed_deployment_starts_nothing_and_leaves_the_old_tasks_alone() {
        let old = member(1, OLD.0, OLD.1);
        let failed = Situation {
            starts: Starts::Never,
            ..one((0, 100), &[old])
        };
        assert_eq!(starts_and_stops(&failed), (0, 0));
        let delayed = Situation {
            starts: Starts::Delayed,
            ..one((0, 100), &[])
        };
        assert_eq!(starts_and_stops(&delayed), (0, 0));
    }

    #[test]
    fn an_unhealthy_task_is_replaced_first_where_there_is_room_and_stopped_first_where_there_is_none() {
        let sick = member(1, Side::New, Worth::Unhealthy);
        assert_eq!(starts_and_stops(&one((100, 200), &[sick])), (1, 0));
        assert_eq!(starts_and_stops(&one((0, 100), &[sick])), (0, 1));
        let replaced = [sick, member(2, Side::New, Worth::Healthy)];
        assert_eq!(plan(&one((100, 200), &replaced)).stop, [sick.key]);
    }

    #[test]
    fn four_tasks_at_50_and_100_percent_go_two_by_two() {
        let old: Vec<_> = (0..4).map(|n| member(n, OLD.0, OLD.1)).collect();
        let four = |members: &[Member]| Situation {
            desired: 4,
            least_healthy: 2,
            most_running: 4,
            starts: Starts::Allowed,
            members: members.to_vec(),
        };
        assert_eq!(starts_and_stops(&four(&old)), (0, 2));
        assert_eq!(starts_and_stops(&four(&old[..2])), (2, 0));
    }
}
