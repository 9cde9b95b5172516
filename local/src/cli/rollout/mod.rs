//! `berth rollout`.

mod follow;
mod plan;
mod policy;
mod status;
mod view;

use berth_core::release::RolloutId;
use clap::{Args, Subcommand};

use super::Session;
use super::releases::newest_rollout;
use super::trouble::Trouble;
use view::Rollout;

/// What can be done with rollouts.
#[derive(Debug, Subcommand)]
pub enum RolloutCommand {
    /// Show who would be moved in which wave, and how long it takes. Changes nothing.
    Plan(policy::PolicyArgs),
    /// Ask for a rollout: to the newest base, or to a release.
    Start(StartArgs),
    /// Show where a rollout is.
    Status(StatusArgs),
    /// Move nobody from now on.
    Pause(WhichArgs),
    /// Go on, and accept the failures so far.
    Resume(ResumeArgs),
    /// End it; tenants stay where they are.
    Abort(WhichArgs),
    /// Put whoever has the release back.
    Rollback(WhichArgs),
}

/// Which rollout.
#[derive(Args, Clone, Copy, Debug)]
pub struct WhichArgs {
    /// Its id; the newest if none is named.
    id: Option<RolloutId>,
}

/// Which rollout, and how to go on.
#[derive(Args, Clone, Copy, Debug)]
pub struct ResumeArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// Move those that have failed once more.
    #[arg(long)]
    retry: bool,
}

/// Which rollout, and whether to go on looking.
#[derive(Args, Clone, Copy, Debug)]
#[command(after_help = "\
Examples:
  berth rollout status
  berth rollout status --watch      # until it is over; exit code 7 if it did not complete")]
pub struct StatusArgs {
    #[command(flatten)]
    which: WhichArgs,
    #[command(flatten)]
    watch: super::watch::WatchArgs,
}

/// What rollout.
#[derive(Args, Debug)]
pub struct StartArgs {
    #[command(flatten)]
    policy: policy::PolicyArgs,
    #[command(flatten)]
    watch: super::watch::WatchArgs,
}

pub(super) async fn run(session: &Session, command: RolloutCommand) -> Result<(), Trouble> {
    match command {
        RolloutCommand::Plan(policy) => plan::run(session, &policy).await,
        RolloutCommand::Start(arguments) => start(session, &arguments).await,
        RolloutCommand::Status(arguments) => {
            let id = which(session, arguments.which).await?;
            follow::run(session, id, arguments.watch).await
        }
        RolloutCommand::Pause(which) => operate(session, which, "pause").await,
        RolloutCommand::Resume(ResumeArgs { which, retry: false }) => operate(session, which, "resume").await,
        RolloutCommand::Resume(ResumeArgs { which, retry: true }) => operate(session, which, "resume?retry=true").await,
        RolloutCommand::Abort(which) => operate(session, which, "abort").await,
        RolloutCommand::Rollback(which) => operate(session, which, "rollback").await,
    }
}

async fn which(session: &Session, asked: WhichArgs) -> Result<RolloutId, Trouble> {
    match asked.id {
        Some(id) => Ok(id),
        None => newest_rollout(&session.client).await?.ok_or_else(|| {
            Trouble::NotReached("there has been no rollout yet; one begins when a new base is deployed".to_owned())
        }),
    }
}

async fn operate(session: &Session, asked: WhichArgs, verb: &str) -> Result<(), Trouble> {
    let id = which(session, asked).await?;
    let answer = session.client.post(&format!("/rollouts/{id}/{verb}"), None).await?;
    let rollout: Rollout = answer.read(&session.client)?;
    session.tell(&answer, |paper| Ok(status::text(paper, &rollout)))
}

/// Asks, and follows what begins within a minute if that is wanted.
async fn start(session: &Session, arguments: &StartArgs) -> Result<(), Trouble> {
    let before = newest_rollout(&session.client).await?;
    let answer = session
        .client
        .post("/rollouts", Some(&arguments.policy.body()?))
        .await?;
    if !arguments.watch.watch {
        let told = "A rollout begins within a minute, if there is anything to move.\nSee it with `berth rollout status --watch`.\n";
        return session.tell(&answer, |_| Ok(told.to_owned()));
    }
    let id = follow::begun(session, before).await?;
    follow::run(session, id, arguments.watch).await
}
