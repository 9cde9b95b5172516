//! Who should have settled by now, and above all who was asked to stop and has not.

use std::time::Duration;

use berth_core::tenant::{Generation, Wanted, deadline, towards};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde::Serialize;

use super::{AT_ONCE, Context};
use crate::error::CallError;
use crate::tables::Overdue;

/// Who was overdue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Driven {
    /// How many tenants reconcile was told to look at.
    pub nudged: usize,
    /// How many of them were asked to stop or to go so long ago that they are past the deadline for it. Their tasks may
    /// still cost money.
    pub stops_late: usize,
    /// How many are past the deadline of their start.
    pub starts_late: usize,
    /// For how many seconds the oldest stop that is overdue has been under way.
    pub oldest_stop_seconds: u64,
}

/// Has reconcile look at each tenant that should have settled by now. What does not fit into one page is there again in
/// a minute.
pub(super) async fn drive(context: &Context) -> Result<Driven, CallError> {
    let now = context.sight.clock.now();
    let due = context.tenants.due(now).await.inspect_err(|error| {
        tracing::error!(%error, "who is overdue is not known; it is asked again in a minute");
    })?;
    let nudges = stream::iter(&due)
        .map(|overdue| nudge(context, overdue, now))
        .buffer_unordered(AT_ONCE);
    let nudged = nudges.filter(|sent| std::future::ready(*sent)).count().await;
    Ok(Driven {
        nudged,
        ..late(&due, now)
    })
}

fn late(due: &[Overdue], now: Timestamp) -> Driven {
    let mut found = Driven::default();
    for overdue in due {
        let Some(wanted) = overdue.wanted else { continue };
        let under_way = Duration::try_from(now.duration_since(overdue.since)).unwrap_or_default();
        let late = usize::from(under_way > deadline(towards(wanted)).unwrap_or(Duration::MAX));
        if wanted == Wanted::Running {
            found.starts_late += late;
        } else {
            found.stops_late += late;
            found.oldest_stop_seconds = found.oldest_stop_seconds.max(under_way.as_secs());
        }
    }
    found
}

async fn nudge(context: &Context, overdue: &Overdue, now: Timestamp) -> bool {
    let id = &overdue.tenant;
    // The index names no generation. The moment alone makes the nudge one of its own.
    let sent = context.queue.nudge(id, Generation::default(), "overdue", now).await;
    if let Err(error) = &sent {
        tracing::error!(tenant = %id, %error, "an overdue tenant was not nudged; it is again in a minute");
    }
    sent.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_and_a_start_are_late_after_their_deadlines() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let of = |wanted, ago: Duration| Overdue {
            tenant: "acme".parse().unwrap(),
            since: now - ago,
            wanted: Some(wanted),
        };
        let ten = Duration::from_mins(10);
        let on_time = late(&[of(Wanted::Stopped, ten)], now);
        assert_eq!((on_time.stops_late, on_time.oldest_stop_seconds), (0, 600));
        let second = Duration::from_secs(1);
        let past = late(&[of(Wanted::Stopped, ten + second), of(Wanted::Stopped, second)], now);
        assert_eq!((past.stops_late, past.oldest_stop_seconds), (1, 601));
        let quarter = Duration::from_mins(15);
        assert_eq!(late(&[of(Wanted::Running, quarter)], now), Driven::default());
        let past = late(&[of(Wanted::Running, quarter + second)], now);
        assert_eq!((past.starts_late, past.stops_late, past.oldest_stop_seconds), (1, 0, 0));
    }
}
