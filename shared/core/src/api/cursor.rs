//! Where the next page starts, in a form that nobody is tempted to take apart.

use std::fmt;
use std::str::FromStr;

/// The last key of a page, as hexadecimal digits. It names a place and holds no secret: what may be read from there on is
/// decided anew with each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

/// A text that no page has ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a cursor; take it from the page before as it is, or begin without one")]
pub struct InvalidCursor;

/// The longest key: a tenant id or the time and the name of a decision.
const LONGEST: usize = 128;

impl Cursor {
    /// After this key.
    pub fn after(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.bytes().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        if text.is_empty() || text.len() > 2 * LONGEST {
            return Err(InvalidCursor);
        }
        let bytes = text.as_bytes().chunks(2).map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        });
        let bytes: Option<Vec<u8>> = bytes.collect();
        let key = String::from_utf8(bytes.ok_or(InvalidCursor)?).map_err(|_| InvalidCursor)?;
        Ok(Self(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_nothing_else_is_one() {
        for key in ["acme", "001795204800000#idle-stop", &"x".repeat(128)] {
            let cursor = Cursor::after(key);
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for bad in ["", "acme", "6", "6g", "é", "ff", "+1", &"61".repeat(129)] {
            assert_eq!(bad.parse::<Cursor>(), Err(InvalidCursor), "{bad:?}");
        }
    }
}
