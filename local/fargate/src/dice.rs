//! Randomness: all of it comes from the seed, so that a world replays exactly.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A random number generator that can be saved and restored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll<T>(&mut self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        let mut rng = fastrand::Rng::with_seed(self.0);
        let drawn = draw(&mut rng);
        self.0 = rng.get_seed();
        drawn
    }

    /// A number below `end`; 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.roll(|rng| rng.u64(..end)) }
    }

    /// True with this probability (0 never, 1 always).
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.roll(fastrand::Rng::f64) < probability
    }

    /// A span of `low` to `high` milliseconds.
    pub(crate) fn span(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(low + self.below(high.saturating_sub(low) + 1))
    }

    /// `digits` hexadecimal digits.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        let number = self.roll(|rng| rng.u128(..));
        let mut text = format!("{number:032x}{number:032x}");
        text.truncate(digits);
        text
    }

    /// A UUID's text (version 4).
    pub(crate) fn uuid(&mut self) -> String {
        let digits = self.hex(32);
        let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default();
        format!(
            "{}-{}-4{}-a{}-{}",
            part(0..8),
            part(8..12),
            part(13..16),
            part(17..20),
            part(20..32)
        )
    }

    /// The 19 digits of a deployment's id.
    pub(crate) fn deployment(&mut self) -> String {
        let number = 1_000_000_000_000_000_000 + self.below(8_000_000_000_000_000_000);
        format!("ecs-svc/{number}")
    }
}
