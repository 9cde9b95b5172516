use berth_core::definition::{Base, Fingerprint, InvalidBase, Layout, Main, NoMain, NoWorkspace, Workspace, render};
use berth_core::tenant::Overlay;
use serde_json::{Value, json};

use crate::stand::{BASES, base, changed, layout, response};

fn read(change: impl FnOnce(&mut Value)) -> Result<Base, InvalidBase> {
    let mut response = response("plain");
    change(&mut response);
    Base::from_response(response)
}

#[test]
fn what_ecs_never_returns_is_refused_with_the_member() {
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 12] = [
        (|r| *r = json!([]), "taskDefinition must"),
        (|r| r["taskDefinition"] = Value::Null, "taskDefinition must"),
        (|r| r["taskDefinition"]["family"] = json!(""), "family must"),
        (|r| r["taskDefinition"]["family"] = json!(5), "family must"),
        (
            |r| r["taskDefinition"]["containerDefinitions"] = json!([]),
            "containerDefinitions must",
        ),
        (
            |r| r["taskDefinition"]["containerDefinitions"] = json!([{"image": "x"}]),
            "containerDefinitions must",
        ),
        (
            |r| r["taskDefinition"]["containerDefinitions"][0]["environment"] = json!({}),
            "environment and secrets",
        ),
        (
            |r| r["taskDefinition"]["containerDefinitions"][0]["secrets"] = json!([{}]),
            "environment and secrets",
        ),
        (|r| r["taskDefinition"]["volumes"] = json!([{}]), "volumes must"),
        (
            |r| r["taskDefinition"]["volumes"][0]["efsVolumeConfiguration"] = json!("fs"),
            "volumes must",
        ),
        (|r| r["tags"] = json!("x"), "tags must"),
        (|r| r["tags"] = json!([{"value": "x"}]), "tags[].key must"),
    ];
    for (change, named) in cases {
        let error = read(change).unwrap_err().to_string();
        assert!(error.contains(named), "{named}: {error}");
    }
    let twice = read(|r| {
        let first = r["taskDefinition"]["containerDefinitions"][0].clone();
        r["taskDefinition"]["containerDefinitions"]
            .as_array_mut()
            .unwrap()
            .push(first);
    });
    assert_eq!(
        twice,
        Err(InvalidBase::SameName {
            name: "agent".to_owned()
        })
    );
}

#[test]
fn a_base_may_lack_what_is_optional() {
    let minimal = json!({"taskDefinition": {"family": "f", "containerDefinitions": [{"name": "a"}]}, "tags": null});
    let base = Base::from_response(minimal).unwrap();
    assert_eq!(
        (base.family(), base.arn(), base.revision(), base.is_active()),
        ("f", None, None, true)
    );
    let clone = render(&base, &Layout::default(), &Overlay::default(), None, None).unwrap();
    let fingerprint = Fingerprint::from_tags(&clone.request()["tags"]).unwrap();
    let expected = json!({"family": "f-user", "containerDefinitions": [{"name": "a"}], "tags": [
        {"key": "berth:base", "value": "f"}, {"key": "berth:fingerprint", "value": fingerprint.to_string()}]});
    assert_eq!(clone.request(), &expected);
}

#[test]
fn a_base_that_was_kept_is_the_base() {
    for (name, _) in BASES {
        let base = base(name);
        assert_eq!(Base::from_response(base.to_json()).unwrap(), base, "{name}");
    }
    let inactive = changed("plain", |d| d["status"] = json!("INACTIVE"));
    assert!(!Base::from_response(inactive.to_json()).unwrap().is_active());
    assert_eq!(inactive.fingerprint(), base("plain").fingerprint());
}

#[test]
fn a_base_says_what_it_is_and_shows_no_values() {
    let full = base("every-member");
    assert_eq!((full.family(), full.revision()), ("agent", Some(17)));
    let images: Vec<_> = full.images().collect();
    let expected = [
        ("main", "public.ecr.aws/berth/app:1"),
        ("agent", "public.ecr.aws/berth/agent:1"),
        ("router", "public.ecr.aws/berth/router:1"),
    ];
    assert_eq!(images, expected);
    assert_eq!(
        format!("{full:?}"),
        "Base { family: \"agent\", revision: Some(17), active: true, .. }"
    );
    let clone = render(&base("no-volume"), &Layout::default(), &Overlay::default(), None, None).unwrap();
    let shown = format!("{clone:?}");
    assert!(
        shown.contains("agent-user") && !shown.contains("/home/agent"),
        "{shown}"
    );
}

#[test]
fn the_tags_of_a_base_are_part_of_its_content_less_those_of_aws_and_berth() {
    let with = |tags: Value| read(|r| r["tags"] = tags).unwrap().fingerprint();
    let team = json!([{"key": "team", "value": "platform"}]);
    let more = json!([{"key": "AWS:x", "value": "1"}, {"key": "berth:fingerprint", "value": "x"},
        {"key": "team", "value": "platform"}, {"key": "aws:y", "value": "1"}]);
    assert_eq!(with(team.clone()), with(more));
    assert_ne!(with(team), with(json!([{"key": "team", "value": "other"}])));
    assert_ne!(with(json!([])), with(json!([{"key": "awsome", "value": ""}])));
}

#[test]
fn the_main_container_is_the_only_essential_one_or_the_one_that_is_named() {
    let of = |name: &str, main: Main| {
        base(name)
            .main(&Layout {
                main,
                ..Layout::default()
            })
            .map(str::to_owned)
    };
    assert_eq!(of("sidecar", Main::OnlyEssential), Ok("agent".to_owned()));
    assert_eq!(of("sidecar", Main::Named("proxy".to_owned())), Ok("proxy".to_owned()));
    let containers = vec!["web".to_owned(), "agent".to_owned()];
    assert_eq!(
        of("multi-essential", Main::OnlyEssential),
        Err(NoMain::Several {
            containers: containers.clone()
        })
    );
    let name = "x".to_owned();
    assert_eq!(
        of("multi-essential", Main::Named("x".to_owned())),
        Err(NoMain::Unknown { name, containers })
    );
    let unsaid = changed("sidecar", |d| {
        d["containerDefinitions"][0]
            .as_object_mut()
            .unwrap()
            .remove("essential");
    });
    assert_eq!(unsaid.main(&Layout::default()), Ok("agent"));
    let none = changed("plain", |d| d["containerDefinitions"][0]["essential"] = json!(false));
    assert_eq!(none.main(&Layout::default()), Err(NoMain::None));
}

#[test]
fn the_workspace_is_the_only_plain_volume_or_the_one_that_is_named_or_none() {
    let of = |name: &str, workspace: Workspace| {
        base(name)
            .workspace(&Layout {
                workspace,
                ..Layout::default()
            })
            .map(|found| found.map(str::to_owned))
    };
    let named = |name: &str| Workspace::Named(name.to_owned());
    let found = |name: &str| Ok(Some(name.to_owned()));
    assert_eq!(of("shared-volume", Workspace::OnlyPlain), found("workspace"));
    assert_eq!(of("shared-volume", named("shared")), found("shared"));
    assert_eq!(of("shared-volume", Workspace::Absent), Ok(None));
    assert_eq!(of("no-volume", Workspace::OnlyPlain), Ok(None));
    assert_eq!(of("every-member", Workspace::OnlyPlain), Ok(None));
    let not_efs = NoWorkspace::NotEfs {
        name: "scratch".to_owned(),
    };
    assert_eq!(of("every-member", named("scratch")), Err(not_efs));
    let unknown = NoWorkspace::Unknown {
        name: "x".to_owned(),
        volumes: Vec::new(),
    };
    assert_eq!(of("no-volume", named("x")), Err(unknown));
}

#[test]
fn without_a_workspace_the_volumes_stay_as_they_are() {
    let absent = Layout {
        workspace: Workspace::Absent,
        ..layout("plain")
    };
    let clone = render(&base("plain"), &absent, &Overlay::default(), None, None).unwrap();
    assert_eq!(
        clone.request()["volumes"],
        response("plain")["taskDefinition"]["volumes"]
    );
}
