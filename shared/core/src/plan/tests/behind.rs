//! Looks that are behind.

use super::*;

/// The plan for a tenant whose service and tasks read as empty, and what it says after a look at the tasks.
fn up_from_empty(tenant: &Tenant, now: Timestamp) -> [Next; 2] {
    let target = Target::Definition {
        fingerprint: fingerprint(2),
        release: ReleaseId::FIRST,
        replacing: Replacing::Strict,
    };
    let empty = Service::Active(ActiveService {
        definition_arn: "old".to_owned(),
        desired: 0,
        running: 0,
        pending: 0,
        deployment: DeploymentState::InProgress,
    });
    let mut world = World {
        definition: Some("new".to_owned()),
        ..World::default()
    };
    world.with_look(empty, tenant.made.told.as_ref(), now);
    let goal = Goal::Up(target);
    let first = next(tenant, &goal, &world);
    world.with_tasks(Vec::new(), tenant, now);
    [first, next(tenant, &goal, &world)]
}

fn told(order: Order) -> Told {
    Told { order, at: at(1_000) }
}

/// The last moment at which a look may be behind what was told, and the first at which it is not.
fn behind_and_not() -> [Timestamp; 2] {
    let shows_at = told(Order::Stop).shows_at();
    [shows_at - std::time::Duration::from_millis(1), shows_at]
}

#[test]
fn a15_a_service_that_was_told_to_run_a_moment_ago_is_not_taken_for_empty() {
    let mut tenant = settled(Replacing::Strict).tenant;
    tenant.observed = None;
    tenant.intent.generation = tenant.intent.generation.next();
    tenant.made.told = Some(told(Order::Run("old".to_owned())));
    let (name, [behind, not]) = (tenant.service(), behind_and_not());
    assert_eq!(up_from_empty(&tenant, behind)[0], Next::Do(Step::Stop(name.clone())));
    assert_eq!(up_from_empty(&tenant, not)[0], Next::Do(Step::LookAtTasks(name)));
    assert!(matches!(up_from_empty(&tenant, not)[1], Next::Do(Step::Run { .. })));
}

#[test]
fn a15_an_empty_look_right_after_a_stop_starts_no_second_task() {
    let mut tenant = settled(Replacing::Strict).tenant;
    tenant.observed = None;
    tenant.intent.generation = tenant.intent.generation.next();
    tenant.made.told = Some(told(Order::Stop));
    let [behind, not] = behind_and_not();
    assert_eq!(up_from_empty(&tenant, behind)[1], Next::Wait(Wait::ToBeSure(not)));
    assert!(matches!(up_from_empty(&tenant, not)[1], Next::Do(Step::Run { .. })));
}

#[test]
fn a15_a_task_that_ecs_has_just_replaced_another_with_is_waited_for() {
    let mut model = settled(Replacing::Strict);
    model.crash();
    model.silent = true;
    model.ecs();
    model.intend(Wanted::Stopped, Reason::Sleep);
    assert!(matches!(model.pass(), Next::Wait(Wait::TasksToStop(_))));
    model.ecs();
    model.behind = 2;
    assert!(matches!(model.pass(), Next::Wait(Wait::ToBeSure(_))), "{:?}", model.log);
    model.settle();
    assert_eq!(phase(&model.tenant), Phase::Stopped);
}

#[test]
fn a15_a_task_that_a_look_does_not_show_is_alive_as_long_as_ecs_cannot_have_forgotten_it() {
    let mut tenant = settled(Replacing::Strict).tenant;
    tenant.intent.generation = tenant.intent.generation.next();
    tenant.made.told = None;
    let seen = tenant.observed.clone().unwrap();
    let young = seen.created_at + std::time::Duration::from_secs(3_599);
    let alive = vec![seen.task_arn.clone()];
    assert_eq!(up_from_empty(&tenant, young)[1], Next::Wait(Wait::TasksToStop(alive)));
    let old = seen.created_at + std::time::Duration::from_hours(1);
    assert!(matches!(up_from_empty(&tenant, old)[1], Next::Do(Step::Run { .. })));
}

#[test]
fn a_task_that_an_event_said_to_be_stopped_is_so_whatever_a_look_shows() {
    let model = settled(Replacing::Strict);
    let (mut tenant, shown) = (model.tenant, model.tasks);
    tenant.observed.as_mut().unwrap().last_status = TaskStatus::Stopped;
    let mut world = World::default();
    world.with_tasks(shown, &tenant, at(1_000));
    assert_eq!((world.tasks, world.unlisted), (Some(Vec::new()), None));
}
