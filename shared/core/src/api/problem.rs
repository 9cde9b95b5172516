//! Errors of the API: `application/problem+json` (RFC 9457) with a stable code.

use serde::Serialize;

use crate::template::InvalidTemplate;
use crate::tenant::{FieldCode, FieldError, Invalid, TemplateName, TenantId};

/// What a caller is told when a request is not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(into = "Wire")]
#[error("{status} {code:?}: {detail}")]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// What kind of problem; stable, for programs.
    pub code: Code,
    /// What is wrong with this request and what to do, for people. Never an internal: no ARN, table or trace.
    pub detail: String,
    /// The mistakes in the body, if it is the body that is wrong.
    pub errors: Vec<FieldError>,
    /// Where to wake the tenant by a POST, if that is what would help.
    pub wake: Option<String>,
    /// The methods that there are, if it is the method that is wrong: the header `Allow`.
    pub allow: Option<String>,
}

/// What is wrong with a request, and what to do.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(super) struct Wire {
    /// The kind as a URI: where this API serves the page that says what to do.
    #[serde(rename = "type")]
    kind: String,
    /// What every problem of this kind has in common.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// The kind; stable, for programs.
    code: Code,
    /// What is wrong with this request and what to do, for people.
    detail: String,
    /// The mistakes in the body, if it is the body that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// Where to wake the tenant by a POST, if that is what would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    wake: Option<String>,
}

impl From<Problem> for Wire {
    fn from(problem: Problem) -> Self {
        Self {
            kind: problem.code.uri(),
            title: problem.code.title(),
            status: problem.status,
            code: problem.code,
            detail: problem.detail,
            errors: problem.errors,
            wake: problem.wake,
        }
    }
}

/// The kinds of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Nobody knows who asks.
    Unauthenticated,
    /// Whoever asks may not.
    Forbidden,
    /// There is no such route.
    NoRoute,
    /// The route has no such method.
    NoMethod,
    /// The tenant id is not one.
    InvalidId,
    /// A query parameter is not valid.
    InvalidParameter,
    /// The body is not JSON.
    InvalidJson,
    /// The body has more than 256 KB.
    BodyTooLarge,
    /// The overlay has mistakes.
    InvalidOverlay,
    /// The overlay names a config template, and there is none of that name.
    NoTemplate,
    /// The config template that the overlay names has files that cannot be delivered.
    InvalidTemplate,
    /// There is no such tenant.
    NoTenant,
    /// The overlay is not the one that `If-Match` names.
    PreconditionFailed,
    /// Others change the same tenant or rollout at the same time.
    Conflict,
    /// The tenant is being deleted.
    BeingDeleted,
    /// The hold that is asked for is not one.
    InvalidHold,
    /// The wake that is asked for cannot be booked.
    InvalidWake,
    /// The override that is given says too little.
    InvalidOverride,
    /// The tenant is not running, so it accepts no heartbeats.
    NotRunning,
    /// A pin keeps the tenant on the release that it has.
    Pinned,
    /// No base has been promoted yet.
    NoRelease,
    /// There is no such rollout.
    NoRollout,
    /// The rollout that is asked for cannot be.
    InvalidRollout,
    /// The rollout cannot do that now.
    RolloutRefused,
    /// AWS did not do what it was asked to.
    Unavailable,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            status: code.status(),
            code,
            detail: detail.into(),
            errors: Vec::new(),
            wake: None,
            allow: None,
        }
    }

    /// The tenant exists, and accepts no heartbeats and no hold.
    pub fn not_running(id: &TenantId) -> Self {
        let detail = "the tenant is not running; wake it by a POST to the address in \"wake\", and try again";
        Self {
            wake: Some(format!("/tenants/{id}/wake")),
            ..Self::new(Code::NotRunning, detail)
        }
    }

    /// There is no such tenant.
    pub fn no_tenant(id: &str) -> Self {
        Self::new(
            Code::NoTenant,
            format!("there is no tenant {id:?}; create it with PUT /tenants/{id}"),
        )
    }

    /// The config template that an overlay names cannot be delivered.
    pub fn undeliverable(template: &TemplateName, why: &InvalidTemplate) -> Self {
        let (code, detail) = match why {
            InvalidTemplate::Missing => (Code::NoTemplate, format!("there is no template {template}: {why}")),
            InvalidTemplate::NoConfig
            | InvalidTemplate::Path { .. }
            | InvalidTemplate::FileAndFolder { .. }
            | InvalidTemplate::TooManyFiles
            | InvalidTemplate::FileTooLarge { .. }
            | InvalidTemplate::TooLarge { .. } => (
                Code::InvalidTemplate,
                format!("the template {template} cannot be delivered: {why}"),
            ),
        };
        let mistake = FieldError {
            code: FieldCode::Undeliverable,
            pointer: "/template".to_owned(),
            message: why.to_string(),
        };
        Self {
            errors: vec![mistake],
            ..Self::new(code, detail)
        }
    }

    /// Its JSON, as text.
    pub fn to_json(&self) -> String {
        // It cannot fail: every key is text.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        let detail = "the overlay has mistakes; nothing was changed".to_owned();
        Self {
            errors: invalid.errors,
            ..Self::new(Code::InvalidOverlay, detail)
        }
    }
}

impl Code {
    /// The URI of its kind (RFC 9457, section 3.1.1): where this API serves the page that says what to do.
    pub fn uri(self) -> String {
        format!("/errors/{}", self.name())
    }

    /// The HTTP status of this kind.
    pub fn status(self) -> u16 {
        match self {
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NoMethod => 405,
            Self::NoRoute | Self::NoTenant | Self::NoRollout => 404,
            Self::InvalidId | Self::InvalidParameter | Self::InvalidJson => 400,
            Self::BodyTooLarge => 413,
            Self::InvalidOverlay
            | Self::InvalidHold
            | Self::InvalidWake
            | Self::InvalidOverride
            | Self::InvalidRollout
            | Self::NoTemplate
            | Self::InvalidTemplate => 422,
            Self::PreconditionFailed => 412,
            Self::Conflict
            | Self::BeingDeleted
            | Self::NotRunning
            | Self::Pinned
            | Self::NoRelease
            | Self::RolloutRefused => 409,
            Self::Unavailable => 503,
        }
    }

    /// After how many seconds the same request may be answered otherwise, without anybody's having to do anything: the
    /// header `Retry-After`. A first base is looked for each minute.
    pub fn retry_after(self) -> Option<u32> {
        match self {
            Self::Conflict => Some(1),
            Self::Unavailable => Some(2),
            Self::NoRelease => Some(60),
            Self::Unauthenticated
            | Self::Forbidden
            | Self::NoRoute
            | Self::NoMethod
            | Self::InvalidId
            | Self::InvalidParameter
            | Self::InvalidJson
            | Self::BodyTooLarge
            | Self::InvalidOverlay
            | Self::NoTemplate
            | Self::InvalidTemplate
            | Self::NoTenant
            | Self::PreconditionFailed
            | Self::BeingDeleted
            | Self::InvalidHold
            | Self::InvalidWake
            | Self::InvalidOverride
            | Self::NotRunning
            | Self::Pinned
            | Self::NoRollout
            | Self::InvalidRollout
            | Self::RolloutRefused => None,
        }
    }

    /// What every problem of this kind has in common.
    pub fn title(self) -> &'static str {
        match self {
            Self::Unauthenticated => "Nobody",
            Self::Forbidden => "Not allowed",
            Self::NoRoute => "No such route",
            Self::NoMethod => "No such method",
            Self::InvalidId => "Not a tenant id",
            Self::InvalidParameter => "Not a valid parameter",
            Self::InvalidJson => "Not JSON",
            Self::BodyTooLarge => "Body too large",
            Self::InvalidOverlay => "Invalid overlay",
            Self::NoTemplate => "No such template",
            Self::InvalidTemplate => "Invalid template",
            Self::NoTenant => "No such tenant",
            Self::PreconditionFailed => "Changed in the meantime",
            Self::Conflict => "Changed at the same time",
            Self::BeingDeleted => "Being deleted",
            Self::InvalidHold => "Invalid hold",
            Self::InvalidWake => "Invalid wake",
            Self::InvalidOverride => "Invalid override",
            Self::NotRunning => "Not running",
            Self::Pinned => "Pinned",
            Self::NoRelease => "No base yet",
            Self::NoRollout => "No such rollout",
            Self::InvalidRollout => "Invalid rollout",
            Self::RolloutRefused => "Not possible in this state",
            Self::Unavailable => "Temporarily unavailable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_members_of_rfc_9457_and_our_code() {
        let json: serde_json::Value = serde_json::from_str(&Problem::no_tenant("acme").to_json()).unwrap();
        assert_eq!(json["status"], 404);
        assert_eq!(json["code"], "no_tenant");
        assert_eq!(json["type"], "/errors/no_tenant");
        assert_eq!(json["title"], "No such tenant");
        assert!(json["detail"].as_str().unwrap().contains("PUT /tenants/acme"));
        assert!(json.get("errors").is_none());
    }
}
