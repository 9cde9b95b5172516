//! Rows as they are stored, read beside the functions.

use berth_core::tenant::Tenant;
use bytes::Bytes;
use http::Response;
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use crate::cloud::{Cloud, Service};
use crate::engine::ask;

/// The row with this `tenantId` after a write that was answered so, as plain JSON.
pub(super) fn written(cloud: &mut Cloud, table: &str, tenant: &str, answer: &Response<Bytes>) -> Option<Value> {
    let answer: Value = serde_json::from_slice(answer.body()).ok()?;
    match answer.get("Attributes") {
        Some(item) => Some(plain_item(item)),
        None => by_tenant(cloud, table, tenant),
    }
}

/// The row with this `tenantId`, as plain JSON.
fn by_tenant(cloud: &mut Cloud, table: &str, tenant: &str) -> Option<Value> {
    let input = json!({"TableName": table, "Key": {"tenantId": {"S": tenant}}, "ConsistentRead": true});
    let answer = ask(cloud, Service::DynamoDb, "GetItem", &input).ok()?;
    answer.get("Item").map(plain_item)
}

/// Every row of a table, as plain JSON.
pub(super) fn all(cloud: &mut Cloud, table: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut from = Value::Null;
    loop {
        let mut input = json!({"TableName": table, "ConsistentRead": true});
        if let (Some(members), false) = (input.as_object_mut(), from.is_null()) {
            members.insert("ExclusiveStartKey".to_owned(), from.clone());
        }
        let Ok(answer) = ask(cloud, Service::DynamoDb, "Scan", &input) else {
            return rows;
        };
        let items = answer.get("Items").and_then(Value::as_array).into_iter().flatten();
        rows.extend(items.map(plain_item));
        match answer.get("LastEvaluatedKey") {
            Some(key) if !key.is_null() => from = key.clone(),
            _ => return rows,
        }
    }
}

/// A row of the table of tenants.
pub(super) fn tenant(row: &Value) -> Option<Tenant> {
    Tenant::deserialize(row).ok()
}

/// An item as plain JSON.
pub(super) fn plain_item(item: &Value) -> Value {
    let members = item.as_object().into_iter().flatten();
    Value::Object(members.map(|(name, value)| (name.clone(), plain(value))).collect())
}

/// An `AttributeValue` without its type.
fn plain(value: &Value) -> Value {
    let Some((kind, inner)) = value.as_object().and_then(|members| members.iter().next()) else {
        return Value::Null;
    };
    match kind.as_str() {
        "N" => inner
            .as_str()
            .and_then(|digits| serde_json::from_str(digits).ok())
            .unwrap_or(Value::Null),
        "M" => {
            let members = inner.as_object().into_iter().flatten();
            Value::Object(
                members
                    .map(|(name, value)| (name.clone(), plain(value)))
                    .collect::<Map<_, _>>(),
            )
        }
        "L" => Value::Array(inner.as_array().into_iter().flatten().map(plain).collect()),
        "NULL" => Value::Null,
        _ => inner.clone(),
    }
}
