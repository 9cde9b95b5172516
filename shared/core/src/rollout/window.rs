//! When tenants may be moved.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// Hours of some days in which tenants may be moved.
///
/// The zone is a fixed offset from UTC: functions carry no time-zone database, so a window does not follow daylight
/// saving time. Hours over midnight are two windows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Window {
    /// The days on which it opens.
    pub days: Vec<Day>,
    /// The hour at which it opens, 0 to 23.
    pub from_hour: u8,
    /// The hour at which it closes, up to 24 and after `from_hour`.
    pub to_hour: u8,
    /// Minutes east of UTC, -840 to 840.
    #[serde(default)]
    pub utc_offset_minutes: i16,
}

/// What is wrong with a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWindow {
    /// It has no days.
    #[error("it names no day, so it would never open")]
    NoDays,
    /// Its hours are not a span within one day.
    #[error("fromHour must be 0 to 23 and toHour after it, up to 24; hours over midnight are two windows")]
    Hours,
    /// No place on Earth has that offset.
    #[error("utcOffsetMinutes must be -840 to 840")]
    Offset,
}

/// Whether tenants may be moved now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// They may.
    Open,
    /// They may from then on.
    Closed {
        /// When the next window opens.
        opens: Timestamp,
    },
}

const DAY_SECONDS: i64 = 86_400;
const HOUR_SECONDS: i64 = 3_600;
/// 1 January 1970 was a Thursday, which is day 3 of a week that begins on Monday.
const EPOCH_WEEKDAY: i64 = 3;

impl Window {
    /// Whether it can ever open, and closes again.
    pub fn check(&self) -> Result<(), InvalidWindow> {
        if self.days.is_empty() {
            Err(InvalidWindow::NoDays)
        } else if self.from_hour >= self.to_hour || self.to_hour > 24 {
            Err(InvalidWindow::Hours)
        } else if self.utc_offset_minutes.unsigned_abs() > 840 {
            Err(InvalidWindow::Offset)
        } else {
            Ok(())
        }
    }

    /// Seconds since the epoch at which it opens and closes on the day that is `ahead` days after that of `second`.
    fn hours_on(&self, second: i64, ahead: i64) -> Option<(i64, i64)> {
        let offset = i64::from(self.utc_offset_minutes) * 60;
        let day = (second + offset).div_euclid(DAY_SECONDS) + ahead;
        let weekday = (day + EPOCH_WEEKDAY).rem_euclid(7);
        let midnight = day * DAY_SECONDS - offset;
        let at = |hour: u8| midnight + i64::from(hour) * HOUR_SECONDS;
        self.days
            .iter()
            .any(|named| *named as i64 == weekday)
            .then(|| (at(self.from_hour), at(self.to_hour)))
    }

    /// When it opens next, or `second` itself if it is open then.
    fn next_open(&self, second: i64) -> Option<i64> {
        (0..=7)
            .filter_map(|ahead| self.hours_on(second, ahead))
            .find(|(_, closes)| second < *closes)
            .map(|(opens, _)| opens.max(second))
    }
}

/// Whether any of these windows is open; no windows means always.
pub fn opening(windows: &[Window], now: Timestamp) -> Opening {
    let second = now.as_second();
    match windows.iter().filter_map(|window| window.next_open(second)).min() {
        Some(opens) if opens > second => Opening::Closed {
            opens: Timestamp::from_second(opens).unwrap_or(Timestamp::MAX),
        },
        _ => Opening::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn nights(utc_offset_minutes: i16) -> Window {
        Window {
            days: vec![Day::Mon, Day::Wed],
            from_hour: 2,
            to_hour: 5,
            utc_offset_minutes,
        }
    }

    #[test]
    fn a_window_is_open_from_its_first_second_to_before_its_last() {
        // 16 November 2026 is a Monday.
        let cases = [
            (
                "2026-11-16T01:59:59Z",
                Opening::Closed {
                    opens: at("2026-11-16T02:00:00Z"),
                },
            ),
            ("2026-11-16T02:00:00Z", Opening::Open),
            ("2026-11-16T04:59:59Z", Opening::Open),
            (
                "2026-11-16T05:00:00Z",
                Opening::Closed {
                    opens: at("2026-11-18T02:00:00Z"),
                },
            ),
            (
                "2026-11-18T05:00:00Z",
                Opening::Closed {
                    opens: at("2026-11-23T02:00:00Z"),
                },
            ),
        ];
        for (now, expected) in cases {
            assert_eq!(opening(&[nights(0)], at(now)), expected, "{now}");
        }
    }

    #[test]
    fn the_offset_moves_the_hours_and_the_day() {
        // 02:00 on Monday ten hours east of UTC is 16:00 on Sunday in UTC.
        let opens = at("2026-11-15T16:00:00Z");
        assert_eq!(
            opening(&[nights(600)], at("2026-11-15T15:59:59Z")),
            Opening::Closed { opens }
        );
        assert_eq!(opening(&[nights(600)], opens), Opening::Open);
    }

    #[test]
    fn the_earliest_of_several_counts_and_none_means_always() {
        assert_eq!(opening(&[], at("2026-11-16T12:00:00Z")), Opening::Open);
        let opens = at("2026-11-17T16:00:00Z");
        let both = [nights(0), nights(600)];
        assert_eq!(opening(&both, at("2026-11-16T12:00:00Z")), Opening::Closed { opens });
    }

    #[test]
    fn windows_that_never_open_or_never_close_are_refused() {
        let changed = |change: fn(&mut Window)| {
            let mut window = nights(0);
            change(&mut window);
            window.check()
        };
        assert_eq!(nights(840).check(), Ok(()));
        assert_eq!(changed(|w| w.days.clear()), Err(InvalidWindow::NoDays));
        assert_eq!(changed(|w| w.to_hour = 2), Err(InvalidWindow::Hours));
        assert_eq!(changed(|w| w.to_hour = 25), Err(InvalidWindow::Hours));
        assert_eq!(changed(|w| w.utc_offset_minutes = 841), Err(InvalidWindow::Offset));
        assert_eq!(changed(|w| w.utc_offset_minutes = i16::MIN), Err(InvalidWindow::Offset));
    }
}
