//! `berth dlq`.

use clap::Subcommand;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Session;
use super::print::{Cell, Column, Paper, Table, Tone, ago, many};
use super::trouble::Trouble;

/// What can be done with messages that reconcile could not deal with.
#[derive(Debug, Subcommand)]
pub enum DlqCommand {
    /// List what could not be dealt with, and why: up to a hundred messages, ten of each tenant.
    List,
    /// Send it back: what is about one tenant, or all that is about any. Whatever the cause was, mend it before.
    Redrive {
        /// The tenant.
        #[arg(required_unless_present = "all")]
        tenant: Option<String>,
        /// Everything that is about any tenant.
        #[arg(long, conflicts_with = "tenant")]
        all: bool,
    },
}

/// A message that could not be dealt with.
#[derive(Clone, Debug, Deserialize)]
struct Letter {
    tenant: Option<String>,
    at: Option<Timestamp>,
    reason: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    dead_letters: Vec<Letter>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Redriven {
    sent_back: Vec<Value>,
}

pub(super) async fn run(session: &Session, command: DlqCommand) -> Result<(), Trouble> {
    match command {
        DlqCommand::List => {
            let answer = session.client.get("/dead-letters").await?;
            let listed: Listed = answer.read(&session.client)?;
            session.tell(&answer, |paper| Ok(text(paper, &listed.dead_letters)))
        }
        DlqCommand::Redrive { tenant, .. } => {
            let body = tenant.map_or_else(|| json!({}), |tenant| json!({ "tenant": tenant }));
            let answer = session.client.post("/dead-letters/redrive", Some(&body)).await?;
            let redriven: Redriven = answer.read(&session.client)?;
            let sent = many(redriven.sent_back.len() as u64, "message");
            session.tell(&answer, |paper| Ok(paper.fit(&format!("{sent} sent back.")) + "\n"))
        }
    }
}

fn text(paper: &Paper, letters: &[Letter]) -> String {
    if letters.is_empty() {
        return "There are no dead letters.\n".to_owned();
    }
    let mut table = Table::new(&[
        Column::cut("TENANT", 12),
        Column::spare("GIVEN UP", 1),
        Column::cut("WHY", 20),
    ]);
    for letter in letters {
        table.row([
            Cell::new(letter.tenant.as_deref().unwrap_or("(nobody)"), Tone::Strong),
            Cell::from(letter.at.map(|at| ago(at, paper.now)).unwrap_or_default()),
            Cell::new(&letter.reason, Tone::Bad),
        ]);
    }
    table.text(paper)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::cli::print::Ink;

    #[test]
    fn each_dead_letter_is_a_line_with_its_reason() {
        let all = json!({ "deadLetters": [
            { "id": "1", "tenant": "acme", "at": "1970-01-01T00:00:00Z", "reason": "create-service failed 10 times", "body": "{}" },
            { "id": "2", "tenant": null, "at": null, "reason": "it names no tenant", "body": "?" },
        ] });
        let listed: Listed = serde_json::from_value(all).unwrap();
        let paper = Paper {
            width: Some(60),
            ink: Ink::Black,
            now: Timestamp::from_second(7_200).unwrap(),
        };
        expect![[r"
            TENANT    GIVEN UP  WHY
            acme      2 h ago   create-service failed 10 times
            (nobody)            it names no tenant
        "]]
        .assert_eq(&text(&paper, &listed.dead_letters));
        assert_eq!(text(&paper, &[]), "There are no dead letters.\n");
    }
}
