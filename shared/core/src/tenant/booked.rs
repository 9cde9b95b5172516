//! What is booked for a tenant: that it is up from a time on, or until a time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Idle, Phase, Tenant, Wanted, phase};

/// What is booked for a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Booked {
    /// No sweep puts it to sleep before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected_until: Option<Timestamp>,
    /// It is to be woken once.
    #[serde(flatten)]
    pub wake: Option<ScheduledWake>,
}

/// A wake at a time, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledWake {
    /// When, in milliseconds.
    #[serde(rename = "wakeAt", with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
    /// Who booked it.
    #[serde(rename = "wakeBy")]
    pub by: String,
    /// How long no sweep puts it to sleep from then on.
    #[serde(
        rename = "wakeProtectFor",
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::idle::seconds::optional"
    )]
    pub protect_for: Option<Duration>,
}

/// The body of `POST /tenants/{id}/wake`; without members it wakes the tenant now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WakeRequest {
    /// When; now if it is not said.
    pub at: Option<Timestamp>,
    /// For how many seconds from the wake on no sweep puts it to sleep.
    pub protect_for: Option<u64>,
}

/// A wake that cannot be booked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWake {
    /// It is too late for it.
    #[error("at: {0} has passed; leave it out to wake the tenant now")]
    Passed(Timestamp),
    /// It is too early for it.
    #[error("at: {0} is more than a year ahead")]
    TooFar(Timestamp),
    /// It is protected for no time, or for too long.
    #[error("protectFor: {0} is not within 1 to {most} seconds; a tenant that must stay up longer is always on", most = Idle::MIN_UPTIME_MOST.as_secs())]
    Protection(u64),
}

/// A year: what is booked for later is more likely a mistake, such as milliseconds that were taken for seconds.
const FURTHEST: SignedDuration = SignedDuration::from_hours(366 * 24);

impl WakeRequest {
    /// How long the tenant is protected from the wake on.
    pub fn protection(&self) -> Result<Option<Duration>, InvalidWake> {
        let longest = Idle::MIN_UPTIME_MOST.as_secs();
        match self.protect_for {
            Some(seconds) if (1..=longest).contains(&seconds) => Ok(Some(Duration::from_secs(seconds))),
            Some(seconds) => Err(InvalidWake::Protection(seconds)),
            None => Ok(None),
        }
    }

    /// What it books for later, if it is not for now.
    pub fn booking(&self, by: &str, now: Timestamp) -> Result<Option<ScheduledWake>, InvalidWake> {
        let protect_for = self.protection()?;
        let Some(at) = self.at else { return Ok(None) };
        if at <= now {
            return Err(InvalidWake::Passed(at));
        }
        if at.duration_since(now) > FURTHEST {
            return Err(InvalidWake::TooFar(at));
        }
        let by = by.to_owned();
        Ok(Some(ScheduledWake { at, by, protect_for }))
    }
}

/// All that is decided on when a booked wake may be due. The ledger keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WakeCase {
    /// What is booked.
    #[serde(flatten)]
    pub wake: ScheduledWake,
    /// What the tenant is to be.
    pub state: Wanted,
    /// Where it is.
    pub phase: Phase,
    /// When.
    pub now: Timestamp,
}

/// What a booked wake comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "outcome")]
pub enum DueWake {
    /// It is not time.
    NotYet,
    /// It is woken.
    Woken {
        /// Protected until then.
        protected_until: Option<Timestamp>,
    },
    /// It is up, or on its way up, already.
    WasUp {
        /// Protected until then.
        protected_until: Option<Timestamp>,
    },
}

impl WakeCase {
    /// The case of a tenant; none if nothing is booked, or if it is on its way to be deleted.
    pub fn of(tenant: &Tenant, now: Timestamp) -> Option<Self> {
        let wake = tenant.booked.wake.clone()?;
        let state = tenant.intent.state;
        (state != Wanted::Deleted).then(|| Self {
            wake,
            state,
            phase: phase(tenant),
            now,
        })
    }

    /// What comes of it.
    pub fn judge(&self) -> DueWake {
        if self.now < self.wake.at {
            return DueWake::NotYet;
        }
        let span = self.wake.protect_for;
        let protected_until = span.and_then(|span| self.now.checked_add(span).ok());
        if self.state == Wanted::Running && self.phase != Phase::Failed {
            DueWake::WasUp { protected_until }
        } else {
            DueWake::Woken { protected_until }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn case(state: Wanted, phase: Phase, now: Timestamp) -> WakeCase {
        let wake = ScheduledWake {
            at: at(100),
            by: "ops".to_owned(),
            protect_for: Some(Duration::from_mins(10)),
        };
        WakeCase {
            wake,
            state,
            phase,
            now,
        }
    }

    #[test]
    fn a_booked_wake_is_due_at_its_time_and_not_a_millisecond_before() {
        let before = at(100) - SignedDuration::from_millis(1);
        assert_eq!(case(Wanted::Stopped, Phase::Stopped, before).judge(), DueWake::NotYet);
        let protected_until = Some(at(700));
        let woken = DueWake::Woken { protected_until };
        assert_eq!(case(Wanted::Stopped, Phase::Stopped, at(100)).judge(), woken);
        assert_eq!(case(Wanted::Stopped, Phase::Stopping, at(100)).judge(), woken);
    }

    #[test]
    fn a_booked_wake_of_a_tenant_that_is_up_only_protects_it() {
        let protected_until = Some(at(800));
        let up = DueWake::WasUp { protected_until };
        for phase in [Phase::Provisioning, Phase::Starting, Phase::Running] {
            assert_eq!(case(Wanted::Running, phase, at(200)).judge(), up);
        }
        assert_eq!(
            case(Wanted::Running, Phase::Failed, at(200)).judge(),
            DueWake::Woken { protected_until },
            "a failed one is tried again"
        );
    }

    #[test]
    fn a_wake_is_booked_for_the_future_and_for_a_year_at_most() {
        let asked = |at| {
            WakeRequest {
                at: Some(at),
                ..WakeRequest::default()
            }
            .booking("me", self::at(0))
        };
        let ms = SignedDuration::from_millis(1);
        assert_eq!(asked(at(0)), Err(InvalidWake::Passed(at(0))));
        assert_eq!(asked(at(0) + ms).unwrap().unwrap().at, at(0) + ms);
        assert!(asked(at(0) + FURTHEST).is_ok());
        assert_eq!(
            asked(at(0) + FURTHEST + ms),
            Err(InvalidWake::TooFar(at(0) + FURTHEST + ms))
        );
        assert_eq!(WakeRequest::default().booking("me", at(0)), Ok(None));
    }

    #[test]
    fn a_protection_is_a_second_to_a_day() {
        let asked = |seconds| {
            let request = WakeRequest {
                at: None,
                protect_for: Some(seconds),
            };
            request.protection().map(|span| span.map(|span| span.as_secs()))
        };
        assert_eq!(asked(0), Err(InvalidWake::Protection(0)));
        assert_eq!(asked(1), Ok(Some(1)));
        assert_eq!(asked(86_400), Ok(Some(86_400)));
        assert_eq!(asked(86_401), Err(InvalidWake::Protection(86_401)));
    }

    #[test]
    fn what_is_booked_is_kept_as_attributes_of_the_row() {
        let booked = Booked {
            protected_until: Some(at(0)),
            wake: Some(case(Wanted::Stopped, Phase::Stopped, at(0)).wake),
        };
        let kept = serde_json::to_value(&booked).unwrap();
        let expected = serde_json::json!({
            "protectedUntil": "2027-01-15T08:00:00Z", "wakeAt": 1_800_000_100_000_i64, "wakeBy": "ops", "wakeProtectFor": 600
        });
        assert_eq!(kept, expected);
        assert_eq!(serde_json::from_value::<Booked>(kept).unwrap(), booked);
        assert_eq!(serde_json::from_str::<Booked>("{}").unwrap(), Booked::default());
    }
}
