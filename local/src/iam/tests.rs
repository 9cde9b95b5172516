use std::collections::BTreeMap;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::statement::like;
use super::*;

fn statement(condition: &Value) -> Statement {
    let json = json!({
        "Sid": "One", "Effect": "Allow", "Action": ["ecs:Run", "ecs:Stop"],
        "Resource": "arn:aws:ecs:us-east-1:123456789012:service/berth/t-*", "Condition": condition,
    });
    Statement::read(&json).expect("a statement")
}

fn check(condition: &Value, keys: &[(&'static str, &[&str])], expected: bool) {
    let values = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    let need = Need {
        action: "ecs:Run".to_owned(),
        resource: "arn:aws:ecs:us-east-1:123456789012:service/berth/t-acme-g1".to_owned(),
        keys: keys.iter().map(|(key, found)| (*key, values(found))).collect(),
    };
    assert_eq!(
        statement(condition).allows(&need).is_some(),
        expected,
        "{condition} {keys:?}"
    );
}

#[test]
fn wildcards() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("a*c", "abbc", true),
        ("a*c", "abbd", false),
        ("a*b*c", "axbxbxc", true),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("ledger#*", "ledger#acme", true),
        ("ledger#*", "ledger", false),
        ("abc", "abcd", false),
    ] {
        assert_eq!(like(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn what_is_not_named_is_not_allowed() {
    let one = statement(&json!({}));
    let need = |action: &str, resource: &str| Need {
        action: action.to_owned(),
        resource: resource.to_owned(),
        keys: BTreeMap::new(),
    };
    let ours = "arn:aws:ecs:us-east-1:123456789012:service/berth/t-acme-g1";
    assert!(one.allows(&need("ecs:Stop", ours)).is_some());
    assert!(one.allows(&need("ecs:Kill", ours)).is_none());
    assert!(one.allows(&need("ecs:Stop", &ours.replace("berth", "other"))).is_none());
    assert!(one.allows(&need("ecs:Stop", "*")).is_none());
}

#[test]
fn conditions() {
    let equals = json!({"StringEquals": {"ecs:CreateAction": ["A", "B"]}});
    check(&equals, &[("ecs:CreateAction", &["B"])], true);
    check(&equals, &[("ecs:CreateAction", &["C"])], false);
    check(&equals, &[], false);
    let if_exists = json!({"StringEqualsIfExists": {"dynamodb:ReturnValues": "NONE"}});
    check(&if_exists, &[], true);
    check(&if_exists, &[("dynamodb:ReturnValues", &["ALL_NEW"])], false);
    let all = json!({"ForAllValues:StringEquals": {"dynamodb:Attributes": ["a", "b"]}});
    check(&all, &[("dynamodb:Attributes", &["a", "b"])], true);
    check(&all, &[("dynamodb:Attributes", &["a", "c"])], false);
    check(&all, &[], true);
    let named =
        json!({"ForAllValues:StringEquals": {"dynamodb:Attributes": ["a"]}, "Null": {"dynamodb:Attributes": "false"}});
    check(&named, &[], false);
    check(&named, &[("dynamodb:Attributes", &["a"])], true);
    check(
        &json!({"ArnLike": {"ecs:cluster": "arn:*:cluster/b?"}}),
        &[("ecs:cluster", &["arn:x:cluster/be"])],
        true,
    );
}

#[test]
fn a_statement_that_is_not_understood_is_an_error() {
    for (name, value) in [
        ("Effect", json!("Deny")),
        ("NotAction", json!("x:y")),
        ("Condition", json!({"NumericEquals": {"a": "1"}})),
    ] {
        let mut json = json!({"Sid": "S", "Effect": "Allow", "Action": "x:y", "Resource": "*"});
        json[name] = value;
        assert!(Statement::read(&json).is_err(), "{json}");
    }
}

#[test]
fn a_call_needs_all_that_it_does_with_others() {
    let place = Place::of(
        &Stack {
            tables: Vec::new(),
            queues: Vec::new(),
            buckets: Vec::new(),
            functions: Vec::new(),
            resources: Vec::new(),
            parameters: BTreeMap::new(),
        },
        "us-east-1",
    );
    let needed = |target: &str, body: &Value| {
        let request = Request::post("/").header("x-amz-target", target);
        let request = request.body(Bytes::from(body.to_string())).expect("a request");
        let call = Call::of(&request).expect("a call");
        let needs = needs::of(&place, &call, &request).into_iter();
        needs.map(|need| need.action).collect::<Vec<_>>()
    };
    let definition =
        json!({"family": "base-user", "taskRoleArn": "a", "executionRoleArn": "b", "tags": [{"key": "k"}]});
    assert_eq!(
        needed("AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition", &definition),
        [
            "ecs:RegisterTaskDefinition",
            "ecs:TagResource",
            "iam:PassRole",
            "iam:PassRole"
        ]
    );
    assert_eq!(
        needed(
            "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition",
            &json!({"family": "base-user"})
        ),
        ["ecs:RegisterTaskDefinition"]
    );
}
