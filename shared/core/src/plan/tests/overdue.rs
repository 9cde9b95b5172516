//! When waiting has gone on for too long.

use std::time::Duration;

use super::*;
use crate::tenant::deadline;

fn minutes(phase: Phase) -> Duration {
    deadline(phase).unwrap()
}

/// A tenant that nobody has settled since second 0, in each transitional phase.
fn on_the_way() -> [(Phase, Tenant); 4] {
    let new = tenant();
    let mut starting = new.clone();
    starting.made.applied = Some(Applied {
        generation: Generation::FIRST,
        fingerprint: fingerprint(1),
        definition_arn: revision(fingerprint(1)).arn,
        release: ReleaseId::FIRST,
    });
    let (mut stopping, mut deleting) = (starting.clone(), starting.clone());
    stopping.intent.state = Wanted::Stopped;
    deleting.intent.state = Wanted::Deleted;
    [
        (Phase::Provisioning, new),
        (Phase::Starting, starting),
        (Phase::Stopping, stopping),
        (Phase::Deleting, deleting),
    ]
}

#[test]
fn each_phase_on_the_way_ends_at_its_deadline_and_not_before() {
    for (expected, tenant) in on_the_way() {
        assert_eq!(phase(&tenant), expected);
        let last = at(0) + minutes(expected);
        let wait = Wait::TaskToStart;
        assert_eq!(overdue(&tenant, &wait, last), None, "{expected:?}");
        let failure = overdue(&tenant, &wait, last + Duration::from_millis(1)).unwrap();
        assert_eq!((failure.code, failure.step), ("deadline", "wait"));
        assert!(failure.message.contains("a task to be RUNNING"), "{}", failure.message);
    }
}

#[test]
fn e11_nine_minutes_are_inside_the_deadline_of_a_start() {
    let [_, (_, starting), ..] = on_the_way();
    assert_eq!(overdue(&starting, &Wait::TaskToStart, at(9 * 60)), None);
}

#[test]
fn what_was_given_up_is_said_once_and_recovers_when_what_it_waited_for_comes() {
    let mut model = Model::new(Replacing::Strict);
    assert_eq!(model.pass(), Next::Wait(Wait::TaskToStart));
    let late = at(0) + minutes(Phase::Starting) + Duration::from_secs(1);
    let failure = overdue(&model.tenant, &Wait::TaskToStart, late).unwrap();
    model.record_failure(failure);
    assert_eq!(phase(&model.tenant), Phase::Failed);
    assert_eq!(
        overdue(&model.tenant, &Wait::TaskToStart, late),
        None,
        "it is said once"
    );
    for _ in 0..=LAG + 1 {
        model.ecs();
    }
    assert_eq!(phase(&model.tenant), Phase::Running);
    model.settle();
    assert!(model.tenant.made.last_error.is_none());
}

#[test]
fn a_crash_long_after_the_start_begins_a_time_of_its_own() {
    let mut model = settled(Replacing::Strict);
    let hours = at(5 * 3_600);
    let seen = model.tenant.observed.as_mut().unwrap();
    seen.last_status = TaskStatus::Stopped;
    model.tenant.unsettled_at = Some(hours);
    assert_eq!(overdue(&model.tenant, &Wait::TaskToStart, hours), None);
    let late = hours + minutes(Phase::Starting) + Duration::from_millis(1);
    assert!(overdue(&model.tenant, &Wait::TaskToStart, late).is_some());
}
