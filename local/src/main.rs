//! The `berth` command.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use aws_smithy_async::time::{SystemTimeSource, TimeSource as _};
use berth::cli::{
    self, CompletionArgs, Connection, CostArgs, DoctorArgs, EXIT_CODES, Operate, Output, PageArgs, Trouble,
};
use berth::demo::{self, DemoError};
use berth::engine::Anonymous;
use berth::simulate::{Found, SimulateArgs, simulate};
use berth::up::{Options, Runs, Up, UpError};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use jiff::Timestamp;
use tracing_subscriber::filter::LevelFilter;

/// One Fargate container per tenant: current, configured, and asleep when idle.
#[derive(Parser)]
#[command(version, after_help = EXIT_CODES)]
struct Command {
    #[command(subcommand)]
    action: Action,
    /// What the functions and the engine log to stderr, from this level up. Without it: errors; of a simulation, in which
    /// calls fail all the time, nothing.
    #[arg(long, global = true)]
    log: Option<LevelFilter>,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
}

#[derive(Subcommand)]
enum Action {
    /// Run everything on this machine: the API, the functions, and the AWS services that they use.
    Up(UpArgs),
    /// Let whole fleets live on virtual time, with everything going wrong that may, and check what must not happen.
    Simulate(SimulateArgs),
    /// Watch the life of five tenants on a system of its own, in under a minute.
    Demo,
    #[command(flatten)]
    Operate(Operate),
    /// Check a deployed stack by what AWS says of it, and say what to do. It changes nothing.
    Doctor(DoctorArgs),
    /// Reckon what a fleet costs in a month, and where each figure comes from. It asks nobody.
    Cost(CostArgs),
    /// Write the dashboard as files, for any web server in front of a deployed API.
    Page(PageArgs),
    /// Print completions for a shell.
    Completions(CompletionArgs),
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error(transparent)]
    Up(#[from] UpError),
    #[error(transparent)]
    Demo(#[from] DemoError),
    #[error(transparent)]
    Simulate(#[from] Found),
    #[error(transparent)]
    Operate(#[from] Trouble),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

#[derive(Args)]
struct UpArgs {
    /// Port of the HTTP API and of the control API (`/_local`).
    #[arg(long, default_value_t = 7070)]
    port: u16,
    /// Port of the AWS endpoint.
    #[arg(long, default_value_t = 7071)]
    aws_port: u16,
    /// Keep the state in this directory, so that it survives a restart. Without it, it is in memory.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Virtual time runs this many times faster; 0 stands still, and moves only by POST /_local/clock.
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Where all randomness comes from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Ask every caller of the HTTP API for a token. Without it, whoever shows none may do everything.
    #[arg(long)]
    auth: bool,
    /// Only AWS, with the tables and queues of template.yaml: the functions run somewhere else, as in `cargo lambda watch`, and
    /// the HTTP API has no routes.
    #[arg(long)]
    without_functions: bool,
    /// A value for a parameter of template.yaml; may be given several times.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().map_err(|_| "it is a number".to_owned())?;
    if (0.0..=100_000.0).contains(&speed) {
        Ok(speed)
    } else {
        Err("it is a number from 0 to 100000".to_owned())
    }
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn main() -> ExitCode {
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(error) => return mistyped(&error),
    };
    let usual = match command.action {
        // Whatever is wrong is said once, by the command itself.
        Action::Simulate(_)
        | Action::Operate(_)
        | Action::Doctor(_)
        | Action::Cost(_)
        | Action::Page(_)
        | Action::Completions(_) => LevelFilter::OFF,
        Action::Up(_) | Action::Demo => LevelFilter::ERROR,
    };
    tracing_subscriber::fmt()
        .with_max_level(command.log.unwrap_or(usual))
        .with_writer(std::io::stderr)
        .init();
    let result = match command.action {
        Action::Up(arguments) => in_one_thread(up(arguments)),
        Action::Simulate(arguments) => simulate(&arguments).map_err(CommandError::from),
        Action::Demo => in_one_thread(demo()),
        Action::Operate(action) => in_one_thread(async {
            let done = cli::operate(action, &command.connection, command.output).await;
            done.map_err(CommandError::from)
        }),
        Action::Doctor(arguments) => in_one_thread(async {
            let done = arguments.run(&command.connection, command.output).await;
            done.map_err(CommandError::from)
        }),
        Action::Cost(arguments) => arguments.print(command.output).map_err(CommandError::from),
        Action::Page(arguments) => arguments.write().map_err(CommandError::from),
        Action::Completions(arguments) => arguments.print(&mut Command::command()).map_err(CommandError::from),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error, command.output),
    }
}

/// Help and versions are printed as they are; a mistake is one line.
fn mistyped(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // Whoever does not listen needs no help.
        let _ = error.print();
        return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
    }
    let text = error.to_string();
    let lines = text.lines().map(str::trim);
    let told: Vec<&str> = lines
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"))
        .collect();
    let told: Vec<&str> = told.into_iter().filter(|line| !line.is_empty()).collect();
    let told = told.join(" ");
    eprintln!("berth: {}; see `--help`", told.strip_prefix("error: ").unwrap_or(&told));
    ExitCode::from(USAGE)
}

/// The exit code of what was typed wrongly.
const USAGE: u8 = 2;

/// Says what went wrong, on one line, and with which exit code.
fn failed(error: &CommandError, output: Output) -> ExitCode {
    match error {
        CommandError::Operate(trouble) if output.json => eprintln!("{}", trouble.to_json()),
        error => eprintln!("berth: {error}"),
    }
    match error {
        CommandError::Operate(trouble) => ExitCode::from(trouble.exit_code()),
        CommandError::Up(_) | CommandError::Demo(_) | CommandError::Simulate(_) | CommandError::Io(_) => {
            ExitCode::FAILURE
        }
    }
}

fn in_one_thread(work: impl Future<Output = Result<(), CommandError>>) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, work)
}

async fn demo() -> Result<(), CommandError> {
    let options = Options {
        port: 0,
        aws_port: 0,
        data: None,
        speed: demo::SPEED,
        seed: 1,
        start: present(),
        parameters: [("RolloutPolicy".to_owned(), demo::ROLLOUT_POLICY.to_owned())].into(),
        anonymous: Anonymous::Machine,
        functions: Runs::Here,
    };
    let up = Up::start(&options).await?;
    let (api, aws) = (format!("http://{}", up.api()), format!("http://{}", up.aws()));
    println!("A whole system on this machine: the API at {api}, its AWS at {aws}.");
    println!("Time runs {} times faster.", demo::SPEED);
    tokio::select! {
        served = up.serve(ended()) => Ok(served?),
        told = demo::tell(&api, &aws) => Ok(told?),
    }
}

async fn up(arguments: UpArgs) -> Result<(), CommandError> {
    let options = Options {
        port: arguments.port,
        aws_port: arguments.aws_port,
        data: arguments.data,
        speed: arguments.speed,
        seed: arguments.seed,
        start: present(),
        parameters: arguments.parameters.into_iter().collect::<BTreeMap<_, _>>(),
        anonymous: if arguments.auth {
            Anonymous::Refused
        } else {
            Anonymous::Machine
        },
        functions: if arguments.without_functions {
            Runs::Elsewhere
        } else {
            Runs::Here
        },
    };
    let up = Up::start(&options).await?;
    let (api, aws) = (up.api(), up.aws());
    println!("berth is up.");
    println!("  http://{api}         the dashboard, and the tenants API");
    println!("  http://{api}/_local  clock, events, faults, images, tokens, base");
    println!("  http://{aws}         AWS: AWS_ENDPOINT_URL=http://{aws}, any key, us-east-1");
    if options.functions == Runs::Elsewhere {
        println!("The functions do not run here, so the tenants API has no routes.");
        return Ok(up.serve(ended()).await?);
    }
    match options.anonymous {
        Anonymous::Machine => println!("Open the first in a browser, or try this:"),
        Anonymous::Refused => {
            println!("Every request needs a token. This one may do everything:");
            println!("  token={}", up.admin_token());
            println!("and this gets one that may use the tenant acme, and nothing else:");
            println!("  curl http://{api}/_local/token -d '{{\"tenant\":\"acme\"}}'");
            println!("Open the first in a browser, or try this:");
        }
    }
    let header = match options.anonymous {
        Anonymous::Machine => "",
        Anonymous::Refused => " -H \"authorization: Bearer $token\"",
    };
    println!("  curl{header} -X PUT http://{api}/tenants/acme -H 'content-type: application/json' -d '{{}}'");
    println!("  curl{header} http://{api}/tenants/acme");
    println!("  curl http://{api}/_local/clock -d '{{\"advance_seconds\":1860}}'");
    Ok(up.serve(ended()).await?)
}

/// The present moment of this machine, at which a new world begins.
fn present() -> Timestamp {
    let now = Timestamp::try_from(SystemTimeSource::new().now()).unwrap_or(Timestamp::UNIX_EPOCH);
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// Ends when someone wants it to end: Ctrl-C or SIGTERM.
async fn ended() {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
    let terminated = async {
        match &mut terminate {
            Some(signal) => signal.recv().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated => {}
    }
}
