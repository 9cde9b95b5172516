//! The account's budgets of calls: rows of the table `Fleet`, so that every invocation of every function takes from the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_config::SdkConfig;
use berth_core::pace::{Bucket, Refused, Terms};
use jiff::Timestamp;

use super::fleet::FleetTable;
use super::number;
use super::update::{Item, Outcome, Update};
use crate::error::CallError;
use crate::settings::{SettingsError, Variables};

const KIND: &str = "budget";

/// One row for each bucket, with the one number that a budget is.
#[derive(Clone, Debug)]
pub struct Budgets {
    rows: FleetTable,
    /// What each budget was when it was last seen from here: only a hint, which spares a refused write.
    hints: Arc<[AtomicI64; Bucket::ALL.len()]>,
}

/// How often a claim is written. Each loss means that the budget went from full to not full, or back, in between.
const TRIES: usize = 5;

impl Budgets {
    /// The budgets in the table that the variables name.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        Ok(Self {
            rows: FleetTable::new(config, variables)?,
            hints: Arc::default(),
        })
    }

    /// Takes a token, and tells from when on it may be used.
    ///
    /// `max(spent, full) + cost` is no expression of DynamoDB's, so there are two writes, one for each side. Each is atomic,
    /// and one of them always applies: nobody has to read first, and those who come together do not push each other out.
    pub async fn claim(&self, bucket: Bucket, terms: &Terms) -> Result<Result<Timestamp, Refused>, CallError> {
        let hint = self.hints.get(bucket as usize);
        let mut spent = hint.map_or(0, |hint| hint.load(Ordering::Relaxed));
        for _ in 0..TRIES {
            let update = if spent <= terms.full {
                Update::new()
                    .set("spent", number(terms.full + terms.cost))
                    .when_absent_or("spent", "<=", number(terms.full))
            } else {
                Update::new()
                    .increase("spent", number(terms.cost))
                    .when("spent", ">", number(terms.full))
                    .when("spent", "<=", number(terms.latest - terms.cost))
            };
            let (granted, row) = match self.rows.update(KIND, bucket.as_str(), update).await? {
                Outcome::Written(row) => (true, Some(row)),
                Outcome::Refused(row) => (false, row),
            };
            spent = row.as_ref().and_then(spent_of).unwrap_or(0);
            if let Some(hint) = hint {
                hint.store(spent, Ordering::Relaxed);
            }
            if granted {
                let at = Timestamp::from_millisecond(spent);
                return Ok(Ok(at.map_err(|error| unreadable(&error.to_string()))?));
            }
            if let Err(refused) = terms.claim(Some(spent)) {
                return Ok(Err(refused));
            }
        }
        Err(CallError::incomplete(
            "write of Fleet",
            "a claim on a budget lost every race; it is tried again",
        ))
    }

    /// What a budget is now, for those who only begin what others will claim for.
    pub async fn spent(&self, bucket: Bucket) -> Result<Option<i64>, CallError> {
        Ok(self.rows.get(KIND, bucket.as_str()).await?.as_ref().and_then(spent_of))
    }
}

fn spent_of(row: &Item) -> Option<i64> {
    row.get("spent")?.as_n().ok()?.parse().ok()
}

fn unreadable(why: &str) -> CallError {
    CallError::incomplete("read of Fleet", why)
}
