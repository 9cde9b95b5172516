//! Functions and their event sources.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use super::TemplateError;
use super::resolve::{Scope, text_of};
use crate::iam::Statement;

/// One of the six functions, told by the directory of its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    /// The tenants API.
    Provision,
    /// The heartbeat.
    Activity,
    /// Observations from ECS events.
    TaskState,
    /// Releases and rollouts.
    Rebase,
    /// The minute sweep.
    Watchdog,
    /// The only one that changes ECS and EFS.
    Reconcile,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Provision,
        Self::Activity,
        Self::TaskState,
        Self::Rebase,
        Self::Watchdog,
        Self::Reconcile,
    ];

    /// The name of its directory.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Activity => "activity",
            Self::TaskState => "task-state",
            Self::Rebase => "rebase",
            Self::Watchdog => "watchdog",
            Self::Reconcile => "reconcile",
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A method and a path of the HTTP API, like `POST` and `/tenants/{id}/wake`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method, in capitals.
    pub method: String,
    /// The path, with parameters in braces.
    pub path: String,
}

impl Route {
    /// The one that is taken when no other fits.
    pub fn default_route() -> Self {
        Self {
            method: "ANY".to_owned(),
            path: DEFAULT.to_owned(),
        }
    }

    /// Its key, as API Gateway writes it.
    pub fn key(&self) -> String {
        if self.path == DEFAULT {
            return DEFAULT.to_owned();
        }
        format!("{} {}", self.method, self.path)
    }
}

/// The key of the default route.
const DEFAULT: &str = "$default";

/// An `EventBridge` rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Which events it passes on.
    pub pattern: Value,
}

/// A schedule of `EventBridge` Scheduler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// How often.
    pub every: Duration,
    /// What the function is given; `<aws.scheduler.scheduled-time>` stands for the time.
    pub input: String,
}

/// An SQS queue that feeds the function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The queue's ARN.
    pub queue: String,
    /// The most messages of one invocation.
    pub batch: usize,
    /// The most invocations at the same time.
    pub at_once: usize,
}

/// How many invocations one queue may have at once where the mapping does not say: what Lambda's pollers begin with
/// (Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings").
const AT_ONCE: u64 = 5;

/// Where an asynchronous invocation ends that fails for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// How often a failed invocation is tried again.
    pub retries: u32,
    /// The ARN of the queue that gets the record, if there is one.
    pub queue: Option<String>,
}

/// A function, its settings, and what invokes it.
#[derive(Clone, Debug)]
pub struct FunctionSpec {
    /// Which one.
    pub function: Function,
    /// Its name in Lambda.
    pub name: String,
    /// The longest that an invocation may take.
    pub timeout: Duration,
    /// Its environment variables.
    pub variables: BTreeMap<String, String>,
    /// What becomes of failed asynchronous invocations.
    pub on_failure: Destination,
    /// Where its log goes.
    pub log_group: String,
    /// What its role allows.
    pub role: Vec<Statement>,
    /// The routes of the API that lead to it.
    pub routes: Vec<Route>,
    /// The rules that target it.
    pub rules: Vec<Rule>,
    /// Its schedules.
    pub schedules: Vec<Schedule>,
    /// The queues that feed it.
    pub mappings: Vec<Mapping>,
}

pub(super) fn read(
    scope: &Scope<'_>,
    name: &str,
    properties: &Value,
    globals: &Value,
    roles: &BTreeMap<String, Vec<Statement>>,
) -> Result<FunctionSpec, TemplateError> {
    let wrong = |why: String| TemplateError::new(name, why);
    let code = properties.get("CodeUri").and_then(Value::as_str).unwrap_or_default();
    let function = Function::ALL
        .into_iter()
        .find(|function| code == format!("functions/{function}"));
    let function = function.ok_or_else(|| wrong(format!("CodeUri {code:?} is no directory of a function")))?;
    let role = properties
        .get("Role")
        .and_then(Value::as_str)
        .and_then(|role| roles.get(role));
    let role = role.ok_or_else(|| wrong("it has no Role of this template".to_owned()))?;
    let log_group = properties.pointer("/LoggingConfig/LogGroup").and_then(text_of);
    let timeout = properties
        .get("Timeout")
        .or_else(|| globals.get("Timeout"))
        .and_then(Value::as_u64)
        .unwrap_or(3);
    let mut spec = FunctionSpec {
        function,
        name: scope.physical(name)?,
        timeout: Duration::from_secs(timeout),
        variables: variables(globals).chain(variables(properties)).collect(),
        on_failure: destination(properties),
        role: role.clone(),
        log_group: log_group.ok_or_else(|| wrong("it has no log group of its own".to_owned()))?,
        routes: Vec::new(),
        rules: Vec::new(),
        schedules: Vec::new(),
        mappings: Vec::new(),
    };
    let events = properties.get("Events").and_then(Value::as_object);
    for (event, declaration) in events.into_iter().flatten() {
        add(&mut spec, declaration)
            .ok_or_else(|| wrong(format!("the event {event} is not understood: {declaration}")))?;
    }
    Ok(spec)
}

fn variables(properties: &Value) -> impl Iterator<Item = (String, String)> {
    let declared = properties.pointer("/Environment/Variables").and_then(Value::as_object);
    declared
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), text_of(value)?)))
}

/// Two retries unless said otherwise (Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous
/// invocation").
fn destination(properties: &Value) -> Destination {
    let config = properties.get("EventInvokeConfig");
    let retries = config
        .and_then(|config| config.get("MaximumRetryAttempts"))
        .and_then(Value::as_u64);
    let queue = config
        .and_then(|config| config.pointer("/DestinationConfig/OnFailure/Destination"))
        .and_then(Value::as_str);
    Destination {
        retries: retries.and_then(|retries| u32::try_from(retries).ok()).unwrap_or(2),
        queue: queue.map(ToOwned::to_owned),
    }
}

fn add(spec: &mut FunctionSpec, declaration: &Value) -> Option<()> {
    let properties = declaration.get("Properties")?;
    let text = |name: &str| properties.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    match declaration.get("Type")?.as_str()? {
        "HttpApi" => spec.routes.push(match (text("Method"), text("Path")) {
            (None, None) => Route::default_route(),
            (method, path) => Route {
                method: method?.to_ascii_uppercase(),
                path: path?,
            },
        }),
        "EventBridgeRule" => {
            spec.rules.push(Rule {
                pattern: properties.get("Pattern").filter(|pattern| pattern.is_object())?.clone(),
            });
        }
        "ScheduleV2" => {
            let input = text("Input").unwrap_or_else(|| Value::Object(Map::new()).to_string());
            spec.schedules.push(Schedule {
                every: rate(&text("ScheduleExpression")?)?,
                input,
            });
        }
        "SQS" => {
            let batch = properties.get("BatchSize").and_then(Value::as_u64).unwrap_or(10);
            let at_once = properties.pointer("/ScalingConfig/MaximumConcurrency");
            let at_once = at_once.and_then(Value::as_u64).unwrap_or(AT_ONCE);
            spec.mappings.push(Mapping {
                queue: text("Queue")?,
                batch: usize::try_from(batch).ok()?,
                at_once: usize::try_from(at_once).ok()?,
            });
        }
        _ => return None,
    }
    Some(())
}

/// `rate(N minutes)` (`EventBridge` Scheduler User Guide, "Schedule types").
fn rate(expression: &str) -> Option<Duration> {
    let inner = expression.strip_prefix("rate(")?.strip_suffix(')')?;
    let (number, unit) = inner.split_once(' ')?;
    let number: u64 = number.parse().ok().filter(|number| *number > 0)?;
    match unit {
        "minute" | "minutes" => Some(Duration::from_secs(number * 60)),
        "hour" | "hours" => Some(Duration::from_secs(number * 3_600)),
        "day" | "days" => Some(Duration::from_secs(number * 86_400)),
        _ => None,
    }
}
