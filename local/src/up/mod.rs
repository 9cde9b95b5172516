//! `berth up`: everything on one machine, behind two ports of the loopback interface.
//!
//! One thread owns the engine and does one thing after the other: requests from outside, and whatever is due as virtual
//! time follows real time.

mod control;
mod pace;
pub(crate) mod page;
mod server;
mod store;
mod watchers;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;

pub use server::BindError;
pub use store::DataError;

use crate::cloud::{Cloud, Config, StoreError};
use crate::engine::{Anonymous, DeployError, Engine, Settings, TOKEN_SECONDS, TokenFor, token};
use pace::Pace;
use server::{Command, Door};
use store::Store;
use watchers::Watchers;

/// How often the state is saved, in real time.
const SAVE_EVERY: Duration = Duration::from_secs(10);

/// The longest that the loop sleeps when nothing is due.
const LONGEST_NAP: Duration = Duration::from_secs(1);

/// How much earlier the sample is made, so that its file system is available when the first request comes.
const HEAD_START: Duration = Duration::from_mins(5);

/// Where the six functions run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// In this process.
    Here,
    /// Wherever somebody starts them, against the AWS endpoint.
    Elsewhere,
}

/// What `berth up` is asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The port of the HTTP API and of `/_local`; 0 is any that is free.
    pub port: u16,
    /// The port of the AWS endpoint; 0 is any that is free.
    pub aws_port: u16,
    /// Where the state is kept; none keeps it in memory.
    pub data: Option<PathBuf>,
    /// Virtual seconds per second.
    pub speed: f64,
    /// Where all randomness comes from.
    pub seed: u64,
    /// The time at which a new world begins.
    pub start: Timestamp,
    /// Values of the template's parameters, instead of the sample's.
    pub parameters: BTreeMap<String, String>,
    /// What becomes of a request to the HTTP API that says nothing of who it is from.
    pub anonymous: Anonymous,
    /// Where the functions run.
    pub functions: Runs,
}

/// Why `berth up` could not start, or go on.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// A port.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The data directory.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The tables.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The template.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// The operating system.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// A world that is up, but whose time does not pass yet.
pub struct Up {
    engine: Engine,
    store: Option<Store>,
    speed: f64,
    sockets: [(tokio::net::TcpListener, Door); 2],
    api: SocketAddr,
    aws: SocketAddr,
}

impl Up {
    /// Takes the ports, opens or makes the world, and deploys the template into it.
    pub async fn start(options: &Options) -> Result<Self, UpError> {
        let api = server::listen(options.port, "--port").await?;
        let aws = server::listen(options.aws_port, "--aws-port").await?;
        let store = options.data.as_deref().map(Store::open).transpose()?;
        let saved = store.as_ref().map(Store::load).transpose()?.flatten();
        let is_new = saved.is_none();
        let cloud = match saved {
            Some(cloud) => cloud,
            None => Cloud::new(Config::new(options.seed, options.start - HEAD_START))?,
        };
        let settings = Settings {
            parameters: options.parameters.clone(),
            anonymous: options.anonymous,
        };
        let mut engine = Engine::deploy(cloud, "us-east-1", &settings)?;
        if is_new {
            engine.advance_to(options.start)?;
        }
        if options.functions == Runs::Elsewhere {
            engine.leave_functions_to_others();
        }
        if let Some(store) = &store {
            store.save(&engine.shared().cloud())?;
        }
        let (at_api, at_aws) = (api.local_addr()?, aws.local_addr()?);
        let sockets = [(api, Door::Api), (aws, Door::Aws)];
        Ok(Self {
            engine,
            store,
            speed: options.speed,
            sockets,
            api: at_api,
            aws: at_aws,
        })
    }

    /// Where the HTTP API and `/_local` listen.
    pub fn api(&self) -> SocketAddr {
        self.api
    }

    /// A token for the HTTP API that may do everything, for a year of virtual time.
    pub fn admin_token(&self) -> String {
        token(&TokenFor::Admin, "admin", self.engine.now(), TOKEN_SECONDS)
    }

    /// Where the AWS services listen.
    pub fn aws(&self) -> SocketAddr {
        self.aws
    }

    /// Serves until `end`; then the state is saved. Runs inside a `tokio::task::LocalSet`.
    pub async fn serve(mut self, end: impl Future<Output = ()>) -> Result<(), UpError> {
        let (sender, mut commands) = mpsc::unbounded_channel();
        let [first, second] = self.sockets;
        let mut doors = tokio::task::JoinSet::new();
        for (listener, door) in [first, second] {
            doors.spawn_local(server::serve(listener, door, sender.clone()));
        }
        let mut pace = Pace::from(self.engine.now(), self.speed);
        let mut saved_at = Instant::now();
        let mut watchers = Watchers::default();
        let mut end = std::pin::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => break,
                Some(command) = commands.recv() => pace = obey(&mut self.engine, &mut watchers, pace, command)?,
                () = tokio::time::sleep(nap(&self.engine, pace)) => self.engine.advance_to(pace.now())?,
            }
            watchers.tell(&self.engine, pace);
            if let Some(store) = self.store.as_ref().filter(|_| saved_at.elapsed() > SAVE_EVERY) {
                store.save(&self.engine.shared().cloud())?;
                saved_at = Instant::now();
            }
        }
        if let Some(store) = &self.store {
            store.save(&self.engine.shared().cloud())?;
        }
        Ok(())
    }
}

/// Does what a request from outside asks for, at the virtual time at which it came.
fn obey(engine: &mut Engine, watchers: &mut Watchers, mut pace: Pace, command: Command) -> Result<Pace, StoreError> {
    engine.advance_to(pace.now())?;
    let before = engine.now();
    match command {
        Command::Watch(reply_to) => {
            let _ = reply_to.send(watchers.join(engine));
        }
        Command::Api(request, reply_to) => engine.http(&request, reply_to),
        Command::Aws(request, reply_to) => engine.aws(request, reply_to),
        Command::Control(request, reply_to) => {
            // Whoever has gone away needs no answer.
            let _ = reply_to.send(control::answer(engine, &mut pace, &request));
        }
    }
    engine.settle();
    Ok(if engine.now() > before {
        pace.moved_to(engine.now())
    } else {
        pace
    })
}

fn nap(engine: &Engine, pace: Pace) -> Duration {
    let due = engine.next_due().and_then(|due| pace.until(due));
    due.map_or(LONGEST_NAP, |due| due.clamp(Duration::from_millis(1), LONGEST_NAP))
}
