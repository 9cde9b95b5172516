//! A client of a running system, like anyone could write one.

use std::time::Duration;

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
    #[error("the system did not answer: {0}")]
    Http(#[from] reqwest::Error),
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
    http: reqwest::Client,
    api: String,
    aws: String,
}

impl Client {
    pub(super) fn new(api: &str, aws: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            api: api.to_owned(),
            aws: aws.to_owned(),
        }
    }

    /// One request to the tenants API.
    pub(super) async fn api(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Reply, DemoError> {
        let method = method.parse().unwrap_or(reqwest::Method::GET);
        let request = self.http.request(method, format!("{}{path}", self.api));
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        read(request).await
    }

    /// A tenant as the API shows it.
    pub(super) async fn tenant(&self, id: &str) -> Result<Reply, DemoError> {
        self.api("GET", &format!("/tenants/{id}"), None).await
    }

    /// One request to the control API.
    pub(super) async fn local(&self, path: &str, body: &Value) -> Result<Reply, DemoError> {
        let reply = read(self.http.post(format!("{}/_local{path}", self.api)).json(body)).await?;
        expect(&format!("POST /_local{path}"), reply)
    }

    /// What time it is in the system.
    pub(super) async fn now(&self) -> Result<String, DemoError> {
        let reply = read(self.http.get(format!("{}/_local/clock", self.api))).await?;
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
        let request = self
            .http
            .post(&self.aws)
            .header("x-amz-target", format!("AmazonEC2ContainerServiceV20141113.{action}"));
        expect(action, read(request.json(input)).await?)
    }

    /// The access points, as EFS tells.
    pub(super) async fn access_points(&self) -> Result<Reply, DemoError> {
        let reply = read(self.http.get(format!("{}/2015-02-01/access-points", self.aws))).await?;
        expect("DescribeAccessPoints", reply)
    }

    /// The base as it is, but for one variable; as `RegisterTaskDefinition` takes it.
    pub(super) async fn next_base(&self, version: &str) -> Result<Value, DemoError> {
        let path = "/_local/base";
        let reply = expect(path, read(self.http.get(format!("{}{path}", self.api))).await?)?;
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

async fn read(request: reqwest::RequestBuilder) -> Result<Reply, DemoError> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let body = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
    Ok(Reply { status, body })
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
