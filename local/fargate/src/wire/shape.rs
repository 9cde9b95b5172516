//! The shapes of ECS's requests, and whether a request has its shape.
//!
//! `ecs-shapes.json` holds the names, types, required members, enums and ranges of the service model's request
//! shapes, for the actions that the simulator knows. Members that the model does not know are ignored, as the
//! service ignores them.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::ApiError;

#[derive(Deserialize)]
struct Shape {
    members: Option<HashMap<String, String>>,
    #[serde(default)]
    required: Vec<String>,
    list: Option<String>,
    map: Option<String>,
    is: Option<Kind>,
    #[serde(default, rename = "enum")]
    values: Vec<String>,
    min: Option<i64>,
    max: Option<i64>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    String,
    Integer,
    Boolean,
    Number,
}

static SHAPES: LazyLock<HashMap<String, Shape>> =
    LazyLock::new(|| serde_json::from_str(include_str!("ecs-shapes.json")).unwrap_or_default());

/// Checks `body` against the input shape of `action`.
///
/// A wrong type is a `SerializationException`, as from every service of the AWS JSON protocols. A missing member, a
/// value outside its enum, and a number or length outside its range are `InvalidParameterException`, and
/// `ClientException` for the actions on task definitions.
pub(crate) fn check(action: &str, body: &Map<String, Value>) -> Result<(), ApiError> {
    let Some(shape) = SHAPES.get(&format!("{action}Request")) else {
        return Ok(());
    };
    check_members(shape, body, "").map_err(|wrong| match wrong {
        Wrong::Type(message) => ApiError::new("SerializationException", message),
        Wrong::Value(message) if action.contains("TaskDefinition") => ApiError::client(message),
        Wrong::Value(message) => ApiError::parameter(message),
    })
}

enum Wrong {
    Type(String),
    Value(String),
}

fn check_members(shape: &Shape, body: &Map<String, Value>, path: &str) -> Result<(), Wrong> {
    for name in &shape.required {
        if body.get(name).is_none_or(Value::is_null) {
            return Err(violation("null", &join(path, name), "Member must not be null"));
        }
    }
    let Some(members) = &shape.members else { return Ok(()) };
    for (name, value) in body {
        if let Some(inner) = members.get(name).and_then(|shape| SHAPES.get(shape)) {
            check_value(inner, value, &join(path, name))?;
        }
    }
    Ok(())
}

fn check_value(shape: &Shape, value: &Value, path: &str) -> Result<(), Wrong> {
    match (value, shape) {
        (Value::Null, _) => Ok(()),
        (Value::Object(body), Shape { members: Some(_), .. }) => check_members(shape, body, path),
        (Value::Object(entries), Shape { map: Some(inner), .. }) => entries
            .iter()
            .try_for_each(|(key, value)| check_inner(inner, value, &join(path, key))),
        (Value::Array(items), Shape { list: Some(inner), .. }) => {
            check_length(shape, items.len(), path)?;
            let mut places = items.iter().zip(1..);
            places.try_for_each(|(item, place): (_, u32)| check_inner(inner, item, &format!("{path}.{place}.member")))
        }
        (_, Shape { is: Some(kind), .. }) => check_scalar(shape, *kind, value, path),
        _ => Err(Wrong::Type(format!(
            "{path}: {} is not of the expected structure",
            kind_of(value)
        ))),
    }
}

fn check_inner(shape: &str, value: &Value, path: &str) -> Result<(), Wrong> {
    SHAPES
        .get(shape)
        .map_or(Ok(()), |shape| check_value(shape, value, path))
}

fn check_scalar(shape: &Shape, kind: Kind, value: &Value, path: &str) -> Result<(), Wrong> {
    match (kind, value) {
        (Kind::String, Value::String(text)) => {
            if !shape.values.is_empty() && !shape.values.contains(text) {
                let rule = format!("Member must satisfy enum value set: [{}]", shape.values.join(", "));
                return Err(violation(text, path, &rule));
            }
            check_length(shape, text.chars().count(), path)
        }
        (Kind::Integer, Value::Number(number)) => match number.as_i64().or_else(|| whole(number.as_f64()?)) {
            Some(n) => check_range(shape, n, path),
            None => Err(Wrong::Type(format!(
                "{path}: {number} can not be converted to an Integer"
            ))),
        },
        (Kind::Number, Value::Number(_)) | (Kind::Boolean, Value::Bool(_)) => Ok(()),
        _ => Err(Wrong::Type(format!(
            "{path}: {} can not be converted to {}",
            kind_of(value),
            kind.name()
        ))),
    }
}

/// JSON numbers like `2.0` are whole numbers too.
fn whole(number: f64) -> Option<i64> {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the fraction is checked to be zero and the size to be small"
    )]
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

fn check_range(shape: &Shape, n: i64, path: &str) -> Result<(), Wrong> {
    match (shape.min, shape.max) {
        (Some(min), _) if n < min => {
            let rule = format!("Member must have value greater than or equal to {min}");
            Err(violation(&n.to_string(), path, &rule))
        }
        (_, Some(max)) if n > max => {
            let rule = format!("Member must have value less than or equal to {max}");
            Err(violation(&n.to_string(), path, &rule))
        }
        _ => Ok(()),
    }
}

fn check_length(shape: &Shape, length: usize, path: &str) -> Result<(), Wrong> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let rule = match (shape.min, shape.max) {
        (Some(min), _) if length < min => format!("Member must have length greater than or equal to {min}"),
        (_, Some(max)) if length > max => format!("Member must have length less than or equal to {max}"),
        _ => return Ok(()),
    };
    Err(Wrong::Value(format!(
        "1 validation error detected: Value at '{path}' failed to satisfy constraint: {rule}"
    )))
}

fn violation(value: &str, path: &str, rule: &str) -> Wrong {
    Wrong::Value(format!(
        "1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: {rule}"
    ))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::String => "a String",
            Self::Integer => "an Integer",
            Self::Boolean => "a Boolean",
            Self::Number => "a Number",
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a Boolean",
        Value::Number(_) => "a Number",
        Value::String(_) => "a String",
        Value::Array(_) => "a List",
        Value::Object(_) => "a Structure",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code(action: &str, body: &Value) -> Option<String> {
        check(action, body.as_object().unwrap()).err().map(|error| error.code)
    }

    #[test]
    fn the_shapes_can_be_read() {
        assert!(SHAPES.len() > 200);
    }

    #[test]
    fn a_wrong_type_cannot_be_deserialised() {
        assert_eq!(
            code("RunTask", &json!({"taskDefinition": 5})).unwrap(),
            "SerializationException"
        );
        assert_eq!(
            code("DescribeTasks", &json!({"tasks": "x"})).unwrap(),
            "SerializationException"
        );
        assert_eq!(
            code("RunTask", &json!({"taskDefinition": "a", "count": 1.5})).unwrap(),
            "SerializationException"
        );
        assert_eq!(
            code("RunTask", &json!({"taskDefinition": "a", "count": 1.0, "group": null})),
            None
        );
    }

    #[test]
    fn enums_required_members_and_lengths_are_checked() {
        assert_eq!(code("RunTask", &json!({})).unwrap(), "InvalidParameterException");
        let launch = |launch: &str| code("RunTask", &json!({"taskDefinition": "a", "launchType": launch}));
        assert_eq!(launch("MOON").unwrap(), "InvalidParameterException");
        assert_eq!(launch("FARGATE"), None);
        let tags = |n: usize| {
            let tags = vec![json!({"key": "k", "value": "v"}); n];
            code("TagResource", &json!({"resourceArn": "a", "tags": tags}))
        };
        assert_eq!(tags(50), None);
        assert_eq!(tags(51).unwrap(), "InvalidParameterException");
    }

    #[test]
    fn members_that_the_model_does_not_know_are_ignored() {
        assert_eq!(
            code("RunTask", &json!({"taskDefinition": "a", "zeal": {"deep": [1]}})),
            None
        );
    }
}
