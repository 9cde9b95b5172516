//! `berth rollout plan`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::policy::PolicyArgs;
use super::view::{Plan, Why};
use crate::cli::Session;
use crate::cli::print::{Cell, Column, Paper, Table, Tone, count, many, span};
use crate::cli::trouble::Trouble;

pub(super) async fn run(session: &Session, policy: &PolicyArgs) -> Result<(), Trouble> {
    let answer = session
        .client
        .post("/rollouts?dryRun=true", Some(&policy.body()?))
        .await?;
    let plan: Plan = answer.read(&session.client)?;
    session.tell(&answer, |paper| Ok(text(paper, &plan)))
}

/// A plan as text.
pub(super) fn text(paper: &Paper, plan: &Plan) -> String {
    let moved: u64 = plan.waves.iter().map(|wave| wave.tenants.len() as u64).sum();
    let mut told = if moved == 0 {
        "Nobody would be moved now.\n".to_owned()
    } else {
        let mut table = Table::new(&[
            Column::whole("WAVE"),
            Column::number("TENANTS"),
            Column::whole("TAKES"),
            Column::cut("WHO", 20),
        ]);
        for wave in &plan.waves {
            table.row([
                Cell::new(&wave.name, Tone::Strong),
                Cell::from(count(wave.tenants.len() as u64)),
                Cell::from(span(Duration::from_secs(wave.seconds))),
                Cell::new(wave.tenants.join(" "), Tone::Quiet),
            ]);
        }
        table.text(paper)
    };
    let mut add = |line: String| told.push_str(&(paper.fit(&line) + "\n"));
    for (title, of) in [("wait", &plan.waiting), ("are not moved", &plan.skipped)] {
        for (why, number) in reasons(of) {
            add(paper.paint(&format!("{} {title}: {why}", many(number, "tenant")), Tone::Quiet));
        }
    }
    if moved > 0 {
        let total = span(Duration::from_secs(plan.total_seconds));
        add(format!(
            "{} in about {total}, at most {} at once.",
            many(moved, "tenant"),
            count(plan.in_flight_limit)
        ));
        let registering = Duration::from_secs(plan.registering_seconds);
        if registering.as_secs() >= plan.total_seconds {
            add(format!(
                "Registering their definitions alone takes {}.",
                span(registering)
            ));
        }
        add(paper.paint(
            "Windows, waits and failures come on top. `berth rollout start` does it.",
            Tone::Quiet,
        ));
    }
    told
}

fn reasons(of: &[(String, Why)]) -> BTreeMap<&str, u64> {
    let mut reasons = BTreeMap::new();
    for (_, Why { why }) in of {
        *reasons.entry(in_words(why)).or_default() += 1;
    }
    reasons
}

fn in_words(why: &str) -> &str {
    match why {
        "asleep" => "asleep; they take it when they wake",
        "deleted" => "being deleted",
        "pinned" => "pinned",
        "manual" => "offered the release, and nothing forces them",
        "current" => "there already",
        "notConcerned" => "never had the release",
        "settling" => "in the middle of another change",
        "busy" => "busy",
        "offered" => "offered the release for now",
        other => other,
    }
}
