//! A *rollout* moves the running tenants from one release to another: canaries, a bake, then waves.
//!
//! Its whole state is one small [`Rollout`] row. Who was moved and how that went is not in it: that is read off the
//! tenants' own rows at every step, so a driver that dies between any two writes has lost nothing, and the next step
//! decides from what is true. [`step`] is the only place that decides a move; [`transition`] holds what an operator can
//! do; [`plan`] is the dry run of the same functions.
//!
//! Deliberately absent: a list of the tenants to move, a queue of waves, a lock. A sleeping tenant is never moved; it
//! takes the promoted release when it wakes.

mod facts;
mod fleet;
mod plan;
mod policy;
mod progress;
mod row;
mod step;
mod transition;
mod window;

#[cfg(test)]
mod tests;

pub use facts::Activity;
pub use fleet::{Applied, Consent, DefinitionOf, Failure, FailureCode, Outcome, TenantFacts, Verdict, verdict};
pub use plan::{Costs, Plan, PlannedWave, plan};
pub use policy::{InvalidPolicy, Policy, PolicyChange};
pub use progress::{Attempt, Progress, Skip, Tally, Wait};
pub use row::{End, PauseReason, Rollout, Stage, State, Withdrawal};
pub use step::{Move, MoveReason, Step, WhyNot, step};
pub use transition::{Refused, Resume};
pub use window::{Day, InvalidWindow, Opening, Window, opening};
