//! Explanations in sentences. Moments are told to the second, what is still to come rounded up.

use jiff::Timestamp;

use super::explanation::Explanation;
use crate::idle::Verdict;
use crate::tenant::{Phase, Reason};

/// Why a sweep does what it does with a tenant.
pub fn why(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Idle { since, due, .. } => {
            format!(
                "it last worked at {}, and nothing keeps it up since {}",
                past(*since),
                past(*due)
            )
        }
        Verdict::Active { since, stops_at } => {
            let (since, stops) = (past(*since), to_come(*stops_at));
            format!("it last worked at {since}, and sleeps at {stops} unless it works or is held before")
        }
        Verdict::Held { until, stops_at } => {
            let (until, stops) = (to_come(*until), to_come(*stops_at));
            format!("it is held until {until}, and sleeps at {stops} unless it works or is held for longer")
        }
        Verdict::Protected { until, stops_at } => {
            let (until, stops) = (to_come(*until), to_come(*stops_at));
            format!("it is protected until {until}, and sleeps at {stops} unless it works or is held before")
        }
        Verdict::AlwaysOn => "it never sleeps, because it is always on".to_owned(),
        Verdict::NotServing => "it accepts no heartbeats: it is being started, or is being stopped".to_owned(),
        Verdict::Claimed { .. } => "a sweep has claimed it for a stop, and the next one sees to it".to_owned(),
        Verdict::BadTimestamp(repair) => {
            let attribute = repair.attribute();
            format!("its {attribute} cannot be true, and the next sweep repairs it before it is judged again")
        }
    }
}

/// The whole of an explanation, in a few sentences.
pub(super) fn summary(told: &Explanation) -> String {
    let asked = match &told.stop {
        Some(stop) => asked(stop.reason, &stop.by, stop.asked_at),
        None => asked(told.intent.reason, &told.intent.by, told.intent.at),
    };
    let first = match told.phase {
        Phase::Running => match &told.idle {
            Some(idle) => format!("It runs: {}.", why(&idle.verdict)),
            None => format!("It runs: it was {asked}, and no row of activity says how long."),
        },
        Phase::Provisioning | Phase::Starting => {
            format!("It was {asked}, and no task of it is RUNNING yet.")
        }
        Phase::Stopping => format!("It was {asked}, and not every task of it is proven to be STOPPED."),
        Phase::Stopped => stopped(told, &asked),
        Phase::Failed => match &told.last_error {
            Some(error) => format!("It was {asked}, and failed at {}: {}.", error.step, error.message),
            None => format!("It was {asked}."),
        },
        Phase::Deleting => format!("It was {asked}, and something is left of it."),
        Phase::Deleted => format!("It was {asked}, and nothing is left of it."),
    };
    let mut sentences = vec![first];
    if let Some(fallen) = &told.definition.fell_back_from {
        let serves = told
            .definition
            .applied
            .map_or_else(String::new, |release| format!(" of {release}"));
        let reason = &fallen.reason;
        sentences.push(format!(
            "Its new definition did not start ({reason}); the last good one{serves} stands in."
        ));
    }
    if let Some(bundle) = &told.definition.bundle
        && let Some(why) = &bundle.kept
    {
        let template = &bundle.template;
        sentences.push(format!(
            "Its template {template} could not be delivered ({why}); the bundle that was delivered before stays in force."
        ));
    }
    if let Some(at) = told.wake_at {
        sentences.push(format!("It is booked to wake at {}.", to_come(at)));
    }
    sentences.join(" ")
}

fn stopped(told: &Explanation, asked: &str) -> String {
    let stop = told.stop.as_ref();
    let proven = stop
        .and_then(|stop| stop.took_seconds)
        .map_or_else(String::new, |seconds| {
            format!(", and {seconds:.0} s later every task of it was proven to be STOPPED")
        });
    let on = stop.and_then(|stop| stop.decided_on.as_ref());
    let because = match on.map(|case| (case.judge(), case)) {
        Some((Verdict::Idle { since, .. }, _)) => format!(", having last worked at {}", past(since)),
        _ => String::new(),
    };
    format!("It was {asked}{because}{proven}.")
}

/// `woken by ops at 2027-01-15T08:00:00Z`
fn asked(reason: Reason, by: &str, at: Timestamp) -> String {
    let done = match reason {
        Reason::Provision => "created",
        Reason::Change => "changed",
        Reason::Wake => "woken",
        Reason::Sleep => "put to sleep",
        Reason::Idle => "put to sleep as idle",
        Reason::Restart => "restarted",
        Reason::Retry => "tried again",
        Reason::Delete => "deleted",
        Reason::Rollout => "moved by a rollout",
        Reason::Update => "updated",
        Reason::CrashLoop => "stopped because it crashed again and again",
    };
    format!("{done} by {by} at {}", past(at))
}

fn past(at: Timestamp) -> String {
    second(at.as_second())
}

fn to_come(at: Timestamp) -> String {
    let begun = i64::from(at.subsec_nanosecond() > 0);
    second(at.as_second().saturating_add(begun))
}

fn second(second: i64) -> String {
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX).to_string()
}
