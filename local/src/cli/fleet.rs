//! `berth fleet`.

use std::collections::BTreeMap;

use clap::Args;
use jiff::Timestamp;
use serde::Deserialize;

use super::client::Answer;
use super::print::{Paper, Tone, ago, bar, count, many, out};
use super::tenants::{PHASES, phase_tone};
use super::trouble::Trouble;
use super::watch::{Next, Watch, WatchArgs};
use super::{Form, Session};

/// Whether to go on looking.
#[derive(Args, Clone, Copy, Debug)]
pub struct FleetArgs {
    #[command(flatten)]
    watch: WatchArgs,
}

/// The fleet at a glance, as `GET /fleet` answers.
#[derive(Clone, Debug, Deserialize)]
struct Fleet {
    tenants: u64,
    phases: BTreeMap<String, u64>,
    promoted: Option<String>,
    candidate: Option<String>,
    /// How many of those who run are on which release.
    #[serde(default)]
    running: BTreeMap<String, u64>,
    #[serde(default)]
    drift: Drift,
    #[serde(default)]
    unconverged: Unconverged,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Drift {
    kept: u64,
    candidate: u64,
    behind: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Unconverged {
    count: u64,
    late: u64,
    oldest: Vec<OnTheWay>,
}

#[derive(Clone, Debug, Deserialize)]
struct OnTheWay {
    since: Timestamp,
    id: String,
    phase: String,
}

/// How many of those who are on their way are named.
const NAMED: usize = 3;

async fn read(session: &Session) -> Result<(Fleet, Answer), Trouble> {
    let answer = session.client.get("/fleet").await?;
    let fleet = answer.read(&session.client)?;
    Ok((fleet, answer))
}

pub(super) async fn run(session: &Session, arguments: &FleetArgs) -> Result<(), Trouble> {
    let (mut fleet, mut answer) = read(session).await?;
    if !arguments.watch.watch {
        return session.tell(&answer, |paper| Ok(text(paper, &fleet)));
    }
    let mut watch = Watch::begin(session, arguments.watch)?;
    let mut said = String::new();
    loop {
        if watch.is_seen() {
            if watch.show(answer.at, |paper| text(paper, &fleet)).await? == Next::End {
                watch.end();
                return session.tell(&answer, |paper| Ok(text(paper, &fleet)));
            }
        } else {
            let line = match session.form {
                Form::Json => answer.body.to_string(),
                Form::Text => line(&fleet),
            };
            if line != said {
                out(&format!("{line}\n"))?;
                said = line;
            }
            watch.pause().await;
        }
        (fleet, answer) = read(session).await?;
    }
}

fn line(fleet: &Fleet) -> String {
    let phases: Vec<String> = fleet
        .phases
        .iter()
        .map(|(phase, number)| format!("{number} {phase}"))
        .collect();
    format!("{}: {}", many(fleet.tenants, "tenant"), phases.join(", "))
}

/// The fleet at a glance, as text.
fn text(paper: &Paper, fleet: &Fleet) -> String {
    if fleet.tenants == 0 {
        return "No tenants yet. Create one with `berth tenants set ID --create`.\n".to_owned();
    }
    let width = paper.width.unwrap_or(80).saturating_sub(30).clamp(8, 40);
    let of_all = |number: u64, tone: Tone| {
        let others = fleet.tenants.saturating_sub(number);
        bar(paper, width, &[(number, tone), (others, Tone::Quiet)])
    };
    let widest = fleet
        .phases
        .values()
        .map(|number| count(*number).len())
        .max()
        .unwrap_or_default();
    let mut lines = vec![paper.paint(&many(fleet.tenants, "tenant"), Tone::Strong)];
    for phase in PHASES {
        let Some(number) = fleet.phases.get(phase) else {
            continue;
        };
        let tone = phase_tone(phase);
        let drawn = of_all(*number, if tone == Tone::Quiet { Tone::Plain } else { tone });
        let name = paper.paint(&format!("{phase:<12}"), tone);
        lines.push(format!("  {name} {:>widest$}  {drawn}", count(*number)));
    }
    if !fleet.running.is_empty() {
        lines.push(String::new());
        lines.push(paper.paint("releases that run", Tone::Quiet));
    }
    for (release, number) in &fleet.running {
        let (tone, mark) = if fleet.promoted.as_ref() == Some(release) {
            (Tone::Good, "  the fleet's")
        } else if fleet.candidate.as_ref() == Some(release) {
            (Tone::Busy, "  on trial")
        } else {
            (Tone::Busy, "")
        };
        lines.push(format!(
            "  {release:<12} {:>widest$}  {}{mark}",
            count(*number),
            of_all(*number, tone)
        ));
    }
    lines.extend(drift(paper, &fleet.drift));
    lines.extend(on_the_way(paper, &fleet.unconverged));
    if fleet.phases.contains_key("failed") {
        lines.push(paper.paint("`berth tenants list --phase failed` says why", Tone::Bad));
    }
    lines.iter().map(|line| paper.fit(line) + "\n").collect()
}

fn drift(paper: &Paper, drift: &Drift) -> Option<String> {
    let parts = [
        (drift.behind, "are to follow"),
        (drift.candidate, "try the candidate"),
        (drift.kept, "are kept where they are"),
    ];
    let told: Vec<String> = parts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", count(number)))
        .collect();
    (!told.is_empty()).then(|| paper.paint(&format!("  elsewhere: {}", told.join(", ")), Tone::Quiet))
}

fn on_the_way(paper: &Paper, unconverged: &Unconverged) -> Vec<String> {
    if unconverged.count == 0 {
        return Vec::new();
    }
    let late = match unconverged.late {
        0 => String::new(),
        late => paper.paint(&format!(", {} late", count(late)), Tone::Bad),
    };
    let mut lines = vec![
        String::new(),
        format!("on their way: {}{late}", count(unconverged.count)),
    ];
    for oldest in unconverged.oldest.iter().take(NAMED) {
        let OnTheWay { since, id, phase } = oldest;
        lines.push(paper.paint(&format!("  {id} {phase} {}", ago(*since, paper.now)), Tone::Quiet));
    }
    lines
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;
    use crate::cli::print::Ink;

    fn check(width: usize, expected: &Expect) {
        let fleet = json!({
            "tenants": 1_204, "phases": {"running": 880, "stopped": 311, "starting": 9, "failed": 4},
            "promoted": "r11", "candidate": "r12", "rollout": "ro7",
            "running": {"r10": 3, "r11": 797, "r12": 80}, "drift": {"kept": 3, "candidate": 80, "behind": 0},
            "unconverged": {"count": 9, "late": 1, "oldest": [
                {"since": "1970-01-01T00:00:00Z", "id": "globex", "phase": "starting"},
                {"since": "1970-01-01T00:14:00Z", "id": "acme", "phase": "starting"},
            ]},
        });
        let paper = Paper {
            width: Some(width),
            ink: Ink::Black,
            now: Timestamp::from_second(15 * 60).unwrap(),
        };
        expected.assert_eq(&text(&paper, &serde_json::from_value(fleet).unwrap()));
    }

    #[test]
    fn a_fleet_is_told_with_what_is_out_of_line() {
        check(
            80,
            &expect![[r#"
            1,204 tenants
              starting       9  █░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
              running      880  █████████████████████████████░░░░░░░░░░░
              stopped      311  ██████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
              failed         4  █░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░

            releases that run
              r10            3  █░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
              r11          797  ██████████████████████████░░░░░░░░░░░░░░  the fleet's
              r12           80  ██░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  on trial
              elsewhere: 80 try the candidate, 3 are kept where they are

            on their way: 9, 1 late
              globex starting 15 min ago
              acme starting 1 min ago
            `berth tenants list --phase failed` says why
        "#]],
        );
    }

    #[test]
    fn a_fleet_fits_a_narrow_terminal() {
        check(
            40,
            &expect![[r#"
            1,204 tenants
              starting       9  █░░░░░░░░░
              running      880  ███████░░░
              stopped      311  ██░░░░░░░░
              failed         4  █░░░░░░░░░

            releases that run
              r10            3  █░░░░░░░░░
              r11          797  ██████░░░░  the fle…
              r12           80  █░░░░░░░░░  on trial
              elsewhere: 80 try the candidate, 3 ar…

            on their way: 9, 1 late
              globex starting 15 min ago
              acme starting 1 min ago
            `berth tenants list --phase failed` say…
        "#]],
        );
    }
}
