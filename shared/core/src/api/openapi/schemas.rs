//! Schemas of what is read and written by hand: names, overlays, problems.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::api::{Cursor, Problem};
use crate::definition::Shown;
use crate::release::{ReleaseId, RolloutId};
use crate::tenant::{Idle, MemoryChoice, Overlay, Size, TenantId};

macro_rules! schema {
    ($type:ty, $name:literal, $schema:expr) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                Schema::try_from($schema).unwrap_or_default()
            }
        }
    };
}

schema!(
    TenantId,
    "TenantId",
    json!({"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$", "description": "A tenant's id."})
);
schema!(
    ReleaseId,
    "ReleaseId",
    json!({"type": "string", "pattern": "^r[1-9][0-9]{0,9}$", "description": "A release, in the order in which bases were first seen."})
);
schema!(
    RolloutId,
    "RolloutId",
    json!({"type": "string", "pattern": "^ro[1-9][0-9]{0,9}$", "description": "A rollout, in the order in which they were started."})
);
schema!(
    Cursor,
    "Cursor",
    json!({"type": "string", "pattern": "^([0-9a-f]{2}){1,128}$", "description": "Where the next page starts: what the page before says."})
);
schema!(
    Shown,
    "Shown",
    json!({"description": "A value of a definition; that of an environment variable is `(not shown)`."})
);
schema!(Overlay, "Overlay", overlay(Whole::Put));

/// The body of `PATCH /tenants/{id}`: an overlay of which any part may be left out.
pub(super) struct OverlayPatch;

schema!(OverlayPatch, "OverlayPatch", overlay(Whole::Patch));

/// Which of the two that are like an overlay.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    /// All that is the tenant's own.
    Put,
    /// What of that is to change.
    Patch,
}

/// The source of each rule is where it is parsed: `tenant::overlay`.
fn overlay(whole: Whole) -> Value {
    let names = json!({"pattern": "^(?!BERTH_)[A-Za-z_][A-Za-z0-9_.-]{0,254}$"});
    let by_name = |value: Value, description: &str| {
        json!({
            "type": ["object", "null"],
            "propertyNames": names,
            "additionalProperties": value,
            "description": description,
        })
    };
    let seconds = |least: std::time::Duration, most: std::time::Duration, description: &str| json!({"type": ["integer", "null"], "minimum": least.as_secs(), "maximum": most.as_secs(), "description": description});
    let object = |members: Value, description: &str| {
        json!({
            "type": ["object", "null"],
            "properties": members,
            "additionalProperties": false,
            "description": description,
        })
    };
    let secret = "^arn:aws[a-z0-9-]*:(secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,1024}|\
                  ssm:[a-z0-9-]+:[0-9]{12}:parameter/[A-Za-z0-9/_.-]{1,1024})";
    let idle = object(
        json!({
            "after": seconds(Idle::AFTER_LEAST, Idle::AFTER_MOST, "After how many seconds without work it is put to sleep."),
            "minUptime": seconds(std::time::Duration::ZERO, Idle::MIN_UPTIME_MOST, "For how many seconds it stays up at least once it runs."),
            "alwaysOn": {"type": ["boolean", "null"], "description": "Whether it never sleeps."},
        }),
        "When it may be put to sleep, where that differs from the fleet's setting.",
    );
    let pin = object(
        json!({"until": {"type": ["string", "null"], "format": "date-time", "description": "When the pin ends; never, if absent."}}),
        "That it stays on the definition that it has.",
    );
    json!({
        "type": "object",
        "description": match whole {
            Whole::Put => "What is a tenant's own, over the base. What is absent or null is the base's.",
            Whole::Patch => "A JSON merge patch (RFC 7396) of an overlay: null clears.",
        },
        "properties": {
            "image": {
                "type": ["string", "null"],
                "pattern": r"^[A-Za-z0-9_.#-]+(/[A-Za-z0-9_.#-]+)*(:[A-Za-z0-9_.#-]+)?(@sha256:[0-9A-Fa-f]{64})?$",
                "maxLength": 255,
                "description": "The main container's image.",
            },
            "size": size(whole),
            "env": by_name(
                json!({"type": ["string", "null"], "pattern": r"^[^\u0000]*$"}),
                "The main container's variables, over the base's by name.",
            ),
            "secrets": by_name(
                json!({"type": ["string", "null"], "pattern": secret}),
                "The main container's secrets, over the base's by name. No name is in env as well.",
            ),
            "template": {
                "type": ["string", "null"],
                "pattern": "^[A-Za-z0-9_-]{1,64}$",
                "description": "The config template that its files start from.",
            },
            "idle": idle,
            "policy": {"enum": ["auto", "manual", null], "description": "Whether rollouts move it."},
            "replace": {"enum": ["strict", "rolling", null], "description": "How its task is replaced."},
            "pin": pin,
        },
        "additionalProperties": false,
    })
}

/// The pairs that Fargate has. A patch may change one of the two, if the other goes with it.
fn size(whole: Whole) -> Value {
    let description = "CPU units (1024 to a vCPU) and memory in MiB: a pair that Fargate has.";
    if whole == Whole::Patch {
        let number = json!({"type": ["integer", "null"], "minimum": 256, "maximum": 249_856});
        return json!({
            "type": ["object", "null"],
            "properties": {"cpu": number, "memory": number},
            "additionalProperties": false,
            "description": description,
        });
    }
    let pairs = Size::choices().map(|(cpu, memory)| {
        let memory = match memory {
            MemoryChoice::OneOf(values) => json!({"enum": values}),
            MemoryChoice::Steps { least, most, step } => {
                json!({"type": "integer", "minimum": least, "maximum": most, "multipleOf": step})
            }
        };
        json!({
            "type": "object",
            "properties": {"cpu": {"const": cpu}, "memory": memory},
            "required": ["cpu", "memory"],
            "additionalProperties": false,
        })
    });
    let choices: Vec<Value> = pairs.chain([json!({"type": "null"})]).collect();
    json!({"anyOf": choices, "description": description})
}

impl JsonSchema for Problem {
    fn schema_name() -> Cow<'static, str> {
        "Problem".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        crate::api::problem::Wire::json_schema(generator)
    }
}

/// The body of an answer that API Gateway gives by itself.
pub(super) struct Message;

schema!(
    Message,
    "Message",
    json!({
        "type": "object",
        "properties": {"message": {"type": "string"}},
        "required": ["message"],
        "description": "What API Gateway says when a request does not reach Berth.",
    })
);
