//! Time, as the SDK sees it.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use jiff::Timestamp;

/// Tells the time and waits, by the SDK's own time source and sleep, so that signing, retries, deadlines and decisions
/// of one process all live by one clock. `berth up` and the tests give the SDK a virtual one.
#[derive(Clone, Debug)]
pub struct Clock {
    time: SharedTimeSource,
    sleep: SharedAsyncSleep,
}

impl Clock {
    /// The clock of this SDK configuration; the system's where it has none.
    pub fn of(config: &SdkConfig) -> Self {
        Self {
            time: config
                .time_source()
                .unwrap_or_else(|| SharedTimeSource::new(SystemTimeSource::new())),
            sleep: config
                .sleep_impl()
                .unwrap_or_else(|| SharedAsyncSleep::new(TokioSleep::new())),
        }
    }

    /// The present moment, to the millisecond (which is what rows keep).
    pub fn now(&self) -> Timestamp {
        Timestamp::try_from(self.time.now())
            .ok()
            .and_then(|now| Timestamp::from_millisecond(now.as_millisecond()).ok())
            .unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Waits.
    pub async fn sleep(&self, span: Duration) {
        self.sleep.sleep(span).await;
    }
}
