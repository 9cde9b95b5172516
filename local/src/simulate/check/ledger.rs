//! What the ledger says was decided is decided again on what it has kept.

use std::collections::BTreeMap;

use berth_core::explain::{Entry, Replay, replay};
use serde_json::Value;

use super::{Violation, Watch};
use crate::cloud::Cloud;
use crate::simulate::rows;

impl Watch {
    /// Makes every decision of the ledger again that a rule has made. How many there were of each kind.
    pub(in crate::simulate) fn replayed(&self, cloud: &mut Cloud) -> Result<BTreeMap<String, usize>, Violation> {
        let mut replayed = BTreeMap::new();
        for row in rows::all(cloud, &self.names.fleet) {
            let Some(subject) = row
                .get("kind")
                .and_then(Value::as_str)
                .and_then(|kind| kind.strip_prefix("ledger"))
            else {
                continue;
            };
            let tenant = subject.trim_start_matches('#');
            let entry: Entry = serde_json::from_value(row.clone())
                .map_err(|error| Violation::of("ledger", tenant, format!("{error}: {row}")))?;
            match replay(&entry) {
                Replay::Same => *replayed.entry(entry.decision).or_default() += 1,
                Replay::NoRule => {}
                Replay::Different { now } => {
                    let what = format!(
                        "{} was decided on {}, and now it would be {now}",
                        entry.decision, entry.on
                    );
                    return Err(Violation::of("ledger", tenant, what));
                }
            }
        }
        Ok(replayed)
    }
}
