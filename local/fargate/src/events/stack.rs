//! `CloudFormation`'s stack status changes. The simulator has no stacks; it tells what it is told to tell.
//!
//! Source: AWS `CloudFormation` User Guide, "Event detail reference": `stack-id`, `status-details` and
//! `client-request-token`; `resources` is the stack's ARN.

use serde_json::json;

use crate::world::World;

/// A change of a stack's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackStatus<'a> {
    /// The stack's name. Its ARN is made from it.
    pub name: &'a str,
    /// The unique part of the stack's ARN.
    pub id: &'a str,
    /// The status, for example `UPDATE_COMPLETE`.
    pub status: &'a str,
    /// Why; mostly empty.
    pub reason: &'a str,
    /// The token that whoever changed the stack gave; mostly empty.
    pub client_request_token: &'a str,
}

impl World {
    /// Emits a `CloudFormation` Stack Status Change.
    pub fn emit_stack_status(&mut self, change: &StackStatus<'_>) {
        let place = (&self.config.region, &self.config.account);
        let arn = format!(
            "arn:aws:cloudformation:{}:{}:stack/{}/{}",
            place.0, place.1, change.name, change.id
        );
        let detail = json!({
            "stack-id": arn,
            "status-details": {"status": change.status, "status-reason": change.reason},
            "client-request-token": change.client_request_token,
        });
        self.emit("aws.cloudformation", "CloudFormation Stack Status Change", &arn, detail);
    }
}
