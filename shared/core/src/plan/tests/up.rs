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
fn a_wake_looks_at_the_service_and_its_tasks_and_nothing_else() {
    let mut model = settled(Replacing::Strict);
    model.intend(Wanted::Stopped, Reason::Idle);
    model.settle();
    model.log.clear();
    model.intend(Wanted::Running, Reason::Wake);
    model.pass();
    assert_eq!(
        model.log,
        [
            "look-at-service",
            "look-at-tasks",
            "run",
            "open-activity",
            "confirm",
            "look-at-tasks"
        ]
    );
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
