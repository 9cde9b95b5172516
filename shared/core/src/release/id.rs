//! The names of releases, of rollouts and of what a base contains.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::tenant::InvalidId;

/// The number in `<prefix><number>`, written as its own `Display` writes it: no sign, no leading zero, from 1.
fn number_after(prefix: &str, text: &str) -> Option<u32> {
    let digits = text.strip_prefix(prefix)?;
    let canonical = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| canonical)
}

macro_rules! numbered_id {
    ($name:ident, $prefix:literal, $what:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(u32);

        impl $name {
            /// The first of them.
            pub const FIRST: Self = Self(1);

            /// The one after this.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                number_after($prefix, text)
                    .map(Self)
                    .ok_or_else(|| InvalidId::new($what, text, concat!($prefix, "<number>, counted from 1")))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

numbered_id!(
    ReleaseId,
    "r",
    "release id",
    "A release: `r<number>`, in the order in which the bases were first seen."
);
numbered_id!(
    RolloutId,
    "ro",
    "rollout id",
    "A rollout: `ro<number>`, in the order in which they were started. The newest is the one that is driven."
);

/// What a base contains: the SHA-256 of its canonical JSON without what differs between two registrations of the same
/// thing (revision, ARN, times), in lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BaseContent(String);

impl BaseContent {
    /// The digest as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BaseContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BaseContent {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 64 && text.bytes().all(hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::new(
                "base content",
                text,
                "a SHA-256 in 64 lower-case hexadecimal digits",
            ))
        }
    }
}

impl TryFrom<String> for BaseContent {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<BaseContent> for String {
    fn from(content: BaseContent) -> Self {
        content.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_ordered_by_number_and_read_back_only_as_they_are_written() {
        let nine: ReleaseId = "r9".parse().unwrap();
        assert_eq!(nine.next().to_string(), "r10");
        assert!(nine < nine.next(), "r9 is before r10, which text order denies");
        for bad in [
            "",
            "r",
            "r0",
            "r01",
            "r-1",
            "r+1",
            "9",
            "R9",
            "ro9",
            "r9 ",
            "r4294967296",
        ] {
            assert!(bad.parse::<ReleaseId>().is_err(), "{bad:?}");
        }
        assert_eq!("ro9".parse::<RolloutId>().unwrap().to_string(), "ro9");
        assert!("r9".parse::<RolloutId>().is_err());
    }

    #[test]
    fn content_is_a_sha256_in_lower_case() {
        assert!("0".repeat(64).parse::<BaseContent>().is_ok());
        for bad in ["0".repeat(63), "0".repeat(65), "A".repeat(64), "g".repeat(64)] {
            assert!(bad.parse::<BaseContent>().is_err(), "{bad:?}");
        }
    }
}
