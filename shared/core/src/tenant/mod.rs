//! One customer, and what is stored of it.

mod id;
mod overlay;

pub use id::{Generation, InvalidId, ServiceName, TenantId};
pub use overlay::{
    EnvName, EnvValue, FieldCode, FieldError, Idle, Image, Invalid, InvalidName, InvalidSize, Malformed, MemoryChoice,
    Overlay, Pin, Policy, Replace, SecretArn, Size, TemplateName,
};
