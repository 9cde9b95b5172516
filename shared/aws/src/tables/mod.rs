//! The tables: one module each. Rows are created by one conditional Put and then changed only by conditional
//! `UpdateItem` calls that name the writer's own attributes.

mod activity;
mod budgets;
mod definitions;
mod everyone;
mod fleet;
mod ledger;
mod overrides;
mod releases;
mod rollouts;
mod sweep;
mod tenants;
mod touch;
mod update;
mod wishes;

pub(crate) use activity::row as activity_row;
pub use activity::{ActivityTable, Opening};
pub use budgets::Budgets;
pub use definitions::{Attempt, Claim, DefinitionRegistry, Own, Owner, Shared};
pub use fleet::{Swapped, Version, Versioned};
pub use ledger::{Decisions, Entry, Ledger};
pub use overrides::SweepOverride;
pub use releases::Releases;
pub use rollouts::{RolloutRow, Rollouts};
pub use sweep::Seen;
pub use tenants::{Overdue, Page, Tenants};
pub use touch::Touched;
pub use update::{Item, Outcome, Update};
pub use wishes::{Wish, Wishes};

use aws_sdk_dynamodb::types::AttributeValue;

use crate::error::CallError;

/// Anything serialisable as an attribute.
pub(crate) fn attribute<T: serde::Serialize>(value: T) -> Result<AttributeValue, CallError> {
    serde_dynamo::to_attribute_value(value).map_err(|error| CallError::incomplete("write", &error.to_string()))
}

/// A string attribute.
#[expect(
    clippy::needless_pass_by_value,
    reason = "callers have numbers, ids and borrowed texts alike"
)]
pub(crate) fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

/// A number attribute.
#[expect(
    clippy::needless_pass_by_value,
    reason = "callers have numbers, ids and borrowed texts alike"
)]
pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
