//! Scenarios of the design that rendering alone decides, named after their ids.

use berth_core::definition::{Base, Fingerprint, Layout, RenderError, admit, family, render};
use berth_core::tenant::{FieldCode, Overlay};
use serde_json::{Value, json};

use crate::stand::{
    acme_files, arn, base, changed, container, files, layout, named, overlay, rendered, response, variables,
};

#[test]
fn b1_a_new_tenant_is_the_base_and_its_overlay_and_never_in_the_base_family() {
    let base = base("plain");
    let clone = rendered(&base, &Overlay::default());
    assert_eq!(clone.family(), "agent-user");
    assert_eq!(family(base.family()), clone.family());
    let main = container(&clone, "agent");
    assert_eq!(
        main["image"],
        response("plain")["taskDefinition"]["containerDefinitions"][0]["image"]
    );
    let own = rendered(&base, &overlay(&json!({"env": {"MODEL": "small"}})));
    let expected = json!({"HOME": "/home/agent", "LOG_LEVEL": "info", "MODEL": "small", "PORT": "8080",
        "REGION": "us-east-1"});
    assert_eq!(variables(container(&own, "agent"), "environment"), expected);
}

#[test]
fn b2_a_variable_of_the_base_is_in_every_render() {
    let base = changed("plain", |d| {
        d["containerDefinitions"][0]["environment"]
            .as_array_mut()
            .unwrap()
            .push(json!({"name": "NEW", "value": "1"}));
    });
    let changes = [
        json!({"size": {"cpu": 1024, "memory": 2048}}),
        json!({"image": "tenant/agent:2"}),
        json!({"secrets": {"KEY": arn("key")}}),
        json!({"env": {"MINE": "1"}}),
        json!({}),
    ];
    for change in changes {
        let clone = rendered(&base, &overlay(&change));
        assert_eq!(
            variables(container(&clone, "agent"), "environment")["NEW"],
            "1",
            "{change}"
        );
    }
}

#[test]
fn b4_the_tenants_image_survives_new_bases_and_sizes() {
    let tenant = overlay(&json!({"image": "tenant/agent:I2"}));
    let resized = tenant
        .merge_patch(&json!({"size": {"cpu": 1024, "memory": 2048}}))
        .unwrap();
    for tag in ["I1", "I3"] {
        let base = changed("plain", |d| {
            d["containerDefinitions"][0]["image"] = json!(format!("base/agent:{tag}"));
        });
        for overlay in [&tenant, &resized] {
            assert_eq!(
                container(&rendered(&base, overlay), "agent")["image"],
                "tenant/agent:I2"
            );
        }
    }
}

#[test]
fn b4_clearing_the_image_gives_the_bases() {
    let base = changed("plain", |d| {
        d["containerDefinitions"][0]["image"] = json!("base/agent:I3");
    });
    let tenant = overlay(&json!({"image": "tenant/agent:I2", "env": {"A": "1"}}));
    let cleared = tenant.merge_patch(&json!({"image": null})).unwrap();
    let clone = rendered(&base, &cleared);
    assert_eq!(container(&clone, "agent")["image"], "base/agent:I3");
    assert_eq!(variables(container(&clone, "agent"), "environment")["A"], "1");
}

#[test]
fn b5_secrets_and_variables_are_in_every_render() {
    let tenant = overlay(&json!({"env": {"MODE": "mine"}, "secrets": {"KEY": arn("key")}}));
    let patches = [
        json!({}),
        json!({"size": {"cpu": 1024, "memory": 2048}}),
        json!({"image": "tenant/agent:2"}),
    ];
    let rebased = changed("plain", |d| {
        d["containerDefinitions"][0]["image"] = json!("base/agent:9");
    });
    for patch in patches {
        for base in [&base("plain"), &rebased] {
            let clone = rendered(base, &tenant.merge_patch(&patch).unwrap());
            let main = container(&clone, "agent");
            assert_eq!(variables(main, "environment")["MODE"], "mine");
            assert_eq!(variables(main, "secrets"), json!({"KEY": arn("key")}));
        }
    }
}

#[test]
fn b6_a_sidecar_is_as_in_the_base() {
    let response = response("sidecar");
    let tenant = json!({"image": "tenant/agent:2", "env": {"UPSTREAM": "x"}, "secrets": {"CERT": arn("cert")},
        "size": {"cpu": 1024, "memory": 2048}});
    let clone = rendered(&base("sidecar"), &overlay(&tenant));
    assert_eq!(
        container(&clone, "proxy"),
        named(&response["taskDefinition"]["containerDefinitions"], "proxy")
    );
    assert_eq!(container(&clone, "agent")["image"], "tenant/agent:2");
}

#[test]
fn b7_a_shared_volume_keeps_its_own_access_point() {
    let response = response("shared-volume");
    let clone = rendered(&base("shared-volume"), &Overlay::default());
    let volumes = &clone.request()["volumes"];
    assert_eq!(
        named(volumes, "shared"),
        named(&response["taskDefinition"]["volumes"], "shared")
    );
    let expected = json!({"fileSystemId": "fs-cececececececece1", "transitEncryption": "ENABLED",
        "authorizationConfig": {"accessPointId": "fsap-acacacacacacacaca", "iam": "ENABLED"}});
    assert_eq!(named(volumes, "workspace")["efsVolumeConfiguration"], expected);
}

#[test]
fn b8_every_member_of_the_base_is_in_the_clone_and_no_response_only_one() {
    let base = changed("every-member", |d| {
        d["placementConstraints"] = json!([{"type": "memberOf", "expression": "x"}]);
    });
    let clone = render(
        &base,
        &layout("every-member"),
        &Overlay::default(),
        Some(&acme_files()),
        None,
    )
    .unwrap();
    let response = response("every-member");
    let response_only = [
        "taskDefinitionArn",
        "revision",
        "status",
        "requiresAttributes",
        "compatibilities",
        "registeredAt",
        "registeredBy",
    ];
    for (name, value) in response["taskDefinition"].as_object().unwrap() {
        let found = clone.request().get(name);
        match name.as_str() {
            name if response_only.contains(&name) => assert_eq!(found, None, "{name}"),
            "family" | "volumes" => assert!(found.is_some(), "{name}"),
            _ => assert_eq!(found, Some(value), "{name}"),
        }
    }
    assert_eq!(clone.request()["placementConstraints"][0]["expression"], "x");
    let main = &response["taskDefinition"]["containerDefinitions"][0];
    assert!(main.get("healthCheck").is_some() && main.get("dependsOn").is_some());
    assert_eq!(container(&clone, "main"), main);
    assert_eq!(
        clone.unknown(),
        ["containerDefinitions[main].gpuSharing", "placementStrategy"]
    );
    let keys: Vec<&str> = clone.request()["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["key"].as_str().unwrap())
        .collect();
    assert_eq!(keys, ["base", "team", "berth:base", "berth:fingerprint"]);
}

#[test]
fn b8_what_a_later_response_adds_about_itself_is_not_in_the_clone() {
    let late = changed("plain", |d| {
        (d["deregisteredAt"], d["deleteRequestedAt"]) = (json!(1_700_000_000), json!(1_700_000_000));
    });
    assert_eq!(
        rendered(&late, &Overlay::default()),
        rendered(&base("plain"), &Overlay::default())
    );
}

#[test]
fn b9_a_tenant_without_a_size_follows_the_base() {
    let base = changed("plain", |d| d["memory"] = json!("2048"));
    let clone = rendered(&base, &Overlay::default());
    assert_eq!(
        (&clone.request()["cpu"], &clone.request()["memory"]),
        (&json!("512"), &json!("2048"))
    );
    let own = rendered(&base, &overlay(&json!({"size": {"cpu": 1024, "memory": 4096}})));
    assert_eq!(
        (&own.request()["cpu"], &own.request()["memory"]),
        (&json!("1024"), &json!("4096"))
    );
}

#[test]
fn b10_a_name_of_both_is_the_tenants_and_there_once() {
    let tenant = overlay(&json!({
        "env": {"TOKEN": "tenant", "API_KEY": "tenant"}, "secrets": {"MODE": arn("mode"), "PASSWORD": arn("mine")}
    }));
    let clone = rendered(&base("collisions"), &tenant);
    let main = container(&clone, "agent");
    let env = json!({"API_KEY": "tenant", "PLAIN": "base", "TOKEN": "tenant"});
    assert_eq!(variables(main, "environment"), env);
    assert_eq!(
        variables(main, "secrets"),
        json!({"MODE": arn("mode"), "PASSWORD": arn("mine")})
    );
    let entries = |member: &str| main[member].as_array().unwrap().len();
    assert_eq!((entries("environment"), entries("secrets")), (3, 2));
}

#[test]
fn b11_tenants_that_render_alike_share_a_fingerprint() {
    let base = base("no-volume");
    let clone = |access_point| render(&base, &Layout::default(), &Overlay::default(), access_point, None).unwrap();
    let (one, two) = (files("fsap-11111111111111111"), files("fsap-22222222222222222"));
    assert_eq!(clone(Some(&one)).to_bytes(), clone(Some(&two)).to_bytes());
    assert_eq!(clone(Some(&one)), clone(None));
    let unrendered = overlay(&json!({"idle": {"after": 600}, "pin": {}, "policy": "manual"}));
    assert_eq!(rendered(&base, &unrendered).fingerprint(), clone(None).fingerprint());
}

#[test]
fn b11_tenants_with_files_of_their_own_do_not() {
    let base = base("plain");
    let clone = |id| {
        render(&base, &Layout::default(), &Overlay::default(), Some(&files(id)), None)
            .unwrap()
            .fingerprint()
    };
    assert_ne!(clone("fsap-11111111111111111"), clone("fsap-22222222222222222"));
    let error = render(&base, &Layout::default(), &Overlay::default(), None, None).unwrap_err();
    assert_eq!(
        error,
        RenderError::NoAccessPoint {
            volume: "workspace".to_owned()
        }
    );
}

#[test]
fn b11_the_next_revision_of_the_same_content_renders_the_same() {
    let again = changed("plain", |d| {
        (d["revision"], d["registeredAt"]) = (json!(18), json!("2026-11-02T00:00:00Z"));
        d["taskDefinitionArn"] = json!("arn:aws:ecs:us-east-1:123456789012:task-definition/agent:18");
        d["containerDefinitions"][0]["environment"]
            .as_array_mut()
            .unwrap()
            .reverse();
    });
    let (before, after) = (base("plain"), again);
    assert_eq!(before.fingerprint(), after.fingerprint());
    assert_eq!(
        rendered(&before, &Overlay::default()),
        rendered(&after, &Overlay::default())
    );
    assert_eq!(after.arn().unwrap().rsplit(':').next(), Some("18"));
    let other = changed("plain", |d| d["memory"] = json!("2048"));
    assert_ne!(before.fingerprint(), other.fingerprint());
}

#[test]
fn b20_a_registered_revision_tells_its_fingerprint() {
    let clone = rendered(&base("plain"), &Overlay::default());
    assert_eq!(
        Fingerprint::from_tags(&clone.request()["tags"]),
        Some(clone.fingerprint())
    );
    assert_eq!(Fingerprint::from_tags(&response("plain")["tags"]), None);
}

#[test]
fn p9_a_size_that_the_containers_do_not_fit_into_names_its_field() {
    let tenant = |memory: u32| overlay(&json!({"size": {"cpu": 256, "memory": memory}}));
    // The main container of `sidecar` may have 768 MiB; it reserves 512 MiB and 256 units, its sidecar 128 and 64.
    let error = admit(&base("sidecar"), &Layout::default(), &tenant(512))
        .unwrap_err()
        .in_overlay()
        .unwrap();
    assert_eq!(
        (error.code, error.pointer.as_str()),
        (FieldCode::DoesNotFit, "/size/memory")
    );
    let error = admit(&base("sidecar"), &Layout::default(), &tenant(1024))
        .unwrap_err()
        .in_overlay()
        .unwrap();
    assert_eq!(
        (error.code, error.pointer.as_str()),
        (FieldCode::DoesNotFit, "/size/cpu")
    );
    let lighter = changed("sidecar", |d| d["containerDefinitions"][0]["cpu"] = json!(192));
    assert_eq!(admit(&lighter, &Layout::default(), &tenant(1024)), Ok(()));
    let heavier = changed("sidecar", |d| d["containerDefinitions"][0]["cpu"] = json!(193));
    assert!(admit(&heavier, &Layout::default(), &tenant(1024)).is_err());
    let reserving = |mib: u32| {
        changed("sidecar", |d| {
            let main = &mut d["containerDefinitions"][0];
            (main["cpu"], main["memoryReservation"]) = (json!(0), json!(mib));
        })
    };
    assert_eq!(admit(&reserving(896), &Layout::default(), &tenant(1024)), Ok(()));
    assert!(matches!(
        admit(&reserving(897), &Layout::default(), &tenant(1024)),
        Err(RenderError::Memory { .. })
    ));
}

#[test]
fn p13_sixty_kilobytes_of_variables_are_refused_before_anything_is_called() {
    for tenant in 0..50 {
        // 600 variables of 100 bytes each, names included: 60 kB.
        let env: serde_json::Map<String, Value> = (0..600)
            .map(|i| (format!("VARIABLE_{tenant:02}_{i:03}"), Value::from("x".repeat(85))))
            .collect();
        let error = admit(&base("plain"), &Layout::default(), &overlay(&json!({"env": env}))).unwrap_err();
        let error = error.in_overlay().unwrap();
        assert_eq!((error.code, error.pointer.as_str()), (FieldCode::TooLarge, ""));
        assert!(!error.message.contains("xxx"));
    }
}

#[test]
fn p13_the_limit_is_64_kilobytes_of_the_request_to_the_byte() {
    let with = |bytes: usize| overlay(&json!({"env": {"BIG": "x".repeat(bytes)}}));
    let longest = files(&format!("fsap-{}", "f".repeat(40)));
    let size = |base: &Base, bytes: usize| {
        render(base, &Layout::default(), &with(bytes), Some(&longest), None)
            .unwrap()
            .to_bytes()
            .len()
    };
    let base = base("plain");
    let room = 65_536 - size(&base, 0);
    assert_eq!(size(&base, room), 65_536);
    let over = render(&base, &Layout::default(), &with(room + 1), Some(&longest), None);
    assert_eq!(over, Err(RenderError::TooLarge { bytes: 65_537 }));
    // The check before acceptance assumes the longest ids that EFS may give, so no later render is larger.
    let longest_file_system = 40 - "cececececececece1".len();
    assert_eq!(
        admit(&base, &Layout::default(), &with(room - longest_file_system)),
        Ok(())
    );
    assert!(admit(&base, &Layout::default(), &with(room - longest_file_system + 1)).is_err());
}
