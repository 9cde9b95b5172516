//! The wire types of the HTTP API and its errors.

mod problem;
mod rollout;
mod view;

pub use problem::{Code, Problem};
pub use rollout::{ReleaseRow, RolloutView, Status};
pub use view::{Activity, Endpoint, ErrorView, IntentView, ReleaseView, StoppedView, TenantView};
