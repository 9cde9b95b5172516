//! Refusals: an error code with the HTTP status that it has in AWS.

use http::StatusCode;
use serde_json::{Map, Value};

/// An API call that was not done, as the service says it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    /// The error code, for example `ClientException`.
    pub(crate) code: String,
    /// What was wrong, for people.
    pub(crate) message: String,
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// Further members of the error's shape, for example `resourceIds` or `AccessPointId`.
    pub(crate) members: Map<String, Value>,
}

/// What an action answers.
pub(crate) type Answer = Result<Value, ApiError>;

impl ApiError {
    /// An error of this code; its HTTP status follows from the code.
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            status: ecs_status(code),
            members: Map::new(),
        }
    }

    /// `ClientException`: what ECS mostly answers to a wrong task definition.
    pub(crate) fn client(message: impl Into<String>) -> Self {
        Self::new("ClientException", message)
    }

    /// `InvalidParameterException`: what ECS mostly answers to a wrong parameter of a service or task call.
    pub(crate) fn parameter(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterException", message)
    }

    /// An EFS error of this code.
    pub(crate) fn efs(code: &str, message: impl Into<String>) -> Self {
        Self {
            status: efs_status(code),
            ..Self::new(code, message)
        }
    }

    /// The same error with one more member.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }
}

/// ECS answers 400 to everything that is the caller's fault, throttling included.
fn ecs_status(code: &str) -> StatusCode {
    match code {
        "ServerException" | "InternalFailure" | "InternalServerError" => StatusCode::INTERNAL_SERVER_ERROR,
        "ServiceUnavailable" | "ServiceUnavailableException" => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// The `httpStatusCode` trait of each error shape of the EFS model.
fn efs_status(code: &str) -> StatusCode {
    match code {
        "AccessPointAlreadyExists"
        | "FileSystemAlreadyExists"
        | "FileSystemInUse"
        | "IncorrectFileSystemLifeCycleState"
        | "ConflictException" => StatusCode::CONFLICT,
        "AccessPointNotFound" | "FileSystemNotFound" | "MountTargetNotFound" | "PolicyNotFound" => {
            StatusCode::NOT_FOUND
        }
        "AccessPointLimitExceeded" | "FileSystemLimitExceeded" => StatusCode::FORBIDDEN,
        "ThrottlingException" | "TooManyRequests" => StatusCode::TOO_MANY_REQUESTS,
        "InsufficientThroughputCapacity" => StatusCode::SERVICE_UNAVAILABLE,
        "DependencyTimeout" => StatusCode::GATEWAY_TIMEOUT,
        other => ecs_status(other),
    }
}

/// The error that `code` is for calls of `service` (the name that boto3 uses).
pub(crate) fn injected(service: &str, code: &str) -> ApiError {
    let message = match code {
        "ThrottlingException" | "TooManyRequests" => "Rate exceeded".to_owned(),
        _ => format!("{code} was asked for by a test"),
    };
    match service {
        "efs" => ApiError::efs(code, message),
        _ => ApiError::new(code, message),
    }
}
