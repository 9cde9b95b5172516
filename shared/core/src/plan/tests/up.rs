//! Towards a running task.

use super::*;

#[test]
fn p1_a_provision_makes_each_thing_once() {
    let mut model = Model::new(Replacing::Strict);
    model.settle();
    assert_eq!(phase(&model.tenant), Phase::Running);
    let once = [
        "create-access-point",
        "register",
        "create-service",
        "open-activity",
        "confirm",
        "settle",
    ];
    for step in once {
        assert_eq!(
            model.log.iter().filter(|done| **done == step).count(),
            1,
            "{step}: {:?}",
            model.log
        );
    }
}

#[test]
fn a_wake_looks_at_the_service_and_nothing_else() {
    let mut model = settled(Replacing::Strict);
    model.intend(Wanted::Stopped, Reason::Idle);
    model.settle();
    model.log.clear();
    model.intend(Wanted::Running, Reason::Wake);
    assert_eq!(model.pass(), Next::Wait(Wait::TaskToStart));
    assert_eq!(model.log, ["look-at-service", "run", "open-activity", "confirm"]);
}

#[test]
fn p8_a_change_of_a_sleeping_tenant_looks_at_nothing_and_shows_when_it_wakes() {
    let mut model = settled(Replacing::Strict);
    model.intend(Wanted::Stopped, Reason::Idle);
    model.settle();
    model.log.clear();
    model.goal_kind = 2;
    model.intend(Wanted::Stopped, Reason::Change);
    assert_eq!(model.pass(), Next::Rest);
    assert_eq!(
        (phase(&model.tenant), model.log.as_slice()),
        (Phase::Stopped, &["settle"][..])
    );
    model.intend(Wanted::Running, Reason::Wake);
    model.settle();
    let applied = model.tenant.made.applied.as_ref().unwrap();
    assert_eq!(applied.fingerprint, fingerprint(2));
}

#[test]
fn e12_a_wake_before_the_sleep_is_proven_waits_for_the_old_task_to_be_stopped() {
    let mut model = settled(Replacing::Strict);
    model.intend(Wanted::Stopped, Reason::Idle);
    model.pass();
    model.ecs();
    model.intend(Wanted::Running, Reason::Wake);
    assert!(matches!(model.pass(), Next::Wait(Wait::TasksToStop(_))));
    assert!(!model.log.contains(&"run"), "{:?}", model.log);
}

#[test]
fn a_sleep_of_a_running_tenant_begins_with_the_stop() {
    for (state, reason) in [(Wanted::Stopped, Reason::Idle), (Wanted::Deleted, Reason::Delete)] {
        let mut model = settled(Replacing::Strict);
        model.intend(state, reason);
        model.pass();
        assert_eq!(model.log, ["stop"], "{reason:?}");
    }
}

#[test]
fn a_change_begins_with_what_takes_effect() {
    for (replacing, first) in [(Replacing::Strict, "stop"), (Replacing::Rolling, "run")] {
        let mut model = settled(replacing);
        model.goal_kind = 2;
        model.intend(Wanted::Running, Reason::Change);
        model.pass();
        assert_eq!(model.log[..2], ["register", first], "{replacing:?}");
    }
}

#[test]
fn e12_a_change_with_a_volume_waits_for_the_old_task_to_be_stopped() {
    let mut model = settled(Replacing::Strict);
    model.goal_kind = 2;
    model.intend(Wanted::Running, Reason::Change);
    assert_eq!(model.pass(), Next::Wait(Wait::TasksToStop(Vec::new())));
    assert!(
        model.log.contains(&"stop") && !model.log.contains(&"run"),
        "{:?}",
        model.log
    );
    model.ecs();
    assert!(
        matches!(model.pass(), Next::Wait(Wait::TasksToStop(tasks)) if tasks.len() == 1),
        "in its stop timeout"
    );
    model.ecs();
    model.pass();
    assert!(model.log.contains(&"run"), "{:?}", model.log);
}

#[test]
fn a_change_without_a_volume_is_one_update() {
    let mut model = settled(Replacing::Rolling);
    model.goal_kind = 2;
    model.intend(Wanted::Running, Reason::Change);
    model.pass();
    assert!(
        model.log.contains(&"run") && !model.log.contains(&"stop"),
        "{:?}",
        model.log
    );
}

#[test]
fn a14_a_change_that_renders_the_same_touches_no_service() {
    let mut model = settled(Replacing::Strict);
    model.intend(Wanted::Running, Reason::Change);
    model.settle();
    assert!(
        !model
            .log
            .iter()
            .any(|step| ["run", "stop", "create-service", "register"].contains(step)),
        "{:?}",
        model.log
    );
}

#[test]
fn a_restart_stops_and_starts_even_if_nothing_changed() {
    let mut model = settled(Replacing::Strict);
    let before = model.tenant.observed.clone().unwrap().task_arn;
    model.intend(Wanted::Running, Reason::Restart);
    model.settle();
    assert_ne!(model.tenant.observed.unwrap().task_arn, before);
}
