use std::collections::BTreeSet;

use serde_json::Value;

use super::document;
use crate::api::Operation;

/// Every `$ref` in a value.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str().filter(|_| name == "$ref") {
                    Some(reference) => drop(found.insert(reference.to_owned())),
                    None => references(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_operation_is_in_the_document_and_every_reference_leads_somewhere() {
    let document = document();
    for operation in Operation::ALL {
        let route = operation.route();
        let shown = &document["paths"][route.path][route.method.to_ascii_lowercase()];
        assert_eq!(shown["operationId"], operation.name());
        let statuses: BTreeSet<&String> = shown["responses"].as_object().unwrap().keys().collect();
        assert!(statuses.iter().any(|status| status.starts_with('2')), "{operation:?}");
        assert!(statuses.iter().any(|status| *status == "401"), "{operation:?}");
    }
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 20, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}
