//! `berth simulate`.

use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::{Keeps, Plan, Trouble, many, rollout, run, shrink, speed};

/// What to simulate.
#[derive(Args)]
pub struct SimulateArgs {
    /// How many runs, each of its own seed.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many tenants live in each run.
    #[arg(long, default_value_t = Plan::TENANTS)]
    tenants: usize,
    /// How many times somebody does something in each run.
    #[arg(long, default_value_t = Plan::ACTIONS)]
    actions: usize,
    /// What does not go wrong: throttle, server-error, lost-call, lost-reply, crash, stale-read, slow, events, images,
    /// deploys, late-effect, clock-skew.
    #[arg(long, value_name = "TROUBLE", value_delimiter = ',')]
    without: Vec<Trouble>,
    /// Tell failures as they are, without looking for smaller ones.
    #[arg(long)]
    as_found: bool,
    /// Instead, measure how many whole tenant-lives a second one core simulates.
    #[arg(long, value_name = "LIVES", num_args = 0..=1, default_missing_value = "300")]
    bench: Option<usize>,
    /// Instead, measure a rollout over so many running tenants, beside what ECS's budgets allow.
    #[arg(long, value_name = "TENANTS", num_args = 0..=1, default_missing_value = "10000", conflicts_with = "bench")]
    rollout: Option<usize>,
    /// What those tenants keep on a volume of their own.
    #[arg(long, value_enum, default_value = "nothing", requires = "rollout")]
    keeps: Keeps,
}

/// What `berth simulate` found.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Found(String);

/// How many runs are spent on finding a smaller failure.
const SHRINKING: usize = 200;

/// Simulates, and tells.
pub fn simulate(arguments: &SimulateArgs) -> Result<(), Found> {
    if let Some(lives) = arguments.bench {
        return bench(lives);
    }
    if let Some(tenants) = arguments.rollout {
        return roll(tenants, arguments.keeps);
    }
    let plan = Plan {
        seed: arguments.seed,
        tenants: arguments.tenants,
        actions: arguments.actions,
        troubles: Trouble::ALL
            .into_iter()
            .filter(|trouble| !arguments.without.contains(trouble))
            .collect(),
    };
    let bar = ProgressBar::new(arguments.seeds);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {msg} failed, {eta} to go") {
        bar.set_style(style);
    }
    let began = Instant::now();
    let tally = many(&plan, arguments.seeds, |failed| {
        bar.set_message(failed.to_string());
        bar.inc(1);
    });
    bar.finish_and_clear();
    let seconds = began.elapsed().as_secs_f64();
    println!("{} runs, {} steps, {seconds:.1} s", tally.runs, tally.steps);
    if tally.firsts.is_empty() {
        if tally.runs == 1 {
            println!("fingerprint {:016x}", run(&plan).fingerprint);
        }
        return Ok(());
    }
    for (invariant, first) in tally.firsts {
        let told = if arguments.as_found {
            first
        } else {
            shrink(first, SHRINKING)
        };
        println!("\n{told}\n");
        let failed = tally.failed.get(invariant).copied().unwrap_or_default();
        println!("{invariant} failed in {failed} of {} runs", tally.runs);
    }
    let failed: u64 = tally.failed.values().sum();
    Err(Found(format!("{failed} of {} runs failed", tally.runs)))
}

fn bench(lives: usize) -> Result<(), Found> {
    let began = Instant::now();
    let speed = speed(lives).map_err(|violation| Found(violation.to_string()))?;
    let took = began.elapsed().max(Duration::from_millis(1)).as_secs_f64();
    #[allow(clippy::cast_precision_loss, reason = "counts of a benchmark fit into 53 bits")]
    let (lives, steps) = (speed.lives as f64, speed.steps as f64);
    println!(
        "{lives} lives, {steps} steps, {:.0} virtual minutes in {took:.2} s",
        speed.lived.as_secs_f64() / 60.0
    );
    println!(
        "{:.0} lives/s and {:.0} steps/s on one core",
        lives / took,
        steps / took
    );
    Ok(())
}

fn roll(tenants: usize, keeps: Keeps) -> Result<(), Found> {
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    let rolled = rollout(tenants, keeps, |word| bar.set_message(word.to_owned()));
    bar.finish_and_clear();
    let rolled = rolled.map_err(|violation| Found(violation.to_string()))?;
    let (took, allowed) = (rolled.took.as_secs_f64(), rolled.allowed.as_secs_f64());
    println!(
        "{} running tenants were moved by {} calls of AWS",
        rolled.moved, rolled.calls
    );
    println!(
        "{took:.0} s, {:.2} times the {allowed:.0} s for which the budget of {} is enough",
        took / allowed,
        rolled.by
    );
    for (name, holds, least) in &rolled.buckets {
        println!("{name}: {least:.1} of the {holds:.0} tokens that AWS grants were left at the least");
    }
    println!("{} calls were throttled", rolled.throttled);
    let wakes = &rolled.wakes;
    let of = |percent: usize| wakes.get((wakes.len() * percent / 100).min(wakes.len().saturating_sub(1)));
    let seconds = |percent| of(percent).map_or(0.0, Duration::as_secs_f64);
    println!(
        "{} wakes meanwhile: ECS was told after {:.2} s (p50), {:.2} s (p99), {:.2} s (the longest)",
        wakes.len(),
        seconds(50),
        seconds(99),
        seconds(100)
    );
    Ok(())
}
