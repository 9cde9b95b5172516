//! A client of the API: an address, who asks, and one request after the other.

mod endpoint;
mod sign;

use std::error::Error as _;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_async::time::{SystemTimeSource, TimeSource as _};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http::{HeaderValue, Method, Request, header};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use endpoint::Endpoint;
pub(crate) use sign::with_signature;

use super::config::{Identity, Profile, Target};
use super::trouble::{Refusal, Trouble};

/// The longest that a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// The longest that an answer may take: API Gateway gives up after 30 s, and what it says then is worth hearing.
const ANSWER: Duration = Duration::from_secs(35);

/// What the API has answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// What time it was where the answer comes from. With `berth up` that is another time than here.
    pub(crate) at: Timestamp,
    /// The body; null if there is none.
    pub(crate) body: Value,
}

impl Answer {
    /// The body as what it should be.
    pub(crate) fn read<T: DeserializeOwned>(&self, client: &Client) -> Result<T, Trouble> {
        serde_json::from_value(self.body.clone())
            .map_err(|error| client.strange(format!("something unknown ({error})")))
    }
}

/// A client of the API.
pub(crate) struct Client {
    endpoint: Endpoint,
    identity: Known,
    connector: SharedHttpConnector,
}

/// Who asks, with what it takes to prove it.
enum Known {
    Nobody,
    Bearer(HeaderValue),
    Iam {
        credentials: SharedCredentialsProvider,
        region: String,
    },
}

/// Credentials and Region as the AWS configuration of this machine has them.
pub(crate) async fn aws_config(profile: &Profile, endpoint: Option<&Endpoint>) -> SdkConfig {
    let http = Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http);
    if let Some(name) = &profile.credentials {
        loader = loader.profile_name(name);
    }
    let region = profile.region.as_deref().or(endpoint.and_then(Endpoint::region));
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    loader.load().await
}

impl Client {
    /// A client of this API. Nothing is sent yet.
    pub(crate) async fn new(target: Target) -> Result<Self, Trouble> {
        if target.endpoint.is_open() && target.identity != Identity::Nobody {
            let why = "is not encrypted, and who you are would be readable on the way; use https://";
            return Err(Trouble::Usage(format!("{} {why}", target.endpoint)));
        }
        let identity = match target.identity {
            Identity::Nobody => Known::Nobody,
            Identity::Bearer(token) => {
                let header = HeaderValue::try_from(format!("Bearer {token}"));
                let mut header =
                    header.map_err(|_| Trouble::Usage("the token cannot be sent in a header".to_owned()))?;
                header.set_sensitive(true);
                Known::Bearer(header)
            }
            Identity::Iam => signer(&target.profile, &target.endpoint).await?,
        };
        let settings = HttpConnectorSettings::builder()
            .connect_timeout(CONNECT)
            .read_timeout(ANSWER)
            .build();
        let connector = Connector::builder()
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .connector_settings(settings)
            .build();
        Ok(Self {
            endpoint: target.endpoint,
            identity,
            connector: SharedHttpConnector::new(connector),
        })
    }

    /// Reads something.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, Trouble> {
        self.send(&Method::GET, path, None, &[]).await
    }

    /// Asks for something.
    pub(crate) async fn post(&self, path: &str, body: Option<&Value>) -> Result<Answer, Trouble> {
        self.send(&Method::POST, path, body, &[]).await
    }

    /// One request. An answer of 300 and above is a [`Trouble`].
    pub(crate) async fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(header::HeaderName, String)],
    ) -> Result<Answer, Trouble> {
        let request = self.request(method, path, body, headers).await?;
        let request = HttpRequest::try_from(request.map(SdkBody::from));
        let request = request.map_err(|error| Trouble::Usage(format!("{path} cannot be asked for: {error}")))?;
        let response = self
            .connector
            .call(request)
            .await
            .map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let at = response
            .headers()
            .get("date")
            .and_then(|date| rfc2822::parse(date).ok());
        let at = at.map_or_else(now_here, |date| date.timestamp());
        let bytes = response.into_body().collect().await;
        let bytes = bytes
            .map_err(|error| self.strange(format!("half of something ({error})")))?
            .to_bytes();
        let body: Option<Value> = match bytes.as_ref() {
            [] => Some(Value::Null),
            bytes => serde_json::from_slice(bytes).ok(),
        };
        match (status, body) {
            (..300, Some(body)) => Ok(Answer { at, body }),
            (..400, _) => Err(self.strange(format!("{status} with something that is not JSON"))),
            (_, body) => Err(Trouble::Refused(Refusal::of(status, &body.unwrap_or_default()))),
        }
    }

    async fn request(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(header::HeaderName, String)],
    ) -> Result<Request<Vec<u8>>, Trouble> {
        let mut request = Request::builder()
            .method(method)
            .uri(self.endpoint.at(path))
            .header(header::USER_AGENT, concat!("berth/", env!("CARGO_PKG_VERSION")));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let bytes = body.map(Value::to_string).unwrap_or_default().into_bytes();
        let wrong = |error: &dyn std::fmt::Display| Trouble::Usage(format!("{path} cannot be asked for: {error}"));
        let mut request = request.body(bytes).map_err(|error| wrong(&error))?;
        match &self.identity {
            Known::Nobody => {}
            Known::Bearer(token) => {
                request.headers_mut().insert(header::AUTHORIZATION, token.clone());
            }
            Known::Iam { credentials, region } => {
                let credentials = credentials.provide_credentials().await;
                let credentials = credentials.map_err(|error| no_credentials(&error))?;
                let at = SystemTimeSource::new().now();
                with_signature(&mut request, credentials, region, "execute-api", at).map_err(|error| wrong(&error))?;
            }
        }
        Ok(request)
    }

    fn unreachable(&self, error: &ConnectorError) -> Trouble {
        let advice = if self.endpoint.is_local() {
            "start it with `berth up`, or say where it is with --endpoint or --profile"
        } else {
            "check --endpoint or the profile, and the network"
        };
        let why = match error {
            error if error.is_timeout() => "no answer in time".to_owned(),
            error => deepest(error),
        };
        Trouble::Unreachable {
            endpoint: self.endpoint.to_string(),
            why,
            advice,
        }
    }

    /// An answer that is not one of the API's.
    pub(crate) fn strange(&self, what: impl Into<String>) -> Trouble {
        Trouble::Strange {
            endpoint: self.endpoint.to_string(),
            what: what.into(),
        }
    }
}

async fn signer(profile: &Profile, endpoint: &Endpoint) -> Result<Known, Trouble> {
    let config = aws_config(profile, Some(endpoint)).await;
    let region = config.region().map(ToString::to_string).ok_or_else(|| {
        Trouble::Usage("no Region is known to sign for: add `region` to the profile, or set AWS_REGION".to_owned())
    })?;
    let credentials = config
        .credentials_provider()
        .ok_or_else(|| no_credentials(&"there is no provider"))?;
    Ok(Known::Iam { credentials, region })
}

/// There is nobody to sign as.
pub(crate) fn no_credentials(why: &dyn std::fmt::Display) -> Trouble {
    Trouble::Usage(format!(
        "there are no AWS credentials to sign with ({why}): set AWS_PROFILE or awsProfile, or run \
         `eval \"$(aws configure export-credentials --format env)\"`"
    ))
}

/// What is at the bottom of an error: the rest says only what led to it.
fn deepest(error: &ConnectorError) -> String {
    let mut deepest = error.source();
    while let Some(next) = deepest.and_then(std::error::Error::source) {
        deepest = Some(next);
    }
    deepest.map_or_else(|| error.to_string(), |error| error.to_string().to_lowercase())
}

fn now_here() -> Timestamp {
    Timestamp::try_from(SystemTimeSource::new().now()).unwrap_or(Timestamp::UNIX_EPOCH)
}
