//! What is told of a tenant, and of what it is made.

use jiff::Timestamp;
use serde::Serialize;

use super::{Entry, Ruling, words};
use crate::api::{BundleView, ErrorView, IntentView};
use crate::idle::{Case, Keeper, Verdict};
use crate::release::ReleaseId;
use crate::tenant::{Generation, Phase, Reason, Tenant, TenantId, phase};

/// All that is known of a tenant, read at about the same moment.
#[derive(Clone, Debug)]
pub struct Known<'a> {
    /// Its row.
    pub tenant: &'a Tenant,
    /// The release that the fleet should run.
    pub promoted: Option<ReleaseId>,
    /// Its row of activity, if it has one, as a sweep would judge it now.
    pub case: Option<Case>,
    /// The last decisions about it, newest first.
    pub decisions: Vec<Entry>,
    /// When.
    pub now: Timestamp,
}

/// Why a tenant is up or down, and what will change that.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Who.
    pub tenant: TenantId,
    /// When this was true.
    pub at: Timestamp,
    /// Where it is on its way.
    pub phase: Phase,
    /// All of it in a few sentences.
    pub summary: String,
    /// What it should be, who wants it so, and why.
    pub intent: IntentView,
    /// What a sweep makes of it now; absent if it is not for a sweep to stop.
    pub idle: Option<Idleness>,
    /// Why and how it was stopped; absent if it is meant to run.
    pub stop: Option<Stop>,
    /// What it runs, and whether that is what it should run.
    pub definition: Definition,
    /// When it is booked to wake.
    pub wake_at: Option<Timestamp>,
    /// How often it has crashed of late.
    pub crashes: usize,
    /// What went wrong and has not been overcome.
    pub last_error: Option<ErrorView>,
    /// The last decisions about it, newest first.
    pub decisions: Vec<Entry>,
}

/// What a sweep makes of a tenant, and of which values.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Idleness {
    /// The verdict, with the moment of the stop if nothing else happens.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Everything that keeps it up. It is put to sleep by the first sweep after the last of them has ended.
    pub keepers: Vec<Keeper>,
    /// What the verdict is made of.
    pub decided_on: Case,
}

/// Why and how a tenant was stopped.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Stop {
    /// Why.
    pub reason: Reason,
    /// Who wanted it.
    pub by: String,
    /// When it was claimed or asked for.
    pub asked_at: Timestamp,
    /// When every task was proven to be STOPPED; absent until then.
    pub proven_at: Option<Timestamp>,
    /// From the one to the other.
    pub took_seconds: Option<f64>,
    /// The row and the policy that the sweep saw, if a sweep has stopped it.
    pub decided_on: Option<Case>,
}

/// What a tenant runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Definition {
    /// The release that ECS was told to run for it.
    pub applied: Option<ReleaseId>,
    /// The revision that ECS was told to run.
    pub definition_arn: Option<String>,
    /// The release that the fleet should run.
    pub promoted: Option<ReleaseId>,
    /// What it is given of its template, if its overlay names one.
    pub bundle: Option<BundleView>,
    /// What did not start, so that the last good definition stands in for it.
    pub fell_back_from: Option<FellBack>,
}

/// A definition that did not start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FellBack {
    /// The base that it was rendered from.
    pub release: Option<ReleaseId>,
    /// In which generation it was tried.
    pub generation: Generation,
    /// What ECS said.
    pub reason: String,
}

/// Explains a tenant.
pub fn explain(known: Known<'_>) -> Explanation {
    let tenant = known.tenant;
    let mut told = Explanation {
        tenant: tenant.tenant_id.clone(),
        at: known.now,
        phase: phase(tenant),
        summary: String::new(),
        intent: IntentView::of(tenant),
        idle: known.case.map(idleness),
        stop: stop(tenant, &known.decisions),
        definition: definition(tenant, known.promoted),
        wake_at: tenant.booked.wake.as_ref().map(|wake| wake.at),
        crashes: tenant.crashes.instants().len(),
        last_error: ErrorView::of(tenant),
        decisions: known.decisions,
    };
    told.summary = words::summary(&told);
    told
}

fn idleness(case: Case) -> Idleness {
    Idleness {
        verdict: case.judge(),
        keepers: case.keepers(),
        decided_on: case,
    }
}

fn stop(tenant: &Tenant, decisions: &[Entry]) -> Option<Stop> {
    let down = tenant.intent.put_down.as_ref()?;
    let settled = tenant.made.settled;
    let proven = settled.filter(|settled| settled.generation == tenant.intent.generation);
    // Whoever changed it while it slept had it proven once more.
    let first = proven.filter(|settled| settled.generation == down.generation);
    Some(Stop {
        reason: down.reason,
        by: down.by.clone(),
        asked_at: down.at,
        proven_at: proven.map(|settled| settled.at),
        took_seconds: first.map(|settled| settled.at.duration_since(down.at).as_secs_f64()),
        decided_on: decisions.iter().find_map(|entry| case_of(entry, down.generation)),
    })
}

/// What a sweep saw when it decided on the stop that is this generation.
fn case_of(entry: &Entry, generation: Generation) -> Option<Case> {
    match entry.ruling()? {
        Ruling::IdleStop { case } | Ruling::IdleStopHealed { case } => {
            (case.row.epoch.next() == generation).then_some(case)
        }
        Ruling::TimestampRepaired { .. }
        | Ruling::SweepRefused { .. }
        | Ruling::SweepOverridden { .. }
        | Ruling::ScheduledWake { .. }
        | Ruling::Hold { .. }
        | Ruling::CrashLoop { .. } => None,
    }
}

fn definition(tenant: &Tenant, promoted: Option<ReleaseId>) -> Definition {
    let applied = tenant.made.applied.as_ref();
    let failed = tenant.fell_back_from(promoted);
    Definition {
        applied: applied.map(|applied| applied.release),
        definition_arn: applied.map(|applied| applied.definition_arn.clone()),
        promoted,
        bundle: BundleView::of(tenant),
        fell_back_from: failed.map(|failed| FellBack {
            release: failed.release,
            generation: failed.generation,
            reason: failed.reason.clone(),
        }),
    }
}
