//! Images that a registry can be asked about.

/// An image in a private ECR repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcrImage {
    /// The account that owns the registry.
    pub registry: String,
    /// Its Region.
    pub region: String,
    /// The repository's name.
    pub repository: String,
    /// Which of its images.
    pub which: Which,
}

/// Which image of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// By tag, `latest` if the reference names none.
    Tag(String),
    /// By digest (`sha256:…`), which is what counts if the reference names both.
    Digest(String),
}

impl EcrImage {
    /// Reads `<account>.dkr.ecr.<region>.amazonaws.com[.cn]/<repository>[:<tag>][@<digest>]` ("Amazon ECR private
    /// registry"); `None` for the images of every other registry, public ECR included.
    pub fn parse(reference: &str) -> Option<Self> {
        let (host, path) = reference.split_once('/')?;
        let (registry, rest) = host.split_once(".dkr.ecr.")?;
        let (region, domain) = rest.split_once('.')?;
        if !matches!(domain, "amazonaws.com" | "amazonaws.com.cn") || registry.len() != 12 {
            return None;
        }
        let (named, digest) = path
            .split_once('@')
            .map_or((path, None), |(named, digest)| (named, Some(digest)));
        let (repository, tag) = named.split_once(':').unwrap_or((named, "latest"));
        let which = digest.map_or_else(|| Which::Tag(tag.to_owned()), |digest| Which::Digest(digest.to_owned()));
        Some(Self {
            registry: registry.to_owned(),
            region: region.to_owned(),
            repository: repository.to_owned(),
            which,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_images_of_private_ecr_are_told_apart_from_all_others() {
        let host = "111122223333.dkr.ecr.eu-central-1.amazonaws.com";
        let which =
            |rest: &str| EcrImage::parse(&format!("{host}/{rest}")).map(|image| (image.repository, image.which));
        let tag = |repository: &str, tag: &str| Some((repository.to_owned(), Which::Tag(tag.to_owned())));
        assert_eq!(which("app"), tag("app", "latest"));
        assert_eq!(which("team/app:2-bootstrap"), tag("team/app", "2-bootstrap"));
        let digest = Which::Digest("sha256:ab".to_owned());
        assert_eq!(which("app@sha256:ab"), Some(("app".to_owned(), digest.clone())));
        assert_eq!(which("app:2@sha256:ab"), Some(("app".to_owned(), digest)));
        let image = EcrImage::parse(&format!("{host}/app")).unwrap();
        assert_eq!(
            (image.registry.as_str(), image.region.as_str()),
            ("111122223333", "eu-central-1")
        );
        let others = [
            "nginx:1",
            "public.ecr.aws/x/app:1",
            "ghcr.io/x/app",
            "1.dkr.ecr.eu.amazonaws.com/app",
            "",
        ];
        for other in others {
            assert_eq!(EcrImage::parse(other), None, "{other}");
        }
    }
}
