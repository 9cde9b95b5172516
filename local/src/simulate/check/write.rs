//! What is checked of a row that was written.

use berth_core::event::Observed;
use berth_core::tenant::{Phase, Reason, Tenant, Wanted, phase};
use jiff::Timestamp;
use serde_json::Value;

use super::{Beside, Violation, Watch, is_not_said_to_be_stopped, tenant_of};
use crate::cloud::{Call, Cloud};
use crate::simulate::rows;
use crate::template::Function;

impl Watch {
    /// A row of the table of tenants was written.
    pub(super) fn tenant_written(
        &mut self,
        cloud: &mut Cloud,
        id: &str,
        stored: Option<Value>,
        call: &Call,
        beside: &Beside<'_>,
    ) -> Result<(), Violation> {
        let Some(stored) = stored else {
            self.rows.remove(id);
            return Ok(());
        };
        let Some(new) = rows::tenant(&stored) else {
            return Err(Violation::of(
                "run",
                id,
                format!("a row was written that cannot be read: {stored}"),
            ));
        };
        let old = self.rows.get(id);
        let now = cloud.now();
        by_right(old, &new, call, beside)?;
        if let Some(old) = old {
            forward(old, &new)?;
            pinned(old, &new, now)?;
        }
        if old.is_some_and(|old| old.intent.generation != new.intent.generation) {
            // Something new has begun, as an idle stop may at any time.
            self.settled = false;
        }
        let meant_to_run = self.rows.values().filter(|row| row.intent.state == Wanted::Running);
        let running = u32::try_from(meant_to_run.count()).unwrap_or(u32::MAX);
        self.rollouts.tenant_written(old, &new, running)?;
        let past = self.past.entry(id.to_owned()).or_default();
        if !past.overlays.contains(&new.overlay) {
            past.overlays.push(new.overlay.clone());
        }
        past.files.extend(
            new.made
                .access_point
                .clone()
                .filter(|files| !past.files.contains(files)),
        );
        if matches!(phase(&new), Phase::Stopped | Phase::Deleted) {
            let tasks = cloud.region().every_task();
            let own = |service: &str| tenant_of(service) == Some(id);
            let mut own = tasks.filter(|task| task.service.is_some_and(own));
            own.try_for_each(|task| is_not_said_to_be_stopped(&new, &task))?;
        }
        self.rows.insert(id.to_owned(), new);
        Ok(())
    }

    /// A row of the table of activity was written.
    pub(super) fn activity_written(
        &mut self,
        cloud: &mut Cloud,
        id: &str,
        after: Option<&Value>,
        beside: &Beside<'_>,
    ) -> Result<(), Violation> {
        let before = match after {
            Some(row) => self.activity.insert(id.to_owned(), row.clone()),
            None => self.activity.remove(id),
        };
        let before = before.as_ref();
        let now = cloud.now();
        let serves = |row: Option<&Value>| row.is_some_and(|row| row.get("lastActivity").is_some());
        match beside.function {
            Some(Function::Activity) => {
                one_attribute(id, before, after)?;
                if serves(after) {
                    self.past.entry(id.to_owned()).or_default().worked = Some(now);
                }
            }
            Some(Function::Watchdog) if serves(before) && !serves(after) => {
                self.idle_long_enough(id, before, now)?;
                let claims = self.claims.entry(beside.caller).or_default();
                *claims += 1;
                let cap = (beside.tenants.len() / 5).max(10);
                if *claims > cap && !overridden(cloud, &self.names.fleet, now) {
                    let what = format!("one sweep claims {claims} tenants, and {cap} are the most");
                    return Err(Violation::of("I9", id, what));
                }
            }
            Some(Function::TaskState | Function::Watchdog) if before.is_none() && after.is_some() => {
                return Err(Violation::of(
                    "I8",
                    id,
                    "a row of activity was made by somebody who must not",
                ));
            }
            _ => {}
        }
        Ok(())
    }

    /// I2: no stop commits if there was work that its decision did not know.
    fn idle_long_enough(&self, id: &str, before: Option<&Value>, now: Timestamp) -> Result<(), Violation> {
        let number = |name: &str| before.and_then(|row| row.get(name)?.as_i64());
        let idle = number("idleAfter").unwrap_or(i64::MAX / 1_000).saturating_mul(1_000);
        let worked = self
            .past
            .get(id)
            .and_then(|past| past.worked)
            .map(Timestamp::as_millisecond);
        let last = worked.max(number("lastActivity")).unwrap_or_default();
        let due = last.saturating_add(idle);
        if now.as_millisecond() < due {
            let what = format!("stopped as idle {} ms before its time", due - now.as_millisecond());
            return Err(Violation::of("I2", id, what));
        }
        match number("holdUntil").filter(|until| *until > now.as_millisecond()) {
            Some(until) => Err(Violation::of(
                "I2",
                id,
                format!("stopped as idle although it is held until {until}"),
            )),
            None => Ok(()),
        }
    }
}

/// Whether somebody's word that a sweep may do more than is believable was used up within the minute that a sweep has.
fn overridden(cloud: &mut Cloud, fleet: &str, now: Timestamp) -> bool {
    let since = now.as_millisecond() - 60_000;
    let used = |row: &Value| row.get("usedAt").and_then(Value::as_i64).is_some_and(|at| at >= since);
    let rows = rows::all(cloud, fleet);
    let mut words = rows
        .iter()
        .filter(|row| row.get("kind").and_then(Value::as_str) == Some("override"));
    words.any(used)
}

/// I8: nobody but the API makes a tenant, or brings a deleted one back.
fn by_right(old: Option<&Tenant>, new: &Tenant, call: &Call, beside: &Beside<'_>) -> Result<(), Violation> {
    let api = beside.function == Some(Function::Provision);
    let id = new.tenant_id.as_str();
    match old {
        None if !api || call.action != "PutItem" => {
            let what = format!("the row was made by {:?} with {}", beside.function, call.action);
            Err(Violation::of("I8", id, what))
        }
        Some(old) if old.intent.state == Wanted::Deleted && new.intent.state != Wanted::Deleted && !api => {
            let what = format!("{:?} brought a deleted tenant back", beside.function);
            Err(Violation::of("I8", id, what))
        }
        _ => Ok(()),
    }
}

/// I4: observations never go back. Nor do generations.
fn forward(old: &Tenant, new: &Tenant) -> Result<(), Violation> {
    let id = new.tenant_id.as_str();
    if new.intent.generation < old.intent.generation {
        return Err(Violation::of("I4", id, "the generation went back"));
    }
    let order = |seen: &Observed| (seen.created_at, seen.task_arn.clone(), seen.version);
    match (&old.observed, &new.observed) {
        (Some(before), Some(after)) if order(after) < order(before) => {
            let what = format!(
                "the observation went back from {} version {} to {} version {}",
                before.task_arn, before.version, after.task_arn, after.version
            );
            Err(Violation::of("I4", id, what))
        }
        _ => Ok(()),
    }
}

/// I6: no rollout moves a pinned tenant, and nothing changes the release that its definition is made of.
fn pinned(old: &Tenant, new: &Tenant, now: Timestamp) -> Result<(), Violation> {
    let pinned = |tenant: &Tenant| {
        tenant
            .overlay
            .pin
            .is_some_and(|pin| pin.until.is_none_or(|until| until > now))
    };
    if !pinned(old) || !pinned(new) || old.incarnation != new.incarnation {
        return Ok(());
    }
    let id = new.tenant_id.as_str();
    if new.intent.generation != old.intent.generation && new.intent.reason == Reason::Rollout {
        return Err(Violation::of("I6", id, "a rollout moves a pinned tenant"));
    }
    let release = |tenant: &Tenant| tenant.made.applied.as_ref().map(|applied| applied.release);
    match (release(old), release(new)) {
        (Some(before), Some(after)) if before != after => {
            let what = format!("a pinned tenant went from release {before} to {after}");
            Err(Violation::of("I6", id, what))
        }
        _ => Ok(()),
    }
}

/// I12: a heartbeat changes one attribute of a row that is there.
fn one_attribute(id: &str, before: Option<&Value>, after: Option<&Value>) -> Result<(), Violation> {
    let without = |row: Option<&Value>| {
        let mut row = row.cloned();
        if let Some(Value::Object(members)) = &mut row {
            members.remove("lastActivity");
        }
        row
    };
    if without(before) == without(after) {
        return Ok(());
    }
    let what = format!("a heartbeat made {after:?} of {before:?}");
    Err(Violation::of("I12", id, what))
}
