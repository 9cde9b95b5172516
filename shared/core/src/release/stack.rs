//! When to look at the base: what a `CloudFormation` event or a stack's status says about that.
//!
//! An event is only a hint to look. Whether the base may be believed is decided on the stack as it is *now*
//! ([`at_rest`]), so an event that is late, doubled or about a nested stack can do no harm.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// What the names of the base's stacks begin with. Never empty, because an empty prefix would follow every stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackPrefix(String);

/// The prefix is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stack name prefix is empty, which would follow every stack of the account; give the base stack's name")]
pub struct EmptyPrefix;

impl FromStr for StackPrefix {
    type Err = EmptyPrefix;

    fn from_str(text: &str) -> Result<Self, EmptyPrefix> {
        if text.trim().is_empty() {
            Err(EmptyPrefix)
        } else {
            Ok(Self(text.trim().to_owned()))
        }
    }
}

impl StackPrefix {
    /// Whether a stack of this name is the base's.
    pub fn covers(&self, stack_name: &str) -> bool {
        stack_name.starts_with(&self.0)
    }

    /// The prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A stack's status (`CloudFormation` API, `StackStatus`), as far as the base is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StackStatus {
    /// A deploy has ended and its resources are what the template says: `CREATE_COMPLETE`, `UPDATE_COMPLETE`,
    /// `IMPORT_COMPLETE`.
    Deployed,
    /// A deploy was undone and the resources are what they were: `UPDATE_ROLLBACK_COMPLETE`, `IMPORT_ROLLBACK_COMPLETE`.
    RolledBack,
    /// Anything else: moving, cleaning up, failed half way, deleted, or not known to this version.
    Other(String),
}

impl From<&str> for StackStatus {
    fn from(status: &str) -> Self {
        match status {
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => Self::Deployed,
            "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_COMPLETE" => Self::RolledBack,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// Whether an event is a reason to look at the base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Look at this stack, and then at the base.
    Look {
        /// The stack's ARN.
        stack_id: String,
    },
    /// Do nothing.
    Ignore(Ignored),
}

/// Why an event is no reason to look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Ignored {
    /// It is not a stack status change.
    OtherEvent,
    /// It does not name a stack and a status.
    Unreadable,
    /// It is about a stack with another name.
    OtherStack {
        /// That name.
        name: String,
    },
    /// The stack is not done: the event that says so will come, and the quarter-hourly pass if it does not.
    NotDone {
        /// Its status.
        status: String,
    },
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default, rename = "detail-type", deserialize_with = "text_or_nothing")]
    detail_type: Option<String>,
    #[serde(default)]
    detail: Option<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(default, rename = "stack-id", deserialize_with = "text_or_nothing")]
    stack_id: Option<String>,
    #[serde(default, rename = "status-details")]
    status_details: Option<StatusDetails>,
}

#[derive(Deserialize)]
struct StatusDetails {
    #[serde(default, deserialize_with = "text_or_nothing")]
    status: Option<String>,
}

fn text_or_nothing<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(input)? {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    })
}

/// Whether this `EventBridge` event (*Stack Status Change event detail*, `CloudFormation` User Guide) is a reason to look.
///
/// The client request token is not read: it is empty for some callers, and the content of the base is what makes a
/// second look harmless.
pub fn interest(event: &Value, prefix: &StackPrefix) -> Interest {
    let Ok(envelope) = Envelope::deserialize(event) else {
        return Interest::Ignore(Ignored::Unreadable);
    };
    if envelope.detail_type.as_deref() != Some("CloudFormation Stack Status Change") {
        return Interest::Ignore(Ignored::OtherEvent);
    }
    let detail = envelope.detail;
    let stack_id = detail.as_ref().and_then(|detail| detail.stack_id.clone());
    let status = detail.and_then(|detail| detail.status_details?.status);
    let (Some(stack_id), Some(status)) = (stack_id, status) else {
        return Interest::Ignore(Ignored::Unreadable);
    };
    let Some(name) = name_in(&stack_id) else {
        return Interest::Ignore(Ignored::Unreadable);
    };
    if !prefix.covers(name) {
        let name = name.to_owned();
        return Interest::Ignore(Ignored::OtherStack { name });
    }
    match StackStatus::from(status.as_str()) {
        StackStatus::Deployed | StackStatus::RolledBack => Interest::Look { stack_id },
        StackStatus::Other(status) => Interest::Ignore(Ignored::NotDone { status }),
    }
}

/// The name in `arn:aws:cloudformation:<region>:<account>:stack/<name>/<uuid>`.
fn name_in(stack_id: &str) -> Option<&str> {
    let (_, rest) = stack_id.split_once(":stack/")?;
    let (name, _) = rest.split_once('/')?;
    (!name.is_empty()).then_some(name)
}

/// A stack as `DescribeStacks` shows it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: StackStatus,
    /// The stack at the top of its nest, if it is a nested one (`RootId`).
    pub root: Option<String>,
}

/// Whether the base may be believed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtRest {
    /// Yes: no deploy is under way that could still be undone.
    Yes,
    /// Not now.
    No(Busy),
}

/// Why the base may not be believed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Busy {
    /// No stack has the prefix, or the stack is gone.
    NoStack,
    /// This stack is in this status.
    Moving {
        /// Its name.
        name: String,
        /// Its status.
        status: String,
    },
    /// The stack is nested: it may be done while the one at the top is still going to undo everything.
    Nested {
        /// Its name.
        name: String,
        /// The ARN of the one at the top, which decides.
        root: String,
    },
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStack => f.write_str("there is no stack with the base's prefix"),
            Self::Moving { name, status } => write!(f, "stack {name} is {status}"),
            Self::Nested { name, root } => write!(f, "stack {name} is nested in {root}, which decides"),
        }
    }
}

/// Whether the base may be believed, given every stack with the prefix.
///
/// A nested stack counts as its root does, so hand the root in as well; without it the answer is [`Busy::Nested`].
pub fn at_rest(stacks: &[Stack]) -> AtRest {
    if stacks.is_empty() {
        return AtRest::No(Busy::NoStack);
    }
    let moving = stacks.iter().find_map(|stack| match &stack.status {
        StackStatus::Deployed | StackStatus::RolledBack => None,
        StackStatus::Other(status) => Some(Busy::Moving {
            name: stack.name.clone(),
            status: status.clone(),
        }),
    });
    let orphan = || {
        stacks.iter().find_map(|stack| {
            let root = stack.root.as_ref()?;
            let known = stacks
                .iter()
                .any(|other| other.root.is_none() && Some(other.name.as_str()) == name_in(root));
            (!known).then(|| Busy::Nested {
                name: stack.name.clone(),
                root: root.clone(),
            })
        })
    };
    moving.or_else(orphan).map_or(AtRest::Yes, AtRest::No)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arn(name: &str) -> String {
        format!("arn:aws:cloudformation:eu-central-1:111122223333:stack/{name}/6a7e8feb")
    }

    fn event(name: &str, status: &str) -> Value {
        json!({
            "version": "0", "source": "aws.cloudformation", "detail-type": "CloudFormation Stack Status Change",
            "resources": [arn(name)],
            "detail": {"stack-id": arn(name), "status-details": {"status": status, "status-reason": ""},
                       "client-request-token": ""}
        })
    }

    fn look(event: &Value) -> Interest {
        interest(event, &"shop-base".parse().unwrap())
    }

    fn stack(name: &str, status: &str) -> Stack {
        Stack {
            name: name.to_owned(),
            status: status.into(),
            root: None,
        }
    }

    #[test]
    fn only_an_ended_deploy_is_a_reason_to_look() {
        for status in [
            "CREATE_COMPLETE",
            "UPDATE_COMPLETE",
            "IMPORT_COMPLETE",
            "UPDATE_ROLLBACK_COMPLETE",
        ] {
            let stack_id = arn("shop-base");
            assert_eq!(
                look(&event("shop-base", status)),
                Interest::Look { stack_id },
                "{status}"
            );
        }
        for status in [
            "UPDATE_IN_PROGRESS",
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
            "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
            "UPDATE_ROLLBACK_FAILED",
            "ROLLBACK_COMPLETE",
            "DELETE_COMPLETE",
            "REVIEW_IN_PROGRESS",
            "A_STATUS_OF_NEXT_YEAR",
        ] {
            let status = status.to_owned();
            let seen = look(&event("shop-base", &status));
            assert_eq!(seen, Interest::Ignore(Ignored::NotDone { status }));
        }
    }

    #[test]
    fn b15_other_stacks_and_other_events_are_ignored() {
        let name = "billing".to_owned();
        assert_eq!(
            look(&event("billing", "UPDATE_COMPLETE")),
            Interest::Ignore(Ignored::OtherStack { name })
        );
        let mut drift = event("shop-base", "UPDATE_COMPLETE");
        drift["detail-type"] = json!("CloudFormation Drift Detection Status Change");
        assert_eq!(look(&drift), Interest::Ignore(Ignored::OtherEvent));
    }

    #[test]
    fn b15_an_empty_absent_or_odd_token_changes_nothing() {
        for token in [json!(""), Value::Null, json!(7), json!("Console-UpdateStack-1")] {
            let mut seen = event("shop-base", "UPDATE_COMPLETE");
            seen["detail"]["client-request-token"] = token;
            assert!(matches!(look(&seen), Interest::Look { .. }), "{seen}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_ignored_with_that_reason() {
        let whole = event("shop-base", "UPDATE_COMPLETE");
        let mut cases = vec![json!(null), json!([]), json!({"detail-type": whole["detail-type"]})];
        for path in [
            "/detail/stack-id",
            "/detail/status-details/status",
            "/detail/status-details",
        ] {
            let mut broken = whole.clone();
            *broken.pointer_mut(path).unwrap() = Value::Null;
            cases.push(broken);
        }
        let mut no_arn = whole.clone();
        no_arn["detail"]["stack-id"] = json!("shop-base");
        cases.push(no_arn);
        for case in cases {
            let seen = look(&case);
            assert!(
                matches!(seen, Interest::Ignore(Ignored::Unreadable | Ignored::OtherEvent)),
                "{case}: {seen:?}"
            );
        }
    }

    #[test]
    fn b14_the_base_is_not_believed_while_a_stack_moves_or_cleans_up() {
        for status in [
            "UPDATE_IN_PROGRESS",
            "UPDATE_ROLLBACK_IN_PROGRESS",
            "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
            "UPDATE_FAILED",
        ] {
            let name = "shop-base".to_owned();
            let stacks = [stack("shop-base-net", "UPDATE_COMPLETE"), stack(&name, status)];
            let status = status.to_owned();
            assert_eq!(at_rest(&stacks), AtRest::No(Busy::Moving { name, status }));
        }
        assert_eq!(at_rest(&[stack("shop-base", "UPDATE_ROLLBACK_COMPLETE")]), AtRest::Yes);
        assert_eq!(at_rest(&[]), AtRest::No(Busy::NoStack));
    }

    #[test]
    fn b15_a_nested_stack_is_believed_only_with_its_root_at_rest() {
        let root = arn("shop-base");
        let nested = Stack {
            root: Some(root.clone()),
            ..stack("shop-base-net", "UPDATE_COMPLETE")
        };
        let name = nested.name.clone();
        assert_eq!(
            at_rest(std::slice::from_ref(&nested)),
            AtRest::No(Busy::Nested { name, root })
        );
        let moving = [nested.clone(), stack("shop-base", "UPDATE_IN_PROGRESS")];
        assert!(matches!(at_rest(&moving), AtRest::No(Busy::Moving { .. })));
        assert_eq!(at_rest(&[nested, stack("shop-base", "UPDATE_COMPLETE")]), AtRest::Yes);
    }

    #[test]
    fn an_empty_prefix_is_refused() {
        assert_eq!("".parse::<StackPrefix>(), Err(EmptyPrefix));
        assert_eq!(" ".parse::<StackPrefix>(), Err(EmptyPrefix));
    }
}
