//! Responses, as each protocol writes them.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::route::{Call, Service, UnknownService};

/// An error that a service answers with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failure {
    /// HTTP status.
    pub status: StatusCode,
    /// The error code that SDKs show.
    pub code: String,
    /// For people.
    pub message: String,
}

impl Failure {
    /// A failure that is the caller's fault.
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: code.to_owned(),
            message: message.into(),
        }
    }

    /// The same with another status.
    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
}

/// A response with a body of this media type.
pub(super) fn reply(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    if !media_type.is_empty() {
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    response
}

/// The answer of a service that speaks awsJson1.0 or awsJson1.1.
pub(super) fn json_reply(answer: Result<Value, Failure>, media_type: &'static str) -> Response<Bytes> {
    match answer {
        Ok(value) => reply(StatusCode::OK, media_type, value.to_string()),
        Err(failure) => {
            let body = json!({"__type": failure.code, "message": failure.message});
            reply(failure.status, media_type, body.to_string())
        }
    }
}

/// The error of a service that speaks awsQuery.
pub(super) fn query_error(failure: &Failure) -> Response<Bytes> {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error><RequestId>local</RequestId></ErrorResponse>",
        escape(&failure.code),
        escape(&failure.message)
    );
    reply(failure.status, "text/xml", body)
}

/// The error of S3.
pub(super) fn s3_error(failure: &Failure) -> Response<Bytes> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{}</Code><Message>{}</Message><RequestId>local</RequestId></Error>",
        escape(&failure.code),
        escape(&failure.message)
    );
    reply(failure.status, "application/xml", body)
}

/// Text as XML content.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The answer to a request that is for no service.
pub(super) fn unroutable(error: &UnknownService) -> Response<Bytes> {
    let failure = Failure::new("UnknownOperationException", error.to_string()).with_status(StatusCode::NOT_FOUND);
    json_reply(Err(failure), "application/x-amz-json-1.1")
}

/// The answer to a call that was asked to fail.
pub(super) fn injected(call: &Call, code: &str) -> Response<Bytes> {
    error(call, code, format!("{} was asked to fail", call.action))
}

/// The answer to a call that its caller may not make ("Common errors" of each service's API reference).
pub(super) fn denied(call: &Call, why: &str) -> Response<Bytes> {
    let code = match call.service {
        Service::Sqs | Service::S3 | Service::CloudFormation => "AccessDenied",
        Service::Ecs | Service::Efs | Service::DynamoDb | Service::Ecr => "AccessDeniedException",
    };
    error(call, code, why.to_owned())
}

fn error(call: &Call, code: &str, message: String) -> Response<Bytes> {
    let failure = Failure::new(code, message).with_status(status_of(code));
    match call.service {
        Service::CloudFormation => query_error(&failure),
        Service::S3 => s3_error(&failure),
        Service::DynamoDb => json_reply(Err(failure), "application/x-amz-json-1.0"),
        Service::Sqs => super::sqs::error_reply(&failure),
        Service::Ecs | Service::Ecr => json_reply(Err(failure), "application/x-amz-json-1.1"),
        Service::Efs => {
            let mut response = json_reply(Err(failure), "application/json");
            if let Ok(value) = HeaderValue::from_str(code) {
                response.headers_mut().insert("x-amzn-errortype", value);
            }
            response
        }
    }
}

/// The HTTP status that an error has in AWS, by its code ("Common errors" of each service's API reference).
fn status_of(code: &str) -> StatusCode {
    match code {
        "ServerException" | "InternalServerError" | "InternalFailure" | "InternalError" => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        "ServiceUnavailable" | "ServiceUnavailableException" | "SlowDown" => StatusCode::SERVICE_UNAVAILABLE,
        "AccessDenied" => StatusCode::FORBIDDEN,
        "NoSuchKey" | "NoSuchBucket" | "AccessPointNotFound" | "FileSystemNotFound" => StatusCode::NOT_FOUND,
        "AccessPointAlreadyExists" | "FileSystemAlreadyExists" => StatusCode::CONFLICT,
        "PreconditionFailed" => StatusCode::PRECONDITION_FAILED,
        "TooManyRequests" => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::BAD_REQUEST,
    }
}
