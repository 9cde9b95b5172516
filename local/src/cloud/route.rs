//! Which service and which action a request is for.
//!
//! All services share one address. A request says whom it is for by the scope of its signature
//! (`Credential=…/20260101/us-east-1/sqs/aws4_request`), and what it wants by its service's protocol: JSON services name
//! the action in `X-Amz-Target`, query services in the body, REST services by method and path.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use http::{Method, Request};

/// A service that the cloud has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Elastic Container Service.
    Ecs,
    /// Elastic File System.
    Efs,
    /// `DynamoDB`.
    DynamoDb,
    /// Simple Queue Service.
    Sqs,
    /// Simple Storage Service.
    S3,
    /// `CloudFormation`.
    CloudFormation,
    /// Elastic Container Registry.
    Ecr,
}

/// A text that names no service of this cloud.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no service {0:?} here: only ecs, efs, dynamodb, sqs, s3, cloudformation and ecr")]
pub struct UnknownService(String);

impl Service {
    /// The service's name in SDKs and in injected faults.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::Efs => "efs",
            Self::DynamoDb => "dynamodb",
            Self::Sqs => "sqs",
            Self::S3 => "s3",
            Self::CloudFormation => "cloudformation",
            Self::Ecr => "ecr",
        }
    }
}

impl FromStr for Service {
    type Err = UnknownService;

    /// Reads the name that SDKs use, or the one that they sign with.
    fn from_str(text: &str) -> Result<Self, UnknownService> {
        match text {
            "ecs" => Ok(Self::Ecs),
            "efs" | "elasticfilesystem" => Ok(Self::Efs),
            "dynamodb" => Ok(Self::DynamoDb),
            "sqs" => Ok(Self::Sqs),
            "s3" => Ok(Self::S3),
            "cloudformation" => Ok(Self::CloudFormation),
            "ecr" => Ok(Self::Ecr),
            other => Err(UnknownService(other.chars().take(80).collect())),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One action of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Whose action.
    pub service: Service,
    /// The action, as the service model names it; empty if the request names none.
    pub action: String,
}

impl Call {
    /// Whether the action only reads.
    pub fn changes_nothing(&self) -> bool {
        let reads = ["Get", "Describe", "List", "Query", "Scan", "BatchGet", "Head"];
        reads.iter().any(|read| self.action.starts_with(read))
    }

    /// What a request asks for.
    pub fn of(request: &Request<Bytes>) -> Result<Self, UnknownService> {
        let service = service_of(request)?;
        let action = match service {
            Service::Efs => efs_action(request).to_owned(),
            Service::S3 => s3_action(request).to_owned(),
            Service::CloudFormation => form_value(request.body(), "Action").unwrap_or_default(),
            Service::Ecs | Service::DynamoDb | Service::Sqs | Service::Ecr => target(request)
                .and_then(|target| target.split_once('.'))
                .map(|(_, action)| action.to_owned())
                .unwrap_or_default(),
        };
        Ok(Self { service, action })
    }
}

fn service_of(request: &Request<Bytes>) -> Result<Service, UnknownService> {
    if let Some(name) = signed_for(request) {
        return name.parse();
    }
    let prefix = target(request)
        .and_then(|target| target.split_once('.'))
        .map(|(prefix, _)| prefix);
    match prefix {
        Some("AmazonEC2ContainerServiceV20141113") => Ok(Service::Ecs),
        Some("DynamoDB_20120810") => Ok(Service::DynamoDb),
        Some("AmazonSQS") => Ok(Service::Sqs),
        Some("AmazonEC2ContainerRegistry_V20150921") => Ok(Service::Ecr),
        Some(other) => Err(UnknownService(other.to_owned())),
        None if request.uri().path().starts_with("/2015-02-01/") => Ok(Service::Efs),
        None => Err(UnknownService(
            "(the request is not signed and has no X-Amz-Target)".to_owned(),
        )),
    }
}

fn target(request: &Request<Bytes>) -> Option<&str> {
    request
        .headers()
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
}

/// The service in the scope of the request's signature (AWS General Reference: "Elements of a Signature Version 4
/// request").
fn signed_for(request: &Request<Bytes>) -> Option<String> {
    let header = request
        .headers()
        .get(http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let credential = match header.and_then(|header| header.split_once("Credential=")) {
        Some((_, rest)) => rest.split([',', ' ']).next()?.to_owned(),
        None => query_value(request.uri().query()?, "X-Amz-Credential")?,
    };
    credential.split('/').nth(3).map(ToOwned::to_owned)
}

fn efs_action(request: &Request<Bytes>) -> &'static str {
    let path = request.uri().path();
    let mut parts = path.trim_start_matches("/2015-02-01/").split('/');
    let (collection, id) = (
        parts.next().unwrap_or_default(),
        parts.next().filter(|id| !id.is_empty()),
    );
    match (collection, request.method().as_str(), id) {
        ("file-systems", "POST", None) => "CreateFileSystem",
        ("file-systems", "GET", None) => "DescribeFileSystems",
        ("file-systems", "DELETE", Some(_)) => "DeleteFileSystem",
        ("access-points", "POST", None) => "CreateAccessPoint",
        ("access-points", "GET", None) => "DescribeAccessPoints",
        ("access-points", "DELETE", Some(_)) => "DeleteAccessPoint",
        ("resource-tags", "POST", Some(_)) => "TagResource",
        ("resource-tags", "GET", Some(_)) => "ListTagsForResource",
        ("resource-tags", "DELETE", Some(_)) => "UntagResource",
        _ => "",
    }
}

fn s3_action(request: &Request<Bytes>) -> &'static str {
    let (bucket, key) = s3_target(request);
    let query = request.uri().query().unwrap_or_default();
    match (request.method(), key.is_empty()) {
        (&Method::GET, true) if bucket.is_empty() => "ListBuckets",
        (&Method::PUT, true) => "CreateBucket",
        (&Method::DELETE, true) => "DeleteBucket",
        (&Method::HEAD, true) => "HeadBucket",
        (&Method::GET, true) if query_value(query, "list-type").as_deref() == Some("2") => "ListObjectsV2",
        (&Method::PUT, false) => "PutObject",
        (&Method::GET, false) => "GetObject",
        (&Method::HEAD, false) => "HeadObject",
        (&Method::DELETE, false) => "DeleteObject",
        _ => "",
    }
}

/// Bucket and key that a request is for, decoded: of a virtual-hosted address or of a path-style one (S3 User Guide, "Virtual
/// hosting of general purpose buckets").
pub(crate) fn s3_target(request: &Request<Bytes>) -> (String, String) {
    let path = request.uri().path();
    let header = || request.headers().get(http::header::HOST)?.to_str().ok();
    let host = request.uri().host().or_else(header).unwrap_or_default();
    match host.split_once(".s3.") {
        Some((bucket, _)) => (bucket.to_owned(), percent_decoded(path.trim_start_matches('/'))),
        None => s3_path(path),
    }
}

/// Bucket and key of a path-style address, decoded.
fn s3_path(path: &str) -> (String, String) {
    let (bucket, key) = path
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or((path.trim_start_matches('/'), ""));
    (percent_decoded(bucket), percent_decoded(key))
}

/// The members of a query string, decoded.
pub(crate) fn query_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (
            percent_decoded(&key.replace('+', " ")),
            percent_decoded(&value.replace('+', " ")),
        )
    })
}

/// The value of a member of a query string.
pub(crate) fn query_value(query: &str, name: &str) -> Option<String> {
    query_pairs(query).find_map(|(key, value)| (key == name).then_some(value))
}

/// The value of a member of a form.
pub(crate) fn form_value(body: &[u8], name: &str) -> Option<String> {
    query_value(std::str::from_utf8(body).ok()?, name)
}

/// Percent-decoding; what is not valid UTF-8 afterwards is replaced.
pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = tail
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = tail.get(if escaped.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Request<Bytes> {
        let mut builder = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(Bytes::new()).expect("a request")
    }

    fn check(method: &str, uri: &str, headers: &[(&str, &str)], service: Service, action: &str) {
        let call = Call::of(&request(method, uri, headers)).expect("a call");
        assert_eq!(
            call,
            Call {
                service,
                action: action.to_owned()
            }
        );
    }

    fn signed(service: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        )
    }

    #[test]
    fn a_request_is_routed_by_its_signature_and_its_protocol() {
        let sqs = signed("sqs");
        check(
            "POST",
            "/",
            &[("authorization", &sqs), ("x-amz-target", "AmazonSQS.SendMessage")],
            Service::Sqs,
            "SendMessage",
        );
        let efs = signed("elasticfilesystem");
        check(
            "POST",
            "/2015-02-01/access-points",
            &[("authorization", &efs)],
            Service::Efs,
            "CreateAccessPoint",
        );
        let s3 = signed("s3");
        check(
            "GET",
            "/bucket?list-type=2&prefix=a%2Fb",
            &[("authorization", &s3)],
            Service::S3,
            "ListObjectsV2",
        );
        check(
            "PUT",
            "/bucket/a/b",
            &[("authorization", &s3)],
            Service::S3,
            "PutObject",
        );
    }

    #[test]
    fn an_unsigned_request_is_routed_by_its_target() {
        let target = [("x-amz-target", "DynamoDB_20120810.GetItem")];
        check("POST", "/", &target, Service::DynamoDb, "GetItem");
    }

    #[test]
    fn a_service_that_is_not_here_is_named_in_the_error() {
        let lambda = signed("lambda");
        let error = Call::of(&request("GET", "/", &[("authorization", &lambda)])).expect_err("no such service");
        assert!(error.to_string().contains("lambda"), "{error}");
    }

    #[test]
    fn keys_are_decoded() {
        assert_eq!(s3_path("/b/a%20b/c+d"), ("b".to_owned(), "a b/c+d".to_owned()));
        let target = |uri: &str| s3_target(&Request::get(uri).body(Bytes::new()).expect("a request"));
        let expected = ("b".to_owned(), "a b/c".to_owned());
        assert_eq!(target("https://b.s3.us-east-1.amazonaws.com/a%20b/c"), expected);
        assert_eq!(target("https://s3.us-east-1.amazonaws.com/b/a%20b/c"), expected);
        assert_eq!(query_value("x=1&prefix=t-1%2F+a", "prefix").as_deref(), Some("t-1/ a"));
    }
}
