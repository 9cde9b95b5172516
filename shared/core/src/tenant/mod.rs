//! One customer, and what is stored of it.

mod id;

pub use id::{Generation, InvalidId, ServiceName, TenantId};
