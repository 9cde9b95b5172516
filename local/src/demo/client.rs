//! A client of a running system, like anyone could write one.

use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

/// How far virtual time is moved on between two looks, in seconds.
const STEP: f64 = 5.0;

/// How long to pause between two looks, in real time.
const PAUSE: Duration = Duration::from_millis(50);

/// How many looks are enough: forty virtual minutes.
const MOST_LOOKS: u32 = 480;

/// A story that did not go as it should.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The system did not answer.
    #[error("the system did not answer {what}: {why}")]
    Http {
        /// What was asked.
        what: String,
        /// Why not.
        why: String,
    },
    /// A tenant did not become what was expected.
    #[error("{id} did not get there within forty virtual minutes; it is: {last}")]
    Stuck {
        /// Which tenant.
        id: String,
        /// What it was at last.
        last: Value,
    },
    /// A call was refused.
    #[error("{what} was answered with {status}: {body}")]
    Refused {
        /// What was asked.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The answer.
        body: Value,
    },
}

/// What the system answered.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Reply {
    /// A member as text; empty if it is not there.
    pub(super) fn text(&self, pointer: &str) -> String {
        match self.body.pointer(pointer) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    /// How many there are in a list.
    pub(super) fn count(&self, pointer: &str) -> usize {
        self.body.pointer(pointer).and_then(Value::as_array).map_or(0, Vec::len)
    }
}

/// Talks to the API, the control API and the AWS endpoint.
pub(super) struct Client {
    http: SharedHttpConnector,
    api: String,
    aws: String,
}

impl Client {
    pub(super) fn new(api: &str, aws: &str) -> Self {
        Self {
            http: SharedHttpConnector::new(Connector::builder().build_http()),
            api: api.to_owned(),
            aws: aws.to_owned(),
        }
    }

    /// One request to the tenants API.
    pub(super) async fn api(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Reply, DemoError> {
        let method = method.parse().unwrap_or(Method::GET);
        let request = Request::builder().method(method).uri(format!("{}{path}", self.api));
        self.send(path, request, body).await
    }

    async fn get(&self, url: String) -> Result<Reply, DemoError> {
        let request = Request::get(&url);
        self.send(&url, request, None).await
    }

    async fn send(
        &self,
        what: &str,
        request: http::request::Builder,
        body: Option<&Value>,
    ) -> Result<Reply, DemoError> {
        let failed = |why: &dyn std::fmt::Display| DemoError::Http {
            what: what.to_owned(),
            why: why.to_string(),
        };
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request
            .header("content-type", "application/json")
            .body(SdkBody::from(body));
        let request = HttpRequest::try_from(request.map_err(|error| failed(&error))?);
        let response = self.http.call(request.map_err(|error| failed(&error))?).await;
        let response = response.map_err(|error| failed(&error))?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(|error| failed(&error))?;
        let body = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
        Ok(Reply { status, body })
    }

    /// A tenant as the API shows it.
    pub(super) async fn tenant(&self, id: &str) -> Result<Reply, DemoError> {
        self.api("GET", &format!("/tenants/{id}"), None).await
    }

    /// One request to the control API.
    pub(super) async fn local(&self, path: &str, body: &Value) -> Result<Reply, DemoError> {
        let what = format!("POST /_local{path}");
        let request = Request::post(format!("{}/_local{path}", self.api));
        expect(&what, self.send(&what, request, Some(body)).await?)
    }

    /// What time it is in the system.
    pub(super) async fn now(&self) -> Result<String, DemoError> {
        let reply = self.get(format!("{}/_local/clock", self.api)).await?;
        Ok(reply.text("/now").chars().take(19).skip(11).collect())
    }

    /// Lets virtual time pass until the tenant is as wanted.
    pub(super) async fn until(&self, id: &str, wanted: impl Fn(&Reply) -> bool) -> Result<Reply, DemoError> {
        let mut reply = self.tenant(id).await?;
        for _ in 0..MOST_LOOKS {
            if wanted(&reply) {
                return Ok(reply);
            }
            self.local("/clock", &json!({"advance_seconds": STEP})).await?;
            tokio::time::sleep(PAUSE).await;
            reply = self.tenant(id).await?;
        }
        Err(DemoError::Stuck {
            id: id.to_owned(),
            last: reply.body,
        })
    }

    /// One call of ECS, on the AWS endpoint.
    pub(super) async fn ecs(&self, action: &str, input: &Value) -> Result<Reply, DemoError> {
        let target = format!("AmazonEC2ContainerServiceV20141113.{action}");
        let request = Request::post(&self.aws).header("x-amz-target", target);
        expect(action, self.send(action, request, Some(input)).await?)
    }

    /// The access points, as EFS tells.
    pub(super) async fn access_points(&self) -> Result<Reply, DemoError> {
        let reply = self.get(format!("{}/2015-02-01/access-points", self.aws)).await?;
        expect("DescribeAccessPoints", reply)
    }

    /// The base as it is, but for one variable; as `RegisterTaskDefinition` takes it.
    pub(super) async fn next_base(&self, version: &str) -> Result<Value, DemoError> {
        let path = "/_local/base";
        let reply = expect(path, self.get(format!("{}{path}", self.api)).await?)?;
        let mut next = reply.body.get("taskDefinition").cloned().unwrap_or_default();
        let environment = next
            .pointer_mut("/containerDefinitions/0/environment")
            .and_then(Value::as_array_mut);
        for entry in environment.into_iter().flatten() {
            if entry.get("name") == Some(&json!("BASE_VERSION")) {
                *entry = json!({"name": "BASE_VERSION", "value": version});
            }
        }
        Ok(next)
    }
}

fn expect(what: &str, reply: Reply) -> Result<Reply, DemoError> {
    if reply.status < 300 {
        return Ok(reply);
    }
    Err(DemoError::Refused {
        what: what.to_owned(),
        status: reply.status,
        body: reply.body,
    })
}
