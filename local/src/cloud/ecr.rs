//! ECR: every image is in its repository unless it was said to be missing.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::reply::{Failure, json_reply};

/// What is *not* there.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Repositories {
    missing: BTreeSet<String>,
}

impl Repositories {
    /// Says that `repository:tag` or `repository@digest` is not there.
    pub(super) fn lose(&mut self, image: &str) {
        self.missing.insert(image.to_owned());
    }

    /// Says that it is there after all.
    pub(super) fn find(&mut self, image: &str) {
        self.missing.remove(image);
    }

    pub(super) fn call(&self, action: &str, body: &Bytes, now: Timestamp) -> Response<Bytes> {
        let result = match (action, serde_json::from_slice::<Value>(body)) {
            ("DescribeImages", Ok(input)) => self.describe(&input, now),
            ("DescribeImages", Err(_)) => Err(Failure::new("SerializationException", "The body is not JSON.")),
            (other, _) => Err(Failure::new(
                "UnknownOperationException",
                format!("The operation {other} is not known."),
            )),
        };
        json_reply(result, "application/x-amz-json-1.1")
    }

    fn describe(&self, input: &Value, now: Timestamp) -> Result<Value, Failure> {
        let repository = input.get("repositoryName").and_then(Value::as_str).unwrap_or_default();
        let asked = input
            .get("imageIds")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let details: Result<Vec<Value>, Failure> =
            asked.iter().map(|image| self.detail(repository, image, now)).collect();
        Ok(json!({"imageDetails": details?}))
    }

    fn detail(&self, repository: &str, image: &Value, now: Timestamp) -> Result<Value, Failure> {
        let tag = image.get("imageTag").and_then(Value::as_str);
        let digest = image.get("imageDigest").and_then(Value::as_str);
        let name = match (tag, digest) {
            (Some(tag), _) => format!("{repository}:{tag}"),
            (None, digest) => format!("{repository}@{}", digest.unwrap_or_default()),
        };
        if self
            .missing
            .iter()
            .any(|missing| *missing == name || missing.ends_with(&format!("/{name}")))
        {
            let message =
                format!("The image with imageId {image} does not exist within the repository with name '{repository}'");
            return Err(Failure::new("ImageNotFoundException", message));
        }
        let computed = Sha256::digest(&name)
            .iter()
            .fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"));
        Ok(json!({
            "registryId": "123456789012",
            "repositoryName": repository,
            "imageDigest": digest.map_or(computed, ToOwned::to_owned),
            "imageTags": tag.into_iter().collect::<Vec<_>>(),
            "imageSizeInBytes": 1,
            "imagePushedAt": now.as_second(),
        }))
    }
}
