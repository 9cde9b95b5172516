//! HTTP at the door: API Gateway's request in, API Gateway's response out.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use aws_lambda_events::http::{HeaderMap, HeaderName, HeaderValue};
use berth_core::api::{Code, Problem};
use berth_core::tenant::{InvalidId, TenantId};
use serde::Serialize;
use serde_json::Value;

use crate::error::CallError;

/// The largest body that is read.
const LARGEST: usize = 256 * 1024;

/// What routing and handlers need of a request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `PUT`, …
    pub method: String,
    /// The path's segments, decoded by API Gateway.
    pub segments: Vec<String>,
    /// Who asked, for the row: the caller's name if an authorizer gave one.
    pub caller: String,
    inner: ApiGatewayV2httpRequest,
}

impl From<ApiGatewayV2httpRequest> for Request {
    fn from(inner: ApiGatewayV2httpRequest) -> Self {
        let http = &inner.request_context.http;
        let path = http.path.as_deref().or(inner.raw_path.as_deref()).unwrap_or_default();
        let stage = inner
            .request_context
            .stage
            .as_deref()
            .filter(|stage| *stage != "$default")
            .unwrap_or_default();
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_prefix(stage).unwrap_or(path);
        Self {
            method: http.method.to_string(),
            segments: path
                .split('/')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect(),
            caller: caller(&inner),
            inner,
        }
    }
}

fn caller(request: &ApiGatewayV2httpRequest) -> String {
    let authorizer = request.request_context.authorizer.as_ref();
    let subject = authorizer.and_then(|found| found.jwt.as_ref()?.claims.get("sub").cloned());
    let role = authorizer.and_then(|found| found.iam.as_ref()?.user_arn.clone());
    subject.or(role).unwrap_or_else(|| "api".to_owned())
}

impl Request {
    /// A query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.inner.query_string_parameters.first(name)
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.inner.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON; an absent one is an empty object.
    pub fn json(&self) -> Result<Value, Problem> {
        let invalid = |why: String| Problem::new(Code::InvalidJson, format!("the body is not JSON: {why}"));
        let Some(text) = self.inner.body.as_deref().filter(|text| !text.trim().is_empty()) else {
            return Ok(Value::Object(serde_json::Map::default()));
        };
        if text.len() > LARGEST {
            let detail = format!("the body has {} bytes and at most {LARGEST} are read", text.len());
            return Err(Problem::new(Code::BodyTooLarge, detail));
        }
        if self.inner.is_base64_encoded {
            return Err(invalid("it is binary; send it as application/json".to_owned()));
        }
        serde_json::from_str(text).map_err(|error| invalid(error.to_string()))
    }
}

/// A tenant id of a path.
pub fn tenant_id(text: &str) -> Result<TenantId, Problem> {
    text.parse()
        .map_err(|error: InvalidId| Problem::new(Code::InvalidId, error.to_string()))
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
}

impl Response {
    /// A status without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: None,
        }
    }

    /// A JSON body.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).unwrap_or_default();
        Self {
            status,
            headers: vec![("content-type", "application/json".to_owned())],
            body: Some(body),
        }
    }

    /// With a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        let headers = vec![("content-type", "application/problem+json".to_owned())];
        let answer = Self {
            status: problem.status,
            headers,
            body: Some(problem.to_json()),
        };
        if problem.status == 503 {
            answer.with("retry-after", "2")
        } else {
            answer
        }
    }
}

/// A failed call is told without its internals; the log has them.
impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        tracing::error!(%error, "a call failed");
        Self::new(
            Code::Unavailable,
            "a service that Berth depends on did not answer as it should; try again",
        )
    }
}

impl From<Response> for ApiGatewayV2httpResponse {
    fn from(response: Response) -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in response.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        let mut out = Self::default();
        out.status_code = i64::from(response.status);
        out.headers = headers;
        out.body = response.body.map(Body::Text);
        out
    }
}
