//! Whether a release could run at all, decided before anybody moves.

use serde::{Deserialize, Serialize};

/// One thing that makes a base unfit, for the operator to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Finding(pub String);

/// An image that the release would run, and whether it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The container that runs it.
    pub container: String,
    /// Its reference as the definition has it.
    pub reference: String,
    /// Whether it is there.
    pub presence: ImagePresence,
}

/// Whether an image is in its repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImagePresence {
    /// Its repository has it.
    Present,
    /// Its repository, or the repository itself, was asked and says no (ECR `ImageNotFoundException`,
    /// `RepositoryNotFoundException`).
    Absent,
    /// The question got no answer. That is not an absence.
    Unknown {
        /// Why not.
        error: String,
    },
    /// The question may not be asked (a repository of another account). Asking again would get the same answer, so the
    /// canary finds out.
    Denied {
        /// What the registry said.
        error: String,
    },
    /// It is in a registry that is not asked. The canary finds out.
    NotEcr,
}

/// Whether a release may be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preflight {
    /// It may.
    Pass,
    /// It may not, and asking again would not help until someone changes something.
    Reject {
        /// Everything that is wrong, not only the first.
        findings: Vec<Finding>,
    },
    /// It is not known. Nothing is decided; the next pass asks again.
    Undecided {
        /// What could not be learnt.
        unknown: Vec<String>,
    },
}

/// The verdict on a base, from what a check of its definition found and from its images.
pub fn preflight(findings: impl IntoIterator<Item = String>, images: &[Image]) -> Preflight {
    let mut findings: Vec<_> = findings.into_iter().map(Finding).collect();
    let mut unknown = Vec::new();
    for image in images {
        let Image {
            container,
            reference,
            presence,
        } = image;
        match presence {
            ImagePresence::Present | ImagePresence::Denied { .. } | ImagePresence::NotEcr => {}
            ImagePresence::Absent => findings.push(Finding(format!(
                "container {container}: image {reference} is not in its repository; push it, or deploy the base with an image that exists"
            ))),
            ImagePresence::Unknown { error } => unknown.push(format!("container {container}: image {reference}: {error}")),
        }
    }
    if !findings.is_empty() {
        Preflight::Reject { findings }
    } else if !unknown.is_empty() {
        Preflight::Undecided { unknown }
    } else {
        Preflight::Pass
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(presence: ImagePresence) -> Image {
        Image {
            container: "app".to_owned(),
            reference: "repo/app:2-bootstrap".to_owned(),
            presence,
        }
    }

    fn unknown() -> ImagePresence {
        ImagePresence::Unknown {
            error: "ThrottlingException".to_owned(),
        }
    }

    #[test]
    fn b16_an_absent_image_rejects_and_says_which() {
        let Preflight::Reject { findings } = preflight([], &[image(ImagePresence::Absent)]) else {
            panic!("an image that is not there must reject");
        };
        assert!(findings[0].0.contains("repo/app:2-bootstrap"), "{findings:?}");
        assert_eq!(preflight([], &[image(ImagePresence::Present)]), Preflight::Pass);
        assert_eq!(preflight([], &[image(ImagePresence::NotEcr)]), Preflight::Pass);
        let error = "AccessDeniedException".to_owned();
        assert_eq!(
            preflight([], &[image(ImagePresence::Denied { error })]),
            Preflight::Pass
        );
    }

    #[test]
    fn an_error_is_not_an_absence() {
        let verdict = preflight([], &[image(unknown())]);
        assert!(matches!(verdict, Preflight::Undecided { .. }), "{verdict:?}");
    }

    #[test]
    fn every_finding_is_reported_and_a_certain_one_decides_over_an_unknown_one() {
        let verdict = preflight(
            ["no main container".to_owned()],
            &[image(unknown()), image(ImagePresence::Absent)],
        );
        assert!(matches!(verdict, Preflight::Reject { findings } if findings.len() == 2));
    }
}
