//! The description of the API as an `OpenAPI` 3.1 document, made of the routes and of the types that are sent.
//!
//! The schemas are what serde makes of the types: `schemars` reads the same attributes. What an operation takes, answers and
//! refuses is said in [`operations`], of every operation: a new one does not compile without.

mod operations;
mod schemas;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::{Access, Code, Operation};
use operations::{Answer, Described, Parameter};
use schemas::Message;

/// What the document says of a token.
const TOKEN: &str = "A token of the issuer that the stack was deployed with. The scope berth:admin may do everything; \
                     berth:tenant may use the tenant of the claim `tenant`.";
/// What the document says of IAM.
const IAM: &str = "A request that is signed with IAM credentials (Signature Version 4) may do everything.";

/// What is made while operations are described: schemas of what is sent, and of what is answered.
struct Maker {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
    /// The answers that refuse, by their name.
    refusals: Map<String, Value>,
}

impl Maker {
    fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        Self {
            requests: settings().for_deserialize().into_generator(),
            answers: settings().for_serialize().into_generator(),
            refusals: Map::new(),
        }
    }

    fn request<T: JsonSchema>(&mut self) -> Value {
        self.requests.subschema_for::<T>().to_value()
    }

    fn answer<T: JsonSchema>(&mut self) -> Value {
        self.answers.subschema_for::<T>().to_value()
    }
}

/// The document.
pub fn document() -> Value {
    let mut maker = Maker::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in Operation::ALL {
        let route = operation.route();
        let described = operations::describe(*operation, &mut maker);
        let shown = operation_object(*operation, described, &mut maker);
        paths
            .entry(route.path)
            .or_default()
            .insert(route.method.to_ascii_lowercase(), shown);
    }
    let mut schemas = maker.answers.take_definitions(true);
    // Of what is both asked and answered, a caller may leave out more than an answer does.
    schemas.extend(maker.requests.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Berth",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "One Fargate container per tenant: current, configured, and asleep when idle.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"iam": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": maker.refusals,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": TOKEN},
                "iam": {"type": "apiKey", "in": "header", "name": "Authorization", "description": IAM},
            },
        },
    })
}

fn operation_object(operation: Operation, described: Described, maker: &mut Maker) -> Value {
    let route = operation.route();
    let id = described
        .id
        .map(|schema| json!({"name": "id", "in": "path", "required": true, "schema": schema}));
    let parameters: Vec<Value> = id
        .into_iter()
        .chain(described.parameters.iter().map(Parameter::to_value))
        .collect();
    let mut shown = json!({
        "operationId": operation.name(),
        "summary": operation.summary(),
        "responses": responses(operation, described.answers, &described.problems, maker),
    });
    if let Some(members) = shown.as_object_mut() {
        if !described.note.is_empty() {
            members.insert("description".to_owned(), described.note.into());
        }
        if !parameters.is_empty() {
            members.insert("parameters".to_owned(), parameters.into());
        }
        if let Some(schema) = described.body {
            let body = json!({"content": {"application/json": {"schema": schema}}});
            members.insert("requestBody".to_owned(), body);
        }
        if route.access == Access::Admin {
            members.insert("x-access".to_owned(), "berth:admin".into());
        }
    }
    shown
}

fn responses(operation: Operation, answers: Vec<Answer>, problems: &BTreeSet<Code>, maker: &mut Maker) -> Value {
    let mut responses = Map::new();
    for answer in answers {
        responses.insert(answer.status.to_string(), answer.to_value());
    }
    let access = (operation.route().access != Access::Anyone).then_some(Code::Forbidden);
    let everywhere = [Code::Unauthenticated, Code::Unavailable];
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::from([(429, Vec::new())]);
    for code in problems.iter().copied().chain(access).chain(everywhere) {
        by_status.entry(code.status()).or_default().push(code);
    }
    for (status, codes) in by_status {
        let name = refused(status, &codes, maker);
        let shown = json!({"$ref": format!("#/components/responses/{name}")});
        responses.insert(status.to_string(), shown);
    }
    Value::Object(responses)
}

/// The name under which the document has the answer with this status and these codes.
fn refused(status: u16, codes: &[Code], maker: &mut Maker) -> String {
    let names = codes.iter().map(|code| code.name());
    let name = std::iter::once(status.to_string()).chain(names.map(ToOwned::to_owned));
    let name = name.collect::<Vec<_>>().join(".");
    if !maker.refusals.contains_key(&name) {
        let shown = refusal(status, codes, maker);
        maker.refusals.insert(name.clone(), shown);
    }
    name
}

/// Statuses that API Gateway may answer with before a request reaches Berth.
const OF_GATEWAY: [u16; 5] = [401, 403, 413, 429, 503];

fn refusal(status: u16, codes: &[Code], maker: &mut Maker) -> Value {
    let mut content = Map::new();
    let mut headers = Map::new();
    let mut told: Vec<String> = Vec::new();
    if !codes.is_empty() {
        let names: Vec<Value> = codes.iter().map(|code| json!(code)).collect();
        told = codes
            .iter()
            .map(|code| format!("`{}`: {}.", code.name(), code.title()))
            .collect();
        let schema = json!({"allOf": [maker.answer::<super::Problem>(), {"properties": {"code": {"enum": names}}}]});
        content.insert("application/problem+json".to_owned(), json!({"schema": schema}));
        if codes.iter().any(|code| code.retry_after().is_some()) {
            headers.insert("Retry-After".to_owned(), seconds("When to try again."));
        }
    }
    if OF_GATEWAY.contains(&status) {
        told.push("Or API Gateway's own word.".to_owned());
        content.insert(
            "application/json".to_owned(),
            json!({"schema": maker.answer::<Message>()}),
        );
    }
    let mut response = json!({"description": told.join(" "), "content": content});
    if let Some(members) = response.as_object_mut().filter(|_| !headers.is_empty()) {
        members.insert("headers".to_owned(), Value::Object(headers));
    }
    response
}

fn seconds(description: &str) -> Value {
    json!({"description": description, "schema": {"type": "integer", "minimum": 1}})
}
