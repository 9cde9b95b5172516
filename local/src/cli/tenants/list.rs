//! `berth tenants list`.

use std::collections::BTreeMap;

use clap::Args;
use clap::builder::PossibleValuesParser;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::{Value, json};

use super::view::Tenant;
use crate::cli::client::{Answer, Client};
use crate::cli::print::{Cell, Column, Paper, Table, Tone, ago, count, many, out};
use crate::cli::trouble::Trouble;
use crate::cli::{Form, Session};

/// The phases, in the order in which a tenant goes through them.
pub(crate) const PHASES: [&str; 7] = [
    "provisioning",
    "starting",
    "running",
    "stopping",
    "stopped",
    "failed",
    "deleting",
];

/// Which tenants, and how.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  berth tenants list --phase failed
  berth tenants list --behind --ids | xargs berth tenants restart")]
pub struct ListArgs {
    /// Only those in this phase.
    #[arg(long, value_parser = PossibleValuesParser::new(PHASES))]
    phase: Option<String>,
    /// Only those that are on this release.
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
    /// Only those that are not on the promoted release.
    #[arg(long)]
    behind: bool,
    /// At most so many.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Print ids alone, one a line.
    #[arg(long, short = 'q', conflicts_with = "json")]
    ids: bool,
}

#[derive(Deserialize)]
struct Page {
    tenants: Vec<Value>,
    cursor: Option<String>,
}

/// All tenants, page by page, as the API answers; the answer is the last page's.
async fn all(client: &Client, phase: Option<&str>, enough: usize) -> Result<(Vec<Value>, Answer), Trouble> {
    let bar = ProgressBar::no_length().with_style(spinner());
    let mut tenants = Vec::new();
    let mut cursor = None;
    loop {
        let parameters = [
            phase.map(|phase| format!("phase={phase}")),
            cursor.map(|cursor| format!("cursor={cursor}")),
        ];
        let query: Vec<String> = parameters.into_iter().flatten().collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let answer = client.get(&format!("/tenants{mark}{}", query.join("&"))).await?;
        let page: Page = answer.read(client)?;
        tenants.extend(page.tenants);
        bar.set_position(tenants.len() as u64);
        cursor = page.cursor;
        if cursor.is_none() || tenants.len() >= enough {
            bar.finish_and_clear();
            return Ok((tenants, answer));
        }
    }
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {human_pos} tenants").unwrap_or_else(|_| ProgressStyle::default_spinner())
}

pub(super) async fn run(session: &Session, arguments: &ListArgs) -> Result<(), Trouble> {
    // Who is left out here does not count, so nobody knows how many pages it takes.
    let filtered = arguments.release.is_some() || arguments.behind;
    let enough = arguments.limit.filter(|_| !filtered).unwrap_or(usize::MAX);
    let (found, answer) = all(&session.client, arguments.phase.as_deref(), enough).await?;
    let mut shown = Vec::new();
    for value in found {
        let tenant: Tenant = serde_json::from_value(value.clone())
            .map_err(|error| session.client.strange(format!("with an unknown tenant ({error})")))?;
        if arguments.wants(&tenant) {
            shown.push((value, tenant));
        }
    }
    shown.truncate(arguments.limit.unwrap_or(usize::MAX));
    let (values, tenants): (Vec<Value>, Vec<Tenant>) = shown.into_iter().unzip();
    if arguments.ids && session.form == Form::Text {
        let ids: String = tenants.iter().flat_map(|tenant| [&tenant.id, "\n"]).collect();
        return Ok(out(&ids)?);
    }
    session.tell_value(&json!({ "tenants": values }), answer.at, |paper| {
        Ok(text(paper, &tenants))
    })
}

impl ListArgs {
    fn wants(&self, tenant: &Tenant) -> bool {
        let release = self.release.is_none() || self.release == tenant.release.applied;
        release && (!self.behind || tenant.is_behind())
    }
}

/// The tenants as a table, and how many there are.
pub(super) fn text(paper: &Paper, tenants: &[Tenant]) -> String {
    if tenants.is_empty() {
        return "No tenants.\n".to_owned();
    }
    let mut table = Table::new(&[
        Column::cut("TENANT", 12),
        Column::whole("PHASE"),
        Column::spare("RELEASE", 2),
        Column::spare("SIZE", 4),
        Column::spare("WANTED", 1),
        Column::spare("BY", 5),
        Column::spare("ADDRESS", 3),
        Column::cut("NOTE", 16),
    ]);
    for tenant in tenants {
        let release = tenant.release.applied.clone().unwrap_or_default();
        let wanted = format!("{} {}", tenant.intent.reason, ago(tenant.intent.at, paper.now));
        let address = tenant.endpoint.as_ref().map(|endpoint| endpoint.address.clone());
        table.row([
            Cell::new(&tenant.id, Tone::Strong),
            Cell::new(&tenant.phase, tenant.tone()),
            Cell::new(release, if tenant.is_behind() { Tone::Busy } else { Tone::Plain }),
            Cell::from(tenant.size().unwrap_or_default()),
            Cell::from(wanted),
            Cell::from(tenant.by()),
            Cell::from(address.unwrap_or_default()),
            Cell::new(tenant.note().unwrap_or_default(), Tone::Bad),
        ]);
    }
    let mut phases: BTreeMap<&str, u64> = BTreeMap::new();
    for tenant in tenants {
        *phases.entry(&tenant.phase).or_default() += 1;
    }
    let each: Vec<String> = phases
        .iter()
        .map(|(phase, number)| format!("{} {phase}", count(*number)))
        .collect();
    let total = format!("{}: {}", many(tenants.len() as u64, "tenant"), each.join(", "));
    format!(
        "{}{}\n",
        table.text(paper),
        paper.paint(&paper.fit(&total), Tone::Quiet)
    )
}

/// The tone of a phase.
pub(crate) fn phase_tone(phase: &str) -> Tone {
    match phase {
        "running" => Tone::Good,
        "stopped" | "deleted" => Tone::Quiet,
        "failed" => Tone::Bad,
        _ => Tone::Busy,
    }
}
