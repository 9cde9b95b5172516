//! The operator's commands: what one types, what is asked of the API, and what is printed of the answer.
//!
//! They decide nothing. Whatever is said of a tenant or a rollout is what the API answered; `--json` is that very answer.

mod client;
mod complete;
mod config;
mod cost;
mod dlq;
mod doctor;
mod fleet;
mod page;
mod print;
mod releases;
mod rollout;
mod sweep;
mod tenants;
mod trouble;
mod wait;
mod watch;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use serde_json::Value;

pub use complete::CompletionArgs;
pub use config::{Connection, Environment};
pub use cost::CostArgs;
pub use doctor::DoctorArgs;
pub use page::PageArgs;
pub use trouble::{EXIT_CODES, Trouble};

use client::{Answer, Client};
use config::Target;
use print::{Ink, Paper};

/// How answers are printed.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Output {
    /// Print what the API answered, as JSON; errors too.
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
    /// Whether there is colour.
    #[arg(long, global = true, value_enum, default_value_t, help_heading = "Output")]
    pub color: When,
}

/// When there is colour.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum When {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Output {
    /// What text is written on.
    fn paper(self, environment: &Environment) -> Paper {
        Paper {
            width: width(),
            ink: ink(self.color, environment),
            now: Timestamp::UNIX_EPOCH,
        }
    }
}

/// What an operator can do with a fleet.
#[derive(Debug, Subcommand)]
pub enum Operate {
    /// Look at tenants, change them, wake them, put them to sleep.
    #[command(subcommand)]
    Tenants(tenants::TenantsCommand),
    /// Move the fleet to another release, and watch it move.
    #[command(subcommand)]
    Rollout(rollout::RolloutCommand),
    /// List the releases: what the fleet was on, is on, and refused.
    Releases,
    /// See the fleet at a glance.
    Fleet(fleet::FleetArgs),
    /// See who would be put to sleep now, and who not.
    Sweep(sweep::SweepArgs),
    /// See what could not be dealt with, and send it back.
    #[command(subcommand)]
    Dlq(dlq::DlqCommand),
}

/// What the commands work with: an API, and something to print on.
struct Session {
    client: Client,
    form: Form,
    ink: Ink,
}

/// As what answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Json,
}

impl Session {
    /// What text is written on now: the terminal may have been resized.
    fn paper(&self, now: Timestamp) -> Paper {
        Paper {
            width: width(),
            ink: self.ink,
            now,
        }
    }

    /// Prints an answer: as it is, or as this text.
    fn tell(&self, answer: &Answer, text: impl FnOnce(&Paper) -> Result<String, Trouble>) -> Result<(), Trouble> {
        self.tell_value(&answer.body, answer.at, text)
    }

    /// Prints what was made of several answers: as a value, or as this text.
    fn tell_value(
        &self,
        value: &Value,
        at: Timestamp,
        text: impl FnOnce(&Paper) -> Result<String, Trouble>,
    ) -> Result<(), Trouble> {
        let printed = match self.form {
            Form::Json => print::json(value),
            Form::Text => text(&self.paper(at))?,
        };
        Ok(print::out(&printed)?)
    }
}

/// Does what was typed.
pub async fn operate(command: Operate, connection: &Connection, output: Output) -> Result<(), Trouble> {
    let environment = Environment::of_process();
    let target = Target::find(connection, &environment)?;
    let session = Session {
        client: Client::new(target).await?,
        form: if output.json { Form::Json } else { Form::Text },
        ink: ink(output.color, &environment),
    };
    match command {
        Operate::Tenants(command) => tenants::run(&session, command).await,
        Operate::Rollout(command) => rollout::run(&session, command).await,
        Operate::Releases => releases::list(&session).await,
        Operate::Sweep(arguments) => sweep::run(&session, &arguments).await,
        Operate::Dlq(command) => dlq::run(&session, command).await,
        Operate::Fleet(arguments) => fleet::run(&session, &arguments).await,
    }
}

/// How wide the terminal is, if there is one.
fn width() -> Option<usize> {
    let size = console::Term::stdout().size_checked();
    size.map(|(_, columns)| usize::from(columns))
}

/// `NO_COLOR` is <https://no-color.org>.
fn ink(when: When, environment: &Environment) -> Ink {
    let attended = console::Term::stdout().is_term()
        && environment.get("NO_COLOR").is_none()
        && environment.get("TERM") != Some("dumb");
    match when {
        When::Always => Ink::Colour,
        When::Auto if attended => Ink::Colour,
        When::Auto | When::Never => Ink::Black,
    }
}
