//! The bases in `bases/`, and short ways to say what is rendered.

use berth_core::definition::{AccessPoint, Base, Definition, Layout, Main, Workspace, render};
use berth_core::tenant::Overlay;
use serde_json::{Value, json};

/// Every base by name: a `DescribeTaskDefinition` response.
pub(crate) const BASES: [(&str, &str); 9] = [
    ("plain", include_str!("bases/plain.json")),
    ("sidecar", include_str!("bases/sidecar.json")),
    ("shared-volume", include_str!("bases/shared-volume.json")),
    ("every-member", include_str!("bases/every-member.json")),
    ("collisions", include_str!("bases/collisions.json")),
    ("arm", include_str!("bases/arm.json")),
    ("multi-essential", include_str!("bases/multi-essential.json")),
    ("ten-containers", include_str!("bases/ten-containers.json")),
    ("no-volume", include_str!("bases/no-volume.json")),
];

pub(crate) fn response(name: &str) -> Value {
    let (_, text) = BASES
        .iter()
        .find(|(known, _)| *known == name)
        .expect("a base of that name");
    serde_json::from_str(text).unwrap()
}

pub(crate) fn base(name: &str) -> Base {
    Base::from_response(response(name)).unwrap()
}

/// A base after a change to its task definition.
pub(crate) fn changed(name: &str, change: impl FnOnce(&mut Value)) -> Base {
    let mut response = response(name);
    change(&mut response["taskDefinition"]);
    Base::from_response(response).unwrap()
}

/// The settings that a base needs: two of them cannot go by the default rules.
pub(crate) fn layout(name: &str) -> Layout {
    let mut layout = Layout::default();
    if name == "multi-essential" {
        layout.main = Main::Named("agent".to_owned());
    }
    if name == "every-member" {
        layout.workspace = Workspace::Named("workspace".to_owned());
    }
    layout
}

pub(crate) fn overlay(value: &Value) -> Overlay {
    Overlay::parse(value).unwrap()
}

pub(crate) fn acme_files() -> AccessPoint {
    files("fsap-acacacacacacacaca")
}

pub(crate) fn files(access_point: &str) -> AccessPoint {
    AccessPoint {
        file_system_id: "fs-cececececececece1".parse().unwrap(),
        access_point_id: access_point.parse().unwrap(),
    }
}

/// Renders with the default settings for the tenant with [`acme_files`].
pub(crate) fn rendered(base: &Base, overlay: &Overlay) -> Definition {
    render(base, &Layout::default(), overlay, Some(&acme_files()), None).unwrap()
}

/// The container of that name in a rendered definition.
pub(crate) fn container<'a>(definition: &'a Definition, name: &str) -> &'a Value {
    named(&definition.request()["containerDefinitions"], name)
}

pub(crate) fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let items = list.as_array().unwrap();
    items.iter().find(|item| item["name"] == name).unwrap()
}

/// `environment` or `secrets` of a container as `{name: value}`.
pub(crate) fn variables(container: &Value, member: &str) -> Value {
    let entries = container[member].as_array().map(Vec::as_slice).unwrap_or_default();
    let value = |entry: &Value| entry.get("value").or(entry.get("valueFrom")).unwrap().clone();
    let pairs = entries
        .iter()
        .map(|entry| (entry["name"].as_str().unwrap().to_owned(), value(entry)));
    Value::Object(pairs.collect())
}

pub(crate) fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}-AbCdEf")
}

/// The overlays that every base is rendered with.
pub(crate) fn overlays() -> Vec<(&'static str, Value)> {
    let size = json!({"cpu": 2048, "memory": 8192});
    let env = json!({"LOG_LEVEL": "debug", "TOKEN": "tenant", "API_KEY": "plain now"});
    let secrets = json!({"MODE": arn("mode"), "API_KEY": format!("{}:key::", arn("tenant"))});
    let asleep = json!({"idle": {"after": 600, "alwaysOn": false}, "policy": "manual", "replace": "rolling",
        "pin": {"until": "2027-01-31T00:00:00Z"}});
    vec![
        ("empty", json!({})),
        ("not-rendered", asleep),
        ("image", json!({"image": "tenant/agent:2"})),
        ("size", json!({"size": size})),
        ("small", json!({"size": {"cpu": 256, "memory": 512}})),
        ("env", json!({"env": env})),
        ("secrets", json!({"secrets": secrets})),
        (
            "full",
            json!({"image": "tenant/agent:2", "size": size, "env": {"LOG_LEVEL": "debug", "TOKEN": "tenant"},
            "secrets": secrets, "policy": "auto", "idle": {"after": 600}}),
        ),
    ]
}
