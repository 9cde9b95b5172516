//! Two reads of services whose SDK crates are not worth their weight here, signed by the SDK's own signer.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_smithy_async::time::{SystemTimeSource, TimeSource as _};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use berth_core::doctor::{Quota, Read};
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::cli::client::with_signature;

/// The longest that an answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// Reads by plain HTTP, as whoever the configuration says.
pub(super) struct Raw<'a> {
    config: &'a SdkConfig,
    connector: SharedHttpConnector,
}

impl<'a> Raw<'a> {
    pub(super) fn of(config: &'a SdkConfig) -> Self {
        let settings = HttpConnectorSettings::builder()
            .connect_timeout(ANSWER)
            .read_timeout(ANSWER)
            .build();
        let connector = Connector::builder()
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .connector_settings(settings)
            .build();
        Self {
            config,
            connector: SharedHttpConnector::new(connector),
        }
    }

    /// The state of a schedule of the default group (`EventBridge` Scheduler API Reference, `GetSchedule`).
    pub(super) async fn schedule(&self, name: &str) -> Read<String> {
        // What CloudFormation calls it may have the group before it.
        let name = name.rsplit(['|', '/']).next().unwrap_or(name);
        let path = format!("/schedules/{name}");
        let answer = self
            .ask("scheduler", Request::get(self.at("scheduler", &path)), Vec::new())
            .await?;
        let state = answer.get("State").and_then(Value::as_str);
        state
            .map(str::to_owned)
            .ok_or_else(|| "the answer has no State".to_owned())
    }

    /// A quota of the account (Service Quotas API Reference, `GetServiceQuota`). What is used of it is not asked.
    pub(super) async fn quota(&self, service: &str, code: &str) -> Read<Quota> {
        let request = Request::post(self.at("servicequotas", "/"))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", "ServiceQuotasV20190624.GetServiceQuota");
        let body = json!({ "ServiceCode": service, "QuotaCode": code });
        let answer = self
            .ask("servicequotas", request, body.to_string().into_bytes())
            .await?;
        let limit = answer.pointer("/Quota/Value").and_then(whole);
        let limit = limit.ok_or_else(|| "the answer has no Quota.Value".to_owned())?;
        Ok(Quota { limit, used: None })
    }

    fn at(&self, service: &str, path: &str) -> String {
        match self.config.endpoint_url() {
            Some(url) => format!("{}{path}", url.trim_end_matches('/')),
            None => format!("https://{service}.{}.amazonaws.com{path}", self.region()),
        }
    }

    fn region(&self) -> &str {
        self.config.region().map(AsRef::as_ref).unwrap_or_default()
    }

    async fn ask(&self, service: &str, request: http::request::Builder, body: Vec<u8>) -> Read<Value> {
        let mut request = request.body(body).map_err(|error| error.to_string())?;
        let provider = self.config.credentials_provider().ok_or("there are no credentials")?;
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|error| error.to_string())?;
        let now = SystemTimeSource::new().now();
        with_signature(&mut request, credentials, self.region(), service, now).map_err(|error| error.to_string())?;
        let request = HttpRequest::try_from(request.map(SdkBody::from)).map_err(|error| error.to_string())?;
        let response = self.connector.call(request).await;
        let response = response.map_err(|error| format!("{service} does not answer: {error}"))?;
        let status = response.status().as_u16();
        let bytes = response
            .into_body()
            .collect()
            .await
            .map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_slice(&bytes.to_bytes()).unwrap_or_default();
        if status < 300 {
            return Ok(answer);
        }
        let told = ["message", "Message"]
            .iter()
            .find_map(|name| answer.get(*name)?.as_str());
        Err(format!(
            "{service} answers {status}: {}",
            told.unwrap_or("no reason is told")
        ))
    }
}

/// A number that the service writes with decimals, and that has none.
fn whole(value: &Value) -> Option<u64> {
    let number = value.as_number()?.to_string();
    number.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_written_with_decimals() {
        let numbers = [json!(6.0), json!(1_000), json!(-1), json!("6")];
        assert_eq!(numbers.each_ref().map(whole), [Some(6), Some(1_000), None, None]);
    }
}
