//! How containers of an image behave.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How the containers of one image behave, from the next task on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Behaviour {
    /// Starts, passes its health check if it has one, runs until stopped, and ends within two seconds of SIGTERM.
    #[default]
    Healthy,
    /// Starts, and exits by itself with this code 1 to 10 seconds later.
    Exits(i32),
    /// Is pulled but cannot be started.
    NeverStarts,
    /// Cannot be pulled.
    PullError,
    /// Healthy, but needs this many seconds to start.
    Slow(u32),
    /// Healthy, but ends only by SIGKILL, after its stop timeout.
    IgnoresSigterm,
    /// Starts, and is killed for using too much memory a few seconds later.
    OutOfMemory,
    /// Starts and runs, but fails every health check that it has.
    Unhealthy,
    /// Healthy for this many seconds, then exits with code 1.
    Crashes(u32),
}

/// A text that names no behaviour.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no behaviour of an image: say healthy, exits:N, never-starts, pull-error, slow:S, ignores-sigterm, \
     out-of-memory, unhealthy or crashes:S"
)]
pub struct UnknownBehaviour(pub String);

impl FromStr for Behaviour {
    type Err = UnknownBehaviour;

    fn from_str(text: &str) -> Result<Self, UnknownBehaviour> {
        let unknown = || UnknownBehaviour(text.chars().take(80).collect());
        let (word, number) = text
            .split_once(':')
            .map_or((text, None), |(word, number)| (word, Some(number)));
        match (word, number) {
            ("healthy", None) => Ok(Self::Healthy),
            ("never-starts", None) => Ok(Self::NeverStarts),
            ("pull-error", None) => Ok(Self::PullError),
            ("ignores-sigterm", None) => Ok(Self::IgnoresSigterm),
            ("out-of-memory", None) => Ok(Self::OutOfMemory),
            ("unhealthy", None) => Ok(Self::Unhealthy),
            ("exits", Some(code)) => code.parse().map(Self::Exits).map_err(|_| unknown()),
            ("slow", Some(seconds)) => seconds.parse().map(Self::Slow).map_err(|_| unknown()),
            ("crashes", Some(seconds)) => seconds.parse().map(Self::Crashes).map_err(|_| unknown()),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Healthy => f.write_str("healthy"),
            Self::Exits(code) => write!(f, "exits:{code}"),
            Self::NeverStarts => f.write_str("never-starts"),
            Self::PullError => f.write_str("pull-error"),
            Self::Slow(seconds) => write!(f, "slow:{seconds}"),
            Self::IgnoresSigterm => f.write_str("ignores-sigterm"),
            Self::OutOfMemory => f.write_str("out-of-memory"),
            Self::Unhealthy => f.write_str("unhealthy"),
            Self::Crashes(seconds) => write!(f, "crashes:{seconds}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_reads_back_as_written() {
        for word in [
            "healthy",
            "exits:3",
            "never-starts",
            "pull-error",
            "slow:90",
            "ignores-sigterm",
            "out-of-memory",
            "unhealthy",
            "crashes:60",
        ] {
            assert_eq!(word.parse::<Behaviour>().unwrap().to_string(), word);
        }
        for wrong in ["", "Healthy", "exits", "exits:x", "slow:-1", "healthy:1", "crashes"] {
            assert!(wrong.parse::<Behaviour>().is_err(), "{wrong:?}");
        }
    }
}
