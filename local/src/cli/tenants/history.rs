//! `berth tenants history`.

use berth_core::tenant::TenantId;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::show::plain;
use crate::cli::Session;
use crate::cli::print::{Cell, Column, Paper, Table, Tone, ago, clock};
use crate::cli::trouble::Trouble;

#[derive(Deserialize)]
struct History {
    decisions: Vec<Decision>,
}

/// A decision and what it was decided on.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Decision {
    at: Timestamp,
    #[serde(rename = "decision")]
    what: String,
    #[serde(default)]
    on: Value,
}

pub(super) async fn run(session: &Session, id: &TenantId) -> Result<(), Trouble> {
    let answer = session.client.get(&format!("/tenants/{id}/history")).await?;
    let history: History = answer.read(&session.client)?;
    session.tell(&answer, |paper| Ok(text(paper, &history.decisions)))
}

/// Decisions as a table.
pub(super) fn text(paper: &Paper, decisions: &[Decision]) -> String {
    if decisions.is_empty() {
        return "Nothing was decided in the last 90 days.\n".to_owned();
    }
    let mut table = Table::new(&[
        Column::spare("AT", 1),
        Column::whole("WHEN"),
        Column::whole("DECISION"),
        Column::cut("ON", 20),
    ]);
    for decision in decisions {
        table.row([
            Cell::new(clock(decision.at), Tone::Quiet),
            Cell::from(ago(decision.at, paper.now)),
            Cell::new(&decision.what, Tone::Strong),
            Cell::from(on(&decision.on, "").join(" ")),
        ]);
    }
    table.text(paper)
}

/// Values with their names; those inside others with a path.
fn on(value: &Value, path: &str) -> Vec<String> {
    let under = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    match value {
        Value::Null => Vec::new(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| on(value, &under(name)))
            .collect(),
        value if path.is_empty() => vec![plain(value)],
        value => vec![format!("{path}={}", plain(value))],
    }
}
