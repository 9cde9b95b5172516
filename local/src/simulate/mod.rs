//! The *simulation*: whole fleets, on virtual time, in one thread, with everything going wrong that may.
//!
//! The six functions' own code, the tables, the queues and the simulated ECS live in one process. A [`Plan`] decides all of
//! it: the same plan is the same run, call by call. After each step the invariants of the design are checked on what is truly
//! there, and at the end that everything comes to rest. What is simulated and what is not: `docs/reliability.md`.

mod bases;
mod check;
mod command;
mod fate;
mod fleet;
mod life;
mod many;
mod plan;
mod rows;
mod run;
mod speed;
mod story;

use std::fmt;

pub use check::Violation;
pub use command::{Found, SimulateArgs, simulate};
pub use fleet::{Keeps, Rolled, rollout};
pub use many::{Tally, many};
pub use plan::{Plan, Trouble, UnknownTrouble};
pub use speed::{Speed, speed};

use run::Run;

/// How a run went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How many calls were made and requests asked.
    pub steps: u64,
    /// A number that two runs share only if they went the same way.
    pub fingerprint: u64,
    /// What must not happen and did.
    pub failure: Option<Failure>,
}

/// What must not happen and did, and how it came to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What.
    pub violation: Violation,
    /// In which run.
    pub plan: Plan,
    /// The last steps before it.
    pub story: Vec<String>,
}

/// How many steps are told.
const TOLD: usize = 60;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.story {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "{}", self.violation)?;
        write!(f, "again: {}", self.plan)
    }
}

/// Runs a plan.
pub fn run(plan: &Plan) -> Outcome {
    outcome(plan, Run::new(plan))
}

fn outcome(plan: &Plan, run: Result<Run, Violation>) -> Outcome {
    let mut run = match run {
        Ok(run) => run,
        Err(violation) => {
            let failure = Failure {
                violation,
                plan: plan.clone(),
                story: Vec::new(),
            };
            return Outcome {
                steps: 0,
                fingerprint: 0,
                failure: Some(failure),
            };
        }
    };
    let lived = run.live(plan.actions).and_then(|()| run.come_to_rest());
    let failure = lived.err().map(|violation| Failure {
        story: run.story.tell(violation.tenant.as_deref(), TOLD),
        violation,
        plan: plan.clone(),
    });
    Outcome {
        steps: run.story.steps(),
        fingerprint: run.story.fingerprint(),
        failure,
    }
}

/// The smallest run that is found within `runs` runs that fails in the same way.
pub fn shrink(failure: Failure, runs: usize) -> Failure {
    let mut smallest = failure;
    let mut left = runs;
    let mut shrunk = true;
    while shrunk {
        shrunk = false;
        for plan in smallest.plan.smaller() {
            if left == 0 {
                return smallest;
            }
            left -= 1;
            let same = |failure: &Failure| failure.violation.invariant == smallest.violation.invariant;
            if let Some(smaller) = run(&plan).failure.filter(same) {
                smallest = smaller;
                shrunk = true;
                break;
            }
        }
    }
    smallest
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::with_lost_answers;
