//! For whom definitions are registered before a wave needs them.

use serde_json::json;

use super::*;

/// After a canary's success, in the bake.
fn baking(running: usize) -> World {
    let mut world = World::new(
        running,
        policy(json!({"canaries": 1, "bakeSeconds": 600, "waves": [100]})),
    );
    let step = world.step();
    assert_eq!(
        (step.moves.len(), step.ahead.len()),
        (1, 0),
        "a base that no canary runs leaves nothing"
    );
    world.arrive_all(&Outcome::Running);
    world.now += 60;
    world
}

fn names(tenants: &[TenantId]) -> Vec<&str> {
    tenants.iter().map(TenantId::as_str).collect()
}

#[test]
fn the_bake_is_used_for_those_who_follow_in_their_order() {
    let mut world = baking(4);
    let step = world.step();
    assert!(step.moves.is_empty());
    assert_eq!(names(&step.ahead), ["t00001", "t00002", "t00003"]);
    world.fleet[1].ready_for = Some(release("r2"));
    world.fleet[2].ready_for = Some(release("r1"));
    assert_eq!(names(&world.decide().ahead), ["t00002", "t00003"]);
    // A wave goes on with those whom it does not move yet.
    world.now += 600;
    let step = world.step();
    assert_eq!((step.moves.len(), names(&step.ahead)), (1, vec!["t00002", "t00003"]));
}

#[test]
fn a_step_has_no_more_registered_than_the_budget_has_tokens_for() {
    for (running, wanted) in [(Step::AHEAD + 1, Step::AHEAD), (Step::AHEAD + 2, Step::AHEAD)] {
        assert_eq!(baking(running).step().ahead.len(), wanted);
    }
    assert_eq!(baking(Step::AHEAD).step().ahead.len(), Step::AHEAD - 1);
}

#[test]
fn of_those_who_share_a_definition_one_is_enough() {
    let mut world = baking(5);
    for (number, overlay) in [(1, 7), (2, 7), (3, 8), (4, 9)] {
        world.fleet[number].definition = DefinitionOf::Equals(overlay);
    }
    assert_eq!(names(&world.decide().ahead), ["t00001", "t00003", "t00004"]);
    world.fleet[2].ready_for = Some(release("r2"));
    // The canary runs it, and so has registered it.
    world.fleet[0].definition = DefinitionOf::Equals(8);
    assert_eq!(names(&world.decide().ahead), ["t00004"]);
}

#[test]
fn nothing_is_registered_for_a_rollout_that_stands_still_or_goes_back() {
    let mut world = baking(4);
    world.step();
    let paused = world.rollout.pause("ops", at(world.now)).unwrap();
    let back = world.rollout.roll_back("ops", at(world.now)).unwrap();
    for rollout in [paused, back] {
        world.rollout = rollout;
        assert!(world.decide().ahead.is_empty(), "{:?}", world.rollout.state);
    }
}
