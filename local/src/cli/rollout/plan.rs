//! `berth rollout plan`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::policy::PolicyArgs;
use super::view::{Change, Plan, Why};
use serde_json::Value;

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
    let mut told = changes(paper, plan);
    if moved == 0 {
        told.push_str("Nobody would be moved now.\n");
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
        told.push_str(&table.text(paper));
    }
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

/// What the one base has and the other has not.
fn changes(paper: &Paper, plan: &Plan) -> String {
    let (from, to) = (
        plan.from.as_deref().unwrap_or("nothing"),
        plan.release.as_deref().unwrap_or("the newest base"),
    );
    let mut told = paper.paint(&format!("{from} → {to}"), Tone::Strong) + "\n";
    for change in &plan.changes {
        let Change {
            path, value, from, to, ..
        } = change;
        let (line, tone) = match change.kind.as_str() {
            "added" => (format!("+ {path}: {}", shown(value)), Tone::Good),
            "removed" => (format!("- {path}: {}", shown(value)), Tone::Bad),
            _ => (format!("~ {path}: {} → {}", shown(from), shown(to)), Tone::Busy),
        };
        let kept = match change.kept_by {
            0 => String::new(),
            number => format!(
                "  ({} their own)",
                match number {
                    1 => "1 keeps".to_owned(),
                    number => format!("{} keep", count(number)),
                }
            ),
        };
        told.push_str(&(paper.fit(&format!("  {}{kept}", paper.paint(&line, tone))) + "\n"));
    }
    told + "\n"
}

/// A value of a definition; those of variables are never shown.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
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
