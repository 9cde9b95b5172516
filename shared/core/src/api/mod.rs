//! The wire types of the HTTP API and its errors.

mod access;
mod cursor;
mod fleet;
mod problem;
mod rollout;
mod route;
mod sweep;
mod view;

pub use access::{ADMIN, Access, Caller, TENANT, TENANT_CLAIM};
pub use cursor::{Cursor, InvalidCursor};
pub use fleet::{Census, FleetView, Unconverged};
pub use problem::{Code, Problem};
pub use rollout::{ReleaseRow, RolloutView, Status};
pub use route::{Door, Found, Operation, Route};
pub use sweep::{SweepLine, SweepView, Verdicts};
pub use view::{Endpoint, ErrorView, IntentView, ReleaseView, StoppedView, TenantView};
