//! Poison: what cannot be dealt with goes to the dead-letter queue, with its reason, and the row says so.

use aws_lambda_events::sqs::SqsMessage;

use super::{Context, Poison, record};
use crate::error::CallError;
use crate::queue::{Letter, Nudge};

/// How often a message may be received. A pass that fails ends its message, so that one which comes back again and again has
/// each time killed the function or kept it beyond its time-out, or met tables that could not be written.
const MOST_RECEIVES: u32 = 5;

/// The message has been received too often for it not to be the reason.
pub(super) fn has_killed(message: &SqsMessage) -> bool {
    let receives = message.attributes.get("ApproximateReceiveCount");
    receives.and_then(|count| count.parse().ok()).unwrap_or(1) > MOST_RECEIVES
}

/// A message that names no tenant.
pub(super) async fn unreadable(context: &Context, message: &SqsMessage) -> Result<(), CallError> {
    tracing::error!(message = message.message_id, "a message names no tenant");
    send(context, message, "unreadable", "it names no tenant").await
}

/// A message on which the function has ended without an answer.
pub(super) async fn killer(context: &Context, message: &SqsMessage, nudge: &Nudge) -> Result<(), CallError> {
    let reason = format!(
        "reconcile was given this message {MOST_RECEIVES} times and never came to an end with it: it ran out of time or \
         memory, crashed, or could not write to its tables; see its log for the message"
    );
    tracing::error!(tenant = %nudge.tenant_id, reason, "dead letter");
    send(context, message, nudge.tenant_id.as_str(), &reason).await?;
    match context.tenants.get(&nudge.tenant_id).await? {
        Some(tenant) => record::poisoned(context, &tenant, "pass", ("Unanswered", &reason)).await,
        None => Ok(()),
    }
}

/// A tenant that fails again and again.
pub(super) async fn poison(
    context: &Context,
    message: &SqsMessage,
    nudge: &Nudge,
    poison: &Poison,
) -> Result<(), CallError> {
    let Poison { tenant, step, error } = poison;
    let reason = format!(
        "{step} failed {} times, the last time with {error}",
        record::MOST_ATTEMPTS
    );
    tracing::error!(tenant = %nudge.tenant_id, reason, "dead letter");
    send(context, message, nudge.tenant_id.as_str(), &reason).await?;
    record::poisoned(context, tenant, step, (&error.code, &reason)).await
}

async fn send(context: &Context, message: &SqsMessage, group: &str, reason: &str) -> Result<(), CallError> {
    let letter = Letter {
        id: message.message_id.clone().unwrap_or_default(),
        body: message.body.clone().unwrap_or_default(),
        reason: reason.to_owned(),
        at: context.clock.now(),
    };
    context.dead_letters.bury(group, &letter).await
}
