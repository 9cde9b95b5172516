//! The wire types of the HTTP API and its errors.

mod access;
mod answers;
mod cursor;
mod fleet;
#[cfg(feature = "openapi")]
pub mod openapi;
mod pages;
mod problem;
mod requests;
mod rollout;
mod route;
mod sweep;
mod view;

pub use access::{ADMIN, Access, Caller, TENANT, TENANT_CLAIM};
pub use answers::{
    Asked, DeadLetter, DeadLetters, History, HoldView, OverrideView, Redriven, ReleasesView, RolloutAsked,
    RolloutPreview, TenantPage, Touched, Touches,
};
pub use cursor::{Cursor, InvalidCursor};
pub use fleet::{Census, FleetView, Unconverged};
pub use problem::{Code, Problem};
pub use requests::{HoldRequest, OverrideRequest, RedriveRequest, RolloutRequest, TouchRequest};
pub use rollout::{ReleaseRow, ReleaseStatus, RolloutPhase, RolloutView, Status};
pub use route::{Door, Found, Operation, Route};
pub use sweep::{SweepLine, SweepView, Verdicts};
pub use view::{BundleView, Endpoint, ErrorView, IntentView, ReleaseView, StoppedView, TenantView};
