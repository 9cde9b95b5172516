//! Whatever is done to a service, and in whatever order: it ends as it was last told to be, and within its limits.

use crate::support::{Region, definition, list, region, text};
use berth_fargate::{Behaviour, Capacity, Interruption};
use serde_json::{Value, json};

/// Something that happens to the service `s`.
fn disturb(region: &mut Region, dice: &mut fastrand::Rng, definitions: &[String]) -> Option<u64> {
    let pick = |dice: &mut fastrand::Rng| definitions[dice.usize(..definitions.len())].clone();
    match dice.u8(..8) {
        0 | 1 => {
            let desired = dice.u64(..4);
            region.update(&json!({"desiredCount": desired}));
            return Some(desired);
        }
        2 | 3 => drop(region.update(&json!({"taskDefinition": pick(dice)}))),
        4 => drop(region.update(&json!({"forceNewDeployment": true}))),
        5 | 6 => {
            let tasks = region.tasks("RUNNING");
            if let Some(task) = dice.choice(&tasks) {
                let arn = text(task, "/taskArn");
                if dice.bool() {
                    region.ok("StopTask", &json!({"cluster": "main", "task": arn}));
                } else {
                    let _ = region.world.interrupt(&arn, Interruption::Spot);
                }
            }
        }
        _ => {
            region.world.set_capacity(Capacity::Unavailable);
            region.pass(dice.u64(1..60));
            region.world.set_capacity(Capacity::Available);
        }
    }
    None
}

#[test]
fn a_service_ends_as_it_was_last_told_to_be() {
    for seed in 0..100 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut region = region(seed);
        region.world.set_image("stubborn", Behaviour::IgnoresSigterm);
        let checked = json!({"healthCheck": {"command": ["CMD", "true"], "interval": 10}});
        let definitions = [
            region.register(&definition()),
            region.register_image("stubborn", &json!({})),
            region.register_image("fine", &checked),
        ];
        let percents = *dice.choice(&[(0, 100), (100, 200), (50, 150), (100, 101)]).unwrap();
        let configuration = json!({"minimumHealthyPercent": percents.0, "maximumPercent": percents.1});
        let mut desired = 1;
        region.create(&definitions[0], &json!({"deploymentConfiguration": configuration}));
        for _ in 0..10 {
            region.pass(dice.u64(..60));
            desired = disturb(&mut region, &mut dice, &definitions).unwrap_or(desired);
        }
        // Of few tasks, 50 and 150 percent can be the same number; then a deployment can neither start nor stop one.
        let wider = json!({"minimumHealthyPercent": 0, "maximumPercent": 100});
        region.update(&json!({"deploymentConfiguration": wider}));
        region.pass(120);
        let service = region.steady(desired);
        let running: Vec<Value> = region.tasks("RUNNING");
        assert_eq!(running.len() as u64, desired, "seed {seed}");
        assert!(
            running
                .iter()
                .all(|task| task["taskDefinitionArn"] == service["taskDefinition"]),
            "seed {seed}"
        );
        assert_eq!(list(&service, "/deployments").len(), 1);
    }
}

#[test]
fn no_disturbance_makes_two_of_one_with_0_and_100_percent() {
    for seed in 0..50 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut region = region(seed);
        let definitions = [region.register(&definition()), region.register(&definition())];
        region.create(&definitions[0], &json!({}));
        for _ in 0..10 {
            let seconds = dice.u64(..40);
            for _ in 0..seconds {
                region.pass(1);
                let serving = ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING"];
                let count = region
                    .world
                    .tasks()
                    .filter(|task| serving.contains(&task.status))
                    .count();
                assert!(count <= 1, "seed {seed}");
            }
            let definition = &definitions[dice.usize(..2)];
            region.update(
                &json!({"taskDefinition": definition, "forceNewDeployment": dice.bool(), "desiredCount": dice.u8(..2)}),
            );
        }
    }
}
