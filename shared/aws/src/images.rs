//! Whether images are in their repositories.

use aws_config::SdkConfig;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::{Config, Region};
use aws_sdk_ecr::types::ImageIdentifier;
use berth_core::release::{EcrImage, ImagePresence, Which};
use berth_core::tenant::Outlook;

use crate::error::CallError;

/// The private ECR registries.
#[derive(Clone, Debug)]
pub struct Images {
    client: Client,
}

impl Images {
    /// As the SDK is configured.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// Whether an image is there. Only the registry's own word counts as an absence.
    pub async fn presence(&self, reference: &str) -> ImagePresence {
        const ACTION: &str = "ecr:DescribeImages";
        let Some(image) = EcrImage::parse(reference) else {
            return ImagePresence::NotEcr;
        };
        let id = match image.which {
            Which::Tag(tag) => ImageIdentifier::builder().image_tag(tag),
            Which::Digest(digest) => ImageIdentifier::builder().image_digest(digest),
        };
        let sent = self
            .client
            .describe_images()
            .registry_id(image.registry)
            .repository_name(image.repository)
            .image_ids(id.build())
            .customize()
            .config_override(Config::builder().region(Region::new(image.region)))
            .send()
            .await;
        match sent.map_err(|error| CallError::of(ACTION, error)) {
            Ok(_) => ImagePresence::Present,
            Err(error) if error.is("ImageNotFoundException") || error.is("RepositoryNotFoundException") => {
                ImagePresence::Absent
            }
            Err(error) if error.outlook == Outlook::Terminal => ImagePresence::Denied {
                error: error.to_string(),
            },
            Err(error) => ImagePresence::Unknown {
                error: error.to_string(),
            },
        }
    }
}
