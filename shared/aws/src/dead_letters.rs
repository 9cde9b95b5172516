//! What an operator does with messages that reconcile could not deal with: look at them, and send them back.

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use berth_core::tenant::TenantId;
use jiff::Timestamp;

use crate::clock::Clock;
use crate::error::CallError;
use crate::queue::Task;

/// The queue of reconcile and the one where its dead letters are.
#[derive(Clone, Debug)]
pub struct DeadLetterOffice {
    client: Client,
    clock: Clock,
    queue: String,
    dead_letters: String,
}

/// A message that reconcile could not deal with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Whom it is about; nobody, if it cannot be read.
    pub tenant: Option<TenantId>,
    /// What it says.
    pub body: String,
    /// Why nobody could deal with it.
    pub reason: String,
    /// When it was given up, if it was reconcile that did so.
    pub at: Option<Timestamp>,
    receipt: String,
    id: String,
}

/// What SQS moved by itself, because it had been received too often, comes without a reason.
const NO_REASON: &str =
    "SQS moved it: it was received too often, and reconcile never said why it came back; see its log for the message";

/// How long letters that are being looked at are hidden from others: long enough to send each back.
const HIDDEN_SECONDS: i32 = 60;

impl DeadLetterOffice {
    /// Of these two queues, by their URLs.
    pub fn new(config: &SdkConfig, queue: String, dead_letters: String) -> Self {
        Self {
            client: Client::new(config),
            clock: Clock::of(config),
            queue,
            dead_letters,
        }
    }

    /// The letters that are there, at most ten of each tenant (SQS shows no more of a group at a time). They stay.
    pub async fn list(&self) -> Result<Vec<DeadLetter>, CallError> {
        let letters = self.take().await?;
        for letter in &letters {
            self.put_back(letter).await?;
        }
        Ok(letters)
    }

    /// Sends letters back to reconcile: those about one tenant, or all that are about any. Those that went.
    pub async fn redrive(&self, tenant: Option<&TenantId>) -> Result<Vec<DeadLetter>, CallError> {
        let (mut sent, mut kept) = (Vec::new(), Vec::new());
        for letter in self.take().await? {
            match &letter.tenant {
                Some(id) if tenant.is_none_or(|tenant| tenant == id) => {
                    self.send_back(id, &letter).await?;
                    sent.push(letter);
                }
                _ => kept.push(letter),
            }
        }
        for letter in &kept {
            self.put_back(letter).await?;
        }
        Ok(sent)
    }

    /// Every letter that can be had at this moment; all of them are hidden from then on.
    async fn take(&self) -> Result<Vec<DeadLetter>, CallError> {
        const ACTION: &str = "sqs:ReceiveMessage";
        let mut letters = Vec::new();
        loop {
            let request = self.client.receive_message().queue_url(&self.dead_letters);
            let request = request.max_number_of_messages(10).visibility_timeout(HIDDEN_SECONDS);
            let request = request.message_attribute_names("All");
            let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
            let sent = request.send().await.map_err(|error| CallError::of(ACTION, error))?;
            let messages = sent.messages.unwrap_or_default();
            if messages.is_empty() {
                return Ok(letters);
            }
            letters.extend(messages.into_iter().filter_map(letter));
        }
    }

    async fn put_back(&self, letter: &DeadLetter) -> Result<(), CallError> {
        const ACTION: &str = "sqs:ChangeMessageVisibility";
        let request = self.client.change_message_visibility().queue_url(&self.dead_letters);
        let sent = request
            .receipt_handle(&letter.receipt)
            .visibility_timeout(0)
            .send()
            .await;
        sent.map(drop).map_err(|error| CallError::of(ACTION, error))
    }

    /// Sends first and deletes then: whatever comes between, the letter is there at least once.
    async fn send_back(&self, id: &TenantId, letter: &DeadLetter) -> Result<(), CallError> {
        let now = self.clock.now().as_millisecond();
        let request = self.client.send_message().queue_url(&self.queue);
        let request = request.message_group_id(id.as_str()).message_body(&letter.body);
        let sent = request
            .message_deduplication_id(format!("{}.{now}", letter.id))
            .send()
            .await;
        sent.map_err(|error| CallError::of("sqs:SendMessage", error))?;
        let request = self.client.delete_message().queue_url(&self.dead_letters);
        let sent = request.receipt_handle(&letter.receipt).send().await;
        sent.map(drop)
            .map_err(|error| CallError::of("sqs:DeleteMessage", error))
    }
}

fn letter(message: Message) -> Option<DeadLetter> {
    let word = |name: &str| {
        let attribute = message.message_attributes.as_ref()?.get(name)?;
        attribute.string_value.clone()
    };
    let body = message.body.clone().unwrap_or_default();
    let tenant = match Task::of(Some(&body)) {
        Some(Task::Tenant(nudge)) => Some(nudge.tenant_id),
        Some(Task::Tidy(_)) | None => None,
    };
    Some(DeadLetter {
        tenant,
        reason: word("reason").unwrap_or_else(|| NO_REASON.to_owned()),
        at: word("at").and_then(|at| at.parse().ok()),
        body,
        receipt: message.receipt_handle?,
        id: message.message_id?,
    })
}
