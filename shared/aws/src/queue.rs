//! The queue in front of reconcile: SQS FIFO, one message group per tenant.

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;
use berth_core::release::ReleaseId;
use berth_core::tenant::{Generation, TenantId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::CallError;
use crate::settings::{SettingsError, Variables};

/// Tells reconcile to look at a tenant. The message carries no decision: reconcile reads what should be and what is.
#[derive(Clone, Debug)]
pub struct Queue {
    client: Client,
    url: String,
}

/// The body of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Nudge {
    /// Whom to look at.
    pub tenant_id: TenantId,
    /// Why, for the log.
    pub why: String,
}

/// What a message asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Task {
    /// To look at a tenant.
    Tenant(Nudge),
    /// To register the definition of a tenant before a rollout moves it.
    Ahead(Ahead),
    /// To clear away what nobody uses any more.
    Tidy(Tidy),
}

/// For whom a definition is to be registered ahead. It is done if it can be; nobody waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ahead {
    /// For whom.
    pub ahead_of: TenantId,
    /// From which base.
    pub release: ReleaseId,
}

/// What is to be cleared away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "tidy", rename_all = "lowercase")]
pub enum Tidy {
    /// Registered definitions that tenants share.
    Definitions,
}

impl Task {
    /// What a message's body asks for.
    pub fn of(body: Option<&str>) -> Option<Self> {
        serde_json::from_str(body?).ok()
    }
}

impl Queue {
    /// The queue that the variables name.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        let url = variables.required("BERTH_QUEUE_URL")?.to_owned();
        Ok(Self {
            client: Client::new(config),
            url,
        })
    }

    /// Has reconcile look at a tenant.
    ///
    /// The deduplication id names the generation, the moment and the reason: a nudge that a retried call sends twice is
    /// one, and no two different nudges are (SQS FIFO drops a repeated id for five minutes).
    pub async fn nudge(
        &self,
        id: &TenantId,
        generation: Generation,
        why: &str,
        now: Timestamp,
    ) -> Result<(), CallError> {
        let nudge = Nudge {
            tenant_id: id.clone(),
            why: why.to_owned(),
        };
        let deduplication = format!("{id}.{generation}.{}.{why}", now.as_millisecond());
        self.send(id.as_str(), deduplication, &Task::Tenant(nudge)).await
    }

    /// Has reconcile register a tenant's definition before it is moved to a release.
    pub async fn ahead(&self, id: &TenantId, release: ReleaseId, now: Timestamp) -> Result<(), CallError> {
        let ahead = Ahead {
            ahead_of: id.clone(),
            release,
        };
        let deduplication = format!("{id}.ahead.{release}.{}", now.as_millisecond());
        self.send(id.as_str(), deduplication, &Task::Ahead(ahead)).await
    }

    /// Has reconcile clear away definitions that nobody uses any more, one such pass at a time.
    pub async fn tidy(&self, now: Timestamp) -> Result<(), CallError> {
        // No tenant's id has a colon in it.
        let group = "tidy:definitions";
        let deduplication = format!("{group}.{}", now.as_millisecond());
        self.send(group, deduplication, &Task::Tidy(Tidy::Definitions)).await
    }

    async fn send(&self, group: &str, deduplication: String, task: &Task) -> Result<(), CallError> {
        const ACTION: &str = "sqs:SendMessage";
        let body = serde_json::to_string(task).map_err(|error| CallError::incomplete(ACTION, &error.to_string()))?;
        let request = self.client.send_message().queue_url(&self.url);
        let request = request.message_group_id(group).message_deduplication_id(deduplication);
        let sent = request.message_body(body).send().await;
        sent.map(drop).map_err(|error| CallError::of(ACTION, error))
    }
}

/// Where messages end that reconcile cannot deal with.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    client: Client,
    url: String,
}

/// A message that reconcile could not deal with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The message's own id.
    pub id: String,
    /// What it said.
    pub body: String,
    /// Why nobody could deal with it.
    pub reason: String,
    /// When it was given up.
    pub at: Timestamp,
}

impl DeadLetters {
    /// The queue that the variables name.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        let url = variables.required("BERTH_DEAD_LETTERS_URL")?.to_owned();
        Ok(Self {
            client: Client::new(config),
            url,
        })
    }

    /// Keeps a message with the reason for it, among those of its group.
    pub async fn bury(&self, group: &str, letter: &Letter) -> Result<(), CallError> {
        const ACTION: &str = "sqs:SendMessage";
        let text = |value: &str| {
            let attribute = MessageAttributeValue::builder().data_type("String").string_value(value);
            attribute
                .build()
                .map_err(|error| CallError::incomplete(ACTION, &error.to_string()))
        };
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_group_id(group)
            .message_deduplication_id(&letter.id)
            .message_body(&letter.body)
            .message_attributes("reason", text(&letter.reason)?)
            .message_attributes("at", text(&letter.at.to_string())?)
            .send()
            .await
            .map(drop)
            .map_err(|error| CallError::of(ACTION, error))
    }
}
