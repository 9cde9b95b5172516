//! `berth sweep`.

use clap::{Args, Subcommand};
use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Session;
use super::print::{Cell, Column, Paper, Table, Tone, ago, clock, count, left, many};
use super::trouble::Trouble;

/// What the watchdog would do.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  berth sweep --dry-run
  berth sweep allow \"the campaign is over\"    # the next sweep may stop more than a fifth of the fleet, once"
)]
pub struct SweepArgs {
    #[command(subcommand)]
    command: Option<SweepCommand>,
    /// Show who would be put to sleep now, who not, and why. Sweeps run by themselves, each minute.
    #[arg(long)]
    dry_run: bool,
    /// Show everyone, not only those whose turn is next.
    #[arg(long)]
    all: bool,
}

/// What an operator can say to the watchdog.
#[derive(Debug, Subcommand)]
enum SweepCommand {
    /// Let the next sweep stop as many as it finds idle, once; it counts for an hour.
    Allow {
        /// Why.
        reason: String,
    },
    /// Take that back.
    Forbid,
}

/// How many of those that stay up are listed without `--all`.
const NEXT: usize = 10;

/// What `POST /sweeps?dryRun=true` answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sweep {
    complete: bool,
    running: u64,
    verdicts: std::collections::BTreeMap<String, u64>,
    admission: Admission,
    idle: Vec<Line>,
    not_idle: Vec<Line>,
    #[serde(default)]
    left_off: u64,
    #[serde(default)]
    unreadable: u64,
}

#[derive(Clone, Debug, Deserialize)]
struct Admission {
    admission: String,
    #[serde(flatten)]
    on: Value,
}

/// What is made of a tenant.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    tenant: String,
    verdict: String,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    stops_at: Option<Timestamp>,
}

pub(super) async fn run(session: &Session, arguments: &SweepArgs) -> Result<(), Trouble> {
    match &arguments.command {
        Some(SweepCommand::Allow { reason }) => {
            let path = "/sweeps/override";
            let answer = session
                .client
                .send(&Method::PUT, path, Some(&json!({ "reason": reason })), &[])
                .await?;
            let until: Option<Timestamp> = answer.body.get("until").and_then(|at| at.as_str()?.parse().ok());
            session.tell(&answer, |paper| {
                let until = until.map(|at| format!(" until {}", clock(at))).unwrap_or_default();
                Ok(paper.fit(&format!("The next sweep may stop as many as it finds idle{until}.")) + "\n")
            })
        }
        Some(SweepCommand::Forbid) => {
            let answer = session
                .client
                .send(&Method::DELETE, "/sweeps/override", None, &[])
                .await?;
            session.tell(&answer, |_| Ok("Sweeps stop no more than is believable.\n".to_owned()))
        }
        None if !arguments.dry_run => Err(Trouble::Usage(
            "sweeps run by themselves, each minute; `berth sweep --dry-run` shows what one would do now".to_owned(),
        )),
        None => {
            let answer = session.client.post("/sweeps?dryRun=true", None).await?;
            let sweep: Sweep = answer.read(&session.client)?;
            let shown = if arguments.all { usize::MAX } else { NEXT };
            session.tell(&answer, |paper| Ok(text(paper, &sweep, shown)))
        }
    }
}

fn text(paper: &Paper, sweep: &Sweep, shown: usize) -> String {
    let verdicts = sweep.verdicts.iter().filter(|(_, number)| **number > 0);
    let verdicts: Vec<String> = verdicts
        .map(|(verdict, number)| format!("{} {}", count(*number), words(verdict)))
        .collect();
    let mut told = format!(
        "{}: {}\n",
        paper.paint(&many(sweep.running, "running tenant"), Tone::Strong),
        verdicts.join(", ")
    );
    if !sweep.complete {
        let warning = "Not the whole fleet was seen: who was not seen is left alone, and looked at again in a minute.";
        told.push_str(&(paper.paint(&paper.fit(warning), Tone::Bad) + "\n"));
    }
    told.push_str(&admission(paper, sweep));
    for (lines, title) in [(&sweep.idle, "WOULD SLEEP"), (&sweep.not_idle, "STAYS UP")] {
        let mut lines: Vec<&Line> = lines.iter().collect();
        if lines.is_empty() {
            continue;
        }
        // Whose turn is next comes first; those who never sleep, last.
        lines.sort_by_key(|line| (line.stops_at.or(line.since).unwrap_or(Timestamp::MAX), &line.tenant));
        told.push('\n');
        told.push_str(&table(paper, title, &lines, shown));
    }
    if sweep.left_off + sweep.unreadable > 0 {
        let (off, bad) = (count(sweep.left_off), count(sweep.unreadable));
        told.push_str(
            &(paper.paint(
                &format!("{off} not listed, {bad} rows that cannot be read"),
                Tone::Quiet,
            ) + "\n"),
        );
    }
    told
}

fn table(paper: &Paper, title: &'static str, lines: &[&Line], shown: usize) -> String {
    let mut table = Table::new(&[
        Column::cut(title, 12),
        Column::whole("BECAUSE"),
        Column::whole("SLEEPS"),
        Column::spare("AT", 1),
    ]);
    for line in lines.iter().take(shown) {
        let since = line
            .since
            .map(|at| format!(", {}", ago(at, paper.now)))
            .unwrap_or_default();
        let until = line
            .until
            .map(|at| format!(", {}", left(at, paper.now)))
            .unwrap_or_default();
        table.row([
            Cell::new(&line.tenant, Tone::Strong),
            Cell::from(format!("{}{since}{until}", words(&line.verdict))),
            Cell::from(line.stops_at.map(|at| left(at, paper.now)).unwrap_or_default()),
            Cell::new(line.stops_at.map(clock).unwrap_or_default(), Tone::Quiet),
        ]);
    }
    let more = match lines.len().saturating_sub(shown) {
        0 => String::new(),
        more => {
            paper.paint(
                &format!("and {} more; --all lists them", count(more as u64)),
                Tone::Quiet,
            ) + "\n"
        }
    };
    table.text(paper) + &more
}

fn admission(paper: &Paper, sweep: &Sweep) -> String {
    let number = |name: &str| sweep.admission.on.get(name).and_then(Value::as_u64).unwrap_or_default();
    let line = match sweep.admission.admission.as_str() {
        "refused" => paper.paint(
            &format!(
                "It would stop none: {} are idle, and more than {} is not believable. `berth sweep allow REASON` lets it.",
                count(number("wanted")),
                count(number("limit"))
            ),
            Tone::Bad,
        ),
        "grantedByOverride" => paper.paint("It may stop more than is believable: somebody has allowed that.", Tone::Busy),
        _ => return String::new(),
    };
    paper.fit(&line) + "\n"
}

fn words(verdict: &str) -> &str {
    match verdict {
        "active" => "worked",
        "alwaysOn" => "always on",
        "notServing" => "not serving yet",
        "claimed" => "being put to sleep",
        "badTimestamp" => "impossible timestamp",
        other => other,
    }
}
