//! What each operation takes, answers and refuses.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::schemas::OverlayPatch;
use super::{Maker, seconds};
use crate::api::{
    Code, Cursor, DeadLetters, FleetView, History, HoldRequest, HoldView, Operation, OverrideRequest, OverrideView,
    RedriveRequest, Redriven, ReleasesView, RolloutAsked, RolloutPreview, RolloutRequest, RolloutView, SweepView,
    TenantPage, TenantView, TouchRequest, Touches,
};
use crate::explain::Explanation;
use crate::release::RolloutId;
use crate::tenant::{Overlay, TenantId, WakeRequest};

/// What an operation takes, answers and refuses, but for what every operation does.
pub(super) struct Described {
    pub(super) note: &'static str,
    /// The schema of the path's `{id}`.
    pub(super) id: Option<Value>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Value>,
    pub(super) answers: Vec<Answer>,
    pub(super) problems: BTreeSet<Code>,
}

/// A parameter that may be left out.
pub(super) struct Parameter {
    name: &'static str,
    place: &'static str,
    schema: Value,
    description: &'static str,
}

/// An answer that is no refusal.
pub(super) struct Answer {
    pub(super) status: u16,
    description: &'static str,
    content: Value,
    headers: Value,
}

impl Parameter {
    pub(super) fn to_value(&self) -> Value {
        json!({"name": self.name, "in": self.place, "schema": self.schema, "description": self.description})
    }
}

impl Answer {
    pub(super) fn to_value(&self) -> Value {
        let mut answer = json!({"description": self.description});
        if let Some(members) = answer.as_object_mut() {
            if !self.content.is_null() {
                members.insert("content".to_owned(), self.content.clone());
            }
            if !self.headers.is_null() {
                members.insert("headers".to_owned(), self.headers.clone());
            }
        }
        answer
    }
}

impl Described {
    fn new() -> Self {
        Self {
            note: "",
            id: None,
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            problems: BTreeSet::new(),
        }
    }

    fn of_tenant(maker: &mut Maker) -> Self {
        let id = maker.request::<TenantId>();
        let described = Self {
            id: Some(id),
            ..Self::new()
        };
        described.refuses(&[Code::InvalidId, Code::NoTenant])
    }

    fn of_rollout(maker: &mut Maker) -> Self {
        let id = maker.request::<RolloutId>();
        let described = Self {
            id: Some(id),
            ..Self::new()
        };
        described.refuses(&[Code::NoRollout])
    }

    fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }

    fn refuses(mut self, codes: &[Code]) -> Self {
        self.problems.extend(codes);
        self
    }

    /// A body, of which an absent one is an empty object.
    fn takes(self, schema: Value) -> Self {
        let body = Some(schema);
        Self { body, ..self }.refuses(&[Code::InvalidJson, Code::BodyTooLarge])
    }

    fn query(mut self, name: &'static str, schema: Value, description: &'static str) -> Self {
        self.parameters.push(Parameter {
            name,
            place: "query",
            schema,
            description,
        });
        self.refuses(&[Code::InvalidParameter])
    }

    fn if_match(mut self) -> Self {
        self.parameters.push(Parameter {
            name: "If-Match",
            place: "header",
            schema: json!({"type": "string"}),
            description: "Only if the overlay is at this version: an ETag, or *.",
        });
        self.refuses(&[Code::PreconditionFailed])
    }

    fn answers(mut self, status: u16, description: &'static str, schema: &Value) -> Self {
        self.answers.push(Answer {
            status,
            description,
            content: as_json(schema),
            headers: Value::Null,
        });
        self
    }

    fn answers_page(mut self, description: &'static str) -> Self {
        self.answers.push(Answer {
            status: 200,
            description,
            content: json!({"text/markdown": {"schema": {"type": "string"}}}),
            headers: Value::Null,
        });
        self
    }

    fn without(mut self, code: Code) -> Self {
        self.problems.remove(&code);
        self
    }

    /// The last answer says when to ask again.
    fn waits(mut self, description: &'static str) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.headers = json!({"Retry-After": seconds(description)});
        }
        self
    }

    fn done(mut self) -> Self {
        self.answers.push(Answer {
            status: 204,
            description: "It is so.",
            content: Value::Null,
            headers: Value::Null,
        });
        self
    }

    /// The tenant as it is now: settled, or on its way there.
    fn answers_tenant(mut self, maker: &mut Maker) -> Self {
        let etag = json!({"description": "The version of the overlay.", "schema": {"type": "string"}});
        let schema = maker.answer::<TenantView>();
        let settled = Answer {
            status: 200,
            description: "The tenant is what it should be, or has failed to become it.",
            content: as_json(&schema),
            headers: json!({"ETag": etag}),
        };
        let on_its_way = Answer {
            status: 202,
            description: "The tenant is on its way there.",
            content: as_json(&schema),
            headers: json!({"ETag": etag, "Retry-After": seconds("When to look again.")}),
        };
        self.answers.extend([settled, on_its_way]);
        let wait = json!({"type": "integer", "minimum": 0, "maximum": 25});
        self.query(
            "wait",
            wait,
            "For how many seconds to wait for the tenant to be settled.",
        )
    }
}

fn as_json(schema: &Value) -> Value {
    json!({"application/json": {"schema": schema}})
}

fn flag() -> Value {
    json!({"type": "boolean"})
}

fn phases() -> Value {
    json!({"enum": ["provisioning", "starting", "running", "stopping", "stopped", "failed", "deleting"]})
}

/// What an operation takes, answers and refuses.
#[expect(clippy::too_many_lines, reason = "one table, in the order of the routes")]
pub(super) fn describe(operation: Operation, maker: &mut Maker) -> Described {
    let (new, tenant, rollout) = (Described::new, Described::of_tenant, Described::of_rollout);
    match operation {
        Operation::ListTenants => new()
            .query("phase", phases(), "Only tenants in this phase. A page may be empty and have a next one.")
            .query("cursor", maker.request::<Cursor>(), "Where the page starts: `cursor` of the page before.")
            .answers(200, "A page of tenants.", &maker.answer::<TenantPage>()),
        Operation::GetTenant => {
            let mut described = tenant(maker).answers_tenant(maker);
            // Reading waits for nothing.
            described.answers.retain(|answer| answer.status == 200);
            described.parameters.clear();
            described.problems.remove(&Code::InvalidParameter);
            described
        }
        Operation::PutTenant => tenant(maker)
            .note("Creates the tenant, or replaces its overlay. The same overlay again changes nothing.")
            .if_match()
            .takes(maker.request::<Overlay>())
            .answers_tenant(maker)
            .refuses(&[Code::InvalidOverlay, Code::NoTemplate, Code::InvalidTemplate, Code::NoRelease, Code::Conflict])
            .without(Code::NoTenant),
        Operation::PatchTenant => tenant(maker)
            .note("Members of the patch replace the overlay's, null clears: the base's holds again.")
            .if_match()
            .takes(maker.request::<OverlayPatch>())
            .answers_tenant(maker)
            .refuses(&[Code::InvalidOverlay, Code::NoTemplate, Code::InvalidTemplate, Code::NoRelease, Code::BeingDeleted, Code::Conflict]),
        Operation::DeleteTenant => tenant(maker)
            .note("Its service, revisions and access point go; its files stay.")
            .answers_tenant(maker)
            .refuses(&[Code::Conflict]),
        Operation::Wake => tenant(maker)
            .note("Now, or once at the time `at`. With `protectFor` no sweep puts it to sleep for so long after the wake.")
            .takes(maker.request::<WakeRequest>())
            .answers_tenant(maker)
            .refuses(&[Code::InvalidWake, Code::BeingDeleted, Code::Conflict]),
        Operation::CancelWake => tenant(maker).done().refuses(&[Code::Conflict]),
        Operation::Sleep | Operation::Restart | Operation::Retry => tenant(maker)
            .answers_tenant(maker)
            .refuses(&[Code::BeingDeleted, Code::Conflict]),
        Operation::UpdateTenant => tenant(maker)
            .note("One that sleeps stays asleep, and takes the release when it wakes.")
            .answers_tenant(maker)
            .refuses(&[Code::BeingDeleted, Code::Pinned, Code::NoRelease, Code::Conflict]),
        Operation::Touch => tenant(maker)
            .note("A heartbeat: one conditional write of one attribute, and none if the last one is fresh enough.")
            .done()
            .refuses(&[Code::NotRunning]),
        Operation::TouchMany => new()
            .takes(maker.request::<TouchRequest>())
            .answers(200, "What became of each.", &maker.answer::<Touches>())
            .refuses(&[Code::InvalidParameter]),
        Operation::PutHold => tenant(maker)
            .note("A lease: it forbids an idle stop until it ends, is capped, and takes the place of the one before.")
            .takes(maker.request::<HoldRequest>())
            .answers(200, "It is held.", &maker.answer::<HoldView>())
            .refuses(&[Code::InvalidHold, Code::NotRunning]),
        Operation::DeleteHold => tenant(maker).done(),
        Operation::History => tenant(maker)
            .query("cursor", maker.request::<Cursor>(), "Where the page starts: `cursor` of the page before.")
            .answers(200, "A page of decisions, newest first.", &maker.answer::<History>()),
        Operation::ExplainTenant => tenant(maker).answers(200, "All of it.", &maker.answer::<Explanation>()),
        Operation::PreviewSweep => new()
            .note("A sweep runs each minute by itself; this one only tells. `dryRun=true` says that the caller knows.")
            .query("dryRun", json!({"const": true}), "Must be true.")
            .answers(200, "Who would be put to sleep, who not, and why.", &maker.answer::<SweepView>()),
        Operation::PutOverride => new()
            .note("It counts until one sweep is done with all that it found, for an hour at most, and takes the place of one that was given before.")
            .takes(maker.request::<OverrideRequest>())
            .answers(200, "It is given.", &maker.answer::<OverrideView>())
            .refuses(&[Code::InvalidOverride]),
        Operation::DeleteOverride => new().done(),
        Operation::GetFleet => new().answers(200, "The fleet.", &maker.answer::<FleetView>()),
        Operation::ListReleases => new().answers(200, "Every release, newest first.", &maker.answer::<ReleasesView>()),
        Operation::StartRollout => new()
            .note("To a release, or to the newest base. With `dryRun` it only tells what would happen.")
            .query("dryRun", flag(), "Whether only to tell what would happen.")
            .takes(maker.request::<RolloutRequest>())
            .answers(200, "What would happen.", &maker.answer::<RolloutPreview>())
            .answers(202, "It begins within a minute.", &maker.answer::<RolloutAsked>())
            .waits("When to look at GET /releases.")
            .refuses(&[Code::InvalidRollout, Code::NoRelease, Code::Conflict]),
        Operation::GetRollout => rollout(maker).answers(200, "The rollout.", &maker.answer::<RolloutView>()),
        Operation::PauseRollout | Operation::AbortRollout | Operation::RollBackRollout => rollout(maker)
            .answers(202, "The rollout as it is now.", &maker.answer::<RolloutView>())
            .refuses(&[Code::RolloutRefused, Code::Conflict]),
        Operation::ResumeRollout => rollout(maker)
            .query("retry", flag(), "Whether those that failed are moved once more, instead of being left behind.")
            .answers(202, "The rollout as it is now.", &maker.answer::<RolloutView>())
            .refuses(&[Code::RolloutRefused, Code::Conflict]),
        Operation::ListDeadLetters => new()
            .note("At most a hundred, and ten of each tenant. They stay, and are hidden from a second look for half a minute.")
            .answers(200, "What reconcile could not deal with, and why.", &maker.answer::<DeadLetters>()),
        Operation::Redrive => new()
            .takes(maker.request::<RedriveRequest>())
            .answers(200, "What went back to reconcile.", &maker.answer::<Redriven>())
            .refuses(&[Code::InvalidParameter]),
        Operation::OpenApi => new().answers(200, "This document.", &json!({"type": "object"})),
        Operation::ErrorPage => Described {
            id: Some(maker.answer::<Code>()),
            ..new()
        }
        .note("The `type` of a problem is the path of its page.")
        .answers_page("The page.")
        .refuses(&[Code::NoRoute]),
    }
}
