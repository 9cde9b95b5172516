//! What is wrong with an overlay, member by member.

use std::fmt;

use serde::Serialize;

/// The kinds of mistakes in a member, as stable codes for callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FieldCode {
    /// There is no such member.
    UnknownField,
    /// The member has another JSON type.
    WrongType,
    /// The member is needed beside another that is there.
    Missing,
    /// The number is outside its bounds.
    OutOfRange,
    /// The text does not have its form.
    Malformed,
    /// The name belongs to Berth.
    Reserved,
    /// The name is in `env` and in `secrets`.
    Duplicate,
    /// Fargate has no such size.
    InvalidSize,
    /// The size is less than the base's containers need.
    DoesNotFit,
    /// The rendered definition is over the limit of ECS.
    TooLarge,
    /// The template is none, or the base cannot deliver it.
    Undeliverable,
}

impl FieldCode {
    /// The code as callers see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownField => "unknown_field",
            Self::WrongType => "wrong_type",
            Self::Missing => "missing",
            Self::OutOfRange => "out_of_range",
            Self::Malformed => "malformed",
            Self::Reserved => "reserved",
            Self::Duplicate => "duplicate",
            Self::InvalidSize => "invalid_size",
            Self::DoesNotFit => "does_not_fit",
            Self::TooLarge => "too_large",
            Self::Undeliverable => "undeliverable",
        }
    }
}

/// One mistake. It never holds the value of a variable or what was given as a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct FieldError {
    /// What kind of mistake.
    pub code: FieldCode,
    /// Where: a JSON pointer (RFC 6901) into the overlay; empty for the overlay itself.
    pub pointer: String,
    /// What is wrong and what would be right, for people.
    pub message: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() {
            "the overlay"
        } else {
            &self.pointer
        };
        write!(f, "{place}: {} ({})", self.message, self.code.as_str())
    }
}

/// An overlay that cannot be accepted, with every mistake that was found; there is at least one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Invalid {
    /// The mistakes, in no order that matters.
    pub errors: Vec<FieldError>,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors: Vec<_> = self.errors.iter().map(FieldError::to_string).collect();
        f.write_str(&errors.join("; "))
    }
}
