//! Listing buckets and objects.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Response, StatusCode};

use super::Object;
use crate::cloud::reply::{Failure, escape, reply};
use crate::cloud::route::query_value;

/// The most keys in one answer (API Reference, `ListObjectsV2`, `MaxKeys`).
const MOST: usize = 1_000;

pub(super) fn buckets<'a>(names: impl Iterator<Item = &'a String>) -> Response<Bytes> {
    let mut body = "<ListAllMyBucketsResult><Buckets>".to_owned();
    for name in names {
        let _ = write!(body, "<Bucket><Name>{}</Name></Bucket>", escape(name));
    }
    body.push_str("</Buckets></ListAllMyBucketsResult>");
    reply(StatusCode::OK, "application/xml", body)
}

/// One page of a bucket, in the order of the keys' UTF-8. A page's token is the last key of the page before.
pub(super) fn objects(
    bucket: &str,
    objects: &BTreeMap<String, Object>,
    query: &str,
) -> Result<Response<Bytes>, Failure> {
    let prefix = query_value(query, "prefix").unwrap_or_default();
    let most = query_value(query, "max-keys")
        .and_then(|most| most.parse().ok())
        .unwrap_or(MOST)
        .min(MOST);
    let token = query_value(query, "continuation-token")
        .map(|token| key_of(&token))
        .transpose()?;
    let after = token.or_else(|| query_value(query, "start-after")).unwrap_or_default();
    let mut matching = objects
        .iter()
        .filter(|(key, _)| key.starts_with(&prefix) && (after.is_empty() || **key > after));
    let page: Vec<(&String, &Object)> = matching.by_ref().take(most).collect();
    let truncated = most > 0 && matching.next().is_some();
    let mut body = format!(
        "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>{}</Name><Prefix>{}</Prefix><MaxKeys>{most}</MaxKeys><KeyCount>{}</KeyCount><IsTruncated>{truncated}</IsTruncated>",
        escape(bucket),
        escape(&prefix),
        page.len()
    );
    if let (true, Some((last, _))) = (truncated, page.last()) {
        let _ = write!(
            body,
            "<NextContinuationToken>{}</NextContinuationToken>",
            URL_SAFE_NO_PAD.encode(last.as_bytes())
        );
    }
    for (key, object) in page {
        let _ = write!(
            body,
            "<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
            escape(key),
            object.modified_at,
            escape(&object.etag),
            object.body.len()
        );
    }
    body.push_str("</ListBucketResult>");
    Ok(reply(StatusCode::OK, "application/xml", body))
}

fn key_of(token: &str) -> Result<String, Failure> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let key = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    key.ok_or_else(|| Failure::new("InvalidArgument", "The continuation token provided is incorrect"))
}
