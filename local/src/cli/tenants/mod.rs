//! `berth tenants`.

mod explain;
mod history;
mod intent;
mod list;
mod set;
mod show;
mod view;

use berth_core::tenant::TenantId;
use clap::{Args, Subcommand};

use super::Session;
use super::trouble::Trouble;
pub(crate) use list::{PHASES, phase_tone};
pub(crate) use view::Tenant;

/// What can be done with tenants.
#[derive(Debug, Subcommand)]
pub enum TenantsCommand {
    /// List tenants.
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Show one tenant.
    Get(OneArgs),
    /// Change what is a tenant's own, or create it.
    Set(Box<set::SetArgs>),
    /// Start tenants that sleep.
    Wake(intent::WakeArgs),
    /// Put tenants to sleep until somebody wakes them.
    Sleep(intent::IntentArgs),
    /// Give tenants a fresh task.
    Restart(intent::IntentArgs),
    /// Try again what has failed.
    Retry(intent::IntentArgs),
    /// Move tenants to the fleet's release.
    Update(intent::IntentArgs),
    /// Remove tenants; the files in their workspaces stay.
    Delete(intent::DeleteArgs),
    /// Say why a tenant is up or down, and what will change that.
    Explain(OneArgs),
    /// List what was decided about a tenant, and on what.
    History(OneArgs),
}

/// Which tenant.
#[derive(Args, Debug)]
pub struct OneArgs {
    /// Its id.
    id: TenantId,
}

pub(super) async fn run(session: &Session, command: TenantsCommand) -> Result<(), Trouble> {
    match command {
        TenantsCommand::List(arguments) => list::run(session, &arguments).await,
        TenantsCommand::Get(arguments) => show::run(session, &arguments.id).await,
        TenantsCommand::Set(arguments) => set::run(session, *arguments).await,
        TenantsCommand::Wake(arguments) => intent::wake(session, &arguments).await,
        TenantsCommand::Sleep(arguments) => intent::run(session, &arguments, intent::Verb::Sleep).await,
        TenantsCommand::Restart(arguments) => intent::run(session, &arguments, intent::Verb::Restart).await,
        TenantsCommand::Retry(arguments) => intent::run(session, &arguments, intent::Verb::Retry).await,
        TenantsCommand::Update(arguments) => intent::run(session, &arguments, intent::Verb::Update).await,
        TenantsCommand::Explain(arguments) => explain::run(session, &arguments.id).await,
        TenantsCommand::Delete(arguments) => intent::delete(session, &arguments).await,
        TenantsCommand::History(arguments) => history::run(session, &arguments.id).await,
    }
}
