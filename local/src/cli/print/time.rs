//! Time as people say it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// How long, in the two largest units that say something: `45 s`, `12 min`, `3 h 20 min`, `6 d 4 h`.
pub(crate) fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let two = |large: u64, unit: &str, small: u64, part: &str| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {part}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{minutes} min"),
        3_600..86_400 => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

/// How long ago something was.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    match Duration::try_from(now.duration_since(at)) {
        Ok(passed) if passed.as_secs() > 0 => format!("{} ago", span(passed)),
        Ok(_) => "now".to_owned(),
        Err(_) => left(at, now),
    }
}

/// In how long something will be.
pub(crate) fn left(at: Timestamp, now: Timestamp) -> String {
    match Duration::try_from(at.duration_since(now)) {
        Ok(ahead) if ahead.as_secs() > 0 => format!("in {}", span(ahead)),
        Ok(_) | Err(_) => "now".to_owned(),
    }
}

/// The date and the time, to the second, in UTC.
pub(crate) fn clock(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A span as people write it: `90s`, `30m`, `1h30m`, `2 days`; a plain number is seconds.
pub(crate) fn parse_span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a span of time; write it like 90s, 30m, 1h30m or 2d");
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    // Days have 24 hours here, which the parser leaves to its caller.
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let length: SignedDuration = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| wrong())?;
    Duration::try_from(length).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn spans_are_told_in_two_units() {
        let spans = [0, 59, 60, 3_599, 3_600, 12_000, 86_400, 533_000];
        let told = spans.map(|seconds| span(Duration::from_secs(seconds)));
        let expected = ["0 s", "59 s", "1 min", "59 min", "1 h", "3 h 20 min", "1 d", "6 d 4 h"];
        assert_eq!(told, expected);
    }

    #[test]
    fn past_and_future_are_told_apart() {
        assert_eq!(ago(at(0), at(720)), "12 min ago");
        assert_eq!(ago(at(720), at(0)), "in 12 min");
        assert_eq!(ago(at(5), at(5)), "now");
        assert_eq!(left(at(720), at(0)), "in 12 min");
        assert_eq!(left(at(0), at(720)), "now");
    }

    #[test]
    fn spans_are_read_as_people_write_them() {
        let read = |text| parse_span(text).map(|span| span.as_secs());
        let texts = ["90", "90s", "30m", "1h30m", "1h 30m", "2d", "0"];
        assert_eq!(texts.map(read), [90, 90, 1_800, 5_400, 5_400, 172_800, 0].map(Ok));
        for wrong in ["", "soon", "-5m", "5 parsecs"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
