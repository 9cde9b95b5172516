//! A *release* is one base that the fleet was, is or will be on.
//!
//! What the newest base is called does not matter, only what it contains: the same [`BaseFingerprint`](crate::definition::BaseFingerprint) is the same release,
//! however often it is deployed or seen. The [`Pointer`] says which release new and waking tenants take (*promoted*) and
//! which one is on trial (*candidate*); a release's own row says how its trial ended, never which of them is current.
//!
//! Deliberately absent: reading the base, checking images, writing rows. Those hand their findings in.

mod discover;
mod id;
mod image;
mod preflight;
mod row;
mod stack;

pub use discover::{Consider, Discovery, Unchanged, discover};
pub use id::{ReleaseId, RolloutId};
pub use image::{EcrImage, Which};
pub use preflight::{Finding, Image, ImagePresence, Preflight, preflight};
pub use row::{Pointer, Proof, Rejection, Release, ReleaseState};
pub use stack::{AtRest, Busy, EmptyPrefix, Ignored, Interest, Stack, StackPrefix, StackStatus, at_rest, interest};
