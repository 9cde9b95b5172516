//! `EventBridge` event patterns.
//!
//! Source: Amazon `EventBridge` User Guide, "Creating event patterns" and "Comparison operators". A pattern names members
//! and, for each, a list of what it may be; all named members must match. Where the event has a list, one element that
//! matches is enough.

use serde_json::{Map, Value};

/// Whether an event matches a pattern. What is not understood matches nothing.
pub(super) fn matches(pattern: &Value, event: &Value) -> bool {
    pattern.as_object().is_some_and(|members| all_match(members, event))
}

fn all_match(members: &Map<String, Value>, event: &Value) -> bool {
    members.iter().all(|(name, wanted)| match wanted {
        Value::Object(inner) => event.get(name).is_some_and(|found| all_match(inner, found)),
        Value::Array(choices) => choices.iter().any(|choice| one_matches(choice, event.get(name))),
        _ => false,
    })
}

fn one_matches(choice: &Value, found: Option<&Value>) -> bool {
    if let Some(expected) = choice.get("exists").and_then(Value::as_bool) {
        return found.is_some() == expected;
    }
    match found {
        None => false,
        Some(Value::Array(items)) => items.iter().any(|item| value_matches(choice, item)),
        Some(value) => value_matches(choice, value),
    }
}

fn value_matches(choice: &Value, value: &Value) -> bool {
    let Value::Object(operator) = choice else {
        return choice == value;
    };
    let Some((name, argument)) = operator.iter().next() else {
        return false;
    };
    let texts = value.as_str().zip(argument.as_str());
    match name.as_str() {
        "prefix" => texts.is_some_and(|(text, prefix)| text.starts_with(prefix)),
        "suffix" => texts.is_some_and(|(text, suffix)| text.ends_with(suffix)),
        "equals-ignore-case" => texts.is_some_and(|(text, other)| text.eq_ignore_ascii_case(other)),
        "anything-but" => match argument {
            Value::Array(refused) => !refused.contains(value),
            Value::Object(_) => !value_matches(argument, value),
            refused => refused != value,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(pattern: &Value, expected: bool) {
        let event = json!({
            "source": "aws.ecs",
            "detail-type": "ECS Task State Change",
            "resources": ["arn:aws:ecs:us-east-1:1:task/a/1", "arn:aws:ecs:us-east-1:1:service/a/s"],
            "detail": {"lastStatus": "RUNNING", "clusterArn": "c", "attempts": 2},
        });
        assert_eq!(matches(pattern, &event), expected, "{pattern}");
    }

    #[test]
    fn every_member_must_match_and_one_choice_is_enough() {
        check(&json!({"source": ["aws.ecs"]}), true);
        check(
            &json!({"source": ["aws.ec2", "aws.ecs"], "detail": {"lastStatus": ["RUNNING"]}}),
            true,
        );
        check(
            &json!({"source": ["aws.ecs"], "detail": {"lastStatus": ["STOPPED"]}}),
            false,
        );
        check(&json!({"detail": {"missing": ["x"]}}), false);
        check(&json!({"detail": {"attempts": [2]}}), true);
    }

    #[test]
    fn one_element_of_a_list_is_enough() {
        check(
            &json!({"resources": [{"prefix": "arn:aws:ecs:us-east-1:1:service/a/"}]}),
            true,
        );
        check(
            &json!({"resources": [{"prefix": "arn:aws:ecs:us-east-1:1:service/b/"}]}),
            false,
        );
    }

    #[test]
    fn operators() {
        check(
            &json!({"detail": {"lastStatus": [{"anything-but": ["STOPPED"]}]}}),
            true,
        );
        check(
            &json!({"detail": {"lastStatus": [{"anything-but": {"prefix": "RUN"}}]}}),
            false,
        );
        check(&json!({"detail": {"lastStatus": [{"suffix": "ING"}]}}), true);
        check(&json!({"detail": {"stoppedReason": [{"exists": false}]}}), true);
        check(&json!({"detail": {"lastStatus": [{"exists": false}]}}), false);
        check(&json!({"detail": {"lastStatus": [{"wildcard": "R*"}]}}), false);
    }
}
