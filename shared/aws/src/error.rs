//! What can go wrong in a call to AWS, in the terms that decisions need.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use berth_core::pace::Bucket;
use berth_core::tenant::Outlook;
use jiff::Timestamp;

/// A call that did not do what it was asked to, or of which that is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{action}: {code}: {message}")]
pub struct CallError {
    /// The API action (`ecs:UpdateService`).
    pub action: &'static str,
    /// AWS's error code; `Timeout` or `Dispatch` where no answer came.
    pub code: String,
    /// AWS's message.
    pub message: String,
    /// Whether trying again may help.
    pub outlook: Outlook,
}

/// The codes with which services throttle. ECS's is a *code* that its model does not list as an error type; EFS's
/// (`ThrottlingException`, and `TooManyRequests` where access points near their limit) are answered with status 429.
const THROTTLING: &[&str] = &[
    "ThrottlingException",
    "Throttling",
    "TooManyRequests",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "ProvisionedThroughputExceededException",
    "SlowDown",
];

/// Other error codes that pass by themselves although their HTTP status is 4xx.
const PASSING: &[&str] = &[
    "TransactionConflictException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ExpiredTokenException",
    "ConditionalRequestConflict",
];

/// Our code for a call that was not made because the account's budget is spent.
const OUT_OF_BUDGET: &str = "OutOfBudget";

/// ECS's message while another registration into the same family is under way.
const REGISTERING: &str = "Too many concurrent attempts to create a new revision";

impl CallError {
    /// What the SDK says of a failed call of `action`.
    pub fn of<E, R>(action: &'static str, error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error,
        R: std::fmt::Debug,
    {
        match error {
            SdkError::ServiceError(context) => {
                let code = context.err().code().unwrap_or("Unknown").to_owned();
                let message = context.err().message().unwrap_or_default().to_owned();
                let passes = THROTTLING.contains(&code.as_str())
                    || PASSING.contains(&code.as_str())
                    || message.contains(REGISTERING)
                    || code.starts_with("Internal")
                    || code.starts_with("ServiceUnavailable")
                    || code == "ServerException";
                let outlook = if passes { Outlook::Transient } else { Outlook::Terminal };
                Self {
                    action,
                    code,
                    message,
                    outlook,
                }
            }
            SdkError::TimeoutError(_) => Self::unanswered(action, "Timeout", "no answer in time"),
            SdkError::DispatchFailure(_) => Self::unanswered(action, "Dispatch", "the endpoint could not be reached"),
            SdkError::ResponseError(_) => Self::unanswered(action, "Response", "the answer could not be read"),
            SdkError::ConstructionFailure(failure) => {
                let message = format!("{failure:?}");
                Self {
                    action,
                    code: "Construction".to_owned(),
                    message,
                    outlook: Outlook::Terminal,
                }
            }
            other => Self::unanswered(action, "Unknown", &format!("{other:?}")),
        }
    }

    /// An answer that lacks what its model promises.
    pub fn incomplete(action: &'static str, what: &str) -> Self {
        Self::unanswered(action, "Incomplete", what)
    }

    /// A call that was not made because the account's budget is spent.
    pub(crate) fn out_of_budget(bucket: Bucket, opens: Timestamp) -> Self {
        Self {
            action: "a paced call",
            code: OUT_OF_BUDGET.to_owned(),
            message: format!(
                "the account's budget of calls for {} is spent until {opens}; it is tried again by itself",
                bucket.as_str()
            ),
            outlook: Outlook::Transient,
        }
    }

    /// The call was refused because of too many others, and was certainly not done.
    pub fn is_throttled(&self) -> bool {
        THROTTLING.contains(&self.code.as_str()) || self.message.contains(REGISTERING)
    }

    /// The call was not even made, because of too many others.
    pub fn is_out_of_budget(&self) -> bool {
        self.code == OUT_OF_BUDGET
    }

    fn unanswered(action: &'static str, code: &str, message: &str) -> Self {
        Self {
            action,
            code: code.to_owned(),
            message: message.to_owned(),
            outlook: Outlook::Transient,
        }
    }

    /// The error has this code.
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }
}
