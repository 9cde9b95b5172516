//! Definitions that do not start.

use super::*;

#[test]
fn e9_a_definition_that_never_started_is_given_up_and_costs_nothing() {
    let mut model = Model::new(Replacing::Strict);
    model.break_current();
    model.settle();
    assert_eq!(phase(&model.tenant), Phase::Failed);
    assert!(matches!(model.service(&model.tenant.service()), Service::Active(service) if service.desired == 0));
    model.bad.clear();
    model.intend(Wanted::Running, Reason::Retry);
    model.settle();
    assert_eq!(phase(&model.tenant), Phase::Running, "a retry tries again");
}

#[test]
fn a17_a_definition_that_does_not_start_gives_way_to_the_last_good_one() {
    let mut model = settled(Replacing::Strict);
    let good = model.tenant.made.last_good.clone().unwrap();
    model.intend(Wanted::Stopped, Reason::Idle);
    model.settle();
    model.goal_kind = 2;
    model.break_current();
    model.intend(Wanted::Running, Reason::Wake);
    model.settle();
    assert_eq!(phase(&model.tenant), Phase::Running);
    assert_eq!(
        model.tenant.made.applied.as_ref().unwrap().fingerprint,
        good.fingerprint
    );
    assert_eq!(model.tenant.made.failed[0].fingerprint, fingerprint(2));
    let fallen_back = |model: &Model| {
        let from = model.tenant.fell_back_from(Some(ReleaseId::FIRST));
        from.map(|failed| failed.fingerprint)
    };
    assert_eq!(fallen_back(&model), Some(fingerprint(2)), "and it can be told");
    model.log.clear();
    model.intend(Wanted::Running, Reason::Restart);
    model.settle();
    let applied: &Applied = model.tenant.made.applied.as_ref().unwrap();
    assert_eq!(
        applied.fingerprint, good.fingerprint,
        "what failed is not tried again unasked"
    );
    assert_eq!(fallen_back(&model), Some(fingerprint(2)), "nor forgotten");
    model.tenant.overlay_version += 1;
    model.goal_kind = 3;
    model.intend(Wanted::Running, Reason::Change);
    model.settle();
    assert_eq!(fallen_back(&model), None, "a change that starts is no fallback");
}

#[test]
fn e9_what_the_circuit_breaker_took_back_has_failed_even_if_nothing_was_ever_seen_to_run() {
    let mut model = settled(Replacing::Strict);
    (model.tenant.observed, model.tenant.made.last_good) = (None, None);
    model.tenant.made.settled = None;
    let rolled_back = ActiveService {
        definition_arn: "what ECS saw run, and the row did not".to_owned(),
        desired: 1,
        running: 0,
        pending: 1,
        deployment: DeploymentState::InProgress,
    };
    let world = World {
        service: Some(Service::Active(rolled_back)),
        ..World::default()
    };
    let step = next(&model.tenant, &model.goal(), &world);
    assert!(matches!(step, Next::Do(Step::MarkFailed { .. })), "{step:?}");
}
