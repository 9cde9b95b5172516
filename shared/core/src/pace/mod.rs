//! How fast Berth calls ECS and EFS, so that it never uses up what AWS grants the account.
//!
//! AWS counts the calls of an account in a Region by token buckets: each call takes a token, tokens come back at a steady
//! rate, and a call that finds none is refused ("Request throttling for the Amazon ECS API"). Berth keeps a *budget* of
//! its own for each bucket, a [`Share`] of AWS's, and takes a token there before it calls. As long as nobody else in the
//! account calls more than the rest, AWS's bucket never runs dry: what Berth takes in any span is at most the share of
//! what AWS would have given in it. That holds however many invocations there are, because they all take from one budget.
//!
//! A budget is one moment, `spent`: it holds as many tokens as were refilled since then, at most its burst. To take a
//! token is to move `spent` on by what one takes to refill. If `spent` is still to come, that many tokens are promised
//! already, and the next caller's is ready when `spent` has been reached. So a claim is one number that grows, which many
//! can do at once without reading it first.

mod budget;
mod jitter;
mod work;

#[cfg(test)]
mod tests;

pub use budget::{Bucket, Budget, InvalidShare, Lane, Refused, Share, Terms};
pub use jitter::jitter;
pub use work::{Cost, cost_of_move, cost_of_registering, cost_of_stop, cost_of_tidying, lane};
