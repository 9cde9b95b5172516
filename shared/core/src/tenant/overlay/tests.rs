use serde_json::json;

use super::*;

const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:key-AbCdEf";

fn codes(value: &Value) -> Vec<(String, FieldCode)> {
    let errors = Overlay::parse(value).unwrap_err().errors;
    errors.into_iter().map(|error| (error.pointer, error.code)).collect()
}

/// The overlay has exactly this mistake.
fn refused(value: &Value, pointer: &str, code: FieldCode) {
    assert_eq!(codes(value), [(pointer.to_owned(), code)], "{value}");
}

fn whole() -> Value {
    json!({
        "image": "repo/app:2", "size": {"cpu": 512, "memory": 2048}, "env": {"A": "1"},
        "secrets": {"B": "arn:aws:ssm:us-east-1:123456789012:parameter/b"}, "template": "seo-agent",
        "idle": {"after": 1800, "minUptime": 300, "alwaysOn": false}, "policy": "auto", "replace": "strict",
        "pin": {"until": "2027-01-31T00:00:00Z"}
    })
}

#[test]
fn what_is_written_is_read_back() {
    let overlay = Overlay::parse(&whole()).unwrap();
    assert_eq!(overlay.to_json(), whole());
    assert_eq!(serde_json::from_value::<Overlay>(whole()).unwrap(), overlay);
    for empty in [
        json!({}),
        json!({"env": {}, "idle": {}, "image": null, "secrets": {"A": null}}),
    ] {
        assert_eq!(Overlay::parse(&empty).unwrap(), Overlay::default());
    }
    assert_eq!(Overlay::default().to_json(), json!({}));
    let pinned = json!({"pin": {}});
    assert_eq!(Overlay::parse(&pinned).unwrap().to_json(), pinned);
}

#[test]
fn a_patch_replaces_what_it_names_and_null_clears() {
    let overlay = Overlay::parse(&whole()).unwrap();
    let patched = |patch: Value| overlay.merge_patch(&patch).unwrap().to_json();
    let expect = |change: fn(&mut Value)| {
        let mut value = whole();
        change(&mut value);
        value
    };
    assert_eq!(patched(json!({})), whole());
    assert_eq!(patched(json!({"image": "x:3"})), expect(|v| v["image"] = json!("x:3")));
    assert_eq!(
        patched(json!({"size": {"memory": 4096}})),
        expect(|v| v["size"]["memory"] = json!(4096))
    );
    assert_eq!(
        patched(json!({"env": {"A": null, "C": "3"}})),
        expect(|v| v["env"] = json!({"C": "3"}))
    );
    assert_eq!(
        patched(json!({"pin": {"until": null}})),
        expect(|v| v["pin"] = json!({}))
    );
    let cleared: serde_json::Map<_, _> = whole()
        .as_object()
        .unwrap()
        .keys()
        .map(|name| (name.clone(), Value::Null))
        .collect();
    assert_eq!(patched(cleared.into()), json!({}));
}

#[test]
fn a_patch_is_judged_by_what_it_leads_to() {
    let overlay = Overlay::parse(&json!({"env": {"A": "1"}})).unwrap();
    let codes = |patch: Value| {
        let errors = overlay.merge_patch(&patch).unwrap_err().errors;
        errors
            .into_iter()
            .map(|error| (error.pointer, error.code))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        codes(json!({"size": {"memory": 512}})),
        [("/size".to_owned(), FieldCode::Missing)]
    );
    assert_eq!(
        codes(json!({"secrets": {"A": ARN}})),
        [("/secrets/A".to_owned(), FieldCode::Duplicate)]
    );
    assert!(
        overlay
            .merge_patch(&json!({"secrets": {"A": ARN}, "env": {"A": null}}))
            .is_ok()
    );
    for patch in [json!(null), json!([]), json!("x")] {
        assert_eq!(codes(patch), [(String::new(), FieldCode::WrongType)]);
    }
}

#[test]
fn p9_an_unknown_member_is_refused_even_where_it_would_be_cleared() {
    refused(&json!({"imgae": null}), "/imgae", FieldCode::UnknownField);
    refused(&json!({"": null}), "/", FieldCode::UnknownField);
    refused(
        &json!({"idle": {"afetr": null}}),
        "/idle/afetr",
        FieldCode::UnknownField,
    );
    refused(&json!({"pin": {"util": null}}), "/pin/util", FieldCode::UnknownField);
    refused(&json!({"env": {"1A": null}}), "/env/1A", FieldCode::Malformed);
    let none = Overlay::default().merge_patch(&json!({"imgae": null})).unwrap_err();
    assert_eq!(none.errors[0].code, FieldCode::UnknownField);
}

#[test]
fn p9_an_unknown_member_is_refused_wherever_it_is() {
    refused(&json!({"imgae": "x"}), "/imgae", FieldCode::UnknownField);
    refused(
        &json!({"size": {"cpu": 256, "memory": 512, "gpu": 1}}),
        "/size/gpu",
        FieldCode::UnknownField,
    );
    refused(
        &json!({"idle": {"afterwards": 1}}),
        "/idle/afterwards",
        FieldCode::UnknownField,
    );
    refused(&json!({"pin": {"from": "x"}}), "/pin/from", FieldCode::UnknownField);
}

#[test]
fn p9_a_member_of_another_type_is_refused() {
    for name in [
        "image", "size", "env", "secrets", "template", "idle", "policy", "replace", "pin",
    ] {
        refused(&json!({name: 5}), &format!("/{name}"), FieldCode::WrongType);
    }
    refused(&json!({"env": {"A": 1}}), "/env/A", FieldCode::WrongType);
    refused(
        &json!({"size": {"cpu": "256", "memory": 512}}),
        "/size/cpu",
        FieldCode::WrongType,
    );
    refused(
        &json!({"idle": {"alwaysOn": "yes"}}),
        "/idle/alwaysOn",
        FieldCode::WrongType,
    );
    refused(&json!({"pin": {"until": 5}}), "/pin/until", FieldCode::WrongType);
    refused(&json!([]), "", FieldCode::WrongType);
}

#[test]
fn p9_a_bad_size_names_the_number_that_is_wrong() {
    refused(
        &json!({"size": {"cpu": 300, "memory": 512}}),
        "/size/cpu",
        FieldCode::InvalidSize,
    );
    refused(
        &json!({"size": {"cpu": 256, "memory": 4096}}),
        "/size/memory",
        FieldCode::InvalidSize,
    );
    refused(&json!({"size": {"cpu": 256}}), "/size", FieldCode::Missing);
    refused(&json!({"size": {}}), "/size", FieldCode::Missing);
    refused(
        &json!({"size": {"cpu": -1, "memory": 512}}),
        "/size/cpu",
        FieldCode::OutOfRange,
    );
    refused(
        &json!({"size": {"cpu": 256.5, "memory": 512}}),
        "/size/cpu",
        FieldCode::OutOfRange,
    );
}

#[test]
fn p9_names_of_variables() {
    for good in ["A", "_", "a.b-c_1", &"N".repeat(255), "BERTH", "berth_x", "XBERTH_Y"] {
        assert!(Overlay::parse(&json!({"env": {good: ""}})).is_ok(), "{good}");
    }
    for bad in ["", "1A", "A B", "A=B", "Ä", &"N".repeat(256)] {
        refused(&json!({"env": {bad: ""}}), &format!("/env/{bad}"), FieldCode::Malformed);
    }
    refused(&json!({"env": {"a/b~c": ""}}), "/env/a~1b~0c", FieldCode::Malformed);
    for reserved in ["BERTH_", "BERTH_TENANT"] {
        refused(
            &json!({"env": {reserved: ""}}),
            &format!("/env/{reserved}"),
            FieldCode::Reserved,
        );
        refused(
            &json!({"secrets": {reserved: ARN}}),
            &format!("/secrets/{reserved}"),
            FieldCode::Reserved,
        );
    }
    refused(&json!({"env": {"A": "x\u{0}y"}}), "/env/A", FieldCode::Malformed);
    refused(
        &json!({"env": {"A": ""}, "secrets": {"A": ARN}}),
        "/secrets/A",
        FieldCode::Duplicate,
    );
}

#[test]
fn p9_arns_of_secrets() {
    let good = [
        ARN.to_owned(),
        "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:team/app/key".to_owned(),
        format!("{ARN}:json-key::"),
        format!("{ARN}::AWSPREVIOUS:"),
        format!("{ARN}:::9d4cb84b-ad69-40c0-a0ab-cead36b967e8"),
        "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/team/key".to_owned(),
    ];
    for arn in good {
        assert!(Overlay::parse(&json!({"secrets": {"A": arn}})).is_ok(), "{arn}");
    }
    let bad = [
        String::new(),
        "hunter2".to_owned(),
        "key-name".to_owned(),
        format!("{ARN}:json-key"),
        format!("{ARN}:json-key:"),
        format!("{ARN}:a:b:c:d"),
        ARN.replace("123456789012", "12345678901"),
        ARN.replace("123456789012", "12345678901x"),
        ARN.replace("us-east-1", ""),
        ARN.replace("arn:aws", "arn:gcp"),
        ARN.replace(":secret:key-AbCdEf", ":secret:"),
        ARN.replace("secretsmanager", "s3"),
        ARN.replace("key-", "key name"),
        "arn:aws:ssm:us-east-1:123456789012:parameter/".to_owned(),
        "arn:aws:ssm:us-east-1:123456789012:parameter/key:3".to_owned(),
        "arn:aws:ssm:us-east-1:123456789012:secret:key".to_owned(),
    ];
    for arn in bad {
        refused(&json!({"secrets": {"A": arn}}), "/secrets/A", FieldCode::Malformed);
    }
}

#[test]
fn p9_images_and_templates() {
    let digest = format!("app@sha256:{}", "0aF".repeat(21) + "1");
    let long = "x".repeat(255);
    for good in [
        "nginx",
        "a/b:c",
        "localhost:5000/app",
        "host:5000/a/b:1",
        "app:1@sha256:",
        &digest,
        &long,
    ] {
        let good = if good.ends_with("sha256:") {
            format!("{good}{}", "0".repeat(64))
        } else {
            good.to_owned()
        };
        assert!(Overlay::parse(&json!({"image": good})).is_ok(), "{good}");
    }
    let bad_digest = &digest[..digest.len() - 1];
    let long = "x".repeat(256);
    for bad in [
        "", "a b", ":1", "a:", "a:b:c", "/a", "a//b", "a/", "a@md5:1", "a@", "ä", bad_digest, &long,
    ] {
        refused(&json!({"image": bad}), "/image", FieldCode::Malformed);
    }
    for bad in ["", "../x", "a/b", "a.b", &"x".repeat(65)] {
        refused(&json!({"template": bad}), "/template", FieldCode::Malformed);
    }
    assert!(Overlay::parse(&json!({"template": "x".repeat(64)})).is_ok());
}

#[test]
fn p9_spans_and_choices_have_bounds() {
    let idle = |name: &str, seconds: i64| json!({"idle": {name: seconds}});
    for (name, good, bad) in [
        ("after", [60, 604_800], [59, 604_801]),
        ("after", [61, 604_799], [-1, 1_800_000]),
        ("minUptime", [0, 86_400], [-1, 86_401]),
    ] {
        for seconds in good {
            assert_eq!(
                Overlay::parse(&idle(name, seconds)).unwrap().to_json(),
                idle(name, seconds)
            );
        }
        for seconds in bad {
            refused(&idle(name, seconds), &format!("/idle/{name}"), FieldCode::OutOfRange);
        }
    }
    refused(&json!({"policy": "never"}), "/policy", FieldCode::Malformed);
    refused(&json!({"replace": "recreate"}), "/replace", FieldCode::Malformed);
    refused(
        &json!({"pin": {"until": "tomorrow"}}),
        "/pin/until",
        FieldCode::Malformed,
    );
    assert!(Overlay::parse(&json!({"policy": "manual", "replace": "rolling"})).is_ok());
}

#[test]
fn p9_every_mistake_is_in_the_answer() {
    let all = codes(&json!({"image": "", "env": {"BERTH_X": 1}, "size": {"cpu": 1, "memory": 2}, "x": 1}));
    let mut pointers: Vec<_> = all.iter().map(|(pointer, _)| pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/env/BERTH_X", "/env/BERTH_X", "/image", "/size/cpu", "/x"]);
}

#[test]
fn a_code_is_the_same_in_an_answer_and_in_a_log() {
    let error = Overlay::parse(&json!({"imgae": 1})).unwrap_err().errors.remove(0);
    assert_eq!(error.to_string(), format!("/imgae: {} (unknown_field)", error.message));
    let codes = [
        (FieldCode::UnknownField, "unknown_field"),
        (FieldCode::WrongType, "wrong_type"),
        (FieldCode::Missing, "missing"),
        (FieldCode::OutOfRange, "out_of_range"),
        (FieldCode::Malformed, "malformed"),
        (FieldCode::Reserved, "reserved"),
        (FieldCode::Duplicate, "duplicate"),
        (FieldCode::InvalidSize, "invalid_size"),
        (FieldCode::DoesNotFit, "does_not_fit"),
        (FieldCode::TooLarge, "too_large"),
    ];
    for (code, text) in codes {
        assert_eq!((code.as_str(), json!(code)), (text, json!(text)));
    }
}

#[test]
fn s3_no_value_of_a_variable_and_no_pasted_secret_is_ever_shown() {
    let good = Overlay::parse(&json!({"env": {"A": "s3cret"}})).unwrap();
    assert_eq!(format!("{:?}", good.env.values().next().unwrap()), "<6 bytes>");
    assert!(!format!("{good:?} {:?}", good.env).contains("s3cret"));
    let bad = json!({"env": {"A": "s3cret\u{0}", "BERTH_X": "s3cret"}, "secrets": {"B": "s3cret"}, "image": "s3 cret"});
    let error = Overlay::parse(&bad).unwrap_err();
    let answer = serde_json::to_string(&error.errors).unwrap();
    let through_serde = serde_json::from_value::<Overlay>(bad).unwrap_err();
    for shown in [
        format!("{error} {error:?}"),
        answer,
        format!("{through_serde} {through_serde:?}"),
    ] {
        assert!(!shown.contains("s3"), "{shown}");
    }
}

#[test]
fn a_pin_ends_at_its_time() {
    let until: Timestamp = "2027-01-31T00:00:00Z".parse().unwrap();
    let pin = Pin { until: Some(until) };
    let millisecond = Duration::from_millis(1);
    assert!(pin.holds(until - millisecond));
    assert!(!pin.holds(until));
    assert!(Pin::default().holds(until + millisecond));
}
