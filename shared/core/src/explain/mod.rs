//! Why a tenant is up or down, and what will change that.
//!
//! An *explanation* is made of the same values by the same functions as the decisions: the sweep's [`Case`](crate::idle::Case)
//! and its verdict, the tenant's row and its [`phase`](crate::tenant::phase()). What was decided is in the *ledger*; an
//! [`Entry`] that a rule has made keeps all that it was made of, and [`replay`] makes it again.

mod entry;
mod explanation;
mod replay;
mod words;

#[cfg(test)]
mod tests;

pub use entry::{Entry, Ruling};
pub use explanation::{Definition, Explanation, FellBack, Idleness, Known, Stop, explain};
pub use replay::{Replay, replay};
pub use words::why;
