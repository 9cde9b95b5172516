use std::collections::BTreeSet;

use expect_test::expect_file;
use serde_json::{Value, json};

use super::document;
use crate::api::{Code, Operation};

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

/// The file is what is served. It is brought up to date by
/// `UPDATE_EXPECT=1 cargo test --package berth-core --features openapi openapi`.
#[test]
fn the_committed_document_is_the_one_that_the_code_makes() {
    let text = serde_json::to_string_pretty(&document()).unwrap();
    expect_file!["../../../../../docs/openapi.json"].assert_eq(&(text + "\n"));
}

/// The codes that an operation may refuse with, as the document has them.
fn refusals(document: &Value, shown: &Value) -> BTreeSet<String> {
    let responses = shown["responses"].as_object().unwrap().values();
    let responses = responses.filter_map(|response| response["$ref"].as_str()?.strip_prefix('#'));
    let schemas = responses.map(|pointer| {
        let response = document.pointer(pointer).unwrap();
        &response["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["code"]["enum"]
    });
    let codes = schemas.filter_map(Value::as_array).flatten();
    codes.map(Value::to_string).collect()
}

#[test]
fn every_code_is_in_the_document_and_all_but_one_are_of_an_operation() {
    let document = document();
    let of_schema: BTreeSet<String> = match &document["components"]["schemas"]["Code"]["oneOf"] {
        Value::Array(kinds) => kinds.iter().map(|kind| kind["const"].to_string()).collect(),
        other => panic!("{other}"),
    };
    let all: BTreeSet<String> = Code::ALL.iter().map(|code| json!(code).to_string()).collect();
    assert_eq!(of_schema, all);
    let paths = document["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|path| path.as_object().unwrap().values());
    let refused: BTreeSet<String> = operations.flat_map(|shown| refusals(&document, shown)).collect();
    let of_none: Vec<_> = all.difference(&refused).collect();
    assert_eq!(of_none, [r#""no_method""#], "what no operation answers, but the router");
}

#[test]
fn what_a_caller_may_leave_out_is_not_required_because_an_answer_has_it() {
    let schemas = &document()["components"]["schemas"];
    assert!(
        schemas["RolloutView"].to_string().contains("/PolicyChange\""),
        "it is asked and answered"
    );
    assert_eq!(schemas["PolicyChange"].get("required"), None);
    assert_eq!(schemas["Window"]["required"], json!(["days", "fromHour", "toHour"]));
}
