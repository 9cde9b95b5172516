//! The queue in front of reconcile: SQS FIFO, one message group per tenant.

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
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
