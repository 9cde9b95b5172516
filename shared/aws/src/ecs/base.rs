//! The base family, which the customer's own stack registers.

use aws_config::SdkConfig;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::TaskDefinitionField;
use serde_json::Value;

use super::raw::Keep;
use crate::error::CallError;
use crate::settings::{SettingsError, Variables};

/// The base family. Nothing is ever registered into it.
#[derive(Clone, Debug)]
pub struct BaseFamily {
    client: Client,
    family: String,
}

/// What ECS says (`ClientException`) of a family without an ACTIVE revision.
const NOT_THERE: &str = "Unable to describe task definition";

impl BaseFamily {
    /// The family that the variables name.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        Ok(Self {
            client: Client::new(config),
            family: variables.required("BERTH_BASE_FAMILY")?.to_owned(),
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.family
    }

    /// Its newest ACTIVE revision, as ECS describes it; `None` if it has none.
    pub async fn newest(&self) -> Result<Option<Value>, CallError> {
        const ACTION: &str = "ecs:DescribeTaskDefinition";
        let keep = Keep::default();
        let sent = self
            .client
            .describe_task_definition()
            .task_definition(&self.family)
            .include(TaskDefinitionField::Tags)
            .customize()
            .interceptor(keep.clone())
            .send()
            .await;
        match sent.map_err(|error| CallError::of(ACTION, error)) {
            Ok(_) => keep.json(ACTION).map(Some),
            Err(error) if error.message.contains(NOT_THERE) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
