//! The bucket of config templates and of the bundles that are made of them.

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::types::Object;
use berth_core::template::{
    Bundle, BundleAt, BundleDigest, FilePath, InvalidTemplate, Listed, TemplateFile, admit, prefix,
};
use berth_core::tenant::TemplateName;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::error::CallError;
use crate::settings::{SettingsError, Variables};

/// How many files are read at the same time.
const AT_ONCE: usize = 8;

const LIST: &str = "s3:ListObjectsV2";
const GET: &str = "s3:GetObject";
const PUT: &str = "s3:PutObject";

/// Templates under `templates/<name>/`, and bundles under `bundles/`.
#[derive(Clone, Debug)]
pub struct Assets {
    client: Client,
    bucket: String,
}

/// Why there is no bundle of a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoBundle {
    /// What is under its name is no template.
    #[error(transparent)]
    Template(#[from] InvalidTemplate),
    /// It could not be read, or the bundle not be written.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Assets {
    /// The bucket that the variables name.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Self, SettingsError> {
        Ok(Self {
            client: Client::new(config),
            bucket: variables.required("BERTH_ASSETS_BUCKET")?.to_owned(),
        })
    }

    /// Where the bundle of this digest is.
    pub fn at(&self, digest: BundleDigest) -> BundleAt {
        BundleAt::new(&self.bucket, digest)
    }

    /// The files of a template, as they are now.
    pub async fn files(&self, template: &TemplateName) -> Result<Vec<TemplateFile>, NoBundle> {
        let prefix = prefix(template);
        let (objects, more) = self.list(&prefix).await?;
        let listed = objects.into_iter().filter_map(|object| listed(object, &prefix));
        let files = admit(listed)?;
        // More than a page, of which the rest are at best folders.
        if more {
            return Err(InvalidTemplate::TooManyFiles.into());
        }
        Ok(files)
    }

    /// Makes the bundle of what a template is now, unless it is there already.
    pub async fn stage(&self, template: &TemplateName) -> Result<BundleDigest, NoBundle> {
        let files = self.files(template).await?;
        let read = stream::iter(files).map(|file| self.read(template, file));
        let contents: Vec<(FilePath, Vec<u8>)> = read.buffered(AT_ONCE).try_collect().await?;
        let bundle = Bundle::of(contents);
        let digest = bundle.digest();
        let request = self.client.put_object().bucket(&self.bucket).key(digest.key());
        let sent = request
            .if_none_match("*")
            .content_type("application/x-tar")
            .body(bundle.into_bytes().into())
            .send()
            .await;
        match sent.map_err(|error| CallError::of(PUT, error)) {
            Err(error) if !error.is(FAILED_CONDITION) => Err(error.into()),
            Ok(_) | Err(_) => Ok(digest),
        }
    }

    /// Whether the bundle of this digest is there to be fetched.
    pub async fn has(&self, digest: BundleDigest) -> Result<bool, CallError> {
        let key = digest.key();
        let (objects, _) = self.list(&key).await?;
        Ok(objects.iter().any(|object| object.key() == Some(key.as_str())))
    }

    /// A page of the objects whose keys begin so, and whether there are more.
    async fn list(&self, prefix: &str) -> Result<(Vec<Object>, bool), CallError> {
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
        let page = request.send().await.map_err(|error| CallError::of(LIST, error))?;
        let more = page.is_truncated.unwrap_or_default();
        Ok((page.contents.unwrap_or_default(), more))
    }

    /// A file, as it was when it was listed.
    async fn read(&self, template: &TemplateName, file: TemplateFile) -> Result<(FilePath, Vec<u8>), CallError> {
        let key = format!("{}{}", prefix(template), file.path);
        let request = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .if_match(file.etag);
        let found = request.send().await.map_err(|error| CallError::of(GET, error));
        let found = found.map_err(|error| match error.code.as_str() {
            FAILED_CONDITION | "NoSuchKey" => CallError::incomplete(GET, "the template was changed while it was read"),
            _ => error,
        })?;
        let body = found.body.collect().await;
        let body = body.map_err(|error| CallError::incomplete(GET, &error.to_string()))?;
        Ok((file.path, body.to_vec()))
    }
}

/// What S3 answers if `If-Match` or `If-None-Match` does not hold (S3 API Reference, "Error responses").
const FAILED_CONDITION: &str = "PreconditionFailed";

/// What a listing shows of an object; an object without a key or a size is in no listing.
fn listed(object: Object, prefix: &str) -> Option<Listed> {
    let path = object.key?.strip_prefix(prefix)?.to_owned();
    let size = u64::try_from(object.size?).ok()?;
    let etag = object.e_tag?;
    Some(Listed { path, size, etag })
}
