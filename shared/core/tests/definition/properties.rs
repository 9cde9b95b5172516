//! What holds for every base and every overlay.

use berth_core::definition::{Base, Change, Definition, Layout, Main, Workspace, difference, render};
use berth_core::tenant::Overlay;
use proptest::prelude::*;
use proptest::sample::subsequence;
use serde_json::{Map, Value, json};

use crate::stand::{acme_files, arn};

/// Few names, so that base and tenant often have the same.
const NAMES: [&str; 6] = ["A", "B", "C", "D", "E", "F"];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z\"é]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        let member = ("[a-z]{1,4}", inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..3).prop_map(Value::from),
            prop::collection::vec(member, 0..3).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Members that no model knows; their names cannot clash with real ones.
fn unknown_members() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec(("x[A-Z][a-z]{1,4}", any_json()), 0..3).prop_map(|members| members.into_iter().collect())
}

/// Variables and secrets of one container: names in any order, none in both.
fn variables() -> impl Strategy<Value = (Vec<Value>, Vec<Value>)> {
    let order = Just(NAMES.to_vec()).prop_shuffle();
    (order, 0..=NAMES.len(), 0..=NAMES.len(), "[a-z]{0,4}").prop_map(|(names, a, b, value)| {
        let (first, second) = (a.min(b), a.max(b));
        let env = names[..first].iter().map(|name| json!({"name": name, "value": value}));
        let secrets = names[first..second]
            .iter()
            .map(|name| json!({"name": name, "valueFrom": arn(&value)}));
        (env.collect(), secrets.collect())
    })
}

fn container(index: usize) -> impl Strategy<Value = Value> {
    (
        variables(),
        unknown_members(),
        any::<bool>(),
        prop::option::of("[a-z]{1,8}"),
    )
        .prop_map(move |((env, secrets), mut members, listed, command)| {
            members.insert("name".to_owned(), format!("part{index}").into());
            members.insert("image".to_owned(), format!("base/part{index}:1").into());
            members.extend(command.map(|command| ("command".to_owned(), json!([command]))));
            if listed || !env.is_empty() {
                members.insert("environment".to_owned(), env.into());
            }
            if listed || !secrets.is_empty() {
                members.insert("secrets".to_owned(), secrets.into());
            }
            Value::Object(members)
        })
}

/// A description by ECS whose main container is `part0` and whose workspace, if it has one, is the volume `workspace`.
fn described() -> impl Strategy<Value = Value> {
    let containers = (1..4usize).prop_flat_map(|count| (0..count).map(container).collect::<Vec<_>>());
    let workspace = json!({"name": "workspace", "efsVolumeConfiguration": {"fileSystemId": "fs-11111111",
        "rootDirectory": "/", "transitEncryptionPort": 2049, "authorizationConfig": {"iam": "ENABLED"}}});
    let shared = json!({"name": "shared", "efsVolumeConfiguration": {"fileSystemId": "fs-22222222",
        "transitEncryption": "ENABLED", "authorizationConfig": {"accessPointId": "fsap-22222222"}}});
    let volumes = subsequence(vec![workspace, shared, json!({"name": "scratch"})], 0..=3).prop_shuffle();
    let tags = subsequence(
        vec![
            json!({"key": "team", "value": "a"}),
            json!({"key": "aws:x", "value": "b"}),
            json!({"key": "berth:base"}),
        ],
        0..=3,
    );
    (containers, volumes, tags, unknown_members()).prop_map(|(containers, volumes, tags, mut definition)| {
        let known = json!({
            "family": "base", "cpu": "512", "memory": "1024", "containerDefinitions": containers, "volumes": volumes,
            "revision": 3, "status": "ACTIVE", "taskDefinitionArn": "arn:x", "registeredAt": 1
        });
        definition.extend(known.as_object().unwrap().clone());
        json!({"taskDefinition": definition, "tags": tags})
    })
}

fn overlay() -> impl Strategy<Value = Overlay> {
    let image = prop::option::of("[a-z]{1,5}:[a-z0-9]{1,3}");
    let size = prop::option::of(Just(json!({"cpu": 1024, "memory": 4096})));
    (image, size, variables(), any::<bool>()).prop_map(|(image, size, (env, secrets), asleep)| {
        let entries = |list: Vec<Value>, member: &str| {
            let pairs = list
                .iter()
                .map(|one| (one["name"].as_str().unwrap().to_owned(), one[member].clone()));
            Value::Object(pairs.collect())
        };
        let idle = if asleep { json!({"after": 600}) } else { Value::Null };
        let (env, secrets) = (entries(env, "value"), entries(secrets, "valueFrom"));
        let value = json!({"image": image, "size": size, "env": env, "secrets": secrets, "idle": idle});
        Overlay::parse(&value).unwrap()
    })
}

fn layout(described: &Value) -> Layout {
    let volumes = described["taskDefinition"]["volumes"].as_array().unwrap();
    let has = volumes.iter().any(|volume| volume["name"] == "workspace");
    let workspace = if has {
        Workspace::Named("workspace".to_owned())
    } else {
        Workspace::Absent
    };
    Layout {
        main: Main::Named("part0".to_owned()),
        workspace,
        ..Layout::default()
    }
}

fn rendered(described: &Value, overlay: &Overlay) -> Definition {
    let base = Base::from_response(described.clone()).unwrap();
    render(&base, &layout(described), overlay, Some(&acme_files()), None).unwrap()
}

/// The same JSON with the members of every object, and the variables and tags, the other way round.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let turned = members.iter().rev().map(|(name, value)| {
                let mut value = reversed(value);
                if let ("environment" | "secrets" | "tags", Value::Array(entries)) = (name.as_str(), &mut value) {
                    entries.reverse();
                }
                (name.clone(), value)
            });
            Value::Object(turned.collect())
        }
        Value::Array(items) => items.iter().map(reversed).collect(),
        other => other.clone(),
    }
}

/// How ECS would describe the clone, if it were a base itself.
fn as_base(definition: &Definition) -> Value {
    let mut request = definition.request().clone();
    let tags = request.as_object_mut().unwrap().remove("tags");
    request["family"] = json!("base");
    json!({"taskDefinition": request, "tags": tags})
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn rendering_what_was_rendered_changes_nothing(described in described(), overlay in overlay()) {
        let once = rendered(&described, &overlay);
        prop_assert_eq!(&rendered(&as_base(&once), &overlay), &once);
        prop_assert_eq!(&rendered(&as_base(&once), &Overlay::default()), &once);
    }

    #[test]
    fn the_order_of_members_and_variables_means_nothing(described in described(), overlay in overlay()) {
        let (one, two) = (rendered(&described, &overlay), rendered(&reversed(&described), &overlay));
        prop_assert_eq!(one.to_bytes(), two.to_bytes());
        prop_assert_eq!(one.fingerprint(), two.fingerprint());
        let base = |described: &Value| Base::from_response(described.clone()).unwrap().fingerprint();
        prop_assert_eq!(base(&described), base(&reversed(&described)));
    }

    #[test]
    fn a_sidecar_is_never_touched(described in described(), overlay in overlay()) {
        let clone = rendered(&described, &overlay);
        let before = described["taskDefinition"]["containerDefinitions"].as_array().unwrap();
        let after = clone.request()["containerDefinitions"].as_array().unwrap();
        prop_assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(after).skip(1) {
            prop_assert_eq!(difference(before, after), []);
        }
    }

    #[test]
    fn no_member_is_lost(described in described(), overlay in overlay()) {
        let clone = rendered(&described, &overlay);
        for change in difference(&described["taskDefinition"], clone.request()) {
            if let Change::Removed { path, .. } = change {
                let name = path.rsplit_once('[').map_or("", |(_, name)| name.trim_end_matches(']'));
                let own = overlay.env.keys().chain(overlay.secrets.keys()).any(|own| own.as_str() == name);
                let of_main = path.starts_with("containerDefinitions[part0].") && own;
                let expected = ["revision", "status", "taskDefinitionArn", "registeredAt"];
                let root = path == "volumes[workspace].efsVolumeConfiguration.rootDirectory";
                prop_assert!(of_main || root || expected.contains(&path.as_str()), "lost {}", path);
            }
        }
        let tags = &clone.request()["tags"];
        let team = |tags: &Value| tags.as_array().unwrap().iter().any(|tag| tag["key"] == "team");
        prop_assert_eq!(team(tags), team(&described["tags"]));
    }

    #[test]
    fn fingerprints_are_equal_if_and_only_if_definitions_are(described in described(), a in overlay(), b in overlay()) {
        let (one, two) = (rendered(&described, &a), rendered(&described, &b));
        prop_assert_eq!(one.to_bytes() == two.to_bytes(), one.fingerprint() == two.fingerprint());
        let again = Base::from_response(Base::from_response(described.clone()).unwrap().to_json()).unwrap();
        let kept = render(&again, &layout(&described), &a, Some(&acme_files()), None).unwrap();
        prop_assert_eq!(kept.fingerprint(), one.fingerprint());
    }

    #[test]
    fn a_name_is_there_once_and_the_tenants_wins(described in described(), overlay in overlay()) {
        let clone = rendered(&described, &overlay);
        let main = &clone.request()["containerDefinitions"][0];
        let list = |member: &str| main[member].as_array().cloned().unwrap_or_default();
        let mut names: Vec<String> = Vec::new();
        for entry in list("environment").iter().chain(&list("secrets")) {
            names.push(entry["name"].as_str().unwrap().to_owned());
        }
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        prop_assert_eq!(names.len(), all);
        for (name, value) in &overlay.env {
            let wanted = json!({"name": name, "value": value.reveal()});
            prop_assert!(list("environment").contains(&wanted));
        }
        for (name, arn) in &overlay.secrets {
            let wanted = json!({"name": name, "valueFrom": arn});
            prop_assert!(list("secrets").contains(&wanted));
        }
    }
}
