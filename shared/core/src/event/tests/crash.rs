//! Why tasks end, and how many crashes are too many.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::*;
use super::{at, stopped, task, with};

#[test]
fn e6_every_stop_code_and_an_unknown_one_are_read() {
    use StopCause::{ByHand, Crash, Infrastructure, NeverRan, Scaled, Unknown};
    for (code, cause) in [
        ("TaskFailedToStart", NeverRan),
        ("EssentialContainerExited", Crash),
        ("UserInitiated", ByHand),
        ("ServiceSchedulerInitiated", Scaled),
        ("SpotInterruption", Infrastructure),
        ("TerminationNotice", Infrastructure),
        ("InfrastructureHealth", Infrastructure),
        ("InventedIn2027", Unknown),
        ("", Unknown),
    ] {
        let task = task(&stopped(code, "why", json!(1)));
        assert_eq!(task.stopped.as_ref().unwrap().code, code);
        assert_eq!(stop_cause(&task), Some(cause), "{code}");
    }
}

#[test]
fn e7_exit_137_is_a_stop_if_ecs_was_told_to_and_else_keeps_its_reason() {
    let scaling = "Scaling activity initiated by (deployment ecs-svc/1)";
    let ours = task(&stopped("ServiceSchedulerInitiated", scaling, json!(137)));
    assert_eq!(stop_cause(&ours), Some(StopCause::Scaled));
    let theirs = task(&stopped(
        "EssentialContainerExited",
        "Essential container in task exited",
        json!(137),
    ));
    assert_eq!(stop_cause(&theirs), Some(StopCause::Crash));
    assert_eq!(
        theirs.stopped.unwrap(),
        Stopped {
            code: "EssentialContainerExited".to_owned(),
            reason: "Essential container in task exited".to_owned(),
            exit_code: Some(137),
            at: at("2026-11-20T11:00:00.25Z"),
        }
    );
}

#[test]
fn e9_the_fifth_crash_within_ten_minutes_is_one_too_many() {
    let budget = CrashBudget::default();
    let crash = |second: i64| Timestamp::from_second(1_000_000 + second).unwrap();
    let after = |seconds: &[i64]| {
        seconds
            .iter()
            .fold(Crashes::default(), |all, s| all.with(crash(*s), budget))
    };
    assert!(!after(&[0, 100, 200, 300]).exhaust(budget), "four");
    assert!(after(&[0, 100, 200, 300, 599]).exhaust(budget), "five in 599 s");
    assert!(
        !after(&[0, 100, 200, 300, 600]).exhaust(budget),
        "the first no longer counts"
    );
    assert!(
        !after(&[0, 0, 0, 0, 0, 100]).exhaust(budget),
        "an event told six times is one crash"
    );
    assert!(after(&[599, 300, 0, 200, 100]).exhaust(budget), "in any order");
    assert_eq!(
        after(&[0, 1, 2, 3, 4, 5, 6]).instants().len(),
        5,
        "what is stored is bounded"
    );
}

#[test]
fn e9_a_task_that_never_ran_is_no_crash_and_a_failed_health_check_is_one() {
    let never = with(
        stopped("EssentialContainerExited", "exited", json!(1)),
        "startedAt",
        Value::Null,
    );
    assert_eq!(stop_cause(&task(&never)), Some(StopCause::NeverRan));
    let sick = "Task failed container health checks";
    let sick = stopped("ServiceSchedulerInitiated", sick, json!(137));
    assert_eq!(stop_cause(&task(&sick)), Some(StopCause::Crash));
    let sick_early = with(sick, "startedAt", Value::Null);
    assert_eq!(stop_cause(&task(&sick_early)), Some(StopCause::NeverRan));
}

#[test]
fn e10_retirement_and_spot_are_not_crashes() {
    let retired = "ECS is performing maintenance on the underlying infrastructure hosting the task.";
    for code in [
        "ServiceSchedulerInitiated",
        "TerminationNotice",
        "SpotInterruption",
        "InfrastructureHealth",
    ] {
        let cause = stop_cause(&task(&stopped(code, retired, json!(143)))).unwrap();
        assert_ne!(cause, StopCause::Crash, "{code}");
    }
}
