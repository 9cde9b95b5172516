//! The single values of an overlay: image, names, secrets.
//!
//! An error here never repeats the text that it refuses: a secret that was pasted where its ARN belongs would be in it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not what it should be. It names the rule, not the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {what}: {rule}")]
pub struct Malformed {
    /// What the text was meant to be, with its article.
    pub what: &'static str,
    /// What it should look like.
    pub rule: &'static str,
}

/// Why a text is not a name for a tenant's variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// No such name.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// `BERTH_*` belongs to Berth, which tells the container with it who it is.
    #[error("names that begin with BERTH_ are reserved: choose another name")]
    Reserved,
}

macro_rules! text {
    ($name:ident) => {
        impl $name {
            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// A container image: `repository:tag`, `repository@sha256:…` or `repository`.
///
/// Source: model, `ContainerDefinition.image`: at most 255 letters, digits, `-_:./#`; what follows `@` does not count.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Image(String);

/// The name of an environment variable: a letter or `_`, then letters, digits and `_.-`; at most 255 in all.
///
/// ECS itself documents no rule; this is what shells and the usual runtimes can read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct EnvName(String);

/// The value of an environment variable. It is never shown: its `Debug` says how long it is.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct EnvValue(String);

/// The ARN of a Secrets Manager secret or of a parameter in the Parameter Store.
///
/// Source: model, `Secret.valueFrom`, and Developer Guide, "Pass Secrets Manager secrets through environment variables": a
/// secret's ARN may go on with `:json-key:version-stage:version-id`, all three or none, each of which may be empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct SecretArn(String);

/// The name of a config template: 1 to 64 of `[A-Za-z0-9_-]`, so that it is never a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct TemplateName(String);

text!(Image);
text!(EnvName);
text!(SecretArn);
text!(TemplateName);

impl EnvValue {
    /// The value itself, for the definition and for nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EnvValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.0.len())
    }
}

impl FromStr for Image {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (name, digest) = text
            .split_once('@')
            .map_or((text, None), |(name, digest)| (name, Some(digest)));
        let (path, tag) = match name.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            _ => (name, None),
        };
        let legal = |c: char| c.is_ascii_alphanumeric() || "-_:./#".contains(c);
        let hex = |digits: &str| digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let well_formed = name.len() <= 255
            && name.chars().all(legal)
            && path.split('/').all(|part| !part.is_empty() && !part.starts_with(':'))
            && path.rsplit('/').next().is_some_and(|last| !last.contains(':'))
            && tag.is_none_or(|tag| !tag.is_empty())
            && digest.is_none_or(|digest| digest.strip_prefix("sha256:").is_some_and(hex));
        well_formed.then(|| Self(text.to_owned())).ok_or(Malformed {
            what: "an image",
            rule: "repository, repository:tag or repository@sha256:<64 hex digits>, at most 255 letters, digits and -_:./#",
        })
    }
}

impl FromStr for EnvName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let first = |c: char| c.is_ascii_alphabetic() || c == '_';
        let other = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if text.starts_with("BERTH_") {
            Err(InvalidName::Reserved)
        } else if text.len() <= 255 && text.starts_with(first) && text.chars().all(other) {
            Ok(Self(text.to_owned()))
        } else {
            let rule = "a letter or _, then letters, digits and _.-, at most 255 in all";
            let what = "a variable's name";
            Err(Malformed { what, rule }.into())
        }
    }
}

impl FromStr for EnvValue {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let rule = "a variable cannot hold the character NUL";
        let what = "a variable's value";
        let legal = !text.contains('\0');
        legal.then(|| Self(text.to_owned())).ok_or(Malformed { what, rule })
    }
}

impl FromStr for SecretArn {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let parts: Vec<&str> = text.split(':').collect();
        let legal = match parts.as_slice() {
            ["arn", partition, service, region, account, resource @ ..] => {
                is_place(partition, region, account) && is_resource(service, resource)
            }
            _ => false,
        };
        legal.then(|| Self(text.to_owned())).ok_or(Malformed {
            what: "a secret's ARN",
            rule: "arn:aws:secretsmanager:<region>:<account>:secret:<name>, followed by nothing or by \
                   :<json-key>:<version-stage>:<version-id>, or arn:aws:ssm:<region>:<account>:parameter/<name>",
        })
    }
}

fn is_place(partition: &str, region: &str, account: &str) -> bool {
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    partition.starts_with("aws")
        && partition.chars().all(lower)
        && !region.is_empty()
        && region.chars().all(lower)
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
}

fn is_resource(service: &str, resource: &[&str]) -> bool {
    let named = |name: &str, marks: &str| {
        (1..=1024).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c))
    };
    let part = |text: &&str| text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    match (service, resource) {
        ("secretsmanager", ["secret", name]) => named(name, "/_+=.@-"),
        ("secretsmanager", ["secret", name, rest @ ..]) => {
            named(name, "/_+=.@-") && rest.len() == 3 && rest.iter().all(part)
        }
        ("ssm", [parameter]) => parameter
            .strip_prefix("parameter/")
            .is_some_and(|name| named(name, "/_.-")),
        _ => false,
    }
}

impl TryFrom<String> for TemplateName {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

impl FromStr for TemplateName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let rule = "1 to 64 of A-Z a-z 0-9 _ -";
        let what = "a template's name";
        let legal = (1..=64).contains(&text.len()) && text.chars().all(legal);
        legal.then(|| Self(text.to_owned())).ok_or(Malformed { what, rule })
    }
}
