//! What a run follows from: the same plan is the same run.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A class of things that go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// A call is refused as one too many, and not done.
    Throttle,
    /// A call is answered with a server's error, and not done.
    ServerError,
    /// A call is not done, and no answer comes.
    LostCall,
    /// A call is done, and no answer comes.
    LostReply,
    /// An invocation is lost, before or after the call that it is making is done.
    Crash,
    /// Reads that may be behind are.
    StaleRead,
    /// Time passes between a call and its answer, up to the function's timeout.
    Slow,
    /// Events are lost, doubled, late and out of order.
    Events,
    /// Containers are slow to start, do not start, end by themselves, or ignore SIGTERM.
    Images,
    /// Bases are deployed, good ones, bad ones and such that are rolled back.
    Deploys,
    /// A call is done only after its caller has given up waiting for it.
    LateEffect,
    /// The functions' clocks differ from each other by up to two minutes.
    ClockSkew,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Throttle,
        Self::ServerError,
        Self::LostCall,
        Self::LostReply,
        Self::Crash,
        Self::StaleRead,
        Self::Slow,
        Self::Events,
        Self::Images,
        Self::Deploys,
        Self::LateEffect,
        Self::ClockSkew,
    ];

    /// As the command line has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throttle => "throttle",
            Self::ServerError => "server-error",
            Self::LostCall => "lost-call",
            Self::LostReply => "lost-reply",
            Self::Crash => "crash",
            Self::StaleRead => "stale-read",
            Self::Slow => "slow",
            Self::Events => "events",
            Self::Images => "images",
            Self::Deploys => "deploys",
            Self::LateEffect => "late-effect",
            Self::ClockSkew => "clock-skew",
        }
    }
}

/// A text that names no trouble.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no trouble: say throttle, server-error, lost-call, lost-reply, crash, stale-read, slow, events, images, \
     deploys, late-effect or clock-skew"
)]
pub struct UnknownTrouble(String);

impl FromStr for Trouble {
    type Err = UnknownTrouble;

    fn from_str(text: &str) -> Result<Self, UnknownTrouble> {
        let found = Self::ALL.into_iter().find(|trouble| trouble.as_str() == text);
        found.ok_or_else(|| UnknownTrouble(text.chars().take(80).collect()))
    }
}

/// Everything that a run follows from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where all chance comes from.
    pub seed: u64,
    /// How many tenants live.
    pub tenants: usize,
    /// How many times somebody does something, before everything is left to come to rest.
    pub actions: usize,
    /// What goes wrong.
    pub troubles: BTreeSet<Trouble>,
}

impl Plan {
    /// How many tenants live unless somebody says otherwise: few enough that they meet, in the budgets of ECS and in the
    /// batches of the queue, and that a story can be read.
    pub const TENANTS: usize = 4;

    /// How many actions there are unless somebody says otherwise: a few lives of each tenant.
    pub const ACTIONS: usize = 60;

    /// Everything goes wrong.
    pub fn troubled(seed: u64) -> Self {
        Self {
            seed,
            tenants: Self::TENANTS,
            actions: Self::ACTIONS,
            troubles: Trouble::ALL.into(),
        }
    }

    /// Nothing goes wrong.
    pub fn calm(seed: u64) -> Self {
        Self {
            troubles: BTreeSet::new(),
            ..Self::troubled(seed)
        }
    }

    /// Plans that are smaller than this one, the smallest first.
    pub fn smaller(&self) -> Vec<Self> {
        let fewer = |most: usize| [most / 4, most / 2, most * 3 / 4, most.saturating_sub(1)];
        let actions = fewer(self.actions).into_iter().map(|actions| Self {
            actions,
            ..self.clone()
        });
        let tenants = (1..self.tenants).map(|tenants| Self {
            tenants,
            ..self.clone()
        });
        let calmer = self.troubles.iter().map(|trouble| {
            let mut calmer = self.clone();
            calmer.troubles.remove(trouble);
            calmer
        });
        let all = actions.chain(tenants).chain(calmer);
        all.filter(|smaller| smaller != self).collect()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seed, tenants, actions) = (self.seed, self.tenants, self.actions);
        write!(
            f,
            "berth simulate --seed {seed} --tenants {tenants} --actions {actions}"
        )?;
        let calm: Vec<&str> = Trouble::ALL
            .into_iter()
            .filter(|trouble| !self.troubles.contains(trouble))
            .map(Trouble::as_str)
            .collect();
        if calm.is_empty() {
            return Ok(());
        }
        write!(f, " --without {}", calm.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_reads_back_as_written() {
        for trouble in Trouble::ALL {
            assert_eq!(trouble.as_str().parse(), Ok(trouble));
        }
        assert!("rain".parse::<Trouble>().is_err());
    }

    #[test]
    fn a_smaller_plan_is_never_the_plan_itself() {
        for plan in [
            Plan::troubled(1),
            Plan {
                actions: 1,
                tenants: 1,
                ..Plan::calm(1)
            },
        ] {
            assert!(plan.smaller().iter().all(|smaller| *smaller != plan));
        }
        assert!(
            Plan {
                actions: 0,
                tenants: 1,
                ..Plan::calm(1)
            }
            .smaller()
            .is_empty()
        );
    }
}
