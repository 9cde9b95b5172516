//! The readable difference of two definitions.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// One difference. Paths read like `containerDefinitions[main].environment[NAME]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Change {
    /// Only the second has it.
    Added {
        /// Where.
        path: String,
        /// What it is.
        value: Shown,
    },
    /// Only the first has it.
    Removed {
        /// Where.
        path: String,
        /// What it was.
        value: Shown,
    },
    /// Both have it and it differs.
    Changed {
        /// Where.
        path: String,
        /// What it was.
        from: Shown,
        /// What it is.
        to: Shown,
    },
}

/// A value as far as it may be shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// As it is.
    Plain(Value),
    /// The value of an environment variable, which is never shown.
    Hidden,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(value) => value.fmt(f),
            Self::Hidden => f.write_str("(not shown)"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { path, value } => write!(f, "+ {path}: {value}"),
            Self::Removed { path, value } => write!(f, "- {path}: {value}"),
            Self::Changed {
                path,
                to: Shown::Hidden,
                ..
            } => write!(f, "~ {path}: changed (not shown)"),
            Self::Changed { path, from, to } => write!(f, "~ {path}: {from} -> {to}"),
        }
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Plain(value) => value.serialize(serializer),
            Self::Hidden => serializer.collect_str(self),
        }
    }
}

impl Change {
    /// Where it is.
    pub fn path(&self) -> &str {
        match self {
            Self::Added { path, .. } | Self::Removed { path, .. } | Self::Changed { path, .. } => path,
        }
    }
}

/// What tells the entries of a list apart, for the lists of a definition that are sets (model: the member's shape).
fn key_of(list: &str) -> Option<&'static str> {
    Some(match list {
        "containerDefinitions" | "volumes" | "environment" | "secrets" | "secretOptions" | "ulimits" => "name",
        "tags" => "key",
        "mountPoints" => "containerPath",
        "portMappings" => "containerPort",
        "dependsOn" => "containerName",
        "systemControls" => "namespace",
        "volumesFrom" => "sourceContainer",
        "resourceRequirements" => "type",
        _ => return None,
    })
}

/// The one other member of an entry that is a name and a value, which stands for the entry.
const VALUES: [&str; 2] = ["value", "valueFrom"];

/// What differs between two definitions (or bases), in the order of their paths.
///
/// Lists of named entries are compared by name, other lists as a whole. What is only in one of the two is listed leaf
/// by leaf. The values of environment variables are not in the result.
pub fn difference(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    compare(&mut changes, &Place::root(), Some(before), Some(after));
    changes
}

/// Where a value stands: its path, the name of the list that it is directly in or is, and whether it may be shown.
struct Place {
    path: String,
    member: String,
    secret: bool,
}

impl Place {
    fn root() -> Self {
        Self {
            path: String::new(),
            member: String::new(),
            secret: false,
        }
    }

    fn member(&self, name: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        let path = format!("{}{dot}{name}", self.path);
        Self {
            path,
            member: name.to_owned(),
            secret: self.secret || name == "environment",
        }
    }

    fn entry(&self, key: &str) -> Self {
        let path = format!("{}[{key}]", self.path);
        Self {
            path,
            member: String::new(),
            secret: self.secret,
        }
    }

    fn shown(&self, value: &Value) -> Shown {
        if self.secret {
            Shown::Hidden
        } else {
            Shown::Plain(value.clone())
        }
    }

    fn leaf(&self, before: Option<&Value>, after: Option<&Value>) -> Option<Change> {
        let path = self.path.clone();
        match (before, after) {
            (Some(from), Some(to)) => Some(Change::Changed {
                path,
                from: self.shown(from),
                to: self.shown(to),
            }),
            (Some(value), None) => Some(Change::Removed {
                path,
                value: self.shown(value),
            }),
            (None, Some(value)) => Some(Change::Added {
                path,
                value: self.shown(value),
            }),
            (None, None) => None,
        }
    }
}

fn compare(changes: &mut Vec<Change>, place: &Place, before: Option<&Value>, after: Option<&Value>) {
    if before == after {
        return;
    }
    let known = changes.len();
    if let Some((before, after)) = both(before, after, Value::as_object) {
        for name in union(before.into_iter().chain(after).flat_map(Map::keys)) {
            let (before, after) = (
                before.and_then(|all| all.get(name)),
                after.and_then(|all| all.get(name)),
            );
            compare(changes, &place.member(name), before, after);
        }
    } else if let Some((old, new)) = both(before, after, |value| keyed(place, value)) {
        for key in union(old.iter().chain(&new).flatten().map(|(key, _)| key)) {
            compare(
                changes,
                &place.entry(key),
                find(old.as_ref(), key),
                find(new.as_ref(), key),
            );
        }
    } else {
        changes.extend(place.leaf(before, after));
    }
    // Something empty that comes or goes; where both are there, nothing but an order without meaning differs.
    if changes.len() == known && (before.is_none() || after.is_none()) {
        changes.extend(place.leaf(before, after));
    }
}

type Keyed<'a> = Vec<(String, &'a Value)>;

fn find<'a>(entries: Option<&Keyed<'a>>, key: &str) -> Option<&'a Value> {
    entries?.iter().find(|(other, _)| other == key).map(|(_, value)| *value)
}

/// The entries of a list with their keys, if it is one that has keys, each once.
fn keyed<'a>(place: &Place, list: &'a Value) -> Option<Keyed<'a>> {
    let key = key_of(&place.member)?;
    let key_text = |entry: &Value| match entry.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let entries = list
        .as_array()?
        .iter()
        .map(|entry| Some((key_text(entry)?, without_key(entry))));
    let entries: Option<Keyed<'a>> = entries.collect();
    entries.filter(|entries| union(entries.iter().map(|(key, _)| key)).len() == entries.len())
}

fn without_key(entry: &Value) -> &Value {
    let value = VALUES.into_iter().find_map(|member| entry.get(member));
    value
        .filter(|_| entry.as_object().is_some_and(|members| members.len() == 2))
        .unwrap_or(entry)
}

/// Both seen as `view`, if every one that is there can be; an absent one has nothing in it.
fn both<'a, T>(
    before: Option<&'a Value>,
    after: Option<&'a Value>,
    view: impl Fn(&'a Value) -> Option<T>,
) -> Option<(Option<T>, Option<T>)> {
    let seen = |value: Option<&'a Value>| value.map_or(Some(None), |value| view(value).map(Some));
    Some((seen(before)?, seen(after)?))
}

fn union<'a>(names: impl Iterator<Item = &'a String>) -> Vec<&'a String> {
    let mut names: Vec<&String> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}
