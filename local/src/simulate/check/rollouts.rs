//! I5: a rollout moves nobody once more have failed than are tolerated and may have been on their way.
//!
//! Counted from the tenants' rows: who was moved by whom, and which of these moves have failed.

use std::collections::{BTreeMap, BTreeSet};

use berth_core::rollout::Rollout;
use berth_core::tenant::{Generation, Reason, Tenant, Wanted};
use serde_json::Value;

use super::Violation;

/// The rollouts of a run.
#[derive(Debug, Default)]
pub(super) struct Rollouts {
    /// As they were last written, by their ids.
    known: BTreeMap<String, Rollout>,
    /// By the rollout's id: whom it has moved to its release, and in which generations.
    moved: BTreeMap<String, BTreeSet<(String, Generation)>>,
    /// Those of the moves that have failed.
    failed: BTreeMap<String, BTreeSet<(String, Generation)>>,
}

impl Rollouts {
    /// A row of the fleet was written.
    pub(super) fn written(&mut self, row: &Value) {
        let text = |name: &str| row.get(name).and_then(Value::as_str);
        if let (Some("rollout"), Some(id), Some(value)) = (text("kind"), text("id"), text("value"))
            && let Ok(rollout) = serde_json::from_str(value)
        {
            self.known.insert(id.to_owned(), rollout);
        }
    }

    /// A tenant's row was written; `running` tenants are meant to run.
    pub(super) fn tenant_written(&mut self, old: Option<&Tenant>, new: &Tenant, running: u32) -> Result<(), Violation> {
        let (id, intent) = (new.tenant_id.to_string(), &new.intent);
        let is_new = old.is_none_or(|old| old.intent.generation != intent.generation);
        if is_new && intent.reason == Reason::Rollout {
            // A rollout that is taken back moves to the release before its own.
            let rollout = self.known.get(&intent.by);
            if let Some(rollout) = rollout.filter(|rollout| intent.release == Some(rollout.release)) {
                self.may_move(&intent.by, rollout, running)?;
                let moved = self.moved.entry(intent.by.clone()).or_default();
                moved.insert((id.clone(), intent.generation));
            }
        }
        let Some(generation) = failed(new) else { return Ok(()) };
        let move_of = (id, generation);
        let course = self.moved.iter().find(|(_, moved)| moved.contains(&move_of));
        let Some((course, _)) = course else { return Ok(()) };
        self.failed.entry(course.clone()).or_default().insert(move_of);
        Ok(())
    }

    fn may_move(&self, course: &str, rollout: &Rollout, running: u32) -> Result<(), Violation> {
        let failed = self.failed.get(course);
        let Some(failed) = failed.filter(|_| rollout.accepted == 0) else {
            return Ok(());
        };
        let (tolerance, limit) = (rollout.policy.tolerance(), rollout.policy.in_flight_limit(running));
        let most = usize::try_from(tolerance + limit).unwrap_or(usize::MAX);
        if failed.len() <= most {
            return Ok(());
        }
        let what = format!("{course}: {failed:?} failed; {tolerance} are tolerated, {limit} may be on their way");
        Err(Violation::of_all("I5", what))
    }
}

/// The generation that the row says has failed.
fn failed(row: &Tenant) -> Option<Generation> {
    let generation = row.intent.generation;
    if row.intent.state == Wanted::Stopped && row.intent.reason == Reason::CrashLoop {
        return Some(Generation(generation.0.saturating_sub(1)));
    }
    let refused = row.made.failed.iter().any(|failed| failed.generation == generation);
    (refused || row.terminal_error().is_some()).then_some(generation)
}
