//! `berth rollout status --watch`: until it is over.

use std::time::Duration;

use berth_core::release::RolloutId;
use tokio::time::{Instant, sleep};

use super::status;
use super::view::{Course, Rollout};
use crate::cli::client::Answer;
use crate::cli::print::out;
use crate::cli::releases::newest_rollout;
use crate::cli::trouble::Trouble;
use crate::cli::watch::{Next, Watch, WatchArgs};
use crate::cli::{Form, Session};

/// How long a rollout that was asked for may take to begin: the rebase function looks each minute.
const BEGINS_WITHIN: Duration = Duration::from_secs(150);

/// A rollout that began after this one.
pub(super) async fn begun(session: &Session, before: Option<RolloutId>) -> Result<RolloutId, Trouble> {
    let asked = Instant::now();
    loop {
        match newest_rollout(&session.client).await? {
            Some(newest) if Some(newest) > before => return Ok(newest),
            _ if asked.elapsed() > BEGINS_WITHIN => {
                let why = "no rollout has begun: the fleet may be on that release already; see `berth releases`";
                return Err(Trouble::NotReached(why.to_owned()));
            }
            _ => sleep(Duration::from_secs(2)).await,
        }
    }
}

/// Shows a rollout once, or until it is over.
pub(super) async fn run(session: &Session, id: RolloutId, arguments: WatchArgs) -> Result<(), Trouble> {
    let path = format!("/rollouts/{id}");
    if !arguments.watch {
        let answer = session.client.get(&path).await?;
        let rollout: Rollout = answer.read(&session.client)?;
        return session.tell(&answer, |paper| Ok(status::text(paper, &rollout)));
    }
    let mut watch = Watch::begin(session, arguments)?;
    let mut said = String::new();
    let rollout = loop {
        let answer = session.client.get(&path).await?;
        let rollout: Rollout = answer.read(&session.client)?;
        let over = matches!(rollout.course(), Course::Arrived | Course::Ended);
        // Nobody looks at a pipe, so nobody would notice that it waits for somebody.
        if over || (rollout.course() == Course::Paused && !watch.is_seen()) {
            watch.end();
            last(session, &answer, &rollout)?;
            break rollout;
        }
        if watch.is_seen() {
            let next = watch.show(answer.at, |paper| status::text(paper, &rollout)).await?;
            if next == Next::End {
                return Ok(());
            }
        } else {
            changed(session, &answer, &rollout, &mut said)?;
            watch.pause().await;
        }
    };
    match rollout.course() {
        Course::Arrived | Course::Going => Ok(()),
        Course::Paused => Err(Trouble::NotReached(format!("{id} is paused"))),
        Course::Ended => Err(Trouble::NotReached(format!(
            "{id} did not complete: {}",
            rollout.status.phase
        ))),
    }
}

fn last(session: &Session, answer: &Answer, rollout: &Rollout) -> Result<(), Trouble> {
    match session.form {
        Form::Json => Ok(out(&format!("{}\n", answer.body))?),
        Form::Text => session.tell(answer, |paper| Ok(status::text(paper, rollout))),
    }
}

/// A line for each change: text, or the whole answer as one line of JSON.
fn changed(session: &Session, answer: &Answer, rollout: &Rollout, said: &mut String) -> Result<(), Trouble> {
    let line = match session.form {
        Form::Json => answer.body.to_string(),
        Form::Text => status::line(rollout),
    };
    if *said != line {
        out(&format!("{line}\n"))?;
        *said = line;
    }
    Ok(())
}
