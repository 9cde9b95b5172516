//! How fast it is: tenant-lives per second on one core, with nothing going wrong.

use std::time::Duration;

use berth_core::tenant::{Generation, Tenant};
use serde_json::{Value, json};

use super::check::Violation;
use super::life::Ask;
use super::plan::Plan;
use super::run::Run;

/// What was lived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed {
    /// How many tenants were provisioned, ran, were used, fell asleep, were woken and deleted.
    pub lives: usize,
    /// How many calls and requests that took.
    pub steps: u64,
    /// How much virtual time passed.
    pub lived: Duration,
}

/// How far apart the tenants' lives begin: ten a minute, because a sweep that would stop more than ten of so few stops none.
const APART: Duration = Duration::from_secs(6);

/// What each tenant does, and how long after its life has begun.
const LIFE: [(u64, &str, &str); 5] = [
    (0, "PUT", ""),
    (120, "POST", "/activity"),
    // Asleep since about 180 + 120 seconds: idle for a minute, and the tolerance for clocks.
    (480, "POST", "/wake"),
    (600, "POST", "/activity"),
    (660, "DELETE", ""),
];

/// Whether a tenant was provisioned, put to sleep, woken and deleted, each once, and nothing is left of it.
fn was_lived(row: &Tenant) -> bool {
    row.made.deleted_at.is_some() && row.intent.generation == Generation(4)
}

/// Lives so many whole lives, each one checked like any other run.
pub fn speed(lives: usize) -> Result<Speed, Violation> {
    let mut run = Run::new(&Plan {
        tenants: lives,
        ..Plan::calm(1)
    })?;
    let mut agenda: Vec<(Duration, Ask)> = Vec::new();
    for number in 0..lives {
        let begins = APART * u32::try_from(number).unwrap_or(u32::MAX);
        agenda.extend(LIFE.iter().map(|(after, method, verb)| {
            let body = if *method == "PUT" {
                json!({"idle": {"after": 60, "minUptime": 0}})
            } else {
                Value::Null
            };
            let path = format!("/tenants/t{number}{verb}");
            (begins + Duration::from_secs(*after), Ask { method, path, body })
        }));
    }
    agenda.sort_by_key(|(at, _)| *at);
    let mut at = Duration::ZERO;
    for (due, ask) in agenda {
        run.pass(due.saturating_sub(at))?;
        at = due;
        run.ask(&ask);
    }
    run.pass(Duration::from_mins(5))?;
    let lived = run.rows().filter(|row| was_lived(row)).count();
    if lived != lives {
        return Err(Violation::of_all(
            "run",
            format!("{lived} of {lives} lives were lived to their end"),
        ));
    }
    Ok(Speed {
        lives,
        steps: run.story.steps(),
        lived: at + Duration::from_mins(5),
    })
}
