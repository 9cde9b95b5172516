//! The queue in front of reconcile: SQS FIFO, one message group per tenant.

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;
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

impl Nudge {
    /// The nudge that a message's body is.
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
        const ACTION: &str = "sqs:SendMessage";
        let nudge = Nudge {
            tenant_id: id.clone(),
            why: why.to_owned(),
        };
        let body = serde_json::to_string(&nudge).map_err(|error| CallError::incomplete(ACTION, &error.to_string()))?;
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_group_id(id.as_str())
            .message_deduplication_id(format!("{id}.{generation}.{}.{why}", now.as_millisecond()))
            .message_body(body)
            .send()
            .await
            .map(drop)
            .map_err(|error| CallError::of(ACTION, error))
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
