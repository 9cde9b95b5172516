//! Many runs, on all cores.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Failure, Plan, run};

/// What came of many runs.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many were run.
    pub runs: u64,
    /// How many calls and requests they made.
    pub steps: u64,
    /// How many failed, by invariant.
    pub failed: BTreeMap<&'static str, u64>,
    /// The first failure of each invariant, by seed.
    pub firsts: BTreeMap<&'static str, Failure>,
}

impl Tally {
    fn add(&mut self, steps: u64, failure: Option<Failure>) {
        self.runs += 1;
        self.steps += steps;
        let Some(failure) = failure else { return };
        let invariant = failure.violation.invariant;
        *self.failed.entry(invariant).or_default() += 1;
        let first = self.firsts.entry(invariant).or_insert_with(|| failure.clone());
        if failure.plan.seed < first.plan.seed {
            *first = failure;
        }
    }
}

/// Runs a plan with `seeds` seeds from its own on, on all cores; `ran` is told after each how many failed so far.
pub fn many(plan: &Plan, seeds: u64, ran: impl Fn(u64) + Sync) -> Tally {
    let (next, tally) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|threads| {
        for _ in 0..cores {
            threads.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= seeds {
                        return;
                    }
                    let outcome = run(&Plan {
                        seed: plan.seed.wrapping_add(number),
                        ..plan.clone()
                    });
                    if let Ok(mut tally) = tally.lock() {
                        tally.add(outcome.steps, outcome.failure);
                        ran(tally.failed.values().sum());
                    }
                }
            });
        }
    });
    tally.into_inner().unwrap_or_default()
}
