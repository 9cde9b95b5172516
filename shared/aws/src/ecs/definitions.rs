//! Task definitions, as JSON from end to end.

use aws_sdk_ecs::types::{SortOrder, TaskDefinitionField, TaskDefinitionStatus};
use aws_smithy_types::body::SdkBody;
use berth_core::pace::Bucket;
use serde_json::{Value, json};

use super::Ecs;
use super::raw::Keep;
use crate::error::CallError;
use crate::pace::{Repeat, Turn};

/// A revision that was registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its ARN, with the revision.
    pub arn: String,
}

/// How many of a family's newest revisions are searched for one that was registered without being recorded. A claim
/// runs out after a minute and registrations are paced at one a second, so an unrecorded one is among these.
const SEARCHED: i32 = 80;

impl Ecs {
    /// Registers a definition, given as the request's JSON.
    pub async fn register(&self, turn: Turn<'_>, definition: &Value) -> Result<Registered, CallError> {
        const ACTION: &str = "ecs:RegisterTaskDefinition";
        let json = definition.to_string();
        let family = definition.get("family").and_then(Value::as_str).unwrap_or_default();
        let register = async || {
            let body = json.clone();
            let request = self.client.register_task_definition().family(family);
            let request = request.set_container_definitions(Some(Vec::new())).customize();
            let sent = request.mutate_request(move |request| {
                request.headers_mut().insert("content-length", body.len().to_string());
                *request.body_mut() = SdkBody::from(body.as_str());
            });
            let output = sent.send().await.map_err(|error| CallError::of(ACTION, error))?;
            let arn = output.task_definition.and_then(|made| made.task_definition_arn);
            arn.map(|arn| Registered { arn })
                .ok_or_else(|| CallError::incomplete(ACTION, "no ARN in the answer"))
        };
        self.pace
            .call((Bucket::DefinitionWrites, 1), turn, Repeat::Never, register)
            .await
    }

    /// The newest revision of a family with this tag, among those that a registration may have left unrecorded.
    pub async fn find_tagged(
        &self,
        turn: Turn<'_>,
        family: &str,
        (key, value): (&str, &str),
    ) -> Result<Option<Registered>, CallError> {
        let ask = (Bucket::DefinitionReads, 1);
        let list = async || self.newest_of(family).await;
        let wanted = json!({ "key": key, "value": value });
        for arn in self.pace.call(ask, turn, Repeat::Harmless, list).await? {
            let describe = async || self.tags_of(&arn).await;
            if self
                .pace
                .call(ask, turn, Repeat::Harmless, describe)
                .await?
                .contains(&wanted)
            {
                return Ok(Some(Registered { arn }));
            }
        }
        Ok(None)
    }

    async fn newest_of(&self, family: &str) -> Result<Vec<String>, CallError> {
        const ACTION: &str = "ecs:ListTaskDefinitions";
        let request = self.client.list_task_definitions().family_prefix(family);
        let request = request.status(TaskDefinitionStatus::Active).sort(SortOrder::Desc);
        let sent = request.max_results(SEARCHED).send().await;
        let output = sent.map_err(|error| CallError::of(ACTION, error))?;
        Ok(output.task_definition_arns.unwrap_or_default())
    }

    async fn tags_of(&self, arn: &str) -> Result<Vec<Value>, CallError> {
        const ACTION: &str = "ecs:DescribeTaskDefinition";
        let keep = Keep::default();
        let request = self.client.describe_task_definition().task_definition(arn);
        let request = request.include(TaskDefinitionField::Tags).customize();
        let sent = request.interceptor(keep.clone()).send().await;
        sent.map_err(|error| CallError::of(ACTION, error))?;
        let described = keep.json(ACTION)?;
        let tags = described.get("tags").and_then(Value::as_array);
        Ok(tags.cloned().unwrap_or_default())
    }

    /// Deregisters a revision; one that is INACTIVE or gone already is fine.
    pub async fn deregister(&self, turn: Turn<'_>, arn: &str) -> Result<(), CallError> {
        const ACTION: &str = "ecs:DeregisterTaskDefinition";
        let deregister = async || {
            let request = self.client.deregister_task_definition().task_definition(arn);
            match request.send().await.map_err(|error| CallError::of(ACTION, error)) {
                Ok(_) => Ok(()),
                Err(error) if error.is("ClientException") || error.is("InvalidParameterException") => Ok(()),
                Err(error) => Err(error),
            }
        };
        self.pace
            .call((Bucket::DefinitionWrites, 1), turn, Repeat::Harmless, deregister)
            .await
    }
}
