//! The wire types of the HTTP API and its errors.

mod fleet;
mod problem;
mod rollout;
mod sweep;
mod view;

pub use fleet::{Census, FleetView, Unconverged};
pub use problem::{Code, Problem};
pub use rollout::{ReleaseRow, RolloutView, Status};
pub use sweep::{SweepLine, SweepView, Verdicts};
pub use view::{Endpoint, ErrorView, IntentView, ReleaseView, StoppedView, TenantView};
