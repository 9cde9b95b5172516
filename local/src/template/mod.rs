//! The SAM template, as far as one machine needs it.
//!
//! `berth up` deploys the very template that is deployed to AWS: its tables, queues, rules, schedules, routes and variables
//! are the only ones there are. What is not needed here (roles, alarms, the API's own settings) is read past. What is
//! needed and not understood is an error, never a guess.

mod functions;
mod resolve;
#[cfg(test)]
mod tests;
mod yaml;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub use functions::{Destination, Function, FunctionSpec, Mapping, Route, Rule, Schedule};
pub use resolve::Place;

use resolve::Scope;
pub(crate) use resolve::text_of;

use crate::cloud::StackResource;
use crate::iam::Statement;

/// The template that is deployed to AWS.
pub const TEMPLATE: &str = include_str!("../../../template.yaml");

/// A template that cannot be deployed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template.yaml cannot be deployed: {at}: {why}")]
pub struct TemplateError {
    at: String,
    why: String,
}

/// Any YAML text of one document as a value.
pub(crate) fn yaml_value(text: &str) -> Result<Value, String> {
    yaml::parse(text).map_err(|error| error.why)
}

impl TemplateError {
    fn new(at: &str, why: impl Into<String>) -> Self {
        Self {
            at: at.to_owned(),
            why: why.into(),
        }
    }
}

/// A table to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct TableSpec {
    /// The input of `CreateTable`.
    pub create: Value,
    /// The input of `UpdateTimeToLive`, if the table has one.
    pub time_to_live: Option<Value>,
}

/// A queue to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSpec {
    /// The queue's name.
    pub name: String,
    /// Its attributes, as `CreateQueue` takes them.
    pub attributes: BTreeMap<String, String>,
}

/// All that a template deploys.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Its tables.
    pub tables: Vec<TableSpec>,
    /// Its queues.
    pub queues: Vec<QueueSpec>,
    /// The names of its buckets.
    pub buckets: Vec<String>,
    /// Its functions, and what invokes them.
    pub functions: Vec<FunctionSpec>,
    /// All of its resources, as CloudFormation lists them.
    pub resources: Vec<StackResource>,
    /// The values of its parameters, defaults too.
    pub parameters: BTreeMap<String, String>,
}

impl Stack {
    /// What this template deploys to this place with these parameters.
    pub fn read(template: &str, place: &Place, parameters: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let template = yaml::parse(template)?;
        let scope = Scope::new(&template, place, parameters)?;
        let resources = template.get("Resources").and_then(Value::as_object);
        let resources = resources.ok_or_else(|| TemplateError::new("Resources", "there are none"))?;
        let globals = match template.pointer("/Globals/Function") {
            Some(globals) => scope.resolve(globals)?,
            None => json!({}),
        };
        let mut stack = Self {
            tables: Vec::new(),
            queues: Vec::new(),
            buckets: Vec::new(),
            functions: Vec::new(),
            resources: scope.resources(resources)?,
            parameters: scope.parameters(),
        };
        let roles = roles(&scope, resources)?;
        for (name, resource) in resources {
            let kind = resource.get("Type").and_then(Value::as_str).unwrap_or_default();
            let properties = || scope.resolve(resource.get("Properties").unwrap_or(&Value::Null));
            match kind {
                "AWS::DynamoDB::Table" => stack.tables.push(table(&scope.physical(name)?, &properties()?)),
                "AWS::SQS::Queue" => stack.queues.push(queue(&scope.physical(name)?, &properties()?)),
                "AWS::S3::Bucket" => stack.buckets.push(scope.physical(name)?),
                "AWS::Serverless::Function" => {
                    stack
                        .functions
                        .push(functions::read(&scope, name, &properties()?, &globals, &roles)?);
                }
                _ => {}
            }
        }
        Ok(stack)
    }

    /// The function of this kind.
    pub fn function(&self, function: Function) -> Option<&FunctionSpec> {
        self.functions.iter().find(|spec| spec.function == function)
    }
}

/// What each role allows, by its ARN. A role whose policies are elsewhere is not understood.
fn roles(scope: &Scope<'_>, resources: &Map<String, Value>) -> Result<BTreeMap<String, Vec<Statement>>, TemplateError> {
    let mut roles = BTreeMap::new();
    for (name, resource) in resources {
        if resource.get("Type").and_then(Value::as_str) != Some("AWS::IAM::Role") {
            continue;
        }
        let properties = scope.resolve(resource.get("Properties").unwrap_or(&Value::Null))?;
        if properties.get("ManagedPolicyArns").is_some() {
            return Err(TemplateError::new(name, "managed policies are not understood"));
        }
        let policies = properties
            .get("Policies")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let statements = policies.filter_map(|policy| policy.pointer("/PolicyDocument/Statement")?.as_array());
        let statements: Result<Vec<Statement>, _> = statements.flatten().map(Statement::read).collect();
        let statements = statements.map_err(|error| TemplateError::new(name, error.to_string()))?;
        roles.insert(scope.arn(name)?, statements);
    }
    Ok(roles)
}

/// Members of a table's properties that `CreateTable` takes as they are.
const TABLE_MEMBERS: [&str; 5] = [
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "DeletionProtectionEnabled",
];

fn table(name: &str, properties: &Value) -> TableSpec {
    let mut create: Map<String, Value> = TABLE_MEMBERS
        .iter()
        .filter_map(|member| Some(((*member).to_owned(), properties.get(*member)?.clone())))
        .collect();
    create.insert("TableName".to_owned(), json!(name));
    let time_to_live = properties.get("TimeToLiveSpecification");
    TableSpec {
        create: Value::Object(create),
        time_to_live: time_to_live
            .map(|specification| json!({"TableName": name, "TimeToLiveSpecification": specification})),
    }
}

/// Queue attributes are the resource's properties, as texts (API Reference, `CreateQueue`).
fn queue(name: &str, properties: &Value) -> QueueSpec {
    let attributes = properties
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != "QueueName" && *name != "Tags");
    let attributes =
        attributes.map(|(name, value)| (name.clone(), text_of(value).unwrap_or_else(|| value.to_string())));
    QueueSpec {
        name: name.to_owned(),
        attributes: attributes.collect(),
    }
}
