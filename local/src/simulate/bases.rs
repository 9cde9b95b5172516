//! Deploys of the base, as the customer's own stack does them.

use berth_core::definition::Base;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::life::Deploy;
use crate::cloud::{Behaviour, Cloud, Service, StackStatus};
use crate::engine::{BASE_FAMILY, BASE_STACK, ask, base_definition};

/// The stack of the base.
#[derive(Debug)]
pub(super) struct BaseStack {
    file_system: String,
    version: u32,
    /// Every base that there ever was.
    pub(super) bases: Vec<Base>,
    undo: Option<(Timestamp, String)>,
}

impl BaseStack {
    /// The stack that deployed the first base.
    pub(super) fn new(cloud: &mut Cloud, file_system: &str) -> Self {
        let mut stack = Self {
            file_system: file_system.to_owned(),
            version: 1,
            bases: Vec::new(),
            undo: None,
        };
        stack.remember(cloud);
        stack
    }

    /// When the deploy that is under way is rolled back.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.undo.as_ref().map(|(at, _)| *at)
    }

    /// Deploys, unless a deploy is under way.
    pub(super) fn deploy(&mut self, cloud: &mut Cloud, deploy: Deploy) {
        if self.undo.is_some() {
            return;
        }
        cloud.set_stack(BASE_STACK, StackStatus::UpdateInProgress);
        match deploy {
            Deploy::Unchanged => cloud.set_stack(BASE_STACK, StackStatus::UpdateComplete),
            Deploy::Completes(behaviour) => {
                self.register(cloud, behaviour);
                cloud.set_stack(BASE_STACK, StackStatus::UpdateComplete);
            }
            Deploy::RollsBack(after) => match self.register(cloud, Behaviour::Healthy) {
                Some(arn) => self.undo = Some((cloud.now() + after, arn)),
                None => cloud.set_stack(BASE_STACK, StackStatus::UpdateRollbackComplete),
            },
        }
    }

    /// Rolls the deploy back whose time has come.
    pub(super) fn roll_back(&mut self, cloud: &mut Cloud) {
        if let Some((_, arn)) = self.undo.take_if(|(at, _)| *at <= cloud.now()) {
            // A revision that cannot be deregistered stays: then the deploy is one that completed.
            let _ = ask(
                cloud,
                Service::Ecs,
                "DeregisterTaskDefinition",
                &json!({"taskDefinition": arn}),
            );
            cloud.set_stack(BASE_STACK, StackStatus::UpdateRollbackComplete);
        }
    }

    fn register(&mut self, cloud: &mut Cloud, behaviour: Behaviour) -> Option<String> {
        self.version += 1;
        let (version, image) = (
            self.version.to_string(),
            format!("public.ecr.aws/berth/sample:{}", self.version),
        );
        let mut base = base_definition(&self.file_system, "1");
        *base.pointer_mut("/containerDefinitions/0/image")? = Value::String(image.clone());
        *base.pointer_mut("/containerDefinitions/0/environment/1/value")? = Value::String(version);
        cloud.set_image(&image, behaviour);
        let made = ask(cloud, Service::Ecs, "RegisterTaskDefinition", &base).ok()?;
        self.remember(cloud);
        made.pointer("/taskDefinition/taskDefinitionArn")?
            .as_str()
            .map(ToOwned::to_owned)
    }

    fn remember(&mut self, cloud: &mut Cloud) {
        let input = json!({"taskDefinition": BASE_FAMILY, "include": ["TAGS"]});
        let described = ask(cloud, Service::Ecs, "DescribeTaskDefinition", &input).ok();
        self.bases
            .extend(described.and_then(|described| Base::from_response(described).ok()));
    }
}
