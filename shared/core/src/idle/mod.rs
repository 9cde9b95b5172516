//! When a running tenant may be put to sleep.
//!
//! A tenant is *idle* if and only if its row says when it last worked, and that moment, its hold and its protection all
//! lie further back than they must: the moment by the tenant's idle time and by what heartbeats may have been left unwritten since,
//! and each of them by the tolerance for clocks that differ. Everything else is a reason not to stop it, and a [`Verdict`] of its own.
//!
//! Heartbeats are the only work. Health checks, polls and task events never reach the row.

mod guard;
mod judge;
mod protect;
mod row;
pub(crate) mod seconds;
mod touch;

#[cfg(test)]
mod tests;

pub use guard::{Admission, Override, StopGuard, SweepCase};
pub use judge::{Case, Claim, IdlePolicy, Keeper, KeptUp, Repair, Verdict, judge};
pub use protect::not_before;
pub use row::{ActivityRow, Recorded};
pub use touch::{Hold, HoldTooShort, cap_hold, refresh_before};
