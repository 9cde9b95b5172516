//! The definition registry: which revision a fingerprint was registered as.
//!
//! `RegisterTaskDefinition` has no idempotency token and a budget of one call per second, so whoever wants to register
//! claims the fingerprint's row first. A claim that was never answered runs out; its successor finds a revision that was
//! registered without being recorded by the tag `berth:fingerprint`.
//!
//! Rows live in the `Fleet` table. Definitions that several tenants may share are `kind = definition`; one that names a
//! tenant's access point is `kind = definition#<tenant>`, so that what belongs to a tenant alone is one Query.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use berth_core::definition::{Fingerprint, Revision};
use berth_core::release::ReleaseId;
use berth_core::tenant::{Generation, TenantId};
use jiff::Timestamp;

use super::fleet::FleetTable;
use super::update::{Item, Outcome, Update};
use super::{number, text};
use crate::error::CallError;
use crate::settings::{SettingsError, Variables};

/// The registry's rows of the table `Fleet`.
#[derive(Clone, Debug)]
pub struct DefinitionRegistry {
    fleet: FleetTable,
}

/// Who a definition is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Any tenant whose rendering is equal.
    Anyone,
    /// This incarnation of a tenant: the definition names its access point.
    Tenant(TenantId, Generation),
}

/// What the registry answers to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is registered as this revision.
    Registered(String),
    /// It is the caller's to register. `Again` if an earlier claim ran out, so that a revision may exist unrecorded.
    Granted(Attempt),
    /// Somebody else is registering it.
    Held,
}

/// Whether somebody has tried before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Nobody has.
    First,
    /// Somebody has, and did not record what came of it.
    Again,
}

/// What the registry knows of a definition for one incarnation of a tenant alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Own {
    /// It is registered.
    Registered(Revision),
    /// It was claimed, and it is not known what came of it.
    Claimed {
        /// The family that was to be registered into.
        family: String,
        /// What was to be registered.
        fingerprint: Fingerprint,
    },
}

/// A registered definition that tenants share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// Which.
    pub revision: Revision,
    /// The newest release that it was rendered for.
    pub release: Option<ReleaseId>,
    /// Since when it is marked as one that nobody uses.
    pub idle_since: Option<Timestamp>,
    /// It is being deregistered, or somebody died while doing that.
    pub going: bool,
}

const IDLE_SINCE: &str = "idleSince";
const GOING: &str = "going";

/// How long a claim holds: longer than an invocation of reconcile may run, so that it never runs out under its owner.
const CLAIM: Duration = Duration::from_mins(1);

impl DefinitionRegistry {
    /// The registry in the table that the variables name.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        let fleet = FleetTable::new(config, variables)?;
        Ok(Self { fleet })
    }

    /// The revision of a definition that tenants share, for one of them to use; `None` if it is not registered, or is being
    /// deregistered at this moment. A mark that nobody used it is taken off.
    pub async fn take_up(&self, fingerprint: &Fingerprint, release: ReleaseId) -> Result<Option<String>, CallError> {
        let row = self.fleet.get(&Owner::Anyone.kind(), &fingerprint.to_string()).await?;
        let Some(shared) = row.as_ref().and_then(shared_of) else {
            return Ok(None);
        };
        let marked = shared.idle_since.is_some() || shared.release != Some(release);
        if shared.going || !marked {
            return Ok((!shared.going).then_some(shared.revision.arn));
        }
        let update = Update::new()
            .set("release", text(release))
            .remove(IDLE_SINCE)
            .when("arn", "=", text(&shared.revision.arn))
            .when_absent(GOING);
        Ok(match self.change(&Owner::Anyone, fingerprint, update).await? {
            Outcome::Written(_) => Some(shared.revision.arn),
            Outcome::Refused(_) => None,
        })
    }

    /// Claims the right to register a fingerprint into a family, for a release.
    pub async fn claim(
        &self,
        owner: &Owner,
        fingerprint: &Fingerprint,
        (family, release): (&str, ReleaseId),
        now: Timestamp,
    ) -> Result<Claim, CallError> {
        let now_ms = now.as_millisecond();
        let until = now_ms.saturating_add(i64::try_from(CLAIM.as_millis()).unwrap_or(i64::MAX));
        let mut update = Update::new()
            .set("claimedUntil", number(until))
            .set("family", text(family))
            .append("claims", number(now_ms));
        update = match owner {
            Owner::Tenant(_, incarnation) => update.set("incarnation", number(incarnation)),
            Owner::Anyone => update.set("release", text(release)),
        };
        let update = update
            .when_absent("arn")
            .when_absent_or("claimedUntil", "<=", number(now_ms));
        Ok(match self.change(owner, fingerprint, update).await? {
            Outcome::Written(row) => {
                let claims = row
                    .get("claims")
                    .and_then(|value| value.as_l().ok())
                    .map_or(1, Vec::len);
                Claim::Granted(if claims > 1 { Attempt::Again } else { Attempt::First })
            }
            // One that is being deregistered is nobody's until that is done.
            Outcome::Refused(Some(row)) if !row.contains_key(GOING) => {
                arn_of(&row).map_or(Claim::Held, Claim::Registered)
            }
            Outcome::Refused(_) => Claim::Held,
        })
    }

    /// Records the revision that a claimed fingerprint was registered as.
    pub async fn record(&self, owner: &Owner, fingerprint: &Fingerprint, arn: &str) -> Result<(), CallError> {
        let update = Update::new()
            .set("arn", text(arn))
            .remove("claimedUntil")
            .remove("claims");
        self.change(owner, fingerprint, update).await.map(drop)
    }

    /// Gives a claim back whose registration was refused.
    pub async fn release(&self, owner: &Owner, fingerprint: &Fingerprint) -> Result<(), CallError> {
        let update = Update::new()
            .remove("claimedUntil")
            .when_exists("claimedUntil")
            .when_absent("arn");
        self.change(owner, fingerprint, update).await.map(drop)
    }

    /// Forgets a revision that can no longer be used, so that the fingerprint is registered anew.
    pub async fn forget(&self, owner: &Owner, fingerprint: &Fingerprint, arn: &str) -> Result<(), CallError> {
        let update = Update::new().remove("arn").when("arn", "=", text(arn));
        self.change(owner, fingerprint, update).await.map(drop)
    }

    /// What was registered, or perhaps was, for this incarnation of a tenant alone.
    pub async fn own(&self, tenant: &TenantId, incarnation: Generation) -> Result<Vec<Own>, CallError> {
        let rows = self
            .fleet
            .rows(&Owner::Tenant(tenant.clone(), incarnation).kind())
            .await?;
        let its = |row: &&Item| row.get("incarnation") == Some(&number(incarnation));
        Ok(rows.iter().filter(its).filter_map(own_of).collect())
    }

    /// Drops a row: its revision is deregistered, or nothing came of its claim.
    pub async fn drop_row(&self, owner: &Owner, fingerprint: &Fingerprint) -> Result<(), CallError> {
        self.fleet.delete(&owner.kind(), &fingerprint.to_string()).await
    }

    /// Every definition that tenants share and that is registered.
    pub async fn shared(&self) -> Result<Vec<Shared>, CallError> {
        let rows = self.fleet.rows(&Owner::Anyone.kind()).await?;
        Ok(rows.iter().filter_map(shared_of).collect())
    }

    /// Marks a shared revision as one that nobody uses, from now on, or takes the mark off.
    pub async fn mark(&self, revision: &Revision, idle_since: Option<Timestamp>) -> Result<(), CallError> {
        let update = Update::new().set_or_remove(IDLE_SINCE, idle_since.map(|at| number(at.as_millisecond())));
        let update = update.when("arn", "=", text(&revision.arn)).when_absent(GOING);
        self.change(&Owner::Anyone, &revision.fingerprint, update)
            .await
            .map(drop)
    }

    /// Claims a shared revision that has been marked since then, so that nobody takes it up while it is deregistered. `false`
    /// if somebody has taken it up.
    pub async fn claim_to_go(&self, revision: &Revision, idle_since: Timestamp) -> Result<bool, CallError> {
        let update = Update::new().set(GOING, AttributeValue::Bool(true)).when(
            IDLE_SINCE,
            "=",
            number(idle_since.as_millisecond()),
        );
        let outcome = self.change(&Owner::Anyone, &revision.fingerprint, update).await?;
        Ok(matches!(outcome, Outcome::Written(_)))
    }

    /// Gives such a claim back: the revision is still registered.
    pub async fn let_stay(&self, revision: &Revision) -> Result<(), CallError> {
        let update = Update::new().remove(GOING).when_exists(GOING);
        self.change(&Owner::Anyone, &revision.fingerprint, update)
            .await
            .map(drop)
    }

    async fn change(
        &self,
        owner: &Owner,
        fingerprint: &Fingerprint,
        update: Update,
    ) -> Result<Outcome<Item>, CallError> {
        let id = fingerprint.to_string();
        self.fleet.update(&owner.kind(), &id, update).await
    }
}

impl Owner {
    /// The partition of its rows.
    fn kind(&self) -> String {
        match self {
            Self::Anyone => "definition".to_owned(),
            Self::Tenant(tenant, _) => format!("definition#{tenant}"),
        }
    }
}

fn arn_of(row: &Item) -> Option<String> {
    row.get("arn").and_then(|value| value.as_s().ok()).cloned()
}

fn own_of(row: &Item) -> Option<Own> {
    let word = |name: &str| row.get(name).and_then(|value| value.as_s().ok());
    let fingerprint = word("id")?.parse().ok()?;
    Some(match arn_of(row) {
        Some(arn) => Own::Registered(Revision { fingerprint, arn }),
        None => Own::Claimed {
            family: word("family")?.clone(),
            fingerprint,
        },
    })
}

fn shared_of(row: &Item) -> Option<Shared> {
    let word = |name: &str| row.get(name).and_then(|value| value.as_s().ok());
    let fingerprint = word("id")?.parse().ok()?;
    let idle_since = row.get(IDLE_SINCE).and_then(|value| value.as_n().ok()?.parse().ok());
    Some(Shared {
        revision: Revision {
            fingerprint,
            arn: arn_of(row)?,
        },
        release: word("release").and_then(|release| release.parse().ok()),
        idle_since: idle_since.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
        going: row.contains_key(GOING),
    })
}
