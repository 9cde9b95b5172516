use berth_core::definition::difference;
use serde_json::{Value, json};

fn lines(before: &Value, after: &Value) -> Vec<String> {
    difference(before, after).iter().map(ToString::to_string).collect()
}

#[test]
fn equal_definitions_have_no_difference_whatever_the_order_of_named_entries() {
    let one = json!({"environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "cpu": "256"});
    let two = json!({"cpu": "256", "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]});
    assert!(lines(&one, &two).is_empty());
}

#[test]
fn the_lists_that_are_sets_are_compared_by_what_names_their_entries() {
    let lists = [
        ("containerDefinitions", "name"),
        ("volumes", "name"),
        ("secrets", "name"),
        ("secretOptions", "name"),
        ("ulimits", "name"),
        ("mountPoints", "containerPath"),
        ("dependsOn", "containerName"),
        ("systemControls", "namespace"),
        ("volumesFrom", "sourceContainer"),
        ("resourceRequirements", "type"),
    ];
    for (list, key) in lists {
        let entry = |name: &str, more: u32| json!({key: name, "more": more});
        let before = json!({list: [entry("a", 1), entry("b", 2)]});
        let after = json!({list: [entry("b", 3), entry("a", 1)]});
        assert_eq!(lines(&before, &after), [format!("~ {list}[b].more: 2 -> 3")]);
    }
}

#[test]
fn the_order_of_a_command_counts() {
    let (one, two) = (json!({"command": ["a", "b"]}), json!({"command": ["b", "a"]}));
    assert_eq!(lines(&one, &two), [r#"~ command: ["a","b"] -> ["b","a"]"#]);
}

#[test]
fn the_value_of_a_variable_is_never_in_the_result() {
    let container = |env: Value| json!({"containerDefinitions": [{"name": "main", "environment": env}]});
    let before = container(json!([{"name": "GONE", "value": "s3cret"}, {"name": "KEPT", "value": "s3cret"}]));
    let after = container(json!([{"name": "KEPT", "value": "s3cret-2"}, {"name": "NEW", "value": "s3cret"}]));
    assert_eq!(
        lines(&before, &after),
        [
            "- containerDefinitions[main].environment[GONE]: (not shown)",
            "~ containerDefinitions[main].environment[KEPT]: changed (not shown)",
            "+ containerDefinitions[main].environment[NEW]: (not shown)",
        ]
    );
    let twice = container(json!([{"name": "KEPT", "value": "s3cret"}, {"name": "KEPT", "value": "s3cret"}]));
    let odd = container(json!([{"name": "KEPT", "value": "s3cret", "more": "s3cret"}]));
    let none = json!({"containerDefinitions": []});
    for (before, after) in [
        (&before, &twice),
        (&before, &odd),
        (&none, &odd),
        (&twice, &none),
        (&json!({}), &before),
    ] {
        let changes = difference(before, after);
        assert!(!changes.is_empty());
        assert!(!format!("{changes:?}").contains("s3cret"), "{changes:?}");
    }
}

#[test]
fn an_entry_is_named_by_its_key() {
    let before = json!({"tags": [{"key": "team", "value": "a"}], "volumes": [{"name": "data", "host": {}}],
        "portMappings": [{"containerPort": 80, "protocol": "tcp"}]});
    let after = json!({"tags": [{"key": "team", "value": "b"}], "volumes": [],
        "portMappings": [{"containerPort": 80, "protocol": "udp"}], "cpu": "256"});
    assert_eq!(
        lines(&before, &after),
        [
            r#"+ cpu: "256""#,
            r#"~ portMappings[80].protocol: "tcp" -> "udp""#,
            r#"~ tags[team]: "a" -> "b""#,
            "- volumes[data].host: {}",
            r#"- volumes[data].name: "data""#,
        ]
    );
}

#[test]
fn an_empty_member_that_comes_or_goes_is_a_difference() {
    assert_eq!(lines(&json!({}), &json!({"volumes": []})), ["+ volumes: []"]);
    assert_eq!(
        lines(&json!({"volumes": [], "x": {}}), &json!({})),
        ["- volumes: []", "- x: {}"]
    );
}
