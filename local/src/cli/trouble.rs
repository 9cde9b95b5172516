//! What can go wrong with a command, in one line that says what to do, and the exit code that says so to programs.

use std::io;

use serde::Deserialize;
use serde_json::{Value, json};

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// What was typed, or the configuration, is not right. Nothing was sent.
    #[error("{0}")]
    Usage(String),
    /// The API did not do it.
    #[error("{0}")]
    Refused(Refusal),
    /// Nobody answers, or not in time.
    #[error("nothing answers at {endpoint}: {why}; {advice}")]
    Unreachable {
        /// Where.
        endpoint: String,
        /// What the connection says.
        why: String,
        /// What to do.
        advice: &'static str,
    },
    /// Somebody answers, but not as the API of Berth does.
    #[error("{endpoint} answers {what}; is that the address of Berth's API?")]
    Strange {
        /// Where.
        endpoint: String,
        /// With what.
        what: String,
    },
    /// It was done, and did not come to what was waited for; or what was checked is not as it should be.
    #[error("{0}")]
    NotReached(String),
    /// AWS did not answer as it should.
    #[error("{0}")]
    Aws(String),
    /// This machine.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What the API said when it did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// What kind of problem, for programs; empty if it was not the API itself that answered.
    pub code: String,
    /// What is wrong and what to do.
    pub detail: String,
    /// The mistakes in what was sent.
    pub errors: Vec<Mistake>,
}

/// A mistake in what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Mistake {
    /// Where: a JSON pointer (RFC 6901); empty for all of it.
    #[serde(default)]
    pub pointer: String,
    /// What is wrong.
    #[serde(default)]
    pub message: String,
}

impl Refusal {
    /// What an answer with this status and body says.
    pub(super) fn of(status: u16, body: &Value) -> Self {
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let code = text("code");
        let detail = match (status, text("detail")) {
            (_, detail) if code == "no_tenant" => in_our_words(&detail),
            (_, detail) if !detail.is_empty() => detail,
            (404, _) => "the API does not know this request; it may be of another version than this command".to_owned(),
            (429, _) => "too many requests at once; try again in a moment".to_owned(),
            (_, _) => text("message"),
        };
        let errors = body.get("errors").cloned().unwrap_or_default();
        Self {
            status,
            code,
            detail,
            errors: serde_json::from_value(errors).unwrap_or_default(),
        }
    }
}

/// What the API says to do is a request; here it is a command.
fn in_our_words(detail: &str) -> String {
    let what = detail.split("; ").next().unwrap_or_default();
    format!("{what}; `berth tenants list` shows who there is")
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.status, self.detail.as_str()) {
            (_, "") => write!(f, "the API answered {}", self.status)?,
            (_, detail) => f.write_str(detail)?,
        }
        for (index, Mistake { pointer, message }) in self.errors.iter().enumerate() {
            let before = if index == 0 { ": " } else { "; " };
            let place = pointer.trim_start_matches('/').replace('/', ".");
            let between = if place.is_empty() { "" } else { ": " };
            write!(f, "{before}{place}{between}{message}")?;
        }
        f.write_str(match self.status {
            401 => "; say who you are with --token-file, BERTH_TOKEN or a profile with `auth`",
            403 => "; use a profile or token that may do this",
            _ => "",
        })
    }
}

impl Trouble {
    /// The same, said of one of several. What else can go wrong names who it is about.
    #[must_use]
    pub(super) fn about(self, who: &str) -> Self {
        match self {
            Self::Refused(refusal) => Self::Refused(Refusal {
                detail: format!("{who}: {}", refusal.detail),
                ..refusal
            }),
            other => other,
        }
    }

    /// The exit code, as `berth --help` lists them.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Io(_) | Self::Strange { .. } => 1,
            Self::Usage(_) => 2,
            Self::Refused(refusal) => match refusal.status {
                404 => 4,
                401 | 403 => 5,
                429 | 500.. => 6,
                _ => 3,
            },
            Self::Unreachable { .. } | Self::Aws(_) => 6,
            Self::NotReached(_) => 7,
        }
    }

    /// The same for programs.
    pub fn to_json(&self) -> Value {
        let mut error = json!({ "message": self.to_string(), "exit": self.exit_code() });
        if let (Self::Refused(refusal), Some(members)) = (self, error.as_object_mut()) {
            members.insert("status".to_owned(), refusal.status.into());
            members.insert("code".to_owned(), refusal.code.as_str().into());
        }
        json!({ "error": error })
    }
}

/// What `berth --help` says of exit codes.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  something unexpected
  2  bad input or configuration; nothing was sent
  3  the API refused: it is not valid, or not possible now
  4  there is no such tenant, rollout or route
  5  not allowed, or no word on who asks
  6  nothing answers, or it cannot at the moment; try again
  7  it did not come to what was waited for, or a check has failed";

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &Value) -> Trouble {
        Trouble::Refused(Refusal::of(status, body))
    }

    #[test]
    fn a_refusal_names_every_mistake_on_one_line() {
        let body = json!({
            "status": 422, "code": "invalid_overlay", "detail": "the overlay has mistakes; nothing was changed",
            "errors": [
                {"pointer": "/size/cpu", "code": "x", "message": "300 is no size"},
                {"pointer": "", "message": "too much"},
            ],
        });
        let told = refused(422, &body).to_string();
        assert_eq!(
            told,
            "the overlay has mistakes; nothing was changed: size.cpu: 300 is no size; too much"
        );
    }

    #[test]
    fn the_exit_code_says_what_kind_of_trouble() {
        let codes = [400, 404, 401, 403, 409, 412, 422, 429, 500, 503];
        let exits = codes.map(|status| refused(status, &Value::Null).exit_code());
        assert_eq!(exits, [3, 4, 5, 5, 3, 3, 3, 6, 6, 6]);
    }

    #[test]
    fn an_answer_of_the_gateway_itself_says_what_to_do() {
        let told = refused(401, &json!({"message": "Unauthorized"})).to_string();
        assert!(
            told.starts_with("Unauthorized; ") && told.contains("--token-file"),
            "{told}"
        );
        let told = refused(404, &json!({"message": "Not Found"})).to_string();
        assert!(told.contains("another version"), "{told}");
    }
}
