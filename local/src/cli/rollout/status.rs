//! A rollout as text.

use jiff::Timestamp;

use super::view::{Course, Rollout, Tally};
use crate::cli::print::{Cell, Column, Paper, Table, Tone, ago, bar, count, left, short};

/// The widest that the bar is.
const BAR: usize = 60;

/// How many failures are listed; the rest is counted.
const FAILURES: usize = 12;

/// Where a rollout is.
pub(super) fn text(paper: &Paper, rollout: &Rollout) -> String {
    let (tally, now) = (&rollout.tally, paper.now);
    let title = format!(
        "{}  {} → {}",
        paper.paint(&rollout.id, Tone::Strong),
        rollout.from.as_deref().unwrap_or("nothing"),
        paper.paint(&rollout.release, Tone::Strong),
    );
    let promoted = rollout
        .promoted_at
        .map(|at| format!(", promoted {}", ago(at, now)))
        .unwrap_or_default();
    let began = format!(
        "began {} by {}{promoted}",
        ago(rollout.started_at, now),
        short(&rollout.by)
    );
    let done = tally.succeeded + tally.failed + tally.unknown;
    let share = (done * 100)
        .checked_div(tally.population())
        .map(|share| format!("  {share} %"));
    let width = paper.width.unwrap_or(BAR + 10).saturating_sub(10).clamp(10, BAR);
    let mut lines = vec![
        format!("{title}   {}", stage(paper, rollout)),
        paper.paint(&began, Tone::Quiet),
        String::new(),
        format!("  {}{}", bar(paper, width, &parts(tally)), share.unwrap_or_default()),
        format!("  {}", counted(paper, rollout)),
    ];
    if let Some(policy) = &rollout.policy {
        let used = (rollout.failures.len() as u64).saturating_sub(rollout.accepted);
        let tone = if used > policy.tolerance {
            Tone::Bad
        } else {
            Tone::Quiet
        };
        let accepted = match rollout.accepted {
            0 => String::new(),
            accepted => format!(", {} accepted", count(accepted)),
        };
        let budget = format!(
            "{} of {} failures allowed{accepted}",
            count(used),
            count(policy.tolerance)
        );
        lines.push(format!("  {}", paper.paint(&budget, tone)));
    }
    if let Some(why) = rollout.pause() {
        let since = rollout
            .status
            .since
            .map(|at| format!(" {}", ago(at, now)))
            .unwrap_or_default();
        lines.push(String::new());
        lines.push(paper.paint(&format!("Paused{since}: {why}."), Tone::Bad));
        lines.push(format!(
            "Go on with `berth rollout resume {0}` or `… resume --retry {0}`; undo with `… rollback {0}`.",
            rollout.id
        ));
    }
    let lines: String = lines.iter().map(|line| paper.fit(line) + "\n").collect();
    lines + &failures(paper, rollout)
}

/// One line of it, for those who read lines.
pub(super) fn line(rollout: &Rollout) -> String {
    let Tally {
        succeeded,
        failed,
        moving,
        ..
    } = rollout.tally;
    let (population, status) = (rollout.tally.population(), &rollout.status);
    let wave = status.wave.map(|wave| format!(" {wave}")).unwrap_or_default();
    let paused = if rollout.course() == Course::Paused {
        ", paused"
    } else {
        ""
    };
    format!(
        "{} {}{wave}{paused}: {succeeded} of {population} moved, {moving} on their way, {failed} failed",
        rollout.id, status.phase
    )
}

fn stage(paper: &Paper, rollout: &Rollout) -> String {
    let status = &rollout.status;
    let when = |at: Option<Timestamp>, tell: fn(Timestamp, Timestamp) -> String| {
        at.map(|at| format!(" {}", tell(at, paper.now))).unwrap_or_default()
    };
    let by = status
        .by
        .as_deref()
        .map(|by| format!(" by {}", short(by)))
        .unwrap_or_default();
    let what = match status.phase.as_str() {
        "canary" => "canary".to_owned(),
        "baking" => format!("baking, first wave{}", when(status.until, left)),
        "wave" => {
            let of = rollout
                .policy
                .as_ref()
                .map(|policy| format!(" of {}", policy.waves.len()))
                .unwrap_or_default();
            format!("wave {}{of}", status.wave.unwrap_or(1))
        }
        "withdrawing" => format!("putting back{by}"),
        "rolledBack" => format!("rolled back{by}{}", when(status.since, ago)),
        other => format!("{other}{by}{}", when(status.since, ago)),
    };
    let tone = match rollout.course() {
        Course::Going => Tone::Busy,
        Course::Arrived => Tone::Good,
        Course::Paused | Course::Ended => Tone::Bad,
    };
    paper.paint(&what, tone)
}

fn parts(tally: &Tally) -> [(u64, Tone); 4] {
    [
        (tally.succeeded, Tone::Good),
        (tally.failed + tally.unknown, Tone::Bad),
        (tally.moving, Tone::Busy),
        (tally.pending + tally.waiting, Tone::Quiet),
    ]
}

fn counted(paper: &Paper, rollout: &Rollout) -> String {
    let tally = &rollout.tally;
    let arrived = match rollout.status.phase.as_str() {
        "withdrawing" | "rejected" | "rolledBack" => "put back",
        _ => "run it",
    };
    let all = [
        (tally.succeeded, arrived, Tone::Good),
        (tally.failed, "failed", Tone::Bad),
        (tally.unknown, "unknown", Tone::Bad),
        (tally.moving, "on their way", Tone::Busy),
        (tally.pending, "to go", Tone::Plain),
        (tally.waiting, "wait", Tone::Plain),
        (tally.skipped, "not moved", Tone::Quiet),
    ];
    let there = all.into_iter().filter(|(number, _, _)| *number > 0);
    let told: Vec<String> = there
        .map(|(number, what, tone)| paper.paint(&format!("{} {what}", count(number)), tone))
        .collect();
    if told.is_empty() {
        return paper.paint("nobody is running, so nobody is moved", Tone::Quiet);
    }
    told.join(" · ")
}

fn failures(paper: &Paper, rollout: &Rollout) -> String {
    if rollout.failures.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[Column::cut("FAILED", 10), Column::whole("HOW"), Column::cut("WHY", 20)]);
    for (tenant, failure) in rollout.failures.iter().take(FAILURES) {
        table.row([
            Cell::new(tenant, Tone::Strong),
            Cell::new(&failure.code, Tone::Bad),
            Cell::from(&failure.message),
        ]);
    }
    let more = match rollout.failures.len().saturating_sub(FAILURES) {
        0 => String::new(),
        more => format!("and {} more\n", count(more as u64)),
    };
    format!("\n{}{more}", table.text(paper))
}
