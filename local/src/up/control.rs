//! The control API under `/_local`: the clock, the events, faults, how images behave, tokens, the base, and what befalls tasks.

use std::fmt;
use std::time::Duration;

use berth_core::definition::strip_response_only;
use berth_core::tenant::TenantId;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::pace::{Pace, later};
use crate::cloud::{Behaviour, Cloud, Delivery, Fault, Interruption, Service, StackStatus, query_value};
use crate::engine::{BASE_FAMILY, BASE_STACK, Engine, TOKEN_SECONDS, TokenFor, ask, token};

/// The most events of one reply; whoever wants more asks again.
const MOST_EVENTS: usize = 500;

/// The fastest that virtual time may run.
const FASTEST: f64 = 100_000.0;

/// The furthest that one request may move the clock, in seconds: ten years.
const FURTHEST: f64 = 10.0 * 366.0 * 86_400.0;

/// Why a control request was refused.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    why: String,
}

impl Refused {
    fn new(why: &dyn fmt::Display) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            why: why.to_string(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockInput {
    advance_seconds: Option<f64>,
    speed: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct DeliveryInput {
    duplicate: f64,
    delay: f64,
    lose: f64,
    longest_delay_seconds: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InterruptionInput {
    task: String,
    kind: InterruptionKind,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum InterruptionKind {
    Spot,
    Retirement,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultInput {
    service: String,
    action: String,
    error: String,
    count: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageInput {
    image: String,
    behaviour: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenInput {
    tenant: Option<TenantId>,
    subject: Option<String>,
    seconds: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct BaseInput {
    task_definition: Option<Map<String, Value>>,
    stack_status: Option<String>,
}

/// Answers one request; after it the clock may have moved, or run at another speed.
pub(super) fn answer(engine: &mut Engine, pace: &mut Pace, request: &Request<Bytes>) -> Response<Bytes> {
    match route(engine, pace, request) {
        Ok(value) => reply(StatusCode::OK, &value),
        Err(refused) => reply(refused.status, &json!({"error": refused.why})),
    }
}

fn route(engine: &mut Engine, pace: &mut Pace, request: &Request<Bytes>) -> Result<Value, Refused> {
    let path = request.uri().path().trim_start_matches("/_local");
    match (request.method(), path) {
        (&Method::GET, "/clock") => Ok(clock(engine.now(), *pace)),
        (&Method::POST, "/clock") => set_clock(engine, pace, &read(request)?),
        (&Method::GET, "/events") => {
            let after = query_value(request.uri().query().unwrap_or_default(), "after").unwrap_or_else(|| "0".to_owned());
            let after = after.parse().map_err(|_| Refused::new(&"after is the number of an event"))?;
            let cloud = engine.shared().cloud();
            let events: Vec<_> = cloud.events_after(after).take(MOST_EVENTS).collect();
            Ok(json!({"events": events}))
        }
        (&Method::POST, "/faults") => {
            let FaultInput { service, action, error, count } = read(request)?;
            let service = service.parse::<Service>().map_err(|error| Refused::new(&error))?;
            engine.shared().cloud().set_fault(Fault { service, action, error, count });
            Ok(json!({}))
        }
        (&Method::POST, "/images") => {
            let ImageInput { image, behaviour } = read(request)?;
            set_image(&mut engine.shared().cloud(), &image, &behaviour)
        }
        (&Method::POST, "/token") => Ok(new_token(read(request)?, engine.now())),
        (&Method::GET, "/base") => base(&mut engine.shared().cloud()),
        (&Method::POST, "/base") => deploy_base(&mut engine.shared().cloud(), read(request)?),
        (&Method::POST, "/delivery") => set_delivery(&mut engine.shared().cloud(), &read(request)?),
        (&Method::POST, "/interruptions") => {
            let InterruptionInput { task, kind } = read(request)?;
            let kind = match kind {
                InterruptionKind::Spot => Interruption::Spot,
                InterruptionKind::Retirement => Interruption::Retirement,
            };
            let interrupted = engine.shared().cloud().region().interrupt(&task, kind);
            interrupted.map(|()| json!({})).map_err(|error| Refused::new(&error))
        }
        _ => Err(Refused {
            status: StatusCode::NOT_FOUND,
            why: "there is GET and POST /_local/clock and /_local/base, GET /_local/events?after=N and /_local/stream, and \
                  POST /_local/faults, /_local/images, /_local/token, /_local/delivery and /_local/interruptions"
                .to_owned(),
        }),
    }
}

/// A token for one tenant, or for an admin if none is named.
fn new_token(input: TokenInput, now: Timestamp) -> Value {
    let subject = input.subject.or_else(|| input.tenant.as_ref().map(ToString::to_string));
    let subject = subject.unwrap_or_else(|| "admin".to_owned());
    let whose = input.tenant.map_or(TokenFor::Admin, TokenFor::Tenant);
    let seconds = input.seconds.unwrap_or(TOKEN_SECONDS);
    json!({"token": token(&whose, &subject, now, seconds), "tokenType": "Bearer", "expiresIn": seconds})
}

fn clock(now: Timestamp, pace: Pace) -> Value {
    json!({"now": now.to_string(), "speed": pace.speed()})
}

/// Moves the clock, lets it run at another speed, or both.
fn set_clock(engine: &mut Engine, pace: &mut Pace, input: &ClockInput) -> Result<Value, Refused> {
    let ClockInput { advance_seconds, speed } = *input;
    if advance_seconds.is_none() && speed.is_none() {
        return Err(Refused::new(&"say advance_seconds, speed, or both"));
    }
    if speed.is_some_and(|speed| !(0.0..=FASTEST).contains(&speed)) {
        return Err(Refused::new(&format!(
            "speed is a number from 0, which stands still, to {FASTEST}"
        )));
    }
    let seconds = advance_seconds.unwrap_or_default();
    if !(0.0..=FURTHEST).contains(&seconds) {
        return Err(Refused::new(
            &"advance_seconds is a number from 0 to ten years; the clock never goes back",
        ));
    }
    let until = later(engine.now(), seconds);
    engine.advance_to(until).map_err(|error| Refused::new(&error))?;
    if let Some(speed) = speed {
        *pace = Pace::from(engine.now(), speed);
    }
    Ok(clock(engine.now(), *pace))
}

/// How events come from now on: each is duplicated, late or lost with such a probability.
fn set_delivery(cloud: &mut Cloud, input: &DeliveryInput) -> Result<Value, Refused> {
    let rates = [input.duplicate, input.delay, input.lose];
    if !rates.iter().all(|rate| (0.0..=1.0).contains(rate)) {
        return Err(Refused::new(&"duplicate, delay and lose are numbers from 0 to 1"));
    }
    let longest_delay =
        Duration::try_from_secs_f64(input.longest_delay_seconds).map_err(|error| Refused::new(&error))?;
    cloud.region().set_delivery(Delivery {
        duplicate: input.duplicate,
        delay: input.delay,
        lose: input.lose,
        longest_delay,
    });
    Ok(json!({}))
}

/// The base as it is now, in the form in which the next one is registered.
fn base(cloud: &mut Cloud) -> Result<Value, Refused> {
    let input = json!({ "taskDefinition": BASE_FAMILY });
    let mut described =
        ask(cloud, Service::Ecs, "DescribeTaskDefinition", &input).map_err(|error| Refused::new(&error))?;
    let mut definition = described.get_mut("taskDefinition").map(Value::take).unwrap_or_default();
    if let Some(members) = definition.as_object_mut() {
        strip_response_only(members);
    }
    Ok(json!({ "taskDefinition": definition }))
}

/// `missing` is a behaviour of the registry, not of the container: the image is not in its repository, and cannot be
/// pulled.
fn set_image(cloud: &mut Cloud, image: &str, behaviour: &str) -> Result<Value, Refused> {
    if behaviour == "missing" {
        cloud.lose_image(image);
        return Ok(json!({}));
    }
    cloud.set_image(
        image,
        behaviour.parse::<Behaviour>().map_err(|error| Refused::new(&error))?,
    );
    Ok(json!({}))
}

/// A deployment of the base, as the customer's own stack does it: a new revision, and then the stack's new status.
fn deploy_base(cloud: &mut Cloud, input: BaseInput) -> Result<Value, Refused> {
    let status = input.stack_status.unwrap_or_else(|| "UPDATE_COMPLETE".to_owned());
    let status = status.parse::<StackStatus>().map_err(|error| Refused::new(&error))?;
    let mut registered = Value::Null;
    if let Some(mut definition) = input.task_definition {
        let family = definition.entry("family").or_insert_with(|| json!(BASE_FAMILY));
        if family != BASE_FAMILY {
            return Err(Refused::new(&format!(
                "the base is in the family {BASE_FAMILY:?}, not {family}"
            )));
        }
        let reply = ask(
            cloud,
            Service::Ecs,
            "RegisterTaskDefinition",
            &Value::Object(definition),
        )
        .map_err(|error| Refused::new(&error))?;
        registered = reply
            .pointer("/taskDefinition/taskDefinitionArn")
            .cloned()
            .unwrap_or_default();
    }
    cloud.set_stack(BASE_STACK, status);
    Ok(json!({"taskDefinitionArn": registered, "stackStatus": status.as_str()}))
}

fn read<'a, T: Deserialize<'a>>(request: &'a Request<Bytes>) -> Result<T, Refused> {
    serde_json::from_slice(request.body()).map_err(|error| Refused::new(&error))
}

fn reply(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
