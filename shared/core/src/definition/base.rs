//! The base: what the customer's own stack registered, as ECS described it.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};

use super::canonical::canonical;
use super::fingerprint::BaseFingerprint;
use super::layout::{Layout, NoMain, NoWorkspace, main_index, text, workspace_index};

/// The members of a described task definition that `RegisterTaskDefinition` does not take (model: `TaskDefinition` less
/// `RegisterTaskDefinitionRequest`).
const RESPONSE_ONLY: [&str; 9] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
];

/// The members of `RegisterTaskDefinitionRequest` less `tags`.
const KNOWN: [&str; 17] = [
    "family",
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "containerDefinitions",
    "volumes",
    "placementConstraints",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "pidMode",
    "ipcMode",
    "proxyConfiguration",
    "inferenceAccelerators",
    "ephemeralStorage",
    "runtimePlatform",
    "enableFaultInjection",
];

/// The members of `ContainerDefinition`.
const KNOWN_IN_CONTAINER: [&str; 42] = [
    "name",
    "image",
    "repositoryCredentials",
    "cpu",
    "memory",
    "memoryReservation",
    "links",
    "portMappings",
    "essential",
    "restartPolicy",
    "entryPoint",
    "command",
    "environment",
    "environmentFiles",
    "mountPoints",
    "volumesFrom",
    "linuxParameters",
    "secrets",
    "dependsOn",
    "startTimeout",
    "stopTimeout",
    "versionConsistency",
    "hostname",
    "user",
    "workingDirectory",
    "disableNetworking",
    "privileged",
    "readonlyRootFilesystem",
    "dnsServers",
    "dnsSearchDomains",
    "extraHosts",
    "dockerSecurityOptions",
    "interactive",
    "pseudoTerminal",
    "dockerLabels",
    "ulimits",
    "logConfiguration",
    "healthCheck",
    "systemControls",
    "resourceRequirements",
    "firelensConfiguration",
    "credentialSpecs",
];

/// Leaves of a described task definition what `RegisterTaskDefinition` takes.
pub fn strip_response_only(definition: &mut Map<String, Value>) {
    definition.retain(|name, _| !RESPONSE_ONLY.contains(&name.as_str()));
}

/// A base in normal form: without response-only members, with the lists that have no order sorted by name.
///
/// Its `Debug` names it and shows nothing of its content, which holds the values of variables.
#[derive(Clone, PartialEq)]
pub struct Base {
    family: String,
    arn: Option<String>,
    revision: Option<u64>,
    active: bool,
    /// What `RegisterTaskDefinition` would take, less the tags.
    request: Map<String, Value>,
    tags: BTreeMap<String, String>,
    unknown: Vec<String>,
}

/// Why a JSON value is not a base.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBase {
    /// A member does not have the type that the ECS model gives it.
    #[error("the description of the base is not what ECS returns: {member} must be {expected}")]
    Shape {
        /// Which member.
        member: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Two containers have one name.
    #[error("the base has two containers named {name:?}")]
    SameName {
        /// The name.
        name: String,
    },
}

impl Base {
    /// Reads a `DescribeTaskDefinition` response, asked for with `include: ["TAGS"]`: `{"taskDefinition": …, "tags": …}`.
    pub fn from_response(mut response: Value) -> Result<Self, InvalidBase> {
        let tags = read_tags(response.get("tags"))?;
        let definition = response.get_mut("taskDefinition").map(Value::take);
        let Some(Value::Object(request)) = definition else {
            return Err(shape("taskDefinition", "an object"));
        };
        Self::new(request, tags)
    }

    fn new(mut request: Map<String, Value>, tags: BTreeMap<String, String>) -> Result<Self, InvalidBase> {
        let member = |name| request.get(name);
        let family = member("family")
            .and_then(Value::as_str)
            .filter(|family| !family.is_empty());
        let family = family
            .ok_or_else(|| shape("family", "a text that is not empty"))?
            .to_owned();
        let arn = member("taskDefinitionArn").and_then(Value::as_str).map(str::to_owned);
        let revision = member("revision").and_then(Value::as_u64);
        let active = member("status").is_none_or(|status| status == "ACTIVE");
        check_containers(&request)?;
        check_volumes(&request)?;
        strip_response_only(&mut request);
        sort_named_lists(&mut request);
        let unknown = unknown_members(&request);
        Ok(Self {
            family,
            arn,
            revision,
            active,
            request,
            tags,
            unknown,
        })
    }

    /// The base family.
    pub fn family(&self) -> &str {
        &self.family
    }

    /// The ARN of this revision, if the description had one.
    pub fn arn(&self) -> Option<&str> {
        self.arn.as_deref()
    }

    /// The number of this revision, if the description had one.
    pub fn revision(&self) -> Option<u64> {
        self.revision
    }

    /// Whether ECS still accepts it for new tasks; a description without a status counts as ACTIVE.
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// What its content is told apart by: two revisions that render alike have one.
    pub fn fingerprint(&self) -> BaseFingerprint {
        BaseFingerprint::of(&canonical(&json!({"taskDefinition": self.request, "tags": self.tags})))
    }

    /// The members of the definition and of its containers that are in neither list of the ECS model that Berth was
    /// built with. They are carried; what lies deeper is carried unseen.
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// Name and image of each container.
    pub fn images(&self) -> impl Iterator<Item = (&str, &str)> {
        self.containers()
            .iter()
            .map(|container| (text(container, "name"), text(container, "image")))
    }

    /// The name of the main container.
    pub fn main(&self, layout: &Layout) -> Result<&str, NoMain> {
        let index = main_index(self, &layout.main)?;
        Ok(self
            .containers()
            .get(index)
            .map(|container| text(container, "name"))
            .unwrap_or_default())
    }

    /// The name of the workspace volume, if there is one: then every tenant needs an access point.
    pub fn workspace(&self, layout: &Layout) -> Result<Option<&str>, NoWorkspace> {
        let index = workspace_index(self, &layout.workspace)?;
        Ok(index
            .and_then(|index| self.volumes().get(index))
            .map(|volume| text(volume, "name")))
    }

    /// As [`Base::from_response`] reads it, to keep a base that ECS may forget.
    pub fn to_json(&self) -> Value {
        let mut definition = self.request.clone();
        let status = if self.active { "ACTIVE" } else { "INACTIVE" };
        definition.insert("status".to_owned(), status.into());
        if let Some(arn) = &self.arn {
            definition.insert("taskDefinitionArn".to_owned(), arn.as_str().into());
        }
        if let Some(revision) = self.revision {
            definition.insert("revision".to_owned(), revision.into());
        }
        let tags: Vec<Value> = self
            .tags
            .iter()
            .map(|(key, value)| json!({"key": key, "value": value}))
            .collect();
        json!({"taskDefinition": definition, "tags": tags})
    }

    pub(super) fn request(&self) -> &Map<String, Value> {
        &self.request
    }

    /// Its tags less those of AWS and of Berth.
    pub(super) fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }

    pub(super) fn containers(&self) -> &[Value] {
        list(&self.request, "containerDefinitions")
    }

    pub(super) fn volumes(&self) -> &[Value] {
        list(&self.request, "volumes")
    }
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Base");
        shown
            .field("family", &self.family)
            .field("revision", &self.revision)
            .field("active", &self.active);
        shown.finish_non_exhaustive()
    }
}

fn list<'a>(members: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    members
        .get(name)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn shape(member: &'static str, expected: &'static str) -> InvalidBase {
    InvalidBase::Shape { member, expected }
}

fn read_tags(tags: Option<&Value>) -> Result<BTreeMap<String, String>, InvalidBase> {
    let none = Vec::new();
    let tags = match tags {
        None | Some(Value::Null) => &none,
        Some(tags) => tags.as_array().ok_or_else(|| shape("tags", "a list"))?,
    };
    let named = |tag: &Value| {
        let key = tag
            .get("key")
            .and_then(Value::as_str)
            .ok_or_else(|| shape("tags[].key", "a text"))?;
        Ok((key.to_owned(), text(tag, "value").to_owned()))
    };
    let tags: Result<BTreeMap<_, _>, _> = tags.iter().map(named).collect();
    tags.map(|tags| tags.into_iter().filter(|(key, _)| !is_reserved(key)).collect())
}

/// AWS keeps `aws:` in any case for itself (model, `Tag`); `berth:` is ours, on the clone.
fn is_reserved(key: &str) -> bool {
    let begins = |prefix: &str| {
        key.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    begins("aws:") || key.starts_with("berth:")
}

fn check_containers(request: &Map<String, Value>) -> Result<(), InvalidBase> {
    let wrong = || shape("containerDefinitions", "a list of objects with names, at least one");
    let containers = request
        .get("containerDefinitions")
        .and_then(Value::as_array)
        .ok_or_else(wrong)?;
    if containers.is_empty() {
        return Err(wrong());
    }
    for (index, container) in containers.iter().enumerate() {
        let name = container.get("name").and_then(Value::as_str).ok_or_else(wrong)?;
        if containers.iter().take(index).any(|other| text(other, "name") == name) {
            return Err(InvalidBase::SameName { name: name.to_owned() });
        }
        for member in ["environment", "secrets"] {
            let named = |entry: &Value| entry.get("name").is_some_and(Value::is_string);
            let legal = |list: &Value| list.as_array().is_some_and(|list| list.iter().all(named));
            if !container.get(member).is_none_or(legal) {
                return Err(shape(
                    "environment and secrets of a container",
                    "lists of objects with names",
                ));
            }
        }
    }
    Ok(())
}

fn check_volumes(request: &Map<String, Value>) -> Result<(), InvalidBase> {
    let named = |volume: &Value| volume.get("name").is_some_and(Value::is_string);
    let efs = |volume: &Value| volume.get(super::layout::EFS).is_none_or(Value::is_object);
    let legal = |list: &Value| {
        list.as_array()
            .is_some_and(|list| list.iter().all(|one| named(one) && efs(one)))
    };
    let volumes = request.get("volumes");
    volumes
        .is_none_or(legal)
        .then_some(())
        .ok_or_else(|| shape("volumes", "a list of objects with names"))
}

/// ECS gives the variables and secrets of a container in an order that means nothing.
fn sort_named_lists(request: &mut Map<String, Value>) {
    let containers = request.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten() {
        for member in ["environment", "secrets"] {
            if let Some(entries) = container.get_mut(member).and_then(Value::as_array_mut) {
                sort_by_name(entries);
            }
        }
    }
}

/// Keeps the order of equal names, of which the last counts.
pub(super) fn sort_by_name(entries: &mut [Value]) {
    entries.sort_by(|a, b| text(a, "name").cmp(text(b, "name")));
}

fn unknown_members(request: &Map<String, Value>) -> Vec<String> {
    let unknown = |known: &'static [&str], name: &&String| !known.contains(&name.as_str());
    let mut names: Vec<String> = request.keys().filter(|name| unknown(&KNOWN, name)).cloned().collect();
    for container in list(request, "containerDefinitions") {
        let members = container.as_object().into_iter().flat_map(Map::keys);
        let members = members.filter(|name| unknown(&KNOWN_IN_CONTAINER, name));
        names.extend(members.map(|name| format!("containerDefinitions[{}].{name}", text(container, "name"))));
    }
    names.sort();
    names
}
