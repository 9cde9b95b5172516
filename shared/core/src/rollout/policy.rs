//! How carefully a rollout goes.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::window::{InvalidWindow, Window};
use crate::tenant::TenantId;

/// How carefully a rollout goes. Valid by construction: [`Policy::default`], then [`Policy::with`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    canaries: u32,
    named_canaries: Vec<TenantId>,
    bake_seconds: u32,
    waves: Vec<u8>,
    promote_percent: u8,
    max_in_flight: u32,
    max_in_flight_percent: u8,
    tolerance: u32,
    step_seconds: u32,
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    force_by: Option<Timestamp>,
    windows: Vec<Window>,
}

/// What of a policy is to be different. A member that is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PolicyChange {
    /// How many tenants run it before anyone else, 0 to 100. 0 skips the trial.
    pub canaries: Option<u32>,
    /// Who goes first, in this order; at most `canaries`. Then the least recently active.
    pub named_canaries: Option<Vec<TenantId>>,
    /// How long the canaries run before the first wave, up to 7 days.
    pub bake_seconds: Option<u32>,
    /// How much of the running fleet has been moved at the end of each wave, in percent: rising, the last is 100.
    pub waves: Option<Vec<u8>>,
    /// How much of the running fleet has to run it before new and waking tenants take it, 1 to 100 percent.
    pub promote_percent: Option<u8>,
    /// How many may be on their way at once, 1 to 500.
    pub max_in_flight: Option<u32>,
    /// The same as a share of the running fleet, 1 to 100 percent; the smaller of the two counts, and never less than 1.
    pub max_in_flight_percent: Option<u8>,
    /// How many may fail before the rollout pauses, 0 to 200. One more than this pauses it.
    pub tolerance: Option<u32>,
    /// How long a tenant may take to run it before nobody knows how it went, 60 s to 6 h.
    pub step_seconds: Option<u32>,
    /// From then on tenants are moved although they are busy or were only offered the release. Pins and windows stay.
    pub force_by: Option<Timestamp>,
    /// When tenants may be moved; none means always. Putting tenants back never waits for a window.
    #[serde(default, deserialize_with = "crate::object::each")]
    pub windows: Option<Vec<Window>>,
}

/// Which member of a policy is wrong, and what it may be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// A number is outside its range.
    #[error("{field} is {value}; it must be {least} to {most}")]
    OutOfRange {
        /// The member.
        field: &'static str,
        /// What it was.
        value: u32,
        /// The least it may be.
        least: u32,
        /// The most it may be.
        most: u32,
    },
    /// The waves do not rise to 100.
    #[error("waves is {0:?}; it must be 1 to 20 rising percentages of which the last is 100")]
    Waves(Vec<u8>),
    /// More canaries are named than there are to be.
    #[error("namedCanaries names {named} tenants but canaries is {canaries}; raise canaries or name fewer")]
    TooManyNamed {
        /// How many are named.
        named: usize,
        /// How many there are to be.
        canaries: u32,
    },
    /// A window is wrong.
    #[error("windows[{index}]: {source}")]
    Window {
        /// Which one, counted from 0.
        index: usize,
        /// What is wrong with it.
        source: InvalidWindow,
    },
}

impl Default for Policy {
    /// One canary for ten minutes, then a tenth, half and all of the fleet, a tenth and at most 100 at once.
    ///
    /// A hundred in flight at about a minute each is what 80 % of the `UpdateService` bucket (5/s, two calls a tenant
    /// with a volume) can feed; fifteen minutes is the default deadline of a start plus a two minutes' stop.
    fn default() -> Self {
        Self {
            canaries: 1,
            named_canaries: Vec::new(),
            bake_seconds: 600,
            waves: vec![10, 50, 100],
            promote_percent: 50,
            max_in_flight: 100,
            max_in_flight_percent: 10,
            tolerance: 0,
            step_seconds: 900,
            force_by: None,
            windows: Vec::new(),
        }
    }
}

/// The policy in the form in which it is asked for.
impl From<&Policy> for PolicyChange {
    fn from(policy: &Policy) -> Self {
        Self {
            canaries: Some(policy.canaries),
            named_canaries: Some(policy.named_canaries.clone()),
            bake_seconds: Some(policy.bake_seconds),
            waves: Some(policy.waves.clone()),
            promote_percent: Some(policy.promote_percent),
            max_in_flight: Some(policy.max_in_flight),
            max_in_flight_percent: Some(policy.max_in_flight_percent),
            tolerance: Some(policy.tolerance),
            step_seconds: Some(policy.step_seconds),
            force_by: policy.force_by,
            windows: Some(policy.windows.clone()),
        }
    }
}

/// The bounds keep a rollout's row under the 400 KB of an item: it names at most the failed and the undecided.
const BOUNDS: [(&str, u32, u32); 7] = [
    ("canaries", 0, 100),
    ("bakeSeconds", 0, 7 * 86_400),
    ("promotePercent", 1, 100),
    ("maxInFlight", 1, 500),
    ("maxInFlightPercent", 1, 100),
    ("tolerance", 0, 200),
    ("stepSeconds", 60, 6 * 3_600),
];

impl Policy {
    /// This policy with these members changed, if that is one.
    pub fn with(&self, change: PolicyChange) -> Result<Self, InvalidPolicy> {
        let old = self.clone();
        let policy = Self {
            canaries: change.canaries.unwrap_or(old.canaries),
            named_canaries: change.named_canaries.unwrap_or(old.named_canaries),
            bake_seconds: change.bake_seconds.unwrap_or(old.bake_seconds),
            waves: change.waves.unwrap_or(old.waves),
            promote_percent: change.promote_percent.unwrap_or(old.promote_percent),
            max_in_flight: change.max_in_flight.unwrap_or(old.max_in_flight),
            max_in_flight_percent: change.max_in_flight_percent.unwrap_or(old.max_in_flight_percent),
            tolerance: change.tolerance.unwrap_or(old.tolerance),
            step_seconds: change.step_seconds.unwrap_or(old.step_seconds),
            force_by: change.force_by.or(old.force_by),
            windows: change.windows.unwrap_or(old.windows),
        };
        policy.check()?;
        Ok(policy)
    }

    fn check(&self) -> Result<(), InvalidPolicy> {
        let values = [
            self.canaries,
            self.bake_seconds,
            self.promote_percent.into(),
            self.max_in_flight,
            self.max_in_flight_percent.into(),
            self.tolerance,
            self.step_seconds,
        ];
        for ((field, least, most), value) in BOUNDS.into_iter().zip(values) {
            if !(least..=most).contains(&value) {
                return Err(InvalidPolicy::OutOfRange {
                    field,
                    value,
                    least,
                    most,
                });
            }
        }
        let rises = self.waves.is_sorted_by(|earlier, later| earlier < later);
        let begins = self.waves.first().is_some_and(|first| *first > 0);
        if !rises || !begins || self.waves.last() != Some(&100) || self.waves.len() > 20 {
            return Err(InvalidPolicy::Waves(self.waves.clone()));
        }
        let named = self.named_canaries.len();
        if named > self.canaries as usize {
            let canaries = self.canaries;
            return Err(InvalidPolicy::TooManyNamed { named, canaries });
        }
        let mut windows = self.windows.iter().enumerate();
        windows.try_for_each(|(index, window)| {
            let with_index = |source| InvalidPolicy::Window { index, source };
            window.check().map_err(with_index)
        })
    }

    /// The same policy for going back to a release that the fleet has run: nothing to try out, and no time to lose.
    #[must_use]
    pub fn for_return(&self) -> Self {
        Self {
            canaries: 0,
            named_canaries: Vec::new(),
            bake_seconds: 0,
            waves: vec![100],
            windows: Vec::new(),
            ..self.clone()
        }
    }

    /// How many may be on their way at once when this many run: the smaller of count and share, rounded up, at least 1.
    pub fn in_flight_limit(&self, running: u32) -> u32 {
        share(self.max_in_flight_percent, running)
            .min(self.max_in_flight)
            .max(1)
    }

    /// How many of a population have been moved at the end of this wave, or all of it past the last wave.
    pub fn wave_quota(&self, wave: usize, population: u32) -> u32 {
        share(self.waves.get(wave).copied().unwrap_or(100), population)
    }

    /// The number of the last wave, counted from 0.
    pub fn last_wave(&self) -> usize {
        self.waves.len().saturating_sub(1)
    }

    /// Whether a release that this many of a population run is to be promoted.
    pub fn promotes_at(&self, succeeded: u32, population: u32) -> bool {
        succeeded >= share(self.promote_percent, population)
    }

    /// How many canaries there are to be.
    pub fn canaries(&self) -> u32 {
        self.canaries
    }

    /// Who goes first, in order.
    pub fn named_canaries(&self) -> &[TenantId] {
        &self.named_canaries
    }

    /// How long the canaries run before the first wave.
    pub fn bake(&self) -> Duration {
        Duration::from_secs(self.bake_seconds.into())
    }

    /// How long a tenant may take before nobody knows how it went.
    pub fn step_deadline(&self) -> Duration {
        Duration::from_secs(self.step_seconds.into())
    }

    /// How many may fail.
    pub fn tolerance(&self) -> u32 {
        self.tolerance
    }

    /// From when on busy and merely offered tenants are moved.
    pub fn force_by(&self) -> Option<Timestamp> {
        self.force_by
    }

    /// When tenants may be moved.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }
}

/// A percentage of a whole, rounded up.
fn share(percent: u8, whole: u32) -> u32 {
    let rounded = (u64::from(percent) * u64::from(whole)).div_ceil(100);
    u32::try_from(rounded).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::Day;

    fn with(change: PolicyChange) -> Result<Policy, InvalidPolicy> {
        Policy::default().with(change)
    }

    #[test]
    fn the_pace_is_the_smaller_of_count_and_share_rounded_up_and_at_least_one() {
        let policy = Policy::default();
        for (running, limit) in [
            (0, 1),
            (1, 1),
            (10, 1),
            (11, 2),
            (999, 100),
            (1_000, 100),
            (10_000, 100),
        ] {
            assert_eq!(policy.in_flight_limit(running), limit, "{running} running");
        }
    }

    #[test]
    fn both_sides_of_every_bound() {
        let change = |field: &str, value: u32| {
            let json = serde_json::json!({ field: value });
            with(serde_json::from_value(json).unwrap())
        };
        for (field, least, most) in BOUNDS {
            assert!(change(field, most).is_ok(), "{field} {most}");
            assert!(change(field, least).is_ok(), "{field} {least}");
            let mut outside: Vec<u32> = least.checked_sub(1).into_iter().collect();
            outside.push(most + 1);
            for value in outside {
                let error = change(field, value).unwrap_err();
                assert!(
                    error.to_string().starts_with(&format!("{field} is {value};")),
                    "{error}"
                );
            }
        }
    }

    #[test]
    fn waves_rise_to_a_hundred() {
        for waves in [vec![100], vec![1, 2, 100]] {
            let waves = Some(waves);
            assert!(
                with(PolicyChange {
                    waves,
                    ..PolicyChange::default()
                })
                .is_ok()
            );
        }
        for bad in [
            vec![],
            vec![50],
            vec![0, 100],
            vec![50, 50, 100],
            vec![60, 50, 100],
            vec![50, 101],
        ] {
            let waves = Some(bad.clone());
            let seen = with(PolicyChange {
                waves,
                ..PolicyChange::default()
            });
            assert_eq!(seen, Err(InvalidPolicy::Waves(bad)));
        }
    }

    #[test]
    fn named_canaries_fit_into_the_canaries_and_windows_are_checked() {
        let named = |count: usize| PolicyChange {
            named_canaries: Some((0..count).map(|n| format!("t{n}").parse().unwrap()).collect()),
            ..PolicyChange::default()
        };
        assert!(with(named(1)).is_ok());
        assert_eq!(
            with(named(2)),
            Err(InvalidPolicy::TooManyNamed { named: 2, canaries: 1 })
        );
        let window = Window {
            days: vec![Day::Sun],
            from_hour: 5,
            to_hour: 5,
            utc_offset_minutes: 0,
        };
        let windows = Some(vec![window]);
        let error = with(PolicyChange {
            windows,
            ..PolicyChange::default()
        })
        .unwrap_err();
        assert!(error.to_string().starts_with("windows[0]: fromHour"), "{error}");
    }

    #[test]
    fn a_member_that_no_policy_has_is_refused() {
        let unknown = serde_json::json!({"canary": 1});
        assert!(serde_json::from_value::<PolicyChange>(unknown).is_err());
    }
}
