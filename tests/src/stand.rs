//! The running command: `berth up` as its own process, spoken to over HTTP.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::binary::built;

/// A `berth up` of this test's own.
pub struct Stand {
    /// Killed when this is dropped.
    pub process: Child,
    /// Where the API and `/_local` are.
    pub api: String,
    /// Where the AWS endpoint is.
    pub aws: String,
    http: reqwest::Client,
}

/// An answer of the API.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its `ETag`.
    pub etag: Option<String>,
    /// Its body; null if it has none.
    pub body: Value,
}

impl Stand {
    /// Starts one on free ports, and waits until it answers.
    pub async fn up(arguments: &[&str]) -> Self {
        let (port, aws_port) = (free_port(), free_port());
        let process = Command::new(built("berth"))
            .args(["up", "--port", &port.to_string(), "--aws-port", &aws_port.to_string()])
            .args(arguments)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let api = format!("http://127.0.0.1:{port}");
        let mut stand = Self {
            process,
            api,
            aws: format!("http://127.0.0.1:{aws_port}"),
            http: reqwest::Client::new(),
        };
        for _ in 0..300 {
            if let Some(status) = stand.process.try_wait().unwrap() {
                panic!("berth up ended at once: {status}");
            }
            if stand
                .http
                .get(format!("{}/_local/clock", stand.api))
                .send()
                .await
                .is_ok()
            {
                return stand;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("berth up does not answer");
    }

    /// Calls the API or, under `/_local`, the world.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        self.call_with(method, path, body, &[]).await
    }

    /// Calls the API with headers.
    pub async fn call_with(&self, method: Method, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Reply {
        let mut request = self.http.request(method, format!("{}{path}", self.api));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, etag) = (response.status(), response.headers().get("etag").cloned());
        let text = response.text().await.unwrap();
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap()
        };
        Reply {
            status,
            etag: etag.and_then(|tag| tag.to_str().ok().map(str::to_owned)),
            body,
        }
    }

    /// `GET` of a tenant.
    pub async fn tenant(&self, id: &str) -> Value {
        self.call(Method::GET, &format!("/tenants/{id}"), None).await.body
    }

    /// Lets virtual time pass.
    pub async fn advance(&self, seconds: u64) {
        let reply = self
            .call(
                Method::POST,
                "/_local/clock",
                Some(json!({ "advance_seconds": seconds })),
            )
            .await;
        assert!(reply.status.is_success(), "{reply:?}");
    }

    /// Lets virtual time pass, second by second, until the tenant is in this phase and settled.
    pub async fn until(&self, id: &str, phase: &str) -> Value {
        let mut last = Value::Null;
        for _ in 0..300 {
            last = self.tenant(id).await;
            if last["phase"] == phase && last["settled"] == true {
                return last;
            }
            self.advance(1).await;
        }
        panic!("{id} is not {phase} after five minutes: {last:#}");
    }

    /// A configuration for a client of the AWS endpoint that is not Berth's.
    pub fn sdk(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .endpoint_url(&self.aws)
            .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build()
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
