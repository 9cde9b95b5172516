//! What is checked once everything has come to rest.

use std::collections::{BTreeMap, BTreeSet};

use berth_core::definition::Fingerprint;
use berth_core::tenant::{Phase, Tenant, deadline, phase};
use serde_json::Value;

use super::{Violation, Watch, tenant_of};
use crate::cloud::Cloud;
use crate::simulate::rows;

impl Watch {
    /// The tenants that are still on their way.
    pub(in crate::simulate) fn under_way(&self) -> Vec<&Tenant> {
        self.rows.values().filter(|row| !is_at_rest(row)).collect()
    }

    /// I7: whoever is on the way is so for no longer than the deadline of its phase.
    pub(in crate::simulate) fn in_time(&self, cloud: &Cloud) -> Result<(), Violation> {
        for row in self.under_way() {
            let phase = phase(row);
            let since = cloud.now().duration_since(row.intent.at).unsigned_abs();
            if deadline(phase).is_none_or(|deadline| since > deadline + self.clocks) {
                let (settled, due, error) = (row.made.settled, row.due_at, row.made.last_error.as_ref());
                let what = format!(
                    "{phase:?} for {} s: settled {settled:?}, due {due:?}, observed {:?}, error {error:?}",
                    since.as_secs(),
                    row.observed.as_ref().map(|seen| (&seen.task_arn, &seen.last_status)),
                );
                return Err(Violation::of("I7", row.tenant_id.as_str(), what));
            }
        }
        Ok(())
    }

    /// What is there is what the rows say, and nothing else is.
    pub(in crate::simulate) fn at_rest(&self, cloud: &mut Cloud) -> Result<(), Violation> {
        self.tasks(cloud)?;
        self.replayed(cloud)?;
        self.nothing_left_over(cloud)?;
        let activity = rows::all(cloud, &self.names.activity);
        let ids = activity.iter().filter_map(|row| row.get("tenantId")?.as_str());
        for id in ids {
            let row = self.rows.get(id);
            if row.is_none_or(|row| matches!(phase(row), Phase::Deleted | Phase::Stopped)) {
                return Err(Violation::of(
                    "I8",
                    id,
                    "there is activity of somebody who does not run",
                ));
            }
        }
        Ok(())
    }

    fn tasks(&self, cloud: &mut Cloud) -> Result<(), Violation> {
        for (id, row) in &self.rows {
            let tasks = cloud.region().every_task();
            let alive = tasks
                .filter(|task| !task.stopped && task.service.and_then(tenant_of) == Some(id))
                .count();
            let phase = phase(row);
            let wrong = match phase {
                Phase::Running => alive != 1,
                Phase::Stopped | Phase::Deleted => alive != 0,
                _ => false,
            };
            if wrong {
                return Err(Violation::of("I7", id, format!("{phase:?} with {alive} tasks")));
            }
        }
        Ok(())
    }

    /// I11: no access point, service or revision without a row that names it.
    fn nothing_left_over(&self, cloud: &mut Cloud) -> Result<(), Violation> {
        let alive = || self.rows.values().filter(|row| row.made.deleted_at.is_none());
        let services: BTreeSet<String> = alive().map(|row| row.service().to_string()).collect();
        let points: BTreeSet<&str> = alive()
            .filter_map(|row| Some(row.made.access_point.as_ref()?.place.access_point_id.as_str()))
            .collect();
        let registry = rows::all(cloud, &self.names.fleet);
        // A row has the revision's ARN or, from before the registration on, its fingerprint.
        let named = |name: &str| -> BTreeSet<&str> {
            let words = registry.iter().filter_map(|row| row.get(name).and_then(Value::as_str));
            words.collect()
        };
        let (arns, fingerprints) = (named("arn"), named("id"));
        let region = cloud.region();
        if let Some(service) = region.every_service().find(|service| !services.contains(service.name)) {
            let whose = tenant_of(service.name).unwrap_or_default();
            return Err(Violation::of(
                "I11",
                whose,
                format!("service {} is nobody's", service.name),
            ));
        }
        let claimed = |path: &str| {
            let claims = alive().filter_map(|row| Some((row, row.made.files_claim.as_ref()?)));
            claims
                .into_iter()
                .any(|(row, claim)| path == format!("/tenants/{}/g{}", row.tenant_id, claim.incarnation))
        };
        let nobodys = |(point, path): &(&str, &str)| !points.contains(point) && !claimed(path);
        if let Some((point, path)) = region.every_access_point().find(nobodys) {
            let whose = path.split('/').nth(2).unwrap_or_default();
            return Err(Violation::of("I11", whose, format!("access point {point} is nobody's")));
        }
        let unnamed = |(arn, tags): &(String, &BTreeMap<String, String>)| {
            let fingerprint = tags.get(Fingerprint::TAG).map_or("", String::as_str);
            !arns.contains(arn.as_str()) && !fingerprints.contains(fingerprint)
        };
        match region.every_active_revision("base-user").find(unnamed) {
            Some((arn, tags)) => Err(Violation::of_all(
                "I11",
                format!("revision {arn} is nobody's: {tags:?}"),
            )),
            None => Ok(()),
        }
    }
}

/// It is what it should be, or it is known why not.
fn is_at_rest(row: &Tenant) -> bool {
    match phase(row) {
        Phase::Running | Phase::Stopped => row.is_settled(),
        Phase::Failed => row.due_at.is_none(),
        Phase::Deleted => true,
        Phase::Provisioning | Phase::Starting | Phase::Stopping | Phase::Deleting => false,
    }
}
