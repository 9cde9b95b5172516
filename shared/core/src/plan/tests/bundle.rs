//! What a tenant is given of its template.

use super::*;

fn with_template() -> Model {
    let mut model = Model::new(Replacing::Strict);
    model.tenant.overlay.template = Some("seo".parse().unwrap());
    model
}

fn gone() -> Staged {
    let (why, last) = (InvalidTemplate::Missing, None);
    Staged::Not { why, last }
}

#[test]
fn s7_a_bundle_is_staged_before_anything_is_rendered_of_it() {
    let mut model = with_template();
    model.settle();
    let staged = model.log.iter().filter(|step| **step == "assets").count();
    assert_eq!(staged, 1, "{:?}", model.log);
    let order = ["create-access-point", "assets", "register", "create-service"];
    let told: Vec<&str> = model.log.iter().copied().filter(|step| order.contains(step)).collect();
    assert_eq!(told, order);
    let digest = model.tenant.made.bundle.as_ref().unwrap().digest;
    assert_eq!(digest, bundle(1));
}

#[test]
fn s7_every_start_looks_at_the_template_and_nothing_else_does() {
    let mut model = with_template();
    model.settle();
    let staged = |model: &mut Model, state, reason| {
        model.log.clear();
        model.intend(state, reason);
        model.settle();
        model.log.iter().filter(|step| **step == "assets").count()
    };
    for (state, reason, looks) in [
        (Wanted::Running, Reason::Restart, 1),
        (Wanted::Running, Reason::Change, 1),
        (Wanted::Running, Reason::Rollout, 1),
        (Wanted::Stopped, Reason::Idle, 0),
        (Wanted::Running, Reason::Wake, 1),
    ] {
        assert_eq!(staged(&mut model, state, reason), looks, "{reason:?}");
    }
    model.log.clear();
    model.crash();
    model.ecs();
    model.settle();
    assert!(
        !model.log.contains(&"assets"),
        "ECS replaces a task by itself, of the same definition"
    );
}

#[test]
fn s7_what_cannot_be_delivered_is_not_started() {
    let mut model = with_template();
    model.template = gone();
    model.settle();
    assert_eq!((phase(&model.tenant), model.tasks.len()), (Phase::Failed, 0));
    let error = model.tenant.made.last_error.clone().unwrap();
    assert_eq!((error.code.as_str(), error.step.as_str()), ("no_template", "assets"));
    assert!(!model.log.contains(&"create-service"), "{:?}", model.log);
    model.template = Staged::Now(bundle(2));
    model.intend(Wanted::Running, Reason::Retry);
    model.settle();
    assert_eq!(phase(&model.tenant), Phase::Running, "a retry looks again");
}

#[test]
fn s7_who_runs_and_is_to_have_what_cannot_be_delivered_is_stopped() {
    let mut model = with_template();
    model.settle();
    model.tenant.overlay.template = Some("other".parse().unwrap());
    model.template = gone();
    model.intend(Wanted::Running, Reason::Change);
    model.settle();
    assert_eq!((phase(&model.tenant), model.alive()), (Phase::Failed, 0));
}
