//! Calls within the account's budgets.

use std::time::Duration;

use aws_config::SdkConfig;
use berth_core::pace::{Bucket, Cost, InvalidShare, Lane, Refused, Share, jitter};
use berth_core::tenant::Outlook;
use jiff::Timestamp;

use crate::clock::Clock;
use crate::error::CallError;
use crate::settings::{SettingsError, Variables, invalid};
use crate::tables::Budgets;

/// Takes tokens from the account's budgets, waits for them, and repeats what was throttled all the same.
#[derive(Clone, Debug)]
pub struct Pace {
    budgets: Budgets,
    clock: Clock,
    share: Share,
}

/// Pieces of work for which nobody waits, each begun no sooner than what those before it take has come back.
///
/// Whoever does a piece takes its tokens a moment later, so that the budgets alone would let too many begin.
#[derive(Debug)]
pub struct Course<'a> {
    pace: &'a Pace,
    next: Timestamp,
}

/// How far a course may be behind and make up for it. Half of what a budget holds comes back in 5 s where tokens come back
/// fastest, and the other half is not for work that nobody waits for.
const BEHIND: Duration = Duration::from_secs(5);

impl Course<'_> {
    fn earliest(now: Timestamp) -> Timestamp {
        now.checked_sub(BEHIND).unwrap_or(now)
    }

    /// Waits until the next piece may be begun; `false` if that is not before `until`.
    pub async fn begin(&mut self, cost: &Cost, until: Timestamp) -> Result<bool, CallError> {
        self.pace.sleep_until(self.next).await;
        if !self.pace.room(cost, until).await? {
            return Ok(false);
        }
        let since = self.next.max(Self::earliest(self.pace.clock.now()));
        self.next = since.saturating_add(cost.refilled_in(self.pace.share)).unwrap_or(since);
        Ok(true)
    }
}

/// How urgent a call is, and how long it can wait.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    /// Whose it is; calls of different ones that were refused together are repeated apart.
    pub whose: &'a str,
    /// How urgent it is.
    pub lane: Lane,
    /// When the invocation has no more time for it.
    pub until: Timestamp,
}

/// Whether a call may be made again of which it is not known whether it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It may: done twice is done once.
    Harmless,
    /// It may not: `RegisterTaskDefinition` has no token and would make another revision, `forceNewDeployment` another deployment.
    Never,
}

/// How long a call for which somebody waits is promised a token ahead.
///
/// An invocation that waits is one that does nothing else. In this time 12 tokens come back for definitions, 60 for services
/// and 24 for access points, so not even all of them together fill the 100 invocations that the template allows at once, and
/// whoever needs none of what is scarce is never held up by those who do. Who is not promised one is tried again later.
const WAITS: Duration = Duration::from_secs(15);

/// How long bulk waits. It is promised nothing, and looks again.
const BULK_WAITS: Duration = Duration::from_secs(5);

/// The pause before a repetition: at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// How often a call is repeated of which nobody knows whether it was done. One that was refused is repeated until there is
/// no time left.
const UNKNOWN: u32 = 2;

impl Pace {
    /// The budgets in the tables that the variables name.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        const PERCENT: &str = "BERTH_PACE_PERCENT";
        let share = match variables.optional(PERCENT) {
            None => Share::default(),
            Some(_) => Share::percent(variables.parsed(PERCENT, 0)?)
                .map_err(|error: InvalidShare| invalid(PERCENT, error.to_string()))?,
        };
        Ok(Self {
            budgets: Budgets::new(config, variables)?,
            clock: Clock::of(config),
            share,
        })
    }

    /// Makes a call, or several that belong together, once there are so many tokens.
    ///
    /// The SDK must not repeat it by itself: here each attempt takes its tokens.
    pub async fn call<T>(
        &self,
        (bucket, tokens): (Bucket, u32),
        turn: Turn<'_>,
        repeat: Repeat,
        call: impl AsyncFn() -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let (mut pause, mut attempt) = (PAUSE.0, 0);
        loop {
            self.tokens(bucket, tokens, turn).await?;
            let error = match call().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let unknown = repeat == Repeat::Harmless && error.outlook == Outlook::Transient && attempt < UNKNOWN;
            let now = self.clock.now();
            let span = jitter(pause, (turn.whose, now.as_millisecond()));
            let in_time = now.checked_add(span).is_ok_and(|then| then < turn.until);
            if !in_time || !(error.is_throttled() || unknown) {
                return Err(error);
            }
            self.clock.sleep(span).await;
            pause = (pause * 2).min(PAUSE.1);
            attempt += 1;
        }
    }

    /// Takes tokens, and waits until they may be used.
    async fn tokens(&self, bucket: Bucket, tokens: u32, turn: Turn<'_>) -> Result<(), CallError> {
        let budget = self.share.budget(bucket);
        let asked = self.clock.now();
        let waits = match turn.lane {
            Lane::Interactive => WAITS,
            Lane::Bulk => BULK_WAITS,
            Lane::Spare => Duration::ZERO,
        };
        let patience = asked.checked_add(waits).unwrap_or(asked).min(turn.until);
        loop {
            let now = self.clock.now();
            let terms = budget.terms(tokens, turn.lane, now, patience);
            match self.budgets.claim(bucket, &terms).await? {
                Ok(at) => {
                    self.sleep_until(at).await;
                    return Ok(());
                }
                Err(Refused { opens }) => {
                    let opens = Timestamp::from_millisecond(opens).unwrap_or(Timestamp::MAX);
                    let span = jitter(budget.interval() * 2, (turn.whose, now.as_millisecond()));
                    let again = opens.checked_add(span).unwrap_or(opens);
                    if turn.lane == Lane::Interactive || again > patience {
                        return Err(CallError::out_of_budget(bucket, opens));
                    }
                    self.sleep_until(again).await;
                }
            }
        }
    }

    /// Waits until work may be begun for which nobody waits; `false` if that is not before `until`. Nothing is taken: those
    /// who do the work do that.
    pub async fn room(&self, cost: &Cost, until: Timestamp) -> Result<bool, CallError> {
        loop {
            let now = self.clock.now();
            let mut opens = now;
            for bucket in cost.buckets() {
                let spent = self.budgets.spent(bucket).await?;
                let terms = self.share.budget(bucket).terms(1, Lane::Spare, now, now);
                if let Err(refused) = terms.claim(spent) {
                    opens = opens.max(Timestamp::from_millisecond(refused.opens).unwrap_or(Timestamp::MAX));
                }
            }
            if opens > until || now >= until {
                return Ok(false);
            }
            if opens <= now {
                return Ok(true);
            }
            self.sleep_until(opens).await;
        }
    }

    /// A course of work for which nobody waits.
    pub fn course(&self) -> Course<'_> {
        let next = Course::earliest(self.clock.now());
        Course { pace: self, next }
    }

    async fn sleep_until(&self, at: Timestamp) {
        let span = at.duration_since(self.clock.now());
        if span.is_positive() {
            self.clock.sleep(span.unsigned_abs()).await;
        }
    }
}
