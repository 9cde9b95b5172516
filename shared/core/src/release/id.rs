//! The names of releases and of rollouts.

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

            /// The one before this, unless this is the first.
            pub fn previous(self) -> Option<Self> {
                (self != Self::FIRST).then(|| Self(self.0 - 1))
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
}
