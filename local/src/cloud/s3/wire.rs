//! S3's bodies and dates.

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cloud::reply::Failure;

/// The body that was meant: SDKs may send it in signed chunks with a checksum behind them (S3 API Reference, "Signature
/// calculations: transferring payload in multiple chunks").
pub(super) fn body_of(headers: &HeaderMap, body: &Bytes) -> Result<Bytes, Failure> {
    let encoding = headers
        .get("content-encoding")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let hash = headers
        .get("x-amz-content-sha256")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !encoding.contains("aws-chunked") && !hash.starts_with("STREAMING-") {
        return Ok(body.clone());
    }
    unchunk(body.clone()).ok_or_else(|| {
        Failure::new(
            "IncompleteBody",
            "The chunks of the body do not have the sizes that they say.",
        )
    })
}

fn unchunk(mut body: Bytes) -> Option<Bytes> {
    let mut whole = BytesMut::new();
    loop {
        let end = body.windows(2).position(|pair| pair == b"\r\n")?;
        let head = std::str::from_utf8(body.get(..end)?).ok()?;
        let size = usize::from_str_radix(head.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(whole.freeze());
        }
        body.advance(end + 2);
        whole.extend_from_slice(body.get(..size)?);
        if body.get(size..size + 2)? != b"\r\n" {
            return None;
        }
        body.advance(size + 2);
    }
}

/// An instant as HTTP writes it (RFC 9110, 5.6.7).
pub(super) fn http_date(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC)
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_become_one_body() {
        let chunked =
            Bytes::from_static(b"3;chunk-signature=0\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n");
        assert_eq!(unchunk(chunked).as_deref(), Some(b"abcde".as_slice()));
        assert_eq!(unchunk(Bytes::from_static(b"9\r\nabc\r\n0\r\n")), None);
    }

    #[test]
    fn a_date_is_in_http_form() {
        let at: Timestamp = "2026-01-02T03:04:05Z".parse().expect("a time");
        assert_eq!(http_date(at), "Fri, 02 Jan 2026 03:04:05 GMT");
    }
}
