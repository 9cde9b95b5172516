//! restJson1: the paths of EFS.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde_json::{Map, Value};

use super::args::Args;
use super::error::{Answer, ApiError};
use super::{parse, reply, without_nulls};
use crate::world::World;

/// The beginning of all paths of EFS.
pub(crate) const ROOT: &str = "/2015-02-01/";

impl World {
    pub(crate) fn efs_call(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let path = request.uri().path().strip_prefix(ROOT).unwrap_or_default();
        let (collection, id) = path
            .trim_end_matches('/')
            .split_once('/')
            .unwrap_or((path.trim_end_matches('/'), ""));
        let Some((action, success)) = action(request.method(), collection, id) else {
            return failure(ApiError::efs(
                "BadRequest",
                format!("{} {path} is not known", request.method()),
            ));
        };
        if let Some(error) = self.file_systems_fault(action) {
            return failure(error);
        }
        let query = query(request.uri().query().unwrap_or_default());
        match self.efs_action(action, &decode(id), request.body(), &query) {
            Ok(Value::Null) => {
                let mut response = Response::new(Bytes::new());
                *response.status_mut() = success;
                response
            }
            Ok(value) => reply(success, "application/json", &without_nulls(value)),
            Err(error) => failure(error),
        }
    }

    fn file_systems_fault(&mut self, action: &str) -> Option<ApiError> {
        self.faults.strike("efs", action)
    }

    fn efs_action(&mut self, action: &str, id: &str, body: &[u8], query: &[(String, String)]) -> Answer {
        let input = parse(body).map_err(|error| ApiError::efs("BadRequest", error.message))?;
        let asked: Map<String, Value> = query
            .iter()
            .map(|(name, value)| (name.clone(), Value::String(value.clone())))
            .collect();
        match action {
            "CreateFileSystem" => self.create_file_system(Args(&input)),
            "DescribeFileSystems" => self.describe_file_systems(Args(&asked)),
            "DeleteFileSystem" => self.delete_file_system(id),
            "CreateAccessPoint" => self.create_access_point(Args(&input)),
            "DescribeAccessPoints" => self.describe_access_points(Args(&asked)),
            "DeleteAccessPoint" => self.delete_access_point(id),
            "TagResource" => self.tag_efs(id, Args(&input)),
            "UntagResource" => {
                let keys = query
                    .iter()
                    .filter(|(name, _)| name == "tagKeys")
                    .map(|(_, value)| value.as_str());
                self.untag_efs(id, keys)
            }
            _ => self.list_efs_tags(id),
        }
    }
}

/// The action of a method and path, and the status of its success.
fn action(method: &Method, collection: &str, id: &str) -> Option<(&'static str, StatusCode)> {
    Some(match (method, collection, id.is_empty()) {
        (&Method::POST, "file-systems", true) => ("CreateFileSystem", StatusCode::CREATED),
        (&Method::GET, "file-systems", true) => ("DescribeFileSystems", StatusCode::OK),
        (&Method::DELETE, "file-systems", false) => ("DeleteFileSystem", StatusCode::NO_CONTENT),
        (&Method::POST, "access-points", true) => ("CreateAccessPoint", StatusCode::OK),
        (&Method::GET, "access-points", true) => ("DescribeAccessPoints", StatusCode::OK),
        (&Method::DELETE, "access-points", false) => ("DeleteAccessPoint", StatusCode::NO_CONTENT),
        (&Method::POST, "resource-tags", false) => ("TagResource", StatusCode::OK),
        (&Method::DELETE, "resource-tags", false) => ("UntagResource", StatusCode::OK),
        (&Method::GET, "resource-tags", false) => ("ListTagsForResource", StatusCode::OK),
        _ => return None,
    })
}

fn failure(error: ApiError) -> Response<Bytes> {
    let mut body = error.members;
    body.insert("ErrorCode".to_owned(), Value::String(error.code.clone()));
    body.insert("Message".to_owned(), Value::String(error.message));
    let mut response = reply(error.status, "application/json", &Value::Object(body));
    if let Ok(kind) = HeaderValue::from_str(&error.code) {
        response.headers_mut().insert("x-amzn-errortype", kind);
    }
    response
}

/// The parameters of a query, in order.
fn query(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// Percent-encoded text as it was meant; a plus is a space.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next().unwrap_or_default(), rest.next().unwrap_or_default()];
                let code = std::str::from_utf8(&digits)
                    .ok()
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok());
                bytes.push(code.unwrap_or(b'?'));
            }
            b'+' => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded() {
        let pairs = query("tagKeys=a%3Ab&tagKeys=c+d&x");
        let expected = [("tagKeys", "a:b"), ("tagKeys", "c d"), ("x", "")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
