//! How a definition names the bundle that a tenant is given.

use berth_core::definition::{Base, Definition, DeliveryContainer, Layout, NoDelivery, RenderError, admit, render};
use berth_core::template::BundleAt;
use berth_core::tenant::{FieldCode, Overlay};
use serde_json::{Value, json};

use crate::stand::{acme_files, changed, container, overlay, variables};

/// The plain base with an init container that delivers, after this change.
fn base_with(change: impl FnOnce(&mut Value)) -> Base {
    changed("plain", |definition| {
        let containers = definition["containerDefinitions"].as_array_mut().unwrap();
        containers[0]["dependsOn"] = json!([{"containerName": "berth-config", "condition": "SUCCESS"}]);
        containers.push(json!({
            "name": "berth-config", "image": "registry.example/deliver:1", "essential": false,
            "environment": [{"name": "BERTH_TARGET", "value": "/workspace"}, {"name": "BERTH_BUNDLE", "value": "the base's"}],
        }));
        change(definition);
    })
}

fn seo() -> Overlay {
    overlay(&json!({"template": "seo-agent", "env": {"MODE": "own"}}))
}

fn at(kind: u8) -> BundleAt {
    BundleAt::new("assets", format!("{kind:064x}").parse().unwrap())
}

fn given(overlay: &Overlay, bundle: &BundleAt) -> Definition {
    let base = base_with(|_| {});
    render(&base, &Layout::default(), overlay, Some(&acme_files()), Some(bundle)).unwrap()
}

#[test]
fn s7_the_container_that_delivers_is_told_the_place_and_the_digest_and_no_other_is() {
    let clone = given(&seo(), &at(7));
    let digest = format!("{:064x}", 7);
    let expected = json!({
        "BERTH_TARGET": "/workspace", "BERTH_BUNDLE": format!("s3://assets/bundles/{digest}.tar"),
        "BERTH_BUNDLE_SHA256": digest,
    });
    assert_eq!(variables(container(&clone, "berth-config"), "environment"), expected);
    let main = container(&clone, "agent").to_string();
    assert!(!main.contains("BERTH_BUNDLE") && main.contains("own"), "{main}");
}

#[test]
fn s7_the_bundle_is_part_of_what_a_definition_is_named_by() {
    let fingerprint = |kind| given(&seo(), &at(kind)).fingerprint();
    assert_eq!(
        fingerprint(1),
        fingerprint(1),
        "who is given the same shares a revision"
    );
    assert_ne!(fingerprint(1), fingerprint(2));
}

#[test]
fn s7_who_names_no_template_is_given_none() {
    let clone = given(&Overlay::default(), &at(7));
    let told = variables(container(&clone, "berth-config"), "environment");
    assert_eq!(
        told["BERTH_BUNDLE"], "the base's",
        "that container is as the base has it"
    );
    let without = base_with(|definition| {
        definition["containerDefinitions"].as_array_mut().unwrap().pop();
        definition["containerDefinitions"][0]
            .as_object_mut()
            .unwrap()
            .remove("dependsOn");
    });
    assert_eq!(admit(&without, &Layout::default(), &Overlay::default()), Ok(()));
}

#[test]
fn s7_nothing_is_rendered_that_would_start_without_its_files() {
    let layout = Layout::default();
    let error = render(&base_with(|_| {}), &layout, &seo(), Some(&acme_files()), None).unwrap_err();
    assert!(matches!(error, RenderError::NoBundle { .. }), "{error}");
    assert_eq!(admit(&base_with(|_| {}), &layout, &seo()), Ok(()));
}

/// What keeps this base from delivering.
fn refusal(change: impl FnOnce(&mut Value)) -> NoDelivery {
    let error = admit(&base_with(change), &Layout::default(), &seo()).unwrap_err();
    let told = error.in_overlay().unwrap();
    assert_eq!(
        (told.code, told.pointer.as_str()),
        (FieldCode::Undeliverable, "/template")
    );
    assert!(
        told.message.contains("seo-agent") && told.message.contains("berth-config"),
        "{told}"
    );
    match error {
        RenderError::Delivery { why, .. } => why,
        other => panic!("{other}"),
    }
}

#[test]
fn s7_a_base_without_the_container_delivers_nothing() {
    let gone = refusal(|definition| {
        definition["containerDefinitions"].as_array_mut().unwrap().pop();
    });
    assert!(matches!(gone, NoDelivery::Unknown { .. }), "{gone}");
}

#[test]
fn s7_the_main_container_waits_for_a_delivery_that_succeeded() {
    for waits in [
        json!([]),
        json!([{"containerName": "berth-config", "condition": "COMPLETE"}]),
        json!([{"containerName": "berth-config", "condition": "START"}]),
        json!([{"containerName": "other", "condition": "SUCCESS"}]),
    ] {
        let refused = refusal(|definition| definition["containerDefinitions"][0]["dependsOn"] = waits.clone());
        assert!(
            matches!(&refused, NoDelivery::NotAwaited { main, .. } if main == "agent"),
            "{waits}: {refused}"
        );
    }
}

#[test]
fn s7_the_container_that_delivers_has_the_name_in_the_setting() {
    let base = base_with(|definition| {
        let containers = definition["containerDefinitions"].as_array_mut().unwrap();
        containers[0]["dependsOn"] = json!([{"containerName": "fetch", "condition": "SUCCESS"}]);
        containers[1]["name"] = json!("fetch");
    });
    let layout = Layout {
        delivery: DeliveryContainer("fetch".to_owned()),
        ..Layout::default()
    };
    assert_eq!(admit(&base, &layout, &seo()), Ok(()));
    assert!(admit(&base, &Layout::default(), &seo()).is_err());
}
