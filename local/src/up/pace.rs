//! How virtual time follows real time.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// Virtual time runs at a constant speed from a pair of simultaneous instants on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    speed: f64,
    real: Instant,
    virtual_time: Timestamp,
}

impl Pace {
    /// From this virtual instant, now, at this many virtual seconds per second; 0 stands still.
    pub(super) fn from(virtual_time: Timestamp, speed: f64) -> Self {
        Self {
            speed,
            real: Instant::now(),
            virtual_time,
        }
    }

    pub(super) fn speed(self) -> f64 {
        self.speed
    }

    /// What virtual time it is, to the millisecond.
    pub(super) fn now(self) -> Timestamp {
        let passed = self.real.elapsed().as_secs_f64() * self.speed;
        later(self.virtual_time, passed)
    }

    /// The pace of a world whose clock has been moved on to this instant.
    pub(super) fn moved_to(self, virtual_time: Timestamp) -> Self {
        Self::from(virtual_time, self.speed)
    }

    /// How long to wait, in real time, until that virtual instant.
    pub(super) fn until(self, virtual_time: Timestamp) -> Option<Duration> {
        let seconds = virtual_time.duration_since(self.now()).as_secs_f64() / self.speed;
        (self.speed > 0.0).then(|| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
    }
}

/// An instant this many seconds later, to the millisecond.
pub(super) fn later(instant: Timestamp, seconds: f64) -> Timestamp {
    let span = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let exact = instant.checked_add(span).unwrap_or(instant);
    Timestamp::from_millisecond(exact.as_millisecond())
        .unwrap_or(exact)
        .max(instant)
}
