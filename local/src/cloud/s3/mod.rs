//! S3: buckets and objects, with the conditional calls.
//!
//! What is left out: versions, parts, access control, checksums other than the `ETag`, and deleting many at once.

mod list;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::reply::{Failure, reply, s3_error};
use super::route::s3_target;

/// One object.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Object {
    body: Bytes,
    etag: String,
    content_type: String,
    metadata: BTreeMap<String, String>,
    modified_at: Timestamp,
}

/// All buckets of the account.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Buckets {
    buckets: BTreeMap<String, BTreeMap<String, Object>>,
}

type Outcome = Result<Response<Bytes>, Failure>;

impl Buckets {
    pub(super) fn call(&mut self, action: &str, request: &Request<Bytes>, now: Timestamp) -> Response<Bytes> {
        let (bucket, key) = s3_target(request);
        let outcome = match action {
            "CreateBucket" => self.create(&bucket),
            "DeleteBucket" => self.delete_bucket(&bucket),
            "HeadBucket" => self.bucket(&bucket).map(|_| empty(StatusCode::OK)),
            "ListBuckets" => Ok(list::buckets(self.buckets.keys())),
            "ListObjectsV2" => self
                .bucket(&bucket)
                .and_then(|objects| list::objects(&bucket, objects, request.uri().query().unwrap_or_default())),
            "PutObject" => self.put(&bucket, &key, request, now),
            "GetObject" => self
                .get(&bucket, &key, request)
                .map(|object| show(object, object.body.clone())),
            "HeadObject" => self.get(&bucket, &key, request).map(|object| {
                let mut response = show(object, Bytes::new());
                response
                    .headers_mut()
                    .insert(header::CONTENT_LENGTH, HeaderValue::from(object.body.len()));
                response
            }),
            "DeleteObject" => self.bucket_mut(&bucket).map(|objects| {
                objects.remove(&key);
                empty(StatusCode::NO_CONTENT)
            }),
            _ => Err(Failure::new(
                "NotImplemented",
                "A header or query you provided requests functionality that is not implemented.",
            )
            .with_status(StatusCode::NOT_IMPLEMENTED)),
        };
        match outcome {
            Ok(response) => response,
            Err(failure) if request.method() == http::Method::HEAD || failure.status == StatusCode::NOT_MODIFIED => {
                empty(failure.status)
            }
            Err(failure) => s3_error(&failure),
        }
    }

    fn create(&mut self, name: &str) -> Outcome {
        let valid = (3..=63).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b));
        if !valid {
            return Err(Failure::new("InvalidBucketName", "The specified bucket is not valid."));
        }
        self.buckets.entry(name.to_owned()).or_default();
        Ok(empty(StatusCode::OK))
    }

    fn delete_bucket(&mut self, name: &str) -> Outcome {
        if !self.bucket(name)?.is_empty() {
            let failure = Failure::new("BucketNotEmpty", "The bucket you tried to delete is not empty");
            return Err(failure.with_status(StatusCode::CONFLICT));
        }
        self.buckets.remove(name);
        Ok(empty(StatusCode::NO_CONTENT))
    }

    fn put(&mut self, bucket: &str, key: &str, request: &Request<Bytes>, now: Timestamp) -> Outcome {
        let headers = request.headers();
        let objects = self.bucket_mut(bucket)?;
        let existing = objects.get(key);
        let only_if_absent = text(headers, "if-none-match") == Some("*");
        let only_if = text(headers, "if-match");
        if only_if.is_some() && existing.is_none() {
            return Err(no_such_key());
        }
        let matches = existing.is_none_or(|object| only_if.is_none_or(|etag| etag == object.etag));
        if (only_if_absent && existing.is_some()) || !matches {
            return Err(precondition_failed());
        }
        let body = wire::body_of(headers, request.body())?;
        let object = Object {
            etag: format!("\"{:x}\"", md5::compute(&body)),
            body,
            content_type: text(headers, "content-type")
                .unwrap_or("binary/octet-stream")
                .to_owned(),
            metadata: metadata_of(headers),
            modified_at: now,
        };
        let mut response = empty(StatusCode::OK);
        insert(&mut response, header::ETAG, &object.etag);
        objects.insert(key.to_owned(), object);
        Ok(response)
    }

    fn get(&self, bucket: &str, key: &str, request: &Request<Bytes>) -> Result<&Object, Failure> {
        let object = self.bucket(bucket)?.get(key).ok_or_else(no_such_key)?;
        if text(request.headers(), "if-match").is_some_and(|etag| etag != object.etag) {
            return Err(precondition_failed());
        }
        if text(request.headers(), "if-none-match").is_some_and(|etag| etag == object.etag) {
            return Err(Failure::new("NotModified", "Not Modified").with_status(StatusCode::NOT_MODIFIED));
        }
        Ok(object)
    }

    fn bucket(&self, name: &str) -> Result<&BTreeMap<String, Object>, Failure> {
        self.buckets.get(name).ok_or_else(no_such_bucket)
    }

    fn bucket_mut(&mut self, name: &str) -> Result<&mut BTreeMap<String, Object>, Failure> {
        self.buckets.get_mut(name).ok_or_else(no_such_bucket)
    }
}

fn no_such_bucket() -> Failure {
    Failure::new("NoSuchBucket", "The specified bucket does not exist").with_status(StatusCode::NOT_FOUND)
}

fn no_such_key() -> Failure {
    Failure::new("NoSuchKey", "The specified key does not exist.").with_status(StatusCode::NOT_FOUND)
}

fn precondition_failed() -> Failure {
    let message = "At least one of the pre-conditions you specified did not hold";
    Failure::new("PreconditionFailed", message).with_status(StatusCode::PRECONDITION_FAILED)
}

fn show(object: &Object, body: Bytes) -> Response<Bytes> {
    let mut response = reply(StatusCode::OK, "", body);
    insert(&mut response, header::ETAG, &object.etag);
    insert(&mut response, header::CONTENT_TYPE, &object.content_type);
    insert(
        &mut response,
        header::LAST_MODIFIED,
        &wire::http_date(object.modified_at),
    );
    for (name, value) in &object.metadata {
        if let Ok(name) = HeaderName::try_from(format!("x-amz-meta-{name}")) {
            insert(&mut response, name, value);
        }
    }
    response
}

fn insert(response: &mut Response<Bytes>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn empty(status: StatusCode) -> Response<Bytes> {
    reply(status, "", Bytes::new())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn metadata_of(headers: &HeaderMap) -> BTreeMap<String, String> {
    let own = headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().strip_prefix("x-amz-meta-")?, value.to_str().ok()?)));
    own.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
