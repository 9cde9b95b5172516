//! `berth tenants explain`.

use berth_core::tenant::TenantId;
use jiff::Timestamp;
use serde::Deserialize;

use super::history::{self, Decision};
use super::phase_tone;
use crate::cli::Session;
use crate::cli::print::{Cell, Column, Paper, Table, Tone, ago, clock, left};
use crate::cli::trouble::Trouble;

/// What `GET /tenants/{id}/explain` answers, as far as it is printed.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    tenant: String,
    phase: String,
    summary: String,
    idle: Option<Idleness>,
    #[serde(default)]
    crashes: usize,
    #[serde(default)]
    decisions: Vec<Decision>,
}

#[derive(Clone, Debug, Deserialize)]
struct Idleness {
    #[serde(default)]
    keepers: Vec<Keeper>,
}

/// Something that keeps a tenant up for a while.
#[derive(Clone, Debug, Deserialize)]
struct Keeper {
    by: String,
    recorded: Timestamp,
    ends: Timestamp,
}

pub(super) async fn run(session: &Session, id: &TenantId) -> Result<(), Trouble> {
    let answer = session.client.get(&format!("/tenants/{id}/explain")).await?;
    let explanation: Explanation = answer.read(&session.client)?;
    session.tell(&answer, |paper| Ok(text(paper, &explanation)))
}

/// Sentences first, then what they are made of.
fn text(paper: &Paper, told: &Explanation) -> String {
    let phase = paper.paint(&told.phase, phase_tone(&told.phase));
    let title = format!("{}  {phase}", paper.paint(&told.tenant, Tone::Strong));
    let mut parts = vec![format!("{}\n", paper.fit(&title)), paper.prose(&told.summary)];
    let keepers = told.idle.as_ref().map_or(&[][..], |idle| &idle.keepers);
    if !keepers.is_empty() {
        let mut table = Table::new(&[
            Column::whole("KEPT UP BY"),
            Column::whole("RECORDED"),
            Column::whole("UNTIL"),
            Column::spare("THAT IS", 1),
        ]);
        for keeper in keepers {
            table.row([
                Cell::new(&keeper.by, Tone::Strong),
                Cell::from(ago(keeper.recorded, paper.now)),
                Cell::from(clock(keeper.ends)),
                Cell::from(left(keeper.ends, paper.now)),
            ]);
        }
        parts.push(table.text(paper));
    }
    if told.crashes > 0 {
        let crashes = format!("It has crashed {} times of late.", told.crashes);
        parts.push(format!("{}\n", paper.paint(&crashes, Tone::Bad)));
    }
    if !told.decisions.is_empty() {
        parts.push(history::text(paper, &told.decisions));
    }
    parts.join("\n")
}
