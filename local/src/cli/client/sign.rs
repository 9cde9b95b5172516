//! Signature Version 4, by the SDK's own signer.
//!
//! Source: IAM User Guide, "AWS Signature Version 4 for API requests"; the service is `execute-api`, as the API Gateway
//! Developer Guide, "Control access to HTTP APIs with IAM authorization in API Gateway", has it.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::box_error::BoxError;
use http::Request;

/// Adds the headers that say who asks.
pub(crate) fn with_signature(
    request: &mut Request<Vec<u8>>,
    credentials: Credentials,
    region: &str,
    service: &str,
    at: SystemTime,
) -> Result<(), BoxError> {
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(at)
        .settings(SigningSettings::default())
        .build()?
        .into();
    let headers = request.headers().iter();
    let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let uri = request.uri().to_string();
    let signable = SignableRequest::new(
        request.method().as_str(),
        uri,
        headers,
        SignableBody::Bytes(request.body()),
    )?;
    let (instructions, _) = sign(signable, &parameters)?.into_parts();
    instructions.apply_to_request_http1x(request);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// What botocore 1.43 (`SigV4Auth`) makes of the same request at the same moment.
    #[test]
    fn the_signature_is_the_one_that_botocore_makes() {
        let mut request = Request::builder()
            .method("POST")
            .uri("https://abc.execute-api.eu-west-1.amazonaws.com/tenants/acme/wake?wait=20")
            .header("host", "abc.execute-api.eu-west-1.amazonaws.com")
            .header("content-type", "application/json")
            .body(b"{}".to_vec())
            .unwrap();
        let credentials = Credentials::new(
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            Some("token".to_owned()),
            None,
            "test",
        );
        let at = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        with_signature(&mut request, credentials, "eu-west-1", "execute-api", at).unwrap();
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("x-amz-date"), "20270115T080000Z");
        assert_eq!(header("x-amz-security-token"), "token");
        let signed = "content-type;host;x-amz-date;x-amz-security-token";
        let signature = "e2e90b26ac3223251e52815b8604eb21c70dbe66d48731866ceeab59e1007df6";
        let scope = "AKIDEXAMPLE/20270115/eu-west-1/execute-api/aws4_request";
        let expected = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed}, Signature={signature}");
        assert_eq!(header("authorization"), expected);
    }
}
