//! What an operator does with messages that reconcile could not deal with: look at them, and send them back.

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::Message;
use berth_core::api::DeadLetter;
use berth_core::tenant::TenantId;

use crate::clock::Clock;
use crate::error::CallError;
use crate::queue::Task;
use crate::settings::{SettingsError, Variables};

/// The queue of reconcile and the one where its dead letters are.
#[derive(Clone, Debug)]
pub struct DeadLetterOffice {
    client: Client,
    clock: Clock,
    queue: String,
    dead_letters: String,
}

/// A letter, and what SQS knows by whom it was taken.
struct Taken {
    letter: DeadLetter,
    receipt: String,
}

/// What SQS moved by itself, because it had been received too often, comes without a reason.
const NO_REASON: &str =
    "SQS moved it: it was received too often, and reconcile never said why it came back; see its log for the message";

/// How long letters that are being looked at are hidden from others: longer than API Gateway waits for an answer.
const HIDDEN_SECONDS: i32 = 35;

/// How many letters are looked at, or sent back, at a time: as many as an answer has the time for.
const MOST: usize = 100;

impl DeadLetterOffice {
    /// Of the two queues that the variables name.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        Ok(Self {
            client: Client::new(config),
            clock: Clock::of(config),
            queue: variables.required("BERTH_QUEUE_URL")?.to_owned(),
            dead_letters: variables.required("BERTH_DEAD_LETTERS_URL")?.to_owned(),
        })
    }

    /// The letters that are there, at most a hundred, and ten of each tenant: SQS shows no more of a message group as long as
    /// these are looked at. They stay.
    pub async fn list(&self) -> Result<Vec<DeadLetter>, CallError> {
        let mut taken = Vec::new();
        while taken.len() < MOST {
            let more = self.take().await?;
            if more.is_empty() {
                break;
            }
            taken.extend(more);
        }
        self.put_back(&taken).await?;
        Ok(taken.into_iter().map(|taken| taken.letter).collect())
    }

    /// Sends letters back to reconcile, at most a hundred: those about one tenant, or all that are about any. Those that went.
    pub async fn redrive(&self, tenant: Option<&TenantId>) -> Result<Vec<DeadLetter>, CallError> {
        let (mut sent, mut kept) = (Vec::new(), Vec::new());
        while sent.len() + kept.len() < MOST {
            let more = self.take().await?;
            if more.is_empty() {
                break;
            }
            for taken in more {
                match &taken.letter.tenant {
                    Some(id) if tenant.is_none_or(|tenant| tenant == id) => {
                        self.send_back(id, &taken).await?;
                        sent.push(taken.letter);
                    }
                    _ => kept.push(taken),
                }
            }
        }
        self.put_back(&kept).await?;
        Ok(sent)
    }

    /// Some letters that nobody has taken yet; they are hidden from then on. None only if there are none: a long poll asks all
    /// of the queue's servers (SQS Developer Guide, "Short and long polling").
    async fn take(&self) -> Result<Vec<Taken>, CallError> {
        let request = self.client.receive_message().queue_url(&self.dead_letters);
        let request = request.max_number_of_messages(10).wait_time_seconds(1);
        let request = request
            .visibility_timeout(HIDDEN_SECONDS)
            .message_attribute_names("All");
        let sent = request.send().await;
        let messages = sent
            .map_err(|error| CallError::of("sqs:ReceiveMessage", error))?
            .messages;
        Ok(messages.unwrap_or_default().into_iter().filter_map(letter).collect())
    }

    async fn put_back(&self, letters: &[Taken]) -> Result<(), CallError> {
        for taken in letters {
            let request = self.client.change_message_visibility().queue_url(&self.dead_letters);
            let request = request.receipt_handle(&taken.receipt).visibility_timeout(0);
            let sent = request.send().await;
            sent.map_err(|error| CallError::of("sqs:ChangeMessageVisibility", error))?;
        }
        Ok(())
    }

    /// Sends first and deletes then: whatever comes between, the letter is there at least once.
    async fn send_back(&self, id: &TenantId, taken: &Taken) -> Result<(), CallError> {
        let now = self.clock.now().as_millisecond();
        let request = self.client.send_message().queue_url(&self.queue);
        let request = request.message_group_id(id.as_str()).message_body(&taken.letter.body);
        let request = request.message_deduplication_id(format!("{}.{now}", taken.letter.id));
        let sent = request.send().await;
        sent.map_err(|error| CallError::of("sqs:SendMessage", error))?;
        let request = self.client.delete_message().queue_url(&self.dead_letters);
        let sent = request.receipt_handle(&taken.receipt).send().await;
        sent.map(drop)
            .map_err(|error| CallError::of("sqs:DeleteMessage", error))
    }
}

fn letter(message: Message) -> Option<Taken> {
    let word = |name: &str| {
        let attribute = message.message_attributes.as_ref()?.get(name)?;
        attribute.string_value.clone()
    };
    let body = message.body.clone().unwrap_or_default();
    let tenant = match Task::of(Some(&body)) {
        Some(Task::Tenant(nudge)) => Some(nudge.tenant_id),
        Some(Task::Ahead(ahead)) => Some(ahead.ahead_of),
        Some(Task::Tidy(_)) | None => None,
    };
    let letter = DeadLetter {
        tenant,
        reason: word("reason").unwrap_or_else(|| NO_REASON.to_owned()),
        at: word("at").and_then(|at| at.parse().ok()),
        body,
        id: message.message_id?,
    };
    let receipt = message.receipt_handle?;
    Some(Taken { letter, receipt })
}
