//! What is measured.
#![allow(dead_code, reason = "each benchmark measures some of it")]

use std::hint::black_box;

use berth_core::definition::{AccessPoint, Base, Definition, Fingerprint, Layout, render};
use berth_core::plan::{Goal, Next, Replacing, Target, World, next};
use berth_core::release::ReleaseId;
use berth_core::tenant::{Overlay, Tenant};
use serde_json::{Value, json};

/// A render of the largest of the golden bases with a full overlay.
pub(crate) struct Rendering {
    pub(crate) response: Value,
    pub(crate) base: Base,
    layout: Layout,
    overlay: Overlay,
    files: AccessPoint,
}

impl Rendering {
    pub(crate) fn ten_containers() -> Self {
        let response: Value =
            serde_json::from_str(include_str!("../../tests/definition/bases/ten-containers.json")).unwrap();
        let overlay = Overlay::parse(&json!({
            "image": "tenant/agent:2", "size": {"cpu": 2048, "memory": 8192}, "env": {"LOG_LEVEL": "debug", "TOKEN": "x"},
            "secrets": {"API_KEY": "arn:aws:secretsmanager:us-east-1:123456789012:secret:key-AbCdEf"}
        }));
        Self {
            base: Base::from_response(response.clone()).unwrap(),
            response,
            layout: Layout::default(),
            overlay: overlay.unwrap(),
            files: AccessPoint {
                file_system_id: "fs-cececececececece1".parse().unwrap(),
                access_point_id: "fsap-acacacacacacacaca".parse().unwrap(),
            },
        }
    }

    /// The definition, with its fingerprint.
    pub(crate) fn render(&self) -> Definition {
        let (base, overlay) = (black_box(&self.base), black_box(&self.overlay));
        render(base, &self.layout, overlay, Some(&self.files), None).unwrap()
    }
}

/// A tenant, what it should become, and what was seen.
pub(crate) struct Planning {
    tenant: Tenant,
    goal: Goal,
    world: World,
}

impl Planning {
    /// Each kind of plan that a pass begins with, by name.
    pub(crate) fn all() -> [(&'static str, Self); 4] {
        let fingerprint = |number: u8| format!("{number:064x}").parse::<Fingerprint>().unwrap();
        let up = |number: u8| {
            Goal::Up(Target::Definition {
                fingerprint: fingerprint(number),
                release: ReleaseId::FIRST,
                replacing: Replacing::Strict,
            })
        };
        let case = |tenant: Value, goal: Goal| Self {
            tenant: serde_json::from_value(tenant).unwrap(),
            goal,
            world: World::default(),
        };
        [
            ("new", case(row(1, "running", false), up(1))),
            ("settled", case(row(1, "running", true), up(1))),
            ("change", case(row(2, "running", true), up(2))),
            ("sleep", case(row(2, "stopped", true), Goal::Down)),
        ]
    }

    pub(crate) fn plan(&self) -> Next {
        next(black_box(&self.tenant), black_box(&self.goal), black_box(&self.world))
    }
}

/// A tenant's row: of this generation, and either new or brought up in the first.
fn row(generation: u64, wanted: &str, up: bool) -> Value {
    let mut row = json!({
        "tenantId": "acme", "overlay": {}, "overlayVersion": 1, "generation": generation, "incarnation": 1,
        "intent": wanted, "intentReason": "change", "intentBy": "api", "intentAt": "2026-11-20T10:00:00Z",
        "retiring": [],
    });
    if up {
        let arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/base-user:1";
        let applied =
            json!({ "generation": 1, "fingerprint": format!("{:064x}", 1), "definitionArn": arn, "release": "r1" });
        let members = row.as_object_mut().unwrap();
        members.insert("serviceName".into(), json!("t-acme-g1"));
        members.insert("applied".into(), applied.clone());
        members.insert("lastGood".into(), applied);
        members.insert(
            "settled".into(),
            json!({ "generation": 1, "at": "2026-11-20T10:01:00Z" }),
        );
        members.insert(
            "observed".into(),
            json!({ "taskArn": "arn:aws:ecs:us-east-1:123456789012:task/berth/0123456789abcdef", "version": 4,
                "createdAt": 1_795_161_600_000_i64, "lastStatus": "RUNNING", "privateIp": "10.0.0.7", "definitionArn": arn }),
        );
    }
    row
}
