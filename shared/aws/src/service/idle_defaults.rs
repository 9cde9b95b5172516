//! The fleet's idle policy: what a tenant without one of its own follows, and what all functions agree on about time.

use std::time::Duration;

use berth_core::idle::IdlePolicy;
use berth_core::tenant::{Idle, Overlay};

use crate::settings::{SettingsError, Variables};

/// The fleet's idle policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleDefaults {
    after: Duration,
    min_uptime: Duration,
}

impl IdleDefaults {
    /// The policy that the variables give.
    pub fn new(variables: &Variables) -> Result<Self, SettingsError> {
        let after = Idle::AFTER_LEAST.as_secs()..=Idle::AFTER_MOST.as_secs();
        Ok(Self {
            after: variables.seconds("BERTH_IDLE_AFTER_SECONDS", 1800, after)?,
            min_uptime: variables.seconds("BERTH_MIN_UPTIME_SECONDS", 300, 0..=Idle::MIN_UPTIME_MOST.as_secs())?,
        })
    }

    /// How long a tenant may be idle; `None` if it never sleeps.
    pub fn idle_after(&self, overlay: &Overlay) -> Option<Duration> {
        let always_on = overlay.idle.always_on == Some(true);
        (!always_on).then(|| overlay.idle.after.unwrap_or(self.after))
    }

    /// How long a tenant stays up at least once it runs.
    pub fn min_uptime(&self, overlay: &Overlay) -> Duration {
        overlay.idle.min_uptime.unwrap_or(self.min_uptime)
    }
}

/// Within which time of a heartbeat the next one is not written.
pub fn coalesce(variables: &Variables) -> Result<Duration, SettingsError> {
    let default = IdlePolicy::default().coalesce.as_secs();
    variables.seconds("BERTH_COALESCE_SECONDS", default, 0..=600)
}

/// What the sweep and whoever foretells it go by: they must agree, or `stopsAt` would not come true.
pub fn policy(variables: &Variables) -> Result<IdlePolicy, SettingsError> {
    let default = IdlePolicy::default();
    Ok(IdlePolicy {
        skew: variables.seconds("BERTH_CLOCK_SKEW_SECONDS", default.skew.as_secs(), 0..=600)?,
        coalesce: coalesce(variables)?,
        longest_hold: variables.seconds("BERTH_HOLD_MAX_SECONDS", default.longest_hold.as_secs(), 1..=86_400)?,
    })
}
