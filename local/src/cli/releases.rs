//! `berth releases`.

use berth_core::release::RolloutId;
use jiff::Timestamp;
use serde::Deserialize;

use super::Session;
use super::client::Client;
use super::print::{Cell, Column, Paper, Table, Tone, ago, count, short};
use super::trouble::Trouble;

/// The releases, and which are current.
#[derive(Clone, Debug, Deserialize)]
struct Listing {
    promoted: Option<String>,
    candidate: Option<String>,
    rollout: Option<RolloutId>,
    releases: Vec<Release>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Release {
    id: String,
    source: String,
    found_at: Timestamp,
    state: String,
    since: Option<Timestamp>,
    proven_by: Option<u64>,
    #[serde(default)]
    reasons: Vec<String>,
}

/// The newest rollout, if there was one.
pub(crate) async fn newest_rollout(client: &Client) -> Result<Option<RolloutId>, Trouble> {
    let listing: Listing = client.get("/releases").await?.read(client)?;
    Ok(listing.rollout)
}

pub(super) async fn list(session: &Session) -> Result<(), Trouble> {
    let answer = session.client.get("/releases").await?;
    let listing: Listing = answer.read(&session.client)?;
    session.tell(&answer, |paper| Ok(text(paper, &listing)))
}

fn text(paper: &Paper, all: &Listing) -> String {
    if all.releases.is_empty() {
        return "No base has been seen yet: deploy the base stack.\n".to_owned();
    }
    let mut table = Table::new(&[
        Column::whole("RELEASE"),
        Column::whole("STATE"),
        Column::spare("SINCE", 1),
        Column::spare("PROVEN BY", 3),
        Column::spare("BASE", 2),
        Column::cut("WHY", 20),
    ]);
    for release in &all.releases {
        let is = |other: &Option<String>| other.as_deref() == Some(&release.id);
        let tone = match release.state.as_str() {
            "rejected" => Tone::Bad,
            _ if is(&all.promoted) => Tone::Good,
            _ if is(&all.candidate) => Tone::Busy,
            _ => Tone::Quiet,
        };
        let state = match release.state.as_str() {
            "promoted" if !is(&all.promoted) => "former",
            other => other,
        };
        let proof = release.proven_by.map(|tenants| {
            if tenants == 0 {
                "nobody".to_owned()
            } else {
                count(tenants)
            }
        });
        table.row([
            Cell::new(&release.id, Tone::Strong),
            Cell::new(state, tone),
            Cell::from(ago(release.since.unwrap_or(release.found_at), paper.now)),
            Cell::from(proof.unwrap_or_default()),
            Cell::from(short(&release.source)),
            Cell::from(release.reasons.join("; ")),
        ]);
    }
    table.text(paper)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;
    use crate::cli::print::Ink;

    #[test]
    fn the_current_release_is_told_from_former_ones() {
        let release = |id: &str, state: &str, reasons: &[&str]| {
            let source = format!("arn:aws:ecs:us-east-1:123456789012:task-definition/base:{id}");
            json!({"id": id, "source": source, "foundAt": "1970-01-01T00:00:00Z", "state": state, "provenBy": 0, "reasons": reasons})
        };
        let all = json!({
            "promoted": "r2", "candidate": "r4", "rollout": "ro3",
            "releases": [
                release("r4", "candidate", &[]),
                release("r3", "rejected", &["the image repo/app:3 is not in its repository"]),
                release("r2", "promoted", &[]),
                release("r1", "promoted", &[]),
            ],
        });
        let paper = Paper {
            width: Some(80),
            ink: Ink::Black,
            now: Timestamp::from_second(7_200).unwrap(),
        };
        expect![[r"
            RELEASE  STATE      SINCE    PROVEN BY  BASE     WHY
            r4       candidate  2 h ago  nobody     base:r4
            r3       rejected   2 h ago  nobody     base:r3  the image repo/app:3 is not in…
            r2       promoted   2 h ago  nobody     base:r2
            r1       former     2 h ago  nobody     base:r1
        "]]
        .assert_eq(&text(&paper, &serde_json::from_value(all).unwrap()));
    }
}
