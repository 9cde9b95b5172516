//! rebase as its function runs it, on real tables.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must fail, in its helpers as well"
)]

mod world;

use berth_aws::settings::Variables;
use berth_aws::tables::{Version, Wish, Wishes};
use berth_core::rollout::PolicyChange;
use serde_json::{Value, json};
use world::World;

/// A fleet on r1: these run, one sleeps.
async fn fleet(running: usize) -> World {
    let world = World::new();
    world.tick().await.unwrap();
    for number in 0..running {
        world.tenant_is(&format!("t{number}"), "running");
    }
    world.tenant_is("asleep", "stopped");
    world
}

/// Ticks, everyone arriving between two ticks, until the rollout is over.
async fn until_over(world: &World) {
    for _ in 0..30 {
        world.reconcile();
        let report = world.tick().await.unwrap();
        if report["drive"]["outcome"] == "over" {
            return;
        }
    }
    panic!("{}", world.value("rollout", "ro2"));
}

fn released(world: &World, id: &str) -> Value {
    world.tenant(id)["intentRelease"].clone()
}

/// What a crash may not change: all but the ledger, and how often a row was written.
fn essence(world: &World) -> Vec<Value> {
    let mut rows: Vec<Value> = world.rows("Fleet");
    rows.retain(|row| row["kind"] != "ledger");
    for row in &mut rows {
        let row = row.as_object_mut().unwrap();
        row.remove("version");
        row.remove("drivenUntil");
    }
    rows.extend(world.rows("Tenants"));
    rows.sort_by_key(ToString::to_string);
    rows
}

#[tokio::test]
async fn the_first_base_is_promoted_unproven_without_an_event() {
    let world = World::new();
    let report = world.tick().await.unwrap();
    assert_eq!(report["looked"]["outcome"], "started", "{report}");
    assert_eq!(
        world.pointer(),
        json!({"promoted": "r1", "candidate": null, "rollout": "ro1"})
    );
    assert_eq!(world.value("release", "r1")["state"]["proof"]["kind"], "unproven");
    assert_eq!(world.value("base", "r1")["taskDefinition"]["revision"], 1);
}

#[tokio::test]
async fn a_deploy_reaches_every_running_tenant_and_costs_the_sleeping_nothing() {
    let world = fleet(5).await;
    world.deploy(2);
    world.stack_event("UPDATE_COMPLETE").await.unwrap();
    let moved = |world: &World| {
        (0..5)
            .filter(|number| released(world, &format!("t{number}")) == "r2")
            .count()
    };
    assert_eq!(moved(&world), 1, "one canary");
    assert_eq!(
        world.pointer(),
        json!({"promoted": "r1", "candidate": "r2", "rollout": "ro2"})
    );
    let canary = world.tenant("t0");
    assert_eq!(
        (&canary["intentReason"], &canary["intentBy"]),
        (&json!("rollout"), &json!("ro2"))
    );

    until_over(&world).await;
    assert_eq!(moved(&world), 5);
    assert_eq!(
        world.pointer(),
        json!({"promoted": "r2", "candidate": null, "rollout": "ro2"})
    );
    assert_eq!(
        world.value("release", "r2")["state"]["proof"],
        json!({"kind": "rollout", "tenants": 5})
    );
    assert_eq!(world.tenant("asleep")["generation"], 1);
    assert_eq!(world.tenant("t3")["generation"], 2, "moved once");
}

#[tokio::test]
async fn b15_the_same_event_twice_and_a_deploy_without_a_change_start_nothing() {
    let world = fleet(2).await;
    world.deploy(2);
    world.stack_event("UPDATE_COMPLETE").await.unwrap();
    let again = world.stack_event("UPDATE_COMPLETE").await.unwrap();
    assert_eq!(again["looked"]["outcome"], "onTrial");
    until_over(&world).await;
    let unchanged = world.stack_event("UPDATE_COMPLETE").await.unwrap();
    assert_eq!(unchanged["looked"], json!({"outcome": "promoted", "release": "r2"}));
    assert_eq!(world.pointer()["rollout"], "ro2");
}

#[tokio::test]
async fn b14_a_base_is_not_even_read_while_its_stack_may_still_undo_it() {
    let world = fleet(2).await;
    world.deploy(2);
    world.take_calls("");
    for status in ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"] {
        world.stack_is(status);
        let late = world.stack_event("UPDATE_COMPLETE").await.unwrap();
        assert_eq!(late["looked"]["outcome"], "notAtRest", "an event that came late");
        assert_eq!(world.take_calls("DescribeTaskDefinition"), 0);
    }
    world.deploy(1);
    world.stack_is("UPDATE_ROLLBACK_COMPLETE");
    let undone = world.stack_event("UPDATE_ROLLBACK_COMPLETE").await.unwrap();
    assert_eq!(undone["looked"], json!({"outcome": "promoted", "release": "r1"}));
    assert_eq!(world.pointer()["rollout"], "ro1");
}

#[tokio::test]
async fn b16_an_image_that_is_not_there_rejects_until_it_is() {
    let world = fleet(2).await;
    world.deploy(2);
    world.state().absent_images.insert("2".to_owned());
    let report = world.stack_event("UPDATE_COMPLETE").await.unwrap();
    assert_eq!(report["looked"]["outcome"], "rejected");
    assert!(
        report["looked"]["findings"][0]
            .as_str()
            .unwrap()
            .contains(&world::image(2))
    );
    assert_eq!(
        world.pointer(),
        json!({"promoted": "r1", "candidate": null, "rollout": "ro1"})
    );
    assert_eq!(world.value("release", "r2")["state"]["kind"], "rejected");

    world.state().absent_images.clear();
    let report = world.stack_event("UPDATE_COMPLETE").await.unwrap();
    assert_eq!(
        report["looked"],
        json!({"outcome": "started", "release": "r2", "rollout": "ro2"})
    );
}

#[tokio::test]
async fn an_image_that_could_not_be_asked_about_decides_nothing() {
    let world = fleet(2).await;
    world.deploy(2);
    world.state().throttled.insert("DescribeImages".to_owned());
    let report = world.stack_event("UPDATE_COMPLETE").await.unwrap();
    assert_eq!(report["looked"]["outcome"], "undecided");
    assert_eq!(world.value("release", "r2")["state"]["kind"], "candidate");
    world.state().throttled.clear();
    let report = world.stack_event("UPDATE_COMPLETE").await.unwrap();
    assert_eq!(report["looked"]["outcome"], "started");
}

#[tokio::test]
async fn half_a_fleet_decides_nothing() {
    let world = fleet(4).await;
    world.deploy(2);
    world.stack_event("UPDATE_COMPLETE").await.unwrap();
    world.reconcile();
    let before = essence(&world);
    world.state().throttled.insert("Scan".to_owned());
    world.tick().await.unwrap_err();
    assert_eq!(essence(&world), before);
}

#[tokio::test]
async fn r1_a_canary_that_fails_is_put_back_and_the_release_is_refused() {
    let world = fleet(4).await;
    world.deploy(2);
    world.stack_event("UPDATE_COMPLETE").await.unwrap();
    world.deployment_failed("t0");
    world.tick().await.unwrap();
    assert_eq!(released(&world, "t0"), "r1");
    until_over(&world).await;
    let state = world.value("release", "r2")["state"].clone();
    assert_eq!(state["cause"]["failures"]["t0"], "tasks failed to start");
    assert_eq!(
        world.pointer(),
        json!({"promoted": "r1", "candidate": null, "rollout": "ro2"})
    );
    for untouched in ["t1", "t2", "t3"] {
        assert_eq!(world.tenant(untouched)["generation"], 1);
    }
    let again = world.stack_event("UPDATE_COMPLETE").await.unwrap();
    assert_eq!(again["looked"]["outcome"], "refused");
}

#[tokio::test]
async fn b23_a_second_deploy_supersedes_the_first() {
    let world = fleet(4).await;
    world.deploy(2);
    world.stack_event("UPDATE_COMPLETE").await.unwrap();
    world.deploy(3);
    world.stack_event("UPDATE_COMPLETE").await.unwrap();
    assert_eq!(
        world.pointer(),
        json!({"promoted": "r1", "candidate": "r3", "rollout": "ro3"})
    );
    assert_eq!(world.value("release", "r2")["state"]["by"], "r3");
    assert_eq!(world.value("rollout", "ro2")["state"]["end"]["kind"], "superseded");
    until_over(&world).await;
    for number in 0..4 {
        let tenant = world.tenant(&format!("t{number}"));
        assert_eq!(tenant["intentRelease"], "r3");
        let most = if number == 0 { 3 } else { 2 };
        assert_eq!(tenant["generation"], most, "nobody goes to a release and back");
    }
}

#[tokio::test]
async fn two_drivers_at_once_are_one() {
    let world = fleet(6).await;
    world.deploy(2);
    world.stack_event("UPDATE_COMPLETE").await.unwrap();
    world.reconcile();
    for _ in 0..3 {
        world.state().second += 60;
        let tick = || world.invoke(json!({"detail-type": "Tick"}));
        let (first, second) = tokio::join!(tick(), tick());
        first.unwrap();
        second.unwrap();
    }
    let moved = (0..6)
        .filter(|number| released(&world, &format!("t{number}")) == "r2")
        .count();
    assert_eq!(moved, 4, "the canary, and half of six");
}

/// Every call that rebase makes, from the deploy to the first wave, is a place to die at.
#[tokio::test]
async fn r4_whenever_rebase_dies_the_next_pass_ends_where_it_would_have() {
    let run = |life: usize| async move {
        let world = fleet(4).await;
        world.deploy(2);
        world.state().life = life;
        let died = world.stack_event("UPDATE_COMPLETE").await.is_err();
        world.state().life = usize::MAX;
        if died {
            // The claim of a driver that died runs out before the next tick.
            world.state().second += 60;
        }
        world.stack_event("UPDATE_COMPLETE").await.unwrap();
        world.state().second = 120;
        until_over(&world).await;
        (died, world)
    };
    let (_, whole) = run(usize::MAX).await;
    let expected = settled(&whole);
    assert_eq!(whole.pointer()["promoted"], "r2");
    let mut deaths = 0;
    for life in 0.. {
        let (died, world) = run(life).await;
        assert_eq!(settled(&world), expected, "after {life} calls");
        if !died {
            break;
        }
        deaths += 1;
    }
    assert!(deaths > 10, "{deaths} places to die at");
}

/// Where everyone ended, whenever that was.
fn settled(world: &World) -> Vec<Value> {
    let mut ends: Vec<Value> = world
        .rows("Tenants")
        .iter()
        .map(|row| json!([row["tenantId"], row["generation"], row["intentRelease"]]))
        .collect();
    ends.sort_by_key(ToString::to_string);
    ends.push(world.pointer());
    ends.push(world.value("rollout", "ro2")["state"]["end"].clone());
    ends.push(world.value("release", "r2")["state"]["proof"].clone());
    ends
}

/// What somebody asks for over the API, as its function writes it.
async fn wish(world: &World, release: Option<&str>) {
    let variables = [("BERTH_FLEET_TABLE".to_owned(), "Fleet".to_owned())];
    let wishes = Wishes::new(&world.config(), &Variables::from_map(variables)).unwrap();
    let wish = Wish {
        release: release.map(|id| id.parse().unwrap()),
        policy: PolicyChange::default(),
        by: "ada".to_owned(),
        at: world::at(world.state().second),
        answer: None,
    };
    let seen = wishes.last().await.unwrap().map_or(Version::ABSENT, |row| row.version);
    wishes.write(&wish, seen).await.unwrap();
}

#[tokio::test]
async fn a_return_to_an_older_release_is_not_undone_by_the_next_look_at_the_base() {
    let world = fleet(3).await;
    world.deploy(2);
    world.stack_event("UPDATE_COMPLETE").await.unwrap();
    until_over(&world).await;
    wish(&world, Some("r1")).await;
    let report = world.tick().await.unwrap();
    assert_eq!(
        report["wish"],
        json!({"outcome": "started", "release": "r1", "rollout": "ro3"})
    );
    until_over(&world).await;
    assert_eq!(
        world.pointer(),
        json!({"promoted": "r1", "candidate": null, "rollout": "ro3"})
    );
    let look = world.stack_event("UPDATE_COMPLETE").await.unwrap();
    assert_eq!(look["looked"], json!({"outcome": "refused", "release": "r2"}));
    for number in 0..3 {
        assert_eq!(released(&world, &format!("t{number}")), "r1");
    }
    assert_eq!(world.tick().await.unwrap().get("wish"), None, "it was granted once");
}

#[tokio::test]
async fn what_an_operator_asks_for_is_tried_although_it_failed_before() {
    let world = fleet(3).await;
    world.deploy(2);
    world.stack_event("UPDATE_COMPLETE").await.unwrap();
    world.deployment_failed("t0");
    world.tick().await.unwrap();
    until_over(&world).await;
    wish(&world, Some("r2")).await;
    world.tick().await.unwrap();
    assert_eq!(world.value("wish", "rollout")["answer"]["outcome"], "started");
    until_over(&world).await;
    assert_eq!(world.pointer()["promoted"], "r2");
    wish(&world, Some("r9")).await;
    world.tick().await.unwrap();
    assert_eq!(
        world.value("wish", "rollout")["answer"],
        json!({"outcome": "noRelease", "release": "r9"})
    );
}

#[tokio::test]
async fn b15_a_deploy_by_other_means_than_a_stack_is_seen_when_asked_for() {
    let world = fleet(2).await;
    world.deploy(2);
    world.tick().await.unwrap();
    assert_eq!(
        world.pointer()["candidate"],
        Value::Null,
        "no event, and not the quarter of an hour"
    );
    wish(&world, None).await;
    world.tick().await.unwrap();
    assert_eq!(world.pointer()["candidate"], "r2");
}
