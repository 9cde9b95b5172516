//! API Gateway: HTTP requests as the events that a function gets, and its answers as HTTP.
//!
//! Source: API Gateway Developer Guide, "AWS Lambda proxy integrations for HTTP APIs in API Gateway", payload format 2.0.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::auth::Refused;
use crate::template::{Function, Route, Stack};

/// A route that a request has taken, with its path parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken<'a> {
    pub(super) function: Function,
    route: &'a Route,
    path: String,
    parameters: Vec<(String, String)>,
}

/// The route of the API for this method and path, which is decoded before it is looked at: a slash that was escaped is a
/// slash. The default route is taken if there is no other ("Create routes for HTTP APIs").
pub(super) fn route<'a>(stack: &'a Stack, method: &str, path: &str) -> Option<Taken<'a>> {
    let path = crate::cloud::percent_decoded(path);
    let routes = stack
        .functions
        .iter()
        .flat_map(|spec| spec.routes.iter().map(|route| (spec.function, route)));
    let (defaults, others): (Vec<_>, Vec<_>) = routes.partition(|(_, route)| **route == Route::default_route());
    let fitting = others.into_iter().find_map(|(function, route)| {
        let parameters = parameters(&route.path, &path).filter(|_| route.method == method || route.method == "ANY")?;
        Some((function, route, parameters))
    });
    let default = defaults
        .first()
        .map(|(function, route)| (*function, *route, Vec::new()));
    let (function, route, parameters) = fitting.or(default)?;
    Some(Taken {
        function,
        route,
        path,
        parameters,
    })
}

fn parameters(pattern: &str, path: &str) -> Option<Vec<(String, String)>> {
    let mut taken = Vec::new();
    let mut found = path.split('/');
    for part in pattern.split('/') {
        let value = found.next()?;
        match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(_) if value.is_empty() => return None,
            Some(name) => taken.push((name.to_owned(), value.to_owned())),
            None if part == value => {}
            None => return None,
        }
    }
    found.next().is_none().then_some(taken)
}

/// The event that API Gateway makes of a request of somebody that its authorizer has let in.
pub(super) fn event(
    taken: &Taken<'_>,
    authorizer: &Value,
    request: &Request<Bytes>,
    (id, now): (u64, Timestamp),
) -> Value {
    let query = request.uri().query().unwrap_or_default();
    let key = taken.route.key();
    let text = std::str::from_utf8(request.body()).ok();
    let mut event = json!({
        "version": "2.0",
        "routeKey": key,
        "rawPath": taken.path,
        "rawQueryString": query,
        "headers": headers(request.headers()),
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "authorizer": authorizer,
            "domainName": "localhost",
            "domainPrefix": "localhost",
            "http": {
                "method": request.method().as_str(),
                "path": taken.path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": header(request.headers(), "user-agent"),
            },
            "requestId": format!("local-{id}"),
            "routeKey": key,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
        "isBase64Encoded": text.is_none(),
    });
    if let Some(event) = event.as_object_mut() {
        let mut put = |name: &str, value: Map<String, Value>| {
            if !value.is_empty() {
                event.insert(name.to_owned(), Value::Object(value));
            }
        };
        put("queryStringParameters", query_parameters(query));
        put(
            "pathParameters",
            taken
                .parameters
                .iter()
                .map(|(name, value)| (name.clone(), json!(value)))
                .collect(),
        );
        if !request.body().is_empty() {
            let body = text.map_or_else(|| STANDARD.encode(request.body()), ToOwned::to_owned);
            event.insert("body".to_owned(), Value::String(body));
        }
    }
    event
}

/// Header names in lower case; values of one name joined by commas.
fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let mut map = Map::new();
    for name in headers.keys() {
        map.insert(name.as_str().to_owned(), Value::String(header(headers, name.as_str())));
    }
    map
}

fn header(headers: &HeaderMap, name: &str) -> String {
    let values: Vec<&str> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    values.join(",")
}

/// Values of one name joined by commas.
fn query_parameters(query: &str) -> Map<String, Value> {
    let mut map: Map<String, Value> = Map::new();
    for (name, value) in crate::cloud::query_pairs(query) {
        let joined = map
            .get(&name)
            .and_then(Value::as_str)
            .map(|before| format!("{before},{value}"));
        map.insert(name, Value::String(joined.unwrap_or(value)));
    }
    map
}

/// The HTTP response that API Gateway makes of a function's answer; 500 for anything that it does not understand.
pub(super) fn response(answer: Result<Value, String>) -> Response<Bytes> {
    answer
        .ok()
        .as_ref()
        .and_then(understood)
        .unwrap_or_else(|| message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"))
}

/// The same response at this moment: whoever reads it has no other way to know what time it is here.
pub(super) fn dated(mut response: Response<Bytes>, now: Timestamp) -> Response<Bytes> {
    let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::try_from(date) {
        response.headers_mut().insert(http::header::DATE, date);
    }
    response
}

/// The answer to a request whose caller is not let in.
pub(super) fn unauthorized(refused: Refused) -> Response<Bytes> {
    let mut response = message(StatusCode::UNAUTHORIZED, "Unauthorized");
    let Refused(why) = refused;
    let challenge = if why.is_empty() {
        "Bearer".to_owned()
    } else {
        format!(r#"Bearer scope="" error="invalid_token" error_description="{why}""#)
    };
    let challenge = HeaderValue::try_from(challenge).unwrap_or(HeaderValue::from_static("Bearer"));
    response.headers_mut().insert(http::header::WWW_AUTHENTICATE, challenge);
    response
}

/// The answer to a request that no route is for.
pub(super) fn not_found() -> Response<Bytes> {
    message(StatusCode::NOT_FOUND, "Not Found")
}

fn understood(answer: &Value) -> Option<Response<Bytes>> {
    let status = u16::try_from(answer.get("statusCode")?.as_u64()?).ok()?;
    let body = answer.get("body").and_then(Value::as_str).unwrap_or_default();
    let encoded = answer.get("isBase64Encoded").and_then(Value::as_bool) == Some(true);
    let body = if encoded {
        Bytes::from(STANDARD.decode(body).ok()?)
    } else {
        Bytes::from(body.to_owned())
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).ok()?;
    let single = answer.get("headers").and_then(Value::as_object).into_iter().flatten();
    let multiple = answer
        .get("multiValueHeaders")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    let multiple =
        multiple.flat_map(|(name, values)| values.as_array().into_iter().flatten().map(move |value| (name, value)));
    for (name, value) in single.chain(multiple) {
        let (name, value) = (
            HeaderName::try_from(name).ok()?,
            HeaderValue::try_from(value.as_str()?).ok()?,
        );
        response.headers_mut().append(name, value);
    }
    Some(response)
}

fn message(status: StatusCode, text: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(json!({"message": text}).to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_matched_part_by_part() {
        assert_eq!(
            parameters("/tenants/{id}", "/tenants/acme"),
            Some(vec![("id".to_owned(), "acme".to_owned())])
        );
        assert_eq!(parameters("/tenants/{id}/wake", "/tenants/acme"), None);
        assert_eq!(parameters("/tenants/{id}", "/tenants/acme/wake"), None);
        assert_eq!(parameters("/tenants/{id}", "/tenants/"), None);
        assert_eq!(parameters("/fleet", "/fleet"), Some(Vec::new()));
    }

    #[test]
    fn a_response_tells_the_time_of_the_world_that_it_is_from() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let response = dated(not_found(), now);
        assert_eq!(response.headers()["date"], "Fri, 15 Jan 2027 08:00:00 GMT");
    }

    #[test]
    fn an_answer_becomes_a_response() {
        let answer =
            json!({"statusCode": 202, "headers": {"retry-after": "2"}, "body": "{}", "isBase64Encoded": false});
        let response = response(Ok(answer));
        assert_eq!(
            (response.status(), response.headers()["retry-after"].as_bytes()),
            (StatusCode::ACCEPTED, b"2".as_slice())
        );
        assert_eq!(
            super::response(Err("boom".to_owned())).status(),
            StatusCode::INTERNAL_SERVER_ERROR
        );
    }
}
