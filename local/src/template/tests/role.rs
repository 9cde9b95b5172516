//! What the role of the heartbeat allows: the calls that it makes, and no other.
//!
//! The statements are evaluated as IAM does ("Policy evaluation logic"; "Creating a condition with multiple keys or values";
//! "Using IAM policy conditions for fine-grained access control" of the DynamoDB guide). A condition operator that is not
//! known here fails the test.

use berth_aws::service::activity::{Context, touch};
use berth_aws::settings::Variables;
use berth_aws::telemetry;
use futures_util::future::{Either, select};
use jiff::Timestamp;

use super::*;
use crate::cloud::{Cloud, Config};
use crate::connector::Shared;

/// A request, as far as the policy can see it: action, resource, and the keys of its context.
#[derive(Clone, Debug)]
struct Asked {
    action: String,
    resource: String,
    keys: BTreeMap<&'static str, Vec<String>>,
}

impl Asked {
    fn with(&self, key: &'static str, values: &[&str]) -> Self {
        let mut asked = self.clone();
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        asked.keys.insert(key, values);
        asked
    }

    fn without(&self, key: &str) -> Self {
        let mut asked = self.clone();
        asked.keys.remove(key);
        asked
    }

    fn to(&self, action: &str, table: &str) -> Self {
        Self {
            action: format!("dynamodb:{action}"),
            resource: arn(table),
            keys: self.keys.clone(),
        }
    }
}

fn arn(table: &str) -> String {
    format!("arn:aws:dynamodb:us-east-1:123456789012:table/berth-{table}")
}

fn list(value: &Value) -> Vec<String> {
    let one = std::slice::from_ref(value);
    let all = value.as_array().map_or(one, Vec::as_slice);
    all.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// The statements of the heartbeat's role.
fn statements() -> Vec<Value> {
    let template = yaml::parse(TEMPLATE).expect("YAML");
    let place = place();
    let given = given(&[("Subnets", "subnet-a"), ("SecurityGroups", "sg-a")]);
    let scope = Scope::new(&template, &place, &given).expect("a scope");
    let policies = &template["Resources"]["ActivityFunction"]["Properties"]["Policies"];
    let policies = scope.resolve(policies).expect("policies");
    let policies = policies.as_array().expect("a list").iter();
    policies
        .flat_map(|policy| policy["Statement"].as_array().expect("statements of its own").clone())
        .collect()
}

fn allows(asked: &Asked) -> bool {
    statements().iter().any(|statement| {
        assert_eq!(statement["Effect"], "Allow");
        assert!(statement["NotAction"].is_null() && statement["NotResource"].is_null());
        let named = |member: &str, wanted: &String| list(&statement[member]).contains(wanted);
        named("Action", &asked.action) && named("Resource", &asked.resource) && holds(&statement["Condition"], asked)
    })
}

fn holds(condition: &Value, asked: &Asked) -> bool {
    let operators = condition.as_object().into_iter().flatten();
    let mut each = operators.flat_map(|(operator, keys)| {
        let keys = keys.as_object().expect("keys").iter();
        keys.map(move |(key, wanted)| (operator.as_str(), key.as_str(), list(wanted)))
    });
    each.all(|(operator, key, wanted)| {
        let values = asked.keys.get(key);
        let within = |values: &Vec<String>| values.iter().all(|value| wanted.contains(value));
        match operator {
            // True of a key that is absent.
            "ForAllValues:StringEquals" | "StringEqualsIfExists" => values.is_none_or(within),
            "Null" => wanted == [values.is_none().to_string()],
            other => panic!("what does {other} mean?"),
        }
    })
}

/// The calls that a heartbeat makes, as requests. The row is not there, so the second call is made too.
fn made() -> Vec<Asked> {
    let cloud = Cloud::new(Config::new(1, Timestamp::UNIX_EPOCH)).expect("a cloud");
    let (shared, mut calls) = Shared::held_back(cloud);
    let variables = ours(&[])
        .function(Function::Activity)
        .expect("activity")
        .variables
        .clone();
    let context = Context::new(&shared.sdk_config("us-east-1"), &Variables::from_map(variables)).expect("a context");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let mut made = Vec::new();
    runtime.block_on(async {
        let id = "acme".parse().expect("an id");
        let mut heartbeat = Box::pin(touch(&context, &id));
        loop {
            let held = match select(heartbeat, Box::pin(calls.recv())).await {
                Either::Left(_) => return,
                Either::Right((held, rest)) => {
                    heartbeat = rest;
                    held.expect("a call")
                }
            };
            let target = held.request.headers()["x-amz-target"]
                .to_str()
                .expect("a target")
                .to_owned();
            let action = target.rsplit('.').next().expect("an action").to_owned();
            let body: Value = serde_json::from_slice(held.request.body()).expect("JSON");
            made.push(asked(&action, &body));
            let absent =
                json!({"__type": "ConditionalCheckFailedException", "message": "The conditional request failed"});
            let answer = match action.as_str() {
                "UpdateItem" => http::Response::builder().status(400).body(absent.to_string()),
                _ => http::Response::builder().body("{}".to_owned()),
            };
            let _ = held.reply_to.send(Ok(answer.expect("an answer").map(Into::into)));
        }
    });
    made
}

/// The context that DynamoDB gives IAM of a request.
fn asked(action: &str, body: &Value) -> Asked {
    let expressions = ["UpdateExpression", "ConditionExpression", "ProjectionExpression"];
    let text: Vec<&str> = expressions.iter().filter_map(|name| body[name].as_str()).collect();
    let text = text.join(" ");
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || ":#_".contains(c)));
    let keywords = ["SET", "REMOVE", "AND", "OR", "attribute_exists", "attribute_not_exists"];
    let named = words.filter(|word| !word.is_empty() && !word.starts_with(':') && !keywords.contains(word));
    let keys = body["Key"].as_object().expect("a key").keys().map(String::as_str);
    let attributes: Vec<&str> = keys.chain(named).collect();
    let plain = Asked {
        action: format!("dynamodb:{action}"),
        resource: arn(body["TableName"]
            .as_str()
            .expect("a table")
            .trim_start_matches("berth-")),
        keys: BTreeMap::new(),
    };
    let plain = plain.with("dynamodb:Attributes", &attributes);
    match body["ReturnValues"].as_str() {
        Some(values) => plain.with("dynamodb:ReturnValues", &[values]),
        None if text.is_empty() => plain.with("dynamodb:Select", &["ALL_ATTRIBUTES"]),
        None => plain.with("dynamodb:Select", &["SPECIFIC_ATTRIBUTES"]),
    }
}

#[test]
fn s2_the_heartbeat_may_do_what_it_does() {
    let made = made();
    let actions: Vec<(&str, &str)> = made
        .iter()
        .map(|asked| (asked.action.as_str(), asked.resource.as_str()))
        .collect();
    let (activity, tenants) = (arn("ActivityTable"), arn("TenantsTable"));
    let expected = [
        ("dynamodb:UpdateItem", activity.as_str()),
        ("dynamodb:GetItem", &tenants),
    ];
    assert_eq!(actions, expected, "the second one only because there is no row");
    for asked in &made {
        assert!(allows(asked), "{asked:?}");
    }
}

#[test]
fn s2_the_heartbeat_may_write_one_attribute_of_one_table_and_nothing_else() {
    let made = made();
    let [write, read] = made.as_slice() else {
        panic!("{made:?}")
    };
    let attributes = "dynamodb:Attributes";
    for attribute in ["epoch", "idleAfter", "holdUntil", "notBefore", "claimed", "anything"] {
        let more = write.with(attributes, &["tenantId", "lastActivity", attribute]);
        assert!(!allows(&more), "{attribute}");
        assert!(
            !allows(&read.with(attributes, &["tenantId", "intent", attribute])),
            "{attribute}"
        );
    }
    assert!(
        !allows(&write.without(attributes)),
        "a request that names none is not true of all"
    );
    assert!(!allows(&read.without(attributes)));
    for values in ["ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"] {
        assert!(!allows(&write.with("dynamodb:ReturnValues", &[values])), "{values}");
    }
    assert!(
        !allows(&read.with("dynamodb:Select", &["ALL_ATTRIBUTES"])),
        "nor may it read whole rows"
    );
    for (action, table) in [
        ("UpdateItem", "TenantsTable"),
        ("UpdateItem", "FleetTable"),
        ("PutItem", "ActivityTable"),
        ("DeleteItem", "ActivityTable"),
        ("BatchWriteItem", "ActivityTable"),
        ("PartiQLUpdate", "ActivityTable"),
        ("GetItem", "ActivityTable"),
        ("Scan", "ActivityTable"),
        ("Scan", "TenantsTable"),
    ] {
        assert!(!allows(&write.to(action, table)), "{action} {table}");
    }
    let only: BTreeMap<String, Vec<String>> = statements()
        .iter()
        .map(|statement| (list(&statement["Action"]).join(" "), list(&statement["Resource"])))
        .collect();
    let expected = [
        ("dynamodb:GetItem".to_owned(), vec![arn("TenantsTable")]),
        ("dynamodb:UpdateItem".to_owned(), vec![arn("ActivityTable")]),
    ];
    assert_eq!(only, expected.into(), "two actions, each on one table");
}

#[test]
fn what_is_asked_to_stop_and_does_not_is_alarmed_as_is_a_sweep_that_cannot_be_trusted() {
    let template = yaml::parse(TEMPLATE).expect("YAML");
    let resources = template["Resources"].as_object().expect("resources");
    let alarmed: Vec<&str> = resources
        .values()
        .filter(|resource| resource["Type"] == "AWS::CloudWatch::Alarm")
        .filter_map(|alarm| alarm["Properties"]["MetricName"].as_str())
        .collect();
    for metric in telemetry::ALARMED {
        assert!(alarmed.contains(&metric), "{metric} is not among {alarmed:?}");
    }
    let slow = resources
        .values()
        .find(|resource| resource["Properties"]["MetricName"] == telemetry::STOP_SECONDS);
    let threshold = slow.and_then(|alarm| alarm["Properties"]["Threshold"].as_u64());
    let deadline = berth_core::tenant::deadline(berth_core::tenant::Phase::Stopping).map(|span| span.as_secs());
    assert_eq!(threshold, deadline, "the alarm and the deadline of the phase agree");
}
