//! API Gateway's authorizers: who a request is from, as the event says it.
//!
//! Source: API Gateway Developer Guide, "Control access to HTTP APIs with JWT authorizers" (what of a token is checked, and
//! what an event says of it) and "Control access to HTTP APIs with IAM authorization".
//!
//! The tokens are for trying things out: whoever reaches the port can ask for one. They are signed with HMAC, which AWS would
//! not accept; all else of them is as a real issuer's.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use berth_core::api::{ADMIN, TENANT, TENANT_CLAIM};
use berth_core::tenant::TenantId;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::Sha256;

/// Who the tokens are from.
const ISSUER: &str = "http://localhost/berth";

/// Whom the tokens are for.
const AUDIENCE: &str = "berth";

/// Not a secret: it tells a token that was made here from a mistake.
const KEY: &[u8] = b"berth, on this machine";

/// How long a token is good for, unless asked otherwise: virtual time may run fast.
pub const TOKEN_SECONDS: i64 = 366 * 86_400;

/// What becomes of a request that says nothing of who it is from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anonymous {
    /// It is taken for one of a machine that has signed it with IAM.
    #[default]
    Machine,
    /// It is refused.
    Refused,
}

/// Whom a token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenFor {
    /// Somebody who may do everything.
    Admin,
    /// Somebody who may use one tenant.
    Tenant(TenantId),
}

/// A request that API Gateway does not pass on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) &'static str);

/// A token for this subject, good until then.
pub fn token(whose: &TokenFor, subject: &str, now: Timestamp, seconds: i64) -> String {
    let (scope, tenant) = match whose {
        TokenFor::Admin => (ADMIN, None),
        TokenFor::Tenant(tenant) => (TENANT, Some(tenant)),
    };
    let claims = [
        ("iss", Some(json!(ISSUER))),
        ("aud", Some(json!(AUDIENCE))),
        ("sub", Some(json!(subject))),
        ("iat", Some(json!(now.as_second()))),
        ("exp", Some(json!(now.as_second().saturating_add(seconds)))),
        ("scope", Some(json!(scope))),
        (TENANT_CLAIM, tenant.map(|tenant| json!(tenant))),
    ];
    let claims = claims
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
    signed(&claims)
}

fn signed(claims: &Value) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let body = format!("{}.{}", encode(&json!({"alg": "HS256", "typ": "JWT"})), encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(mac(&body).finalize().into_bytes());
    format!("{body}.{signature}")
}

fn mac(text: &str) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mac = Hmac::<Sha256>::new_from_slice(KEY).expect("a key");
    mac.chain_update(text)
}

/// The `authorizer` of the event of a request with this header `Authorization`.
pub(super) fn authorize(header: Option<&str>, anonymous: Anonymous, now: Timestamp) -> Result<Value, Refused> {
    let signed_with_iam = header.is_none_or(|header| header.starts_with("AWS4-"));
    match (header, anonymous) {
        (_, Anonymous::Machine) if signed_with_iam => Ok(machine()),
        (None, _) => Err(Refused("")),
        (Some(header), _) => {
            let claims = claims(header.strip_prefix("Bearer ").unwrap_or(header), now)?;
            Ok(json!({"jwt": {"claims": texts(&claims), "scopes": null}}))
        }
    }
}

fn machine() -> Value {
    json!({"iam": {
        "accessKey": "local",
        "accountId": "123456789012",
        "callerId": "local",
        "userArn": "arn:aws:iam::123456789012:user/local",
        "userId": "local",
    }})
}

fn claims(token: &str, now: Timestamp) -> Result<Map<String, Value>, Refused> {
    let malformed = Refused("the token is not a JWT");
    let (body, signature) = token.rsplit_once('.').ok_or(malformed)?;
    let (_, payload) = body.split_once('.').ok_or(malformed)?;
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed);
    let unsigned = mac(body).verify_slice(&decoded(signature)?);
    unsigned.map_err(|_| Refused("the token's signature is not ours; POST /_local/token makes one"))?;
    let claims: Map<String, Value> = serde_json::from_slice(&decoded(payload)?).map_err(|_| malformed)?;
    let second = |name: &str| claims.get(name).and_then(Value::as_i64);
    if claims.get("iss") != Some(&json!(ISSUER)) {
        return Err(Refused("the token does not have a valid issuer"));
    }
    if claims.get("aud") != Some(&json!(AUDIENCE)) {
        return Err(Refused("the token does not have a valid audience"));
    }
    if second("exp").is_none_or(|end| end <= now.as_second()) {
        return Err(Refused("the token has expired"));
    }
    Ok(claims)
}

/// Every claim as a text: that is how an event has them.
fn texts(claims: &Map<String, Value>) -> Map<String, Value> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    claims
        .iter()
        .map(|(name, value)| (name.clone(), Value::String(text(value))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().expect("a time")
    }

    fn check(header: Option<&str>, anonymous: Anonymous, expected: &str) {
        let told = match authorize(header, anonymous, now()) {
            Ok(authorizer) if authorizer.get("iam").is_some() => "machine".to_owned(),
            Ok(authorizer) => authorizer["jwt"]["claims"]["scope"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            Err(Refused(why)) => why.to_owned(),
        };
        assert_eq!(told, expected, "{header:?} {anonymous:?}");
    }

    #[test]
    fn s1_who_says_nothing_is_a_machine_only_where_that_is_wanted() {
        check(None, Anonymous::Machine, "machine");
        check(None, Anonymous::Refused, "");
        let sigv4 = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/execute-api/aws4_request";
        check(Some(sigv4), Anonymous::Machine, "machine");
        check(Some(sigv4), Anonymous::Refused, "the token is not a JWT");
    }

    #[test]
    fn a_token_is_checked_wherever_it_comes() {
        let admin = token(&TokenFor::Admin, "ann", now(), 1);
        for anonymous in [Anonymous::Machine, Anonymous::Refused] {
            check(Some(&format!("Bearer {admin}")), anonymous, ADMIN);
            check(Some(&admin), anonymous, ADMIN);
            check(Some("Bearer x"), anonymous, "the token is not a JWT");
        }
        let late = token(&TokenFor::Admin, "ann", now(), 0);
        check(Some(&late), Anonymous::Refused, "the token has expired");
    }

    #[test]
    fn a_token_that_was_changed_or_is_for_others_is_refused() {
        let acme = TokenFor::Tenant("acme".parse().expect("an id"));
        let token = token(&acme, "acme", now(), 60);
        let mut parts: Vec<&str> = token.split('.').collect();
        let forged = URL_SAFE_NO_PAD.encode(r#"{"iss":"http://localhost/berth","scope":"berth:admin"}"#);
        parts[1] = &forged;
        let ours = "the token's signature is not ours; POST /_local/token makes one";
        check(Some(&parts.join(".")), Anonymous::Refused, ours);
        let exp = now().as_second() + 60;
        let elsewhere = signed(&json!({"iss": "https://elsewhere", "aud": AUDIENCE, "exp": exp}));
        check(
            Some(&elsewhere),
            Anonymous::Refused,
            "the token does not have a valid issuer",
        );
        let others = signed(&json!({"iss": ISSUER, "aud": "others", "exp": exp}));
        check(
            Some(&others),
            Anonymous::Refused,
            "the token does not have a valid audience",
        );
    }
}
