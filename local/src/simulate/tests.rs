//! The simulation itself: it finds nothing, it replays, and it would find something.

use super::*;

/// Runs that are part of every `cargo test`. Many more are run in a release build.
const SEEDS: std::ops::Range<u64> = 0..12;

#[test]
fn nothing_that_must_not_happen_happens_although_everything_goes_wrong() {
    for seed in SEEDS {
        if let Some(failure) = run(&Plan::troubled(seed)).failure {
            panic!("{failure}");
        }
    }
}

#[test]
fn nothing_that_must_not_happen_happens_when_nothing_goes_wrong() {
    for seed in SEEDS {
        if let Some(failure) = run(&Plan::calm(seed)).failure {
            panic!("{failure}");
        }
    }
}

#[test]
fn the_same_plan_is_the_same_run() {
    let plan = Plan::troubled(5);
    let (first, second) = (run(&plan), run(&plan));
    assert_eq!(first, second);
    assert_ne!(first.fingerprint, run(&Plan::troubled(6)).fingerprint);
}
