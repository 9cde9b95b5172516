//! A statement of a policy.

use serde_json::Value;

use super::Need;

/// A statement that allows something. No role here denies anything: what no statement allows is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its name.
    pub sid: String,
    /// The actions.
    pub actions: Vec<String>,
    /// The ARNs, with wildcards.
    pub resources: Vec<String>,
    conditions: Vec<Condition>,
}

/// What must hold of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    /// Every value of the request must be admitted; a key that is not in the request has none.
    every: bool,
    /// A key that is not in the request is admitted.
    if_exists: bool,
    test: Test,
    key: String,
    values: Vec<String>,
}

/// How a value of a request is compared with one of the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Equals,
    Like,
    /// The key is not in the request if the value is `true`, and is if it is `false`.
    Null,
}

/// A statement that is not understood here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the statement {sid} is not understood: {why}")]
pub(crate) struct Unreadable {
    sid: String,
    why: String,
}

impl Statement {
    /// Reads a statement whose functions are resolved.
    pub(crate) fn read(json: &Value) -> Result<Self, Unreadable> {
        let sid = json.get("Sid").and_then(Value::as_str).unwrap_or_default().to_owned();
        let wrong = |why: String| Unreadable { sid: sid.clone(), why };
        let members = json.as_object().into_iter().flatten();
        for (name, _) in members {
            if !["Sid", "Effect", "Action", "Resource", "Condition"].contains(&name.as_str()) {
                return Err(wrong(format!("it has a {name}")));
            }
        }
        if sid.is_empty() || json.get("Effect").and_then(Value::as_str) != Some("Allow") {
            return Err(wrong("it needs a Sid and the effect Allow".to_owned()));
        }
        let mut conditions = Vec::new();
        let operators = json.get("Condition").and_then(Value::as_object);
        for (operator, keys) in operators.into_iter().flatten() {
            for (key, values) in keys.as_object().into_iter().flatten() {
                let condition = Condition::read(operator, key, texts(Some(values)));
                conditions.push(condition.ok_or_else(|| wrong(format!("the operator {operator}")))?);
            }
        }
        Ok(Self {
            actions: texts(json.get("Action")),
            resources: texts(json.get("Resource")),
            conditions,
            sid,
        })
    }

    /// By which of its parts the statement allows this; `None` if it does not.
    pub(super) fn allows(&self, need: &Need) -> Option<Vec<(String, String)>> {
        let action = self.actions.iter().find(|action| like(action, &need.action))?;
        let resource = self.resources.iter().find(|resource| like(resource, &need.resource))?;
        let mut parts = vec![(action.clone(), resource.clone())];
        for condition in &self.conditions {
            parts.extend(condition.admits(need)?);
        }
        Some(parts)
    }

    /// All of its parts.
    pub(super) fn parts(&self) -> Vec<(String, String)> {
        let calls = self.actions.iter().flat_map(|action| {
            let resources = self.resources.iter();
            resources.map(move |resource| (action.clone(), resource.clone()))
        });
        let conditions = self.conditions.iter().filter(|condition| condition.test != Test::Null);
        let values = conditions.flat_map(|condition| {
            let values = condition.values.iter();
            values.map(|value| (condition.key.clone(), value.clone()))
        });
        calls.chain(values).collect()
    }
}

impl Condition {
    fn read(operator: &str, key: &str, values: Vec<String>) -> Option<Self> {
        let (every, operator) = match operator.strip_prefix("ForAllValues:") {
            Some(rest) => (true, rest),
            None => (false, operator),
        };
        let (if_exists, operator) = match operator.strip_suffix("IfExists") {
            Some(rest) => (true, rest),
            None => (false, operator),
        };
        let test = match operator {
            "StringEquals" | "Bool" => Test::Equals,
            // "You can use ArnEquals and ArnLike interchangeably": both know wildcards.
            "StringLike" | "ArnLike" | "ArnEquals" => Test::Like,
            "Null" => Test::Null,
            _ => return None,
        };
        Some(Self {
            every,
            if_exists,
            test,
            key: key.to_owned(),
            values,
        })
    }

    /// By which of its values the condition admits this; `None` if it does not.
    fn admits(&self, need: &Need) -> Option<Vec<(String, String)>> {
        let found = need.keys.get(self.key.as_str());
        if self.test == Test::Null {
            let absent = if found.is_none() { "true" } else { "false" };
            return self.values.iter().any(|value| value == absent).then(Vec::new);
        }
        let Some(found) = found else {
            return (self.if_exists || self.every).then(Vec::new);
        };
        let admitting = |value: &String| self.values.iter().find(|admitted| self.compares(admitted, value));
        let admitted: Vec<Option<&String>> = found.iter().map(admitting).collect();
        let holds = if self.every {
            admitted.iter().all(Option::is_some)
        } else {
            admitted.iter().any(Option::is_some)
        };
        let values = admitted.into_iter().flatten();
        holds.then(|| values.map(|value| (self.key.clone(), value.clone())).collect())
    }

    fn compares(&self, admitted: &str, value: &str) -> bool {
        match self.test {
            Test::Equals => admitted == value,
            Test::Like => like(admitted, value),
            Test::Null => false,
        }
    }
}

/// A text, or a list of texts.
fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().filter_map(crate::template::text_of).collect(),
        Some(one) => crate::template::text_of(one).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Whether a text is as a pattern has it: `*` is any number of characters and `?` is one.
pub(super) fn like(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.as_bytes(), text.as_bytes());
    // Where the last `*` was, and how much of the text it had taken.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), text.split_first()) {
            (Some((b'*', rest)), _) => {
                star = Some((rest, text));
                pattern = rest;
            }
            (Some((wanted, rest)), Some((found, left))) if wanted == found || *wanted == b'?' => {
                (pattern, text) = (rest, left);
            }
            (None, None) => return true,
            _ => match star.and_then(|(after, from)| Some((after, from.split_first()?.1))) {
                Some((after, from)) => {
                    star = Some((after, from));
                    (pattern, text) = (after, from);
                }
                None => return false,
            },
        }
    }
}
