//! What a rollout would do: the dry run, by the same functions that decide it.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::fleet::TenantFacts;
use super::progress::{Progress, Skip, Survey, Tally, Wait};
use super::row::Rollout;
use crate::tenant::{TenantId, Wanted};

/// What moving tenants costs in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs {
    /// From a tenant's move until it runs: stop timeout, start and health check.
    pub per_move: Duration,
    /// Between two moves, as the `UpdateService` bucket allows: 0.5 s for tenants with a volume (two calls of 4/s).
    pub between_moves: Duration,
    /// Between two registrations, as the `RegisterTaskDefinition` bucket allows: 1.25 s at 80 % of 1/s.
    pub between_registrations: Duration,
    /// Definitions that nobody has registered yet.
    pub registrations: u32,
}

/// What a rollout would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The waves in order; canaries first.
    pub waves: Vec<PlannedWave>,
    /// Who will be moved later, and why not now. They are in no wave.
    pub waiting: Vec<(TenantId, Wait)>,
    /// Who runs and will not be moved, and why.
    pub skipped: Vec<(TenantId, Skip)>,
    /// How many tenants are where.
    pub tally: Tally,
    /// How many may be on their way at once.
    pub in_flight_limit: u32,
    /// How many definitions nobody has registered yet.
    pub registrations: u32,
    /// How long registering them takes, in seconds. It runs beside the moves.
    pub registering_seconds: u64,
    /// How long all of it takes, in seconds, without windows, waits and failures.
    pub total_seconds: u64,
}

/// A wave of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlannedWave {
    /// `canary`, or `wave 1` and so on.
    pub name: String,
    /// Who, in order.
    pub tenants: Vec<TenantId>,
    /// How long it takes until the next wave begins, in seconds; a bake included.
    pub seconds: u64,
}

/// What this rollout, of which nothing has happened yet, would do with this fleet.
pub fn plan(rollout: &Rollout, fleet: &[TenantFacts], costs: Costs, now: Timestamp) -> Plan {
    let survey = Survey::of(rollout, fleet, now);
    let policy = &rollout.policy;
    let limit = policy.in_flight_limit(survey.tally.running);
    let ordered = rollout.in_order(&survey);
    let mut order = ordered.into_iter().map(|(facts, _)| facts.tenant.clone());

    let canaries: Vec<_> = order.by_ref().take(policy.canaries() as usize).collect();
    let mut planned = u32::try_from(canaries.len()).unwrap_or(u32::MAX);
    let bake = if canaries.is_empty() {
        Duration::ZERO
    } else {
        policy.bake()
    };
    let mut waves = vec![wave("canary".to_owned(), canaries, limit, costs, bake)];
    for number in 0..=policy.last_wave() {
        let quota = policy.wave_quota(number, survey.tally.population());
        let share = quota.saturating_sub(planned);
        let tenants: Vec<_> = order.by_ref().take(share as usize).collect();
        planned += u32::try_from(tenants.len()).unwrap_or(u32::MAX);
        waves.push(wave(
            format!("wave {}", number + 1),
            tenants,
            limit,
            costs,
            Duration::ZERO,
        ));
    }
    waves.retain(|wave| !wave.tenants.is_empty());

    let registering = costs
        .between_registrations
        .saturating_mul(costs.registrations)
        .as_secs();
    let moving: u64 = waves.iter().map(|wave| wave.seconds).sum();
    Plan {
        waves,
        waiting: survey
            .waits
            .iter()
            .map(|(tenant, wait)| ((*tenant).clone(), *wait))
            .collect(),
        skipped: skipped(rollout, fleet, now),
        tally: survey.tally,
        in_flight_limit: limit,
        registrations: costs.registrations,
        registering_seconds: registering,
        total_seconds: moving.max(registering),
    }
}

fn wave(name: String, tenants: Vec<TenantId>, limit: u32, costs: Costs, bake: Duration) -> PlannedWave {
    let count = u32::try_from(tenants.len()).unwrap_or(u32::MAX);
    let by_flight = costs.per_move.saturating_mul(count.div_ceil(limit.max(1)));
    let by_bucket = match count {
        0 => Duration::ZERO,
        some => costs.between_moves.saturating_mul(some - 1) + costs.per_move,
    };
    let seconds = (by_flight.max(by_bucket) + bake).as_secs();
    PlannedWave { name, tenants, seconds }
}

fn skipped(rollout: &Rollout, fleet: &[TenantFacts], now: Timestamp) -> Vec<(TenantId, Skip)> {
    let skip = |facts: &TenantFacts| match rollout.progress(facts, now) {
        Progress::Skipped(skip) => Some((facts.tenant.clone(), skip)),
        _ => None,
    };
    let running = fleet.iter().filter(|facts| facts.wanted == Wanted::Running);
    running.filter_map(skip).collect()
}
