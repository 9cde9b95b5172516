//! The wire types of the HTTP API and its errors.

mod access;
mod cursor;
mod fleet;
mod problem;
mod rollout;
mod route;
mod view;

pub use access::{ADMIN, Access, Caller, TENANT, TENANT_CLAIM};
pub use cursor::{Cursor, InvalidCursor};
pub use fleet::{Census, FleetView, Unconverged};
pub use problem::{Code, Problem};
pub use rollout::{ReleaseRow, RolloutView, Status};
pub use route::{Door, Found, Operation, Route};
pub use view::{Activity, Endpoint, ErrorView, IntentView, ReleaseView, StoppedView, TenantView};
