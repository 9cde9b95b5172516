//! The names of a tenant: its id, its generations, its service.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One customer's id: 1 to 64 of `[A-Za-z0-9_-]`.
///
/// It is part of service names (at most 255 characters), of EFS paths (at most 100) and of SQS message groups.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(String);

/// Why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} is not valid: {rule}")]
pub struct InvalidId {
    /// What the text was meant to be.
    pub what: &'static str,
    /// The text, cut to a length that fits into a log line.
    pub text: String,
    /// What it should look like.
    pub rule: &'static str,
}

impl InvalidId {
    /// An error about `text`, which was meant to be `what` and breaks `rule`.
    pub fn new(what: &'static str, text: &str, rule: &'static str) -> Self {
        let text = text.chars().take(80).collect();
        Self { what, text, rule }
    }
}

impl TenantId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if (1..=64).contains(&text.len()) && text.chars().all(legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::new("tenant id", text, "1 to 64 of A-Z a-z 0-9 _ -"))
        }
    }
}

impl TryFrom<String> for TenantId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<TenantId> for String {
    fn from(id: TenantId) -> Self {
        id.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How often a tenant's intent has changed; grows by one at each change and never repeats, not even over a delete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    /// The generation of a tenant's first intent.
    pub const FIRST: Self = Self(1);

    /// The one after this.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a tenant's ECS service: `t-<tenant>-g<incarnation>`.
///
/// The incarnation is the generation in which the tenant was created or re-created, so that a name that is still
/// draining after a delete is never needed again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceName {
    tenant: TenantId,
    incarnation: Generation,
}

impl ServiceName {
    /// The service of this incarnation of a tenant.
    pub fn new(tenant: TenantId, incarnation: Generation) -> Self {
        Self { tenant, incarnation }
    }

    /// Whose service it is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Which incarnation of the tenant it belongs to.
    pub fn incarnation(&self) -> Generation {
        self.incarnation
    }

    /// A token of 32 characters that is the same for every attempt to make something for this incarnation. ECS takes at
    /// most 36 characters (`CreateServiceRequest.clientToken`), EFS 64 (`CreateAccessPointRequest.ClientToken`).
    pub fn token(&self) -> String {
        let digest = Sha256::digest(self.to_string());
        let (half, _) = digest.split_at(16);
        format!(
            "{:032x}",
            half.iter().fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte))
        )
    }
}

impl FromStr for ServiceName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId::new("service name", text, "t-<tenant>-g<incarnation>");
        let (tenant, incarnation) = text
            .strip_prefix("t-")
            .and_then(|rest| rest.rsplit_once("-g"))
            .ok_or_else(invalid)?;
        let canonical = incarnation.bytes().all(|b| b.is_ascii_digit()) && !incarnation.starts_with('0');
        let number = incarnation.parse().ok().filter(|_| canonical).ok_or_else(invalid)?;
        Ok(Self {
            tenant: tenant.parse().map_err(|_| invalid())?,
            incarnation: Generation(number),
        })
    }
}

impl TryFrom<String> for ServiceName {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<ServiceName> for String {
    fn from(name: ServiceName) -> Self {
        name.to_string()
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t-{}-g{}", self.tenant, self.incarnation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_1_to_64_of_its_alphabet() {
        for good in ["a", "A_b-9", &"x".repeat(64)] {
            assert_eq!(good.parse::<TenantId>().unwrap().as_str(), good);
        }
        for bad in ["", " ", "a b", "ä", "a/b", "a.b", &"x".repeat(65)] {
            assert!(bad.parse::<TenantId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_token_fits_ecs_and_differs_between_incarnations_of_the_longest_id() {
        let tokens = [1, 2].map(|number| ServiceName::new("x".repeat(64).parse().unwrap(), Generation(number)).token());
        assert_eq!(tokens[0].len(), 32);
        assert_ne!(tokens[0], tokens[1]);
    }

    #[test]
    fn a_service_name_gives_back_the_tenant_even_if_that_looks_like_a_service_name() {
        for id in ["acme", "t-acme-g1", "a-g2", "-g1"] {
            let name = ServiceName::new(id.parse().unwrap(), Generation(12));
            assert_eq!(name.to_string().parse::<ServiceName>().unwrap(), name);
        }
        for bad in [
            "acme",
            "t-acme",
            "t-acme-g",
            "t-acme-g01",
            "t-acme-gx",
            "t--g1x",
            "t-a b-g1",
        ] {
            assert!(bad.parse::<ServiceName>().is_err(), "{bad:?}");
        }
    }
}
