//! Task definitions, as JSON from end to end.

use aws_sdk_ecs::types::{SortOrder, TaskDefinitionField, TaskDefinitionStatus};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use super::Ecs;
use super::raw::Keep;
use crate::error::CallError;

/// A revision that was registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its ARN, with the revision.
    pub arn: String,
}

/// How many of a family's newest revisions are searched for one that was registered without being recorded. A claim
/// runs out after a minute and registrations are paced at one a second, so an unrecorded one is among these.
const SEARCHED: usize = 80;

impl Ecs {
    /// Registers a definition, given as the request's JSON.
    pub async fn register(&self, definition: &Value) -> Result<Registered, CallError> {
        const ACTION: &str = "ecs:RegisterTaskDefinition";
        let body = definition.to_string();
        let family = definition.get("family").and_then(Value::as_str).unwrap_or_default();
        let output = self
            .client
            .register_task_definition()
            .family(family)
            .set_container_definitions(Some(Vec::new()))
            .customize()
            .mutate_request(move |request| {
                request.headers_mut().insert("content-length", body.len().to_string());
                *request.body_mut() = SdkBody::from(body.as_str());
            })
            .send()
            .await
            .map_err(|error| CallError::of(ACTION, error))?;
        let arn = output.task_definition.and_then(|made| made.task_definition_arn);
        arn.map(|arn| Registered { arn })
            .ok_or_else(|| CallError::incomplete(ACTION, "no ARN in the answer"))
    }

    /// Describes a revision, or the latest ACTIVE one of a family: the `taskDefinition` and `tags` of the answer.
    pub async fn describe_definition(&self, name: &str) -> Result<Value, CallError> {
        const ACTION: &str = "ecs:DescribeTaskDefinition";
        let keep = Keep::default();
        self.client
            .describe_task_definition()
            .task_definition(name)
            .include(TaskDefinitionField::Tags)
            .customize()
            .interceptor(keep.clone())
            .send()
            .await
            .map_err(|error| CallError::of(ACTION, error))?;
        keep.json(ACTION)
    }

    /// The newest revision of a family with this tag, among those that a registration may have left unrecorded.
    pub async fn find_tagged(&self, family: &str, key: &str, value: &str) -> Result<Option<Registered>, CallError> {
        const ACTION: &str = "ecs:ListTaskDefinitions";
        let output = self
            .client
            .list_task_definitions()
            .family_prefix(family)
            .status(TaskDefinitionStatus::Active)
            .sort(SortOrder::Desc)
            .max_results(100)
            .send()
            .await
            .map_err(|error| CallError::of(ACTION, error))?;
        let wanted = json!({ "key": key, "value": value });
        for arn in output
            .task_definition_arns
            .unwrap_or_default()
            .into_iter()
            .take(SEARCHED)
        {
            let described = self.describe_definition(&arn).await?;
            let tags = described.get("tags").and_then(Value::as_array);
            if tags.is_some_and(|tags| tags.contains(&wanted)) {
                return Ok(Some(Registered { arn }));
            }
        }
        Ok(None)
    }

    /// Deregisters a revision; one that is INACTIVE or gone already is fine.
    pub async fn deregister(&self, arn: &str) -> Result<(), CallError> {
        const ACTION: &str = "ecs:DeregisterTaskDefinition";
        let sent = self
            .client
            .deregister_task_definition()
            .task_definition(arn)
            .send()
            .await;
        match sent.map_err(|error| CallError::of(ACTION, error)) {
            Ok(_) => Ok(()),
            Err(error) if error.is("ClientException") || error.is("InvalidParameterException") => Ok(()),
            Err(error) => Err(error),
        }
    }
}
