//! Members of an action's input.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::queue::ReceiptHandle;
use super::wire::{invalid, missing};
use crate::cloud::reply::Failure;

pub(super) fn text<'a>(input: &'a Value, name: &str) -> Result<&'a str, Failure> {
    input.get(name).and_then(Value::as_str).ok_or_else(|| missing(name))
}

pub(super) fn number(input: &Value, name: &str, range: std::ops::RangeInclusive<u64>) -> Result<Option<u64>, Failure> {
    match input.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(invalid(
                name,
                &format!("must be between {} and {}", range.start(), range.end()),
            )),
        },
    }
}

pub(super) fn receipt(input: &Value) -> Result<ReceiptHandle, Failure> {
    let handle = text(input, "ReceiptHandle")?;
    if handle.len() != 36 {
        return Err(Failure::new(
            "ReceiptHandleIsInvalid",
            "The input receipt handle is invalid.",
        ));
    }
    Ok(ReceiptHandle(handle.to_owned()))
}

pub(super) fn attributes_of(input: &Value) -> Result<BTreeMap<String, String>, Failure> {
    let attributes = string_map(input.get("Attributes"));
    let given = input.get("Attributes").and_then(Value::as_object).map_or(0, Map::len);
    if attributes.len() != given {
        return Err(invalid("Attributes", "every value is a string"));
    }
    Ok(attributes)
}

pub(super) fn string_map(value: Option<&Value>) -> BTreeMap<String, String> {
    let members = value.and_then(Value::as_object).into_iter().flatten();
    members
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}
