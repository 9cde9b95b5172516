//! What people do: tenants' lives and operators' whims, drawn by the seed.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::plan::Trouble;
use crate::cloud::Behaviour;

/// Something that somebody does.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Act {
    /// Requests to the API, all at the same time.
    Requests(Vec<Ask>),
    /// A base is deployed.
    Deploy(Deploy),
}

/// One request to the API.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ask {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) body: Value,
}

/// How a deploy of the base goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deploy {
    /// It completes, and its image behaves like this.
    Completes(Behaviour),
    /// It completes, and nothing about the base has changed.
    Unchanged,
    /// It is rolled back after this time.
    RollsBack(Duration),
}

/// Images that tenants may choose, and how their containers behave.
pub(super) const IMAGES: [(&str, Behaviour); 7] = [
    ("registry.example/app:good", Behaviour::Healthy),
    ("registry.example/app:slow", Behaviour::Slow(90)),
    ("registry.example/app:stubborn", Behaviour::IgnoresSigterm),
    ("registry.example/app:exits", Behaviour::Exits(3)),
    ("registry.example/app:never", Behaviour::NeverStarts),
    ("registry.example/app:absent", Behaviour::PullError),
    ("registry.example/app:crashes", Behaviour::Crashes(20)),
];

/// Of the images the first one that does not behave well.
const BAD_FROM: usize = 1;

/// The people.
#[derive(Debug)]
pub(super) struct People {
    tenants: Vec<String>,
    images: usize,
    deploys: bool,
}

impl People {
    pub(super) fn new(tenants: usize, troubles: &BTreeSet<Trouble>) -> Self {
        Self {
            tenants: (0..tenants.max(1)).map(|number| format!("t{number}")).collect(),
            images: if troubles.contains(&Trouble::Images) {
                IMAGES.len()
            } else {
                BAD_FROM
            },
            deploys: troubles.contains(&Trouble::Deploys),
        }
    }

    /// How long until somebody does something again.
    pub(super) fn pause(dice: &mut fastrand::Rng) -> Duration {
        let (low, high) = match dice.u8(..10) {
            0..=2 => (0, 1_500),
            3..=6 => (1_500, 60_000),
            _ => (60_000, 400_000),
        };
        Duration::from_millis(dice.u64(low..high))
    }

    /// What somebody does now.
    pub(super) fn act(&self, dice: &mut fastrand::Rng) -> Act {
        if self.deploys && dice.f64() < 0.06 {
            return Act::Deploy(deploy(dice));
        }
        let tenant = self
            .tenants
            .get(dice.usize(..self.tenants.len()))
            .cloned()
            .unwrap_or_default();
        let ask = self.ask(&tenant, dice);
        // Impatient people, retrying clients and double clicks.
        let times = if dice.f64() < 0.1 { dice.usize(2..=5) } else { 1 };
        let mut asks = vec![ask; times];
        if dice.f64() < 0.08 {
            asks.push(self.ask(&tenant, dice));
        }
        Act::Requests(asks)
    }

    fn ask(&self, tenant: &str, dice: &mut fastrand::Rng) -> Ask {
        let post = |verb: &str| ("POST", format!("/tenants/{tenant}/{verb}"), Value::Null);
        let own = |method: &'static str, body: Value| (method, format!("/tenants/{tenant}"), body);
        let (method, path, body) = match dice.u8(..100) {
            0..=24 => own("PUT", self.overlay(dice)),
            25..=44 => post("activity"),
            45..=56 => post("wake"),
            57..=66 => post("sleep"),
            67..=71 => post("restart"),
            72..=74 => post("retry"),
            75..=86 => own("PATCH", self.patch(dice)),
            87..=93 => own("DELETE", Value::Null),
            94..=96 => (
                "PUT",
                format!("/tenants/{tenant}/hold"),
                json!({"seconds": dice.u64(30..900), "reason": "a long job"}),
            ),
            97 => ("DELETE", format!("/tenants/{tenant}/hold"), Value::Null),
            _ => own("GET", Value::Null),
        };
        Ask { method, path, body }
    }

    fn overlay(&self, dice: &mut fastrand::Rng) -> Value {
        let mut overlay = json!({"idle": {"after": dice.u64(1..10) * 60}});
        if dice.f64() < 0.5
            && let (Some(overlay), Value::Object(patch)) = (overlay.as_object_mut(), self.patch(dice))
        {
            overlay.extend(patch.into_iter().filter(|(_, value)| !value.is_null()));
        }
        overlay
    }

    fn patch(&self, dice: &mut fastrand::Rng) -> Value {
        match dice.u8(..10) {
            0..=2 => json!({"image": self.image(dice)}),
            3 => json!({"image": null}),
            4 | 5 => json!({"env": {"MODE": dice.u8(..4).to_string()}}),
            6 => json!({"size": {"cpu": 512, "memory": 1024 * dice.u32(1..=4)}}),
            7 => json!({"idle": {"after": dice.u64(1..10) * 60, "alwaysOn": dice.bool()}}),
            8 => json!({"pin": if dice.bool() { json!({}) } else { Value::Null }}),
            _ => json!({"replace": if dice.bool() { "rolling" } else { "strict" }}),
        }
    }

    fn image(&self, dice: &mut fastrand::Rng) -> &'static str {
        IMAGES
            .get(dice.usize(..self.images))
            .map_or("registry.example/app:good", |(name, _)| name)
    }
}

fn deploy(dice: &mut fastrand::Rng) -> Deploy {
    match dice.u8(..10) {
        0..=4 => Deploy::Completes(Behaviour::Healthy),
        5 => Deploy::Completes(Behaviour::NeverStarts),
        6 => Deploy::Completes(Behaviour::Exits(1)),
        7 => Deploy::Unchanged,
        _ => Deploy::RollsBack(Duration::from_secs(dice.u64(1..300))),
    }
}
