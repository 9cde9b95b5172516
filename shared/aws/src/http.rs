//! HTTP at the door: API Gateway's request in, API Gateway's response out.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use aws_lambda_events::http::{HeaderMap, HeaderName, HeaderValue};
use berth_core::api::{Caller, Code, Found, Operation, Problem};
use berth_core::tenant::{InvalidId, TenantId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::CallError;

/// The largest body that is read.
const LARGEST: usize = 256 * 1024;

/// What routing and handlers need of a request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who asked, for the row.
    pub caller: String,
    /// The `{id}` of the path as it came; empty if the route has none.
    pub id: String,
    inner: ApiGatewayV2httpRequest,
}

/// What a request asks for: found, and allowed to whoever asks. Nothing has been read to find out.
pub fn admit(event: ApiGatewayV2httpRequest) -> Result<(Operation, Request), Problem> {
    let caller = caller(&event)?;
    let Found { operation, id } = Operation::find(event.request_context.http.method.as_str(), path(&event))?;
    caller.may(operation.route().access, &id)?;
    let request = Request {
        caller: caller.name().to_owned(),
        id,
        inner: event,
    };
    Ok((operation, request))
}

/// The path without the stage, decoded by API Gateway.
fn path(event: &ApiGatewayV2httpRequest) -> &str {
    let context = &event.request_context;
    let path = context.http.path.as_deref().or(event.raw_path.as_deref());
    let path = path.unwrap_or_default();
    let stage = context.stage.as_deref().filter(|stage| *stage != "$default");
    let of_stage = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    of_stage.filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

/// Whom API Gateway's authorizer has let in. Without its word it is nobody, whatever the headers say: this function is not
/// the one that checks signatures.
fn caller(event: &ApiGatewayV2httpRequest) -> Result<Caller, Problem> {
    let authorizer = event.request_context.authorizer.as_ref();
    if let Some(jwt) = authorizer.and_then(|authorizer| authorizer.jwt.as_ref()) {
        return Caller::of_token(|name| jwt.claims.get(name).map(String::as_str));
    }
    let iam = authorizer.and_then(|authorizer| authorizer.iam.as_ref());
    match iam.and_then(|iam| iam.user_arn.as_deref()) {
        Some(arn) => Ok(Caller::machine(arn)),
        None => Err(Problem::new(
            Code::Unauthenticated,
            "nobody knows who asks: send a token (Authorization: Bearer …), or sign the request with IAM",
        )),
    }
}

impl Request {
    /// A query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.inner.query_string_parameters.first(name)
    }

    /// A query parameter that is `true` or `false`, and `false` if it is not there.
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.query(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::new(Code::InvalidParameter, format!("{name} is true or false"))),
        }
    }

    /// The tenant of the path.
    pub fn tenant(&self) -> Result<TenantId, Problem> {
        tenant_id(&self.id)
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

    /// The body as an object with these members. If it is something else, the request is wrong in this way.
    pub fn members<T: DeserializeOwned>(&self, wrong: Code) -> Result<T, Problem> {
        let body = self.json()?;
        if !body.is_object() {
            return Err(Problem::new(wrong, "the body is not an object"));
        }
        serde_json::from_value(body).map_err(|error| Problem::new(wrong, format!("the body: {error}")))
    }
}

/// A text that is to be a tenant id.
pub fn tenant_id(text: &str) -> Result<TenantId, Problem> {
    text.parse()
        .map_err(|error: InvalidId| Problem::new(Code::InvalidId, error.to_string()))
}

/// An operation that another function does: API Gateway does not send it here.
pub fn elsewhere(operation: Operation) -> Problem {
    let detail = format!("{} is not done by this function", operation.name());
    Problem::new(Code::NoRoute, detail)
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

    /// A document as it is.
    pub fn document(media_type: &'static str, text: &'static str) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", media_type.to_owned())],
            body: Some(text.to_owned()),
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
        let mut headers = vec![("content-type", "application/problem+json".to_owned())];
        headers.extend(
            problem
                .code
                .retry_after()
                .map(|seconds| ("retry-after", seconds.to_string())),
        );
        headers.extend(problem.allow.clone().map(|methods| ("allow", methods)));
        if problem.code == Code::Unauthenticated {
            headers.push(("www-authenticate", "Bearer".to_owned()));
        }
        Self {
            status: problem.status,
            headers,
            body: Some(problem.to_json()),
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
