//! `berth fleet`.

use std::collections::BTreeMap;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::client::Client;
use super::print::{Cell, Column, Paper, Table, Tone, ago, bar, count, many};
use super::tenants::{Tenant, all, phase_tone};
use super::trouble::Trouble;
use super::watch::{Next, Watch, WatchArgs};
use super::{Form, Session};

/// Whether to go on looking.
#[derive(Args, Clone, Copy, Debug)]
pub struct FleetArgs {
    #[command(flatten)]
    watch: WatchArgs,
}

/// The fleet at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Glance {
    tenants: u64,
    promoted: Option<String>,
    phases: BTreeMap<String, u64>,
    /// How many run which release.
    releases: BTreeMap<String, u64>,
    /// How many run another release than the fleet should.
    behind: u64,
    /// Who has waited longest for what was asked for.
    oldest_unsettled: Option<Unsettled>,
    failed: Vec<Failed>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Unsettled {
    tenant: String,
    phase: String,
    since: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Failed {
    tenant: String,
    why: String,
}

/// How many that have failed are listed.
const FAILED: usize = 10;

impl Glance {
    pub(super) fn of(tenants: &[Tenant]) -> Self {
        let mut glance = Self {
            tenants: tenants.len() as u64,
            promoted: tenants.iter().find_map(|tenant| tenant.release.promoted.clone()),
            ..Self::default()
        };
        for tenant in tenants {
            *glance.phases.entry(tenant.phase.clone()).or_default() += 1;
            if let Some(applied) = tenant.release.applied.as_ref().filter(|_| tenant.phase == "running") {
                *glance.releases.entry(applied.clone()).or_default() += 1;
                glance.behind += u64::from(tenant.is_behind());
            }
            if tenant.phase == "failed" {
                let why = tenant.note().unwrap_or_default();
                glance.failed.push(Failed {
                    tenant: tenant.id.clone(),
                    why,
                });
            } else if !tenant.settled
                && glance
                    .oldest_unsettled
                    .as_ref()
                    .is_none_or(|oldest| tenant.intent.at < oldest.since)
            {
                glance.oldest_unsettled = Some(Unsettled {
                    tenant: tenant.id.clone(),
                    phase: tenant.phase.clone(),
                    since: tenant.intent.at,
                });
            }
        }
        glance
    }

    async fn read(client: &Client) -> Result<(Self, Timestamp), Trouble> {
        let (tenants, answer) = all(client, None, usize::MAX).await?;
        let tenants: Vec<Tenant> = serde_json::from_value(Value::Array(tenants))
            .map_err(|error| client.strange(format!("with an unknown tenant ({error})")))?;
        Ok((Self::of(&tenants), answer.at))
    }
}

pub(super) async fn run(session: &Session, arguments: &FleetArgs) -> Result<(), Trouble> {
    let (mut glance, mut at) = Glance::read(&session.client).await?;
    if !arguments.watch.watch {
        return session.tell_value(&json!(glance), at, |paper| Ok(text(paper, &glance)));
    }
    let mut watch = Watch::begin(session, arguments.watch)?;
    let mut said = String::new();
    loop {
        if watch.is_seen() {
            if watch.show(at, |paper| text(paper, &glance)).await? == Next::End {
                watch.end()?;
                return session.tell_value(&json!(glance), at, |paper| Ok(text(paper, &glance)));
            }
        } else {
            let line = match session.form {
                Form::Json => json!(glance).to_string(),
                Form::Text => line(&glance),
            };
            if line != said {
                super::print::out(&format!("{line}\n"))?;
                said = line;
            }
            watch.pause().await;
        }
        (glance, at) = Glance::read(&session.client).await?;
    }
}

fn line(glance: &Glance) -> String {
    let phases: Vec<String> = glance
        .phases
        .iter()
        .map(|(phase, number)| format!("{number} {phase}"))
        .collect();
    format!("{}: {}", many(glance.tenants, "tenant"), phases.join(", "))
}

/// The fleet at a glance, as text.
fn text(paper: &Paper, glance: &Glance) -> String {
    if glance.tenants == 0 {
        return "No tenants yet. Create one with `berth tenants set ID --create`.\n".to_owned();
    }
    let width = paper.width.unwrap_or(80).saturating_sub(30).clamp(8, 40);
    let of_all = |number: u64, tone: Tone| {
        bar(
            paper,
            width,
            &[(number, tone), (glance.tenants.saturating_sub(number), Tone::Quiet)],
        )
    };
    let mut lines = vec![paper.paint(&many(glance.tenants, "tenant"), Tone::Strong)];
    let widest = glance
        .phases
        .values()
        .map(|number| count(*number).len())
        .max()
        .unwrap_or_default();
    for phase in super::tenants::PHASES {
        let Some(number) = glance.phases.get(phase) else {
            continue;
        };
        let tone = phase_tone(phase);
        let drawn = of_all(*number, if tone == Tone::Quiet { Tone::Plain } else { tone });
        let name = paper.paint(&format!("{phase:<12}"), tone);
        lines.push(format!("  {name} {:>widest$}  {drawn}", count(*number)));
    }
    if !glance.releases.is_empty() {
        lines.push(String::new());
        lines.push(paper.paint("releases that run", Tone::Quiet));
        for (release, number) in &glance.releases {
            let promoted = glance.promoted.as_ref() == Some(release);
            let mark = if promoted { "  the fleet's" } else { "" };
            let drawn = of_all(*number, if promoted { Tone::Good } else { Tone::Busy });
            lines.push(format!("  {release:<12} {:>widest$}  {drawn}{mark}", count(*number)));
        }
    }
    if let Some(oldest) = &glance.oldest_unsettled {
        let since = ago(oldest.since, paper.now);
        lines.push(String::new());
        lines.push(format!(
            "longest on its way: {}, {} since {since}",
            oldest.tenant, oldest.phase
        ));
    }
    let lines: String = lines.iter().map(|line| paper.fit(line) + "\n").collect();
    lines + &failed(paper, glance)
}

fn failed(paper: &Paper, glance: &Glance) -> String {
    if glance.failed.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[Column::cut("FAILED", 10), Column::cut("WHY", 20)]);
    for failed in glance.failed.iter().take(FAILED) {
        table.row([
            Cell::new(&failed.tenant, Tone::Strong),
            Cell::new(&failed.why, Tone::Bad),
        ]);
    }
    let more = match glance.failed.len().saturating_sub(FAILED) {
        0 => String::new(),
        more => format!(
            "and {} more; `berth tenants list --phase failed` has all\n",
            count(more as u64)
        ),
    };
    format!("\n{}{more}", table.text(paper))
}
