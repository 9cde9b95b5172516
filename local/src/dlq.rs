//! `berth dlq`: what reconcile could not deal with, and sending it back.

use aws_config::SdkConfig;
use berth_aws::dead_letters::{DeadLetter, DeadLetterOffice};
use berth_aws::error::CallError;
use berth_aws::start::sdk;
use berth_core::tenant::TenantId;
use clap::{Args, Subcommand};

/// Where the queues are. The outputs of the stack name them; keys, Region and endpoint are the SDK's own settings
/// (`AWS_REGION`, `AWS_PROFILE`, `AWS_ENDPOINT_URL`).
#[derive(Args)]
pub struct DlqArgs {
    /// URL of the queue in front of reconcile: the output `ReconcileQueueUrl`.
    #[arg(long)]
    queue_url: String,
    /// URL of its dead-letter queue: the output `ReconcileDeadLettersUrl`.
    #[arg(long)]
    dead_letters_url: String,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show what is there, with the reason for each.
    List,
    /// Send it back to reconcile: what is about one tenant, or all of it.
    Redrive {
        /// The tenant.
        #[arg(required_unless_present = "all")]
        tenant: Option<TenantId>,
        /// Everything that is about any tenant.
        #[arg(long, conflicts_with = "tenant")]
        all: bool,
    },
}

/// Runs the command, and says what came of it.
pub async fn dlq(arguments: DlqArgs) -> Result<String, CallError> {
    act(&sdk().await, arguments).await
}

async fn act(config: &SdkConfig, arguments: DlqArgs) -> Result<String, CallError> {
    let office = DeadLetterOffice::new(config, arguments.queue_url, arguments.dead_letters_url);
    Ok(match arguments.action {
        Action::List => told(&office.list().await?, "There are no dead letters."),
        Action::Redrive { tenant, .. } => {
            let sent = office.redrive(tenant.as_ref()).await?;
            told(&sent, "There was nothing to send back.")
        }
    })
}

/// One line for each letter.
fn told(letters: &[DeadLetter], none: &str) -> String {
    if letters.is_empty() {
        return none.to_owned();
    }
    let line = |letter: &DeadLetter| {
        let whose = letter.tenant.as_ref().map_or("(no tenant)", TenantId::as_str);
        let at = letter.at.map_or_else(|| "-".to_owned(), |at| format!("{at:.0}"));
        format!("{whose}  {at}  {}", letter.reason)
    };
    letters.iter().map(line).collect::<Vec<_>>().join("\n")
}
