//! What a call of `DynamoDB` must be allowed: on which table, of which rows, and which attributes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Need;
use super::needs::Place;

/// The words of expressions that are no attributes (Developer Guide, "Condition and filter expressions, operators, and
/// functions" and "Using update expressions").
const WORDS: [&str; 18] = [
    "SET",
    "REMOVE",
    "ADD",
    "DELETE",
    "AND",
    "OR",
    "NOT",
    "BETWEEN",
    "IN",
    "if_not_exists",
    "list_append",
    "attribute_exists",
    "attribute_not_exists",
    "attribute_type",
    "begins_with",
    "contains",
    "size",
    "",
];

/// The members of a request that name attributes.
const EXPRESSIONS: [&str; 5] = [
    "UpdateExpression",
    "ConditionExpression",
    "KeyConditionExpression",
    "FilterExpression",
    "ProjectionExpression",
];

pub(super) fn need(place: &Place, action: &str, body: &Value) -> Need {
    let table = member(body, "TableName");
    let index = body.get("IndexName").and_then(Value::as_str);
    let resource = match index {
        Some(index) => format!("table/{table}/index/{index}"),
        None => format!("table/{table}"),
    };
    let mut keys: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    if let Some(attributes) = attributes(action, body) {
        keys.insert("dynamodb:Attributes", attributes);
    }
    if body.get("ProjectionExpression").is_some() {
        keys.insert("dynamodb:Select", vec!["SPECIFIC_ATTRIBUTES".to_owned()]);
    }
    let partition = place.partition_keys.get(table).filter(|_| index.is_none());
    if let Some(key) = partition.and_then(|name| leading_key(action, body, name)) {
        keys.insert("dynamodb:LeadingKeys", vec![key]);
    }
    if let Some(returned) = body.get("ReturnValues").and_then(Value::as_str) {
        keys.insert("dynamodb:ReturnValues", vec![returned.to_owned()]);
    }
    Need {
        action: format!("dynamodb:{action}"),
        resource: place.arn("dynamodb", &resource),
        keys,
    }
}

fn member<'a>(body: &'a Value, name: &str) -> &'a str {
    body.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The attributes that a call names. One that names none may see all of them, and has no such key.
fn attributes(action: &str, body: &Value) -> Option<Vec<String>> {
    let of = |name: &str| body.get(name).and_then(Value::as_object);
    let mut names: Vec<String> = match action {
        "PutItem" => of("Item")?.keys().cloned().collect(),
        "UpdateItem" | "DeleteItem" => of("Key")?.keys().cloned().collect(),
        _ if body.get("ProjectionExpression").is_none() => return None,
        "GetItem" => of("Key")?.keys().cloned().collect(),
        _ => Vec::new(),
    };
    let placeholders = of("ExpressionAttributeNames");
    for expression in EXPRESSIONS {
        names.extend(named(member(body, expression), placeholders));
    }
    names.sort_unstable();
    names.dedup();
    Some(names)
}

/// The top-level attributes of an expression.
fn named(expression: &str, placeholders: Option<&Map<String, Value>>) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '#' | ':' | '.' | '-');
    let words = expression.split(|c: char| !is_part(c));
    let tops = words.map(|word| word.split('.').next().unwrap_or_default());
    let names = tops.filter(|word| !word.starts_with(':') && !WORDS.contains(word));
    names
        .map(|word| {
            let name = placeholders.and_then(|names| names.get(word)?.as_str());
            name.unwrap_or(word).to_owned()
        })
        .collect()
}

/// The partition key of the rows that a call is about; a scan is about all of them.
fn leading_key(action: &str, body: &Value, name: &str) -> Option<String> {
    let value = match action {
        "PutItem" => body.get("Item")?.get(name)?,
        "UpdateItem" | "DeleteItem" | "GetItem" => body.get("Key")?.get(name)?,
        "Query" => {
            let expression = member(body, "KeyConditionExpression");
            let (_, after) = expression.split_once(&format!("{name} = "))?;
            let placeholder = after.split_whitespace().next()?;
            body.get("ExpressionAttributeValues")?.get(placeholder)?
        }
        _ => return None,
    };
    value.get("S").and_then(Value::as_str).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_expression_names_its_top_level_attributes() {
        let names = json!({"#observed": "observed", "#version": "version"});
        let update = "SET #observed.#version = :v0, claims = list_append(if_not_exists(claims, :v1), :v2) REMOVE gone";
        let named = named(update, names.as_object());
        assert_eq!(named, ["observed", "claims", "claims", "gone"]);
        let condition =
            "(attribute_not_exists(epoch) OR epoch <= :g) AND NOT begins_with(kind, :k) AND at BETWEEN :a AND :b";
        assert_eq!(super::named(condition, None), ["epoch", "epoch", "kind", "at"]);
    }
}
