//! One customer: what it is called, what is its own, and what is stored of it.

mod booked;
mod id;
mod made;
mod overlay;
mod phase;
mod row;

pub use booked::{Booked, DueWake, InvalidWake, ScheduledWake, WakeCase, WakeRequest};
pub use id::{Generation, InvalidId, ServiceName, TenantId};
pub use made::{Applied, FailedDefinition, Files, FilesClaim, LastError, Made, Order, Outlook, Settled, Told};
pub use overlay::{
    EnvName, EnvValue, FieldCode, FieldError, Idle, Image, Invalid, InvalidName, InvalidSize, Malformed, MemoryChoice,
    Overlay, Pin, Policy, Replace, SecretArn, Size, TemplateName,
};
pub use phase::{Phase, deadline, is_overdue, patience, phase, towards};
pub use row::{Intent, PutDown, Reason, Takes, Tenant, Wanted};
