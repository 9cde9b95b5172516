//! Who is not moved, or not yet: pins, holds, offers, windows.

use serde_json::json;

use super::*;

#[test]
fn r6_pinned_tenants_are_never_moved_until_the_pin_ends() {
    let mut world = World::new(
        3,
        policy(json!({"canaries": 0, "waves": [100], "forceBy": "1970-01-01T00:00:00Z", "maxInFlight": 3})),
    );
    world.fleet[1].pinned_until = Some(at(9_000));
    world.run();
    assert_eq!(world.ended(), Some(&End::Completed), "a pin holds nothing up");
    assert!(!world.movers().contains(&"t00001"));
    assert_eq!(world.fleet[1].applied.unwrap().release, release("r1"));

    let mut later = World::new(3, policy(json!({"canaries": 0, "waves": [100]})));
    later.fleet[1].pinned_until = Some(at(1_000));
    later.run();
    assert!(
        later.movers().contains(&"t00001"),
        "the pin ended when the rollout began"
    );
}

#[test]
fn r6_busy_tenants_are_moved_when_they_are_done_or_at_force_by() {
    for (force_by, moved_at) in [(None, 4_000), (Some(3_000), 3_000)] {
        let mut change = PolicyChange {
            canaries: Some(0),
            ..PolicyChange::default()
        };
        change.force_by = force_by.map(at);
        let mut world = World::new(2, Policy::default().with(change).unwrap());
        world.fleet[0].busy_until = Some(at(4_000));
        world.run();
        assert_eq!(world.movers(), ["t00001"]);
        assert!(
            world.rollout.promoted.is_some(),
            "new tenants do not wait for the busy ones"
        );
        assert_eq!(world.ended(), None, "it is not forgotten");
        world.now = moved_at - 1;
        let first = at(moved_at);
        assert_eq!(world.decide().why_not, [WhyNot::Waiting { tenants: 1, first }]);
        world.now = moved_at;
        assert_eq!(world.decide().moves[0].tenant, tenant(0));
        world.run();
        assert_eq!((world.ended(), world.on("r2")), (Some(&End::Completed), 2));
    }
}

#[test]
fn r6_manual_tenants_are_offered_the_release_until_force_by() {
    let mut world = World::new(2, policy(json!({"canaries": 0})));
    world.fleet[0].consent = Consent::Manual;
    let seen = world.rollout.progress(&world.fleet[0], at(world.now));
    assert_eq!(seen, Progress::Skipped(Skip::Manual));
    world.run();
    assert_eq!((world.ended(), world.on("r2")), (Some(&End::Completed), 1));

    let mut forced = World::new(2, policy(json!({"canaries": 0, "forceBy": "1970-01-01T00:50:00Z"})));
    forced.fleet[0].consent = Consent::Manual;
    forced.run();
    assert_eq!(forced.on("r2"), 1);
    forced.now = 3_000;
    forced.run();
    assert_eq!((forced.ended(), forced.on("r2")), (Some(&End::Completed), 2));
}

#[test]
fn nobody_is_moved_outside_a_window_except_back() {
    // The epoch was a Thursday.
    let window = json!([{"days": ["thu"], "fromHour": 1, "toHour": 2}]);
    let mut world = World::new(10, policy(json!({"windows": window})));
    let opens = at(3_600);
    assert_eq!(world.step().why_not, [WhyNot::OutsideWindow { opens }]);
    world.now = 3_600;
    assert_eq!(world.step().moves.len(), 1);
    world.arrive(0, failed());
    world.now = 7_200;
    assert_eq!(world.step().moves[0].reason, MoveReason::PutBack);
}
