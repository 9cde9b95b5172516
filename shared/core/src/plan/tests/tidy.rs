//! What a tenant lets go of while it runs.

use super::*;

#[test]
fn b19_a_tenant_that_was_rebased_often_keeps_what_it_uses_and_two_more() {
    let mut model = settled(Replacing::Strict);
    for kind in 2..=9 {
        model.goal_kind = kind;
        model.intend(Wanted::Running, Reason::Rollout);
        model.settle();
        let good = model.tenant.made.last_good.as_ref().unwrap();
        assert!(
            model.registered.contains(&good.fingerprint),
            "what runs is never let go of"
        );
        assert!(model.registered.len() <= 3, "{:?}", model.registered);
    }
    assert_eq!(model.registered, [7, 8, 9].map(fingerprint));
}

#[test]
fn b19_nothing_is_read_to_tidy_up_after_a_tenant_that_runs_what_it_ran_before() {
    let mut model = settled(Replacing::Strict);
    for (state, reason) in [(Wanted::Stopped, Reason::Idle), (Wanted::Running, Reason::Wake)] {
        model.intend(state, reason);
        model.settle();
    }
    assert!(!model.log.contains(&"look-at-own-definitions"), "{:?}", model.log);
}

#[test]
fn b19_a_tenant_without_a_volume_has_no_revisions_of_its_own() {
    let mut model = settled(Replacing::Rolling);
    model.goal_kind = 2;
    model.intend(Wanted::Running, Reason::Rollout);
    model.settle();
    assert!(!model.log.contains(&"look-at-own-definitions"), "{:?}", model.log);
}
