use berth_core::definition::{Finding, Layout, Main, Workspace, check};
use serde_json::{Value, json};

use crate::stand::{BASES, base, changed, layout, response};

fn findings(change: impl FnOnce(&mut Value)) -> Vec<String> {
    check(&changed("plain", change), &Layout::default())
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn every_base_of_the_stand_is_found_good() {
    for (name, _) in BASES {
        assert_eq!(check(&base(name), &layout(name)), [], "{name}");
    }
}

#[test]
fn one_mistake_is_one_finding_that_names_it() {
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 17] = [
        (|d| d["status"] = json!("INACTIVE"), "INACTIVE"),
        (|d| d["family"] = json!("agent-user"), "\"agent-user\""),
        (|d| d["family"] = json!("x".repeat(251)), "more than 255"),
        (|d| d["requiresCompatibilities"] = json!(["EC2"]), "[EC2]"),
        (|d| d["networkMode"] = json!("bridge"), "\"bridge\""),
        (|d| d["networkMode"] = Value::Null, "\"\""),
        (|d| d["cpu"] = json!("300"), "300 CPU units"),
        (|d| d["memory"] = json!("1536"), "1536 MiB"),
        (|d| d["memory"] = Value::Null, "memory is \"\""),
        (|d| d["cpu"] = json!(".5 vCPU"), "cpu is \".5 vCPU\""),
        (|d| d["ipcMode"] = json!("task"), "ipcMode"),
        (
            |d| d["placementConstraints"] = json!([{"type": "memberOf"}]),
            "placementConstraints",
        ),
        (
            |d| d["containerDefinitions"][0]["extraHosts"] = json!([{"hostname": "a", "ipAddress": "10.0.0.1"}]),
            "containerDefinitions[agent].extraHosts",
        ),
        (
            |d| d["containerDefinitions"][0]["privileged"] = json!(true),
            "containerDefinitions[agent].privileged",
        ),
        (
            |d| d["containerDefinitions"][0]["hostname"] = json!("me"),
            "containerDefinitions[agent].hostname",
        ),
        (
            |d| d["containerDefinitions"][0]["essential"] = json!(false),
            "no essential container",
        ),
        (
            |d| d["containerDefinitions"][0]["command"] = json!(["x".repeat(64 * 1024)]),
            "bytes",
        ),
    ];
    for (change, named) in cases {
        let found = findings(change);
        assert!(found.len() == 1 && found[0].contains(named), "{named}: {found:?}");
    }
}

#[test]
fn what_ecs_describes_without_being_set_is_no_finding() {
    let unset = |d: &mut Value| {
        let main = &mut d["containerDefinitions"][0];
        (main["privileged"], main["extraHosts"], main["hostname"]) = (json!(false), json!([]), json!(""));
        d["ipcMode"] = Value::Null;
    };
    assert_eq!(findings(unset), [""; 0]);
}

#[test]
fn the_longest_family_leaves_room_for_the_suffix() {
    assert_eq!(findings(|d| d["family"] = json!("x".repeat(250))), [""; 0]);
    assert_eq!(findings(|d| d["family"] = json!("x".repeat(251))).len(), 1);
}

#[test]
fn a_layout_that_does_not_fit_is_found_for_both_of_its_parts() {
    let named = |name: &str| Layout {
        main: Main::Named(name.to_owned()),
        workspace: Workspace::Named(name.to_owned()),
        ..Layout::default()
    };
    let found = check(&base("plain"), &named("nobody"));
    assert!(
        matches!(found.as_slice(), [Finding::Main(_), Finding::Workspace(_)]),
        "{found:?}"
    );
    assert!(found.iter().all(|finding| finding.to_string().contains("\"nobody\"")));
    let found = check(&base("multi-essential"), &Layout::default());
    let expected = "the base has several essential containers (web, agent): set which one is the main container";
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
    let two = |d: &mut Value| {
        let mut second = d["volumes"][0].clone();
        second["name"] = json!("second");
        d["volumes"].as_array_mut().unwrap().push(second);
    };
    assert!(findings(two)[0].contains("(workspace, second)"));
    let docker = |d: &mut Value| d["volumes"] = json!([{"name": "nobody", "host": {}}]);
    let layout = Layout {
        main: Main::default(),
        ..named("nobody")
    };
    assert!(
        check(&changed("plain", docker), &layout)[0]
            .to_string()
            .contains("not an EFS volume")
    );
}

#[test]
fn a_base_of_fifty_tags_leaves_no_room_for_ours() {
    let mut response = response("plain");
    let tags = |count: usize| {
        (0..count)
            .map(|i| json!({"key": format!("t{i}"), "value": "x"}))
            .collect::<Value>()
    };
    for (count, good) in [(48, true), (49, false)] {
        response["tags"] = tags(count);
        let base = berth_core::definition::Base::from_response(response.clone()).unwrap();
        assert_eq!(check(&base, &Layout::default()).is_empty(), good, "{count}");
    }
}
