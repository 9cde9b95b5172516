//! What a definition or a base is told apart by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::tenant::InvalidId;

/// The SHA-256 of a definition's canonical JSON. Definitions with equal fingerprints share one registered revision.
///
/// The tag that carries it ([`Fingerprint::TAG`]) is not part of what it is made of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 32]);

/// The SHA-256 of a base's content: of all that a render can take from it, and of no revision, ARN or time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BaseFingerprint(Fingerprint);

impl Fingerprint {
    /// The tag of a registered definition that carries its fingerprint.
    pub const TAG: &'static str = "berth:fingerprint";

    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The fingerprint in a definition's tags, as `DescribeTaskDefinition` returns them beside it; a definition that is not
    /// ours has none.
    pub fn from_tags(tags: &Value) -> Option<Self> {
        let tags = tags.as_array()?;
        let tag = tags
            .iter()
            .find(|tag| tag.get("key").and_then(Value::as_str) == Some(Self::TAG))?;
        tag.get("value")?.as_str()?.parse().ok()
    }
}

impl BaseFingerprint {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(Fingerprint::of(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId::new("fingerprint", text, "64 of 0-9 a-f");
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(invalid()),
        };
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
            return Err(invalid());
        };
        let bytes: Result<Vec<u8>, InvalidId> = pairs
            .iter()
            .map(|[high, low]| Ok(digit(*high)? * 16 + digit(*low)?))
            .collect();
        bytes?.try_into().map(Self).map_err(|_| invalid())
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl fmt::Display for BaseFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for BaseFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for BaseFingerprint {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fingerprint_is_64_lower_case_hex_digits() {
        let text = Fingerprint::of(b"").to_string();
        assert_eq!(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(text.parse(), Ok(Fingerprint::of(b"")));
        assert_eq!(text.parse(), Ok(BaseFingerprint::of(b"")));
        assert_eq!(serde_json::to_value(BaseFingerprint::of(b"")).unwrap(), json!(text));
        for bad in [
            "",
            &text[1..],
            &text[2..],
            &text.to_uppercase(),
            &format!("{text}00"),
            &format!("{text}0"),
        ] {
            assert!(bad.parse::<Fingerprint>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_definition_of_someone_else_has_no_fingerprint() {
        let ours = Fingerprint::of(b"x");
        let tags = json!([{"key": "team"}, {"key": "berth:fingerprint", "value": ours.to_string()}]);
        assert_eq!(Fingerprint::from_tags(&tags), Some(ours));
        for tags in [
            json!(null),
            json!([]),
            json!([{"key": "berth:fingerprint", "value": "x"}]),
            json!([1]),
        ] {
            assert_eq!(Fingerprint::from_tags(&tags), None, "{tags}");
        }
    }
}
