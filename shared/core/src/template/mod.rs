//! A *config template* is what tenants' files start from: `config.yaml` and `prompts/**` under a prefix of a bucket.
//!
//! What a tenant is given of it is a *bundle*: an archive of exactly these files that is named by its digest and never
//! changes. A rendered definition names the bundle, so that whatever starts a task of it delivers the same files.

mod bundle;
mod contents;
mod delivered;

pub use bundle::{Bundle, BundleAt, BundleDigest};
pub use contents::{
    FILE_MOST, FILES_MOST, FilePath, InvalidTemplate, Listed, PATH_MOST, TOTAL_MOST, TemplateFile, admit, prefix,
};
pub(crate) use delivered::ASSETS;
pub use delivered::{Delivered, Staged, delivery};
