//! A *definition* is base + overlay, rendered: what `RegisterTaskDefinition` takes, named by its fingerprint.
//!
//! Everything works on the JSON that ECS returned, so that a member that this build does not know is carried and not
//! lost. Nothing here knows a tenant's id: tenants that render alike share one registered revision.

mod base;
mod canonical;
mod check;
mod difference;
mod fingerprint;
mod impact;
mod layout;
mod render;
mod surplus;

pub use base::{Base, InvalidBase, strip_response_only};
pub use check::{Finding, check};
pub use difference::{Change, Shown, difference};
pub use fingerprint::{BaseFingerprint, Fingerprint};
pub use impact::{Effect, impact};
pub use layout::{
    AccessPoint, AccessPointId, DeliveryContainer, FileSystemId, Layout, Main, NoDelivery, NoMain, NoWorkspace,
    Workspace,
};
pub use render::{Definition, RenderError, admit, family, render};
pub use surplus::{Revision, surplus};
