//! A tenant's *overlay*: what is its own, laid over the base at every render.
//!
//! Every member is optional; what is absent is the base's. An overlay is persisted data and the whole of a tenant's
//! wishes: no caller passes an image or a size beside it.

mod invalid;
mod parse;
mod size;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

pub use invalid::{FieldCode, FieldError, Invalid};
pub use size::{InvalidSize, MemoryChoice, Size};
pub use value::{EnvName, EnvValue, Image, InvalidName, Malformed, SecretArn, TemplateName};

/// What is a tenant's own. Its `Debug` shows the names of variables and not their values.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overlay {
    /// The main container's image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// The task's size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// The main container's variables, over the base's by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<EnvName, EnvValue>,
    /// The main container's secrets, over the base's by name. No name is in `env` as well.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<EnvName, SecretArn>,
    /// The config template that the tenant's files start from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateName>,
    /// When it may be put to sleep, where that differs from the fleet's setting.
    #[serde(skip_serializing_if = "Idle::is_empty")]
    pub idle: Idle,
    /// Whether rollouts move it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// How its task is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace: Option<Replace>,
    /// That it stays on the definition it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pin>,
}

/// A tenant's own idle policy; spans are whole seconds in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Idle {
    /// How long without activity until it sleeps; from [`Idle::AFTER_LEAST`] to [`Idle::AFTER_MOST`].
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub after: Option<Duration>,
    /// How long it stays up at least once it runs; at most [`Idle::MIN_UPTIME_MOST`].
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub min_uptime: Option<Duration>,
    /// Whether it never sleeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub always_on: Option<bool>,
}

impl Idle {
    /// A minute: heartbeats come about once a minute, and a shorter span would put working tenants to sleep.
    pub const AFTER_LEAST: Duration = Duration::from_mins(1);
    /// A week: half an hour given in milliseconds is more, and is refused; who wants longer says `alwaysOn`.
    pub const AFTER_MOST: Duration = Duration::from_hours(7 * 24);
    /// A day: a tenant that must stay longer is always on or holds.
    pub const MIN_UPTIME_MOST: Duration = Duration::from_hours(24);

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether rollouts move a tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Rollouts move it.
    #[default]
    Auto,
    /// It is offered a new release, and takes it by an update, or when the rollout's `forceBy` is past.
    Manual,
}

/// How a tenant's task is replaced by one with another definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Replace {
    /// The old task is proved to be STOPPED before the new one starts.
    Strict,
    /// ECS replaces it in one deployment.
    Rolling,
}

/// A tenant that is pinned keeps its definition: no rollout and no wake changes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Pin {
    /// When the pin ends; never, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Pin {
    /// Whether it still holds at `now`; at `until` itself it does not.
    pub fn holds(self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Overlay {
    /// Reads an overlay; a member that is `null` is as good as absent.
    ///
    /// The error lists every mistake, so that a caller needs one try to learn all of them.
    pub fn parse(value: &Value) -> Result<Self, Invalid> {
        parse::overlay(value)
    }

    /// This overlay after a JSON merge patch (RFC 7396): members of the patch replace ours, `null` clears.
    pub fn merge_patch(&self, patch: &Value) -> Result<Self, Invalid> {
        parse::patched(self, patch)
    }

    /// As JSON; [`Overlay::parse`] reads it back.
    pub fn to_json(&self) -> Value {
        parse::to_json(self)
    }
}

impl<'de> Deserialize<'de> for Overlay {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(input)?;
        Self::parse(&value).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut members = output.serialize_struct("Size", 2)?;
        members.serialize_field("cpu", &self.cpu())?;
        members.serialize_field("memory", &self.memory())?;
        members.end()
    }
}

#[allow(clippy::ref_option, reason = "the signature that serde's `serialize_with` calls")]
fn seconds<S: Serializer>(span: &Option<Duration>, output: S) -> Result<S::Ok, S::Error> {
    span.map(|span| span.as_secs()).serialize(output)
}
