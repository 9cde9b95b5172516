//! What a definition must be to be registered: the rules of the definition as a whole.
//!
//! Source: `RegisterTaskDefinitionRequest`; Amazon ECS Developer Guide, "Amazon ECS task definition differences for
//! Fargate" and "Amazon ECS service quotas".

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::container_rules;
use super::size::{Size, units};
use super::volume_rules;
use crate::wire::args::Args;
use crate::wire::error::ApiError;

/// The most bytes of a definition. Source: "Amazon ECS service quotas", task definition size.
const MOST_BYTES: usize = 64 * 1024;
/// The most containers of a definition. Source: "Amazon ECS service quotas".
const MOST_CONTAINERS: usize = 10;

/// What is wrong with a definition, if anything.
pub(crate) type Verdict = Result<(), ApiError>;

pub(crate) fn refuse(message: impl Into<String>) -> ApiError {
    ApiError::client(message)
}

/// Whether a definition says that it is for Fargate.
pub(crate) fn is_fargate(definition: Args<'_>) -> bool {
    definition.includes("requiresCompatibilities", "FARGATE")
}

/// Checks a request; the answer is its size, if it has one.
pub(crate) fn check(definition: Args<'_>) -> Result<Option<Size>, ApiError> {
    check_family(definition.text("family").unwrap_or_default())?;
    let names = check_containers(definition)?;
    volume_rules::check(definition)?;
    check_dependencies(definition, &names)?;
    check_ports(definition)?;
    let size = if is_fargate(definition) {
        Some(check_fargate(definition)?)
    } else {
        other_size(definition)?
    };
    if let Some(size) = size {
        check_limits(definition, size)?;
    }
    check_storage(definition)?;
    Ok(size)
}

/// Checks the length of a normal form.
pub(crate) fn check_length(body: &Map<String, Value>) -> Verdict {
    let bytes = serde_json::to_vec(body).map_or(0, |text| text.len());
    if bytes > MOST_BYTES {
        return Err(refuse(format!(
            "Actual length: '{bytes}'. Max allowed length is '{MOST_BYTES}' bytes."
        )));
    }
    Ok(())
}

/// The launch types that a definition could be used with.
pub(crate) fn compatibilities(body: &Map<String, Value>) -> Value {
    let definition = Args(body);
    let fargate = definition.text("networkMode") == Some("awsvpc") && check_fargate(definition).is_ok();
    if fargate {
        json!(["EC2", "FARGATE"])
    } else {
        json!(["EC2"])
    }
}

fn check_family(family: &str) -> Verdict {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if family.is_empty() {
        return Err(refuse("Family can not be blank."));
    }
    if family.len() > 255 || !family.chars().all(legal) {
        return Err(refuse(
            "Family contains invalid characters, or is longer than 255 characters.",
        ));
    }
    Ok(())
}

fn check_containers(definition: Args<'_>) -> Result<BTreeSet<&str>, ApiError> {
    let count = definition.list("containerDefinitions").len();
    if count == 0 {
        return Err(refuse("Container list cannot be empty."));
    }
    if count > MOST_CONTAINERS {
        return Err(refuse(format!(
            "A task definition has at most {MOST_CONTAINERS} containers, but this has {count}."
        )));
    }
    let mut names = BTreeSet::new();
    let fargate = is_fargate(definition);
    for container in definition.objects("containerDefinitions") {
        container_rules::check(container)?;
        if fargate {
            container_rules::check_on_fargate(container, definition)?;
        } else {
            container_rules::check_memory_is_given(container, definition.text("memory"))?;
        }
        let name = container.text("name").unwrap_or_default();
        if !names.insert(name) {
            return Err(refuse(format!(
                "Container names must be unique: {name} is there twice."
            )));
        }
    }
    let essential = definition
        .objects("containerDefinitions")
        .any(|c| c.flag("essential").unwrap_or(true));
    if !essential {
        return Err(refuse("At least one container in a task definition must be essential."));
    }
    Ok(names)
}

/// The rules for definitions that require FARGATE.
fn check_fargate(definition: Args<'_>) -> Result<Size, ApiError> {
    if definition.text("networkMode") != Some("awsvpc") {
        return Err(refuse("Fargate only supports network mode 'awsvpc'."));
    }
    if definition.text("pidMode").is_some_and(|mode| mode != "task") {
        return Err(refuse(
            "Fargate compatible task definitions only support 'task' for pidMode.",
        ));
    }
    for member in ["ipcMode", "placementConstraints", "inferenceAccelerators"] {
        let absent = definition
            .get(member)
            .is_none_or(|value| value.as_array().is_some_and(Vec::is_empty));
        if !absent {
            return Err(refuse(format!(
                "Fargate compatible task definitions do not support {member}."
            )));
        }
    }
    let size = Size::fargate(definition.named("cpu"), definition.named("memory"))?;
    let windows = platform(definition, "operatingSystemFamily").is_some_and(|os| os != "LINUX");
    if windows && size.cpu < 1024 {
        return Err(refuse("Windows containers on Fargate need at least 1 vCPU."));
    }
    if windows && platform(definition, "cpuArchitecture") == Some("ARM64") {
        return Err(refuse("Windows containers on Fargate need the X86_64 architecture."));
    }
    Ok(size)
}

fn platform<'a>(definition: Args<'a>, member: &str) -> Option<&'a str> {
    definition.object("runtimePlatform")?.text(member)
}

/// Without FARGATE a size is optional; any whole number will do.
fn other_size(definition: Args<'_>) -> Result<Option<Size>, ApiError> {
    let read = |member: &str, big: &str| match definition.named(member) {
        None => Ok(None),
        Some(text) => units(text, big)
            .map(Some)
            .ok_or_else(|| refuse(format!("Invalid '{member}' setting for task."))),
    };
    match (read("cpu", "vcpu")?, read("memory", "gb")?) {
        (Some(cpu), Some(memory)) => Ok(Some(Size { cpu, memory })),
        _ => Ok(None),
    }
}

/// What the containers reserve together must fit into the task, and what one may use at most too.
fn check_limits(definition: Args<'_>, size: Size) -> Verdict {
    let (mut cpu, mut reserved) = (0, 0);
    for container in definition.objects("containerDefinitions") {
        let name = container.text("name").unwrap_or_default();
        let hard = container.int("memory");
        if hard.is_some_and(|memory| u64::try_from(memory).is_ok_and(|memory| memory > size.memory)) {
            let message = format!(
                "Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be no more than the memory of the task."
            );
            return Err(refuse(message));
        }
        cpu += container.int("cpu").unwrap_or(0);
        reserved += container.int("memoryReservation").or(hard).unwrap_or(0);
    }
    if u64::try_from(cpu).is_ok_and(|cpu| cpu > size.cpu) {
        return Err(refuse(format!(
            "The CPU units of the containers ({cpu}) exceed those of the task ({}).",
            size.cpu
        )));
    }
    if u64::try_from(reserved).is_ok_and(|reserved| reserved > size.memory) {
        let message = format!(
            "The memory of the containers ({reserved} MiB) exceeds that of the task ({} MiB).",
            size.memory
        );
        return Err(refuse(message));
    }
    Ok(())
}

/// Source: EphemeralStorage.sizeInGiB: 21 to 200.
fn check_storage(definition: Args<'_>) -> Verdict {
    match definition
        .object("ephemeralStorage")
        .and_then(|storage| storage.int("sizeInGiB"))
    {
        Some(size) if !(21..=200).contains(&size) => Err(refuse(format!(
            "EphemeralStorage sizeInGiB must be between 21 and 200, but is {size}."
        ))),
        _ => Ok(()),
    }
}

/// Containers that are named elsewhere must exist, and none may wait for itself, not even over others.
fn check_dependencies(definition: Args<'_>, names: &BTreeSet<&str>) -> Verdict {
    let mut waits: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for container in definition.objects("containerDefinitions") {
        let name = container.text("name").unwrap_or_default();
        let depends: Vec<_> = container
            .objects("dependsOn")
            .filter_map(|d| d.text("containerName"))
            .collect();
        let mounts = container
            .objects("volumesFrom")
            .filter_map(|v| v.text("sourceContainer"));
        for other in depends.iter().copied().chain(mounts) {
            if !names.contains(other) {
                return Err(refuse(format!(
                    "Container '{name}' refers to container '{other}', which is not defined."
                )));
            }
        }
        check_conditions(container, definition)?;
        waits.insert(name, depends);
    }
    // Containers that wait for none of the remaining ones are taken away until nothing changes.
    while let Some(ready) = waits
        .iter()
        .find(|(_, on)| !on.iter().any(|other| waits.contains_key(other)))
        .map(|(n, _)| *n)
    {
        waits.remove(ready);
    }
    match waits.keys().next() {
        Some(name) => Err(refuse(format!("Container '{name}' is part of a circular dependency."))),
        None => Ok(()),
    }
}

/// Source: ContainerDependency.condition: HEALTHY needs a health check on the other container; COMPLETE and SUCCESS
/// cannot be asked of an essential one.
fn check_conditions(container: Args<'_>, definition: Args<'_>) -> Verdict {
    for dependency in container.objects("dependsOn") {
        let name = dependency.text("containerName").unwrap_or_default();
        let Some(other) = definition
            .objects("containerDefinitions")
            .find(|c| c.text("name") == Some(name))
        else {
            continue;
        };
        match dependency.text("condition") {
            Some("HEALTHY") if other.object("healthCheck").is_none() => {
                return Err(refuse(format!(
                    "The HEALTHY condition needs a health check in container '{name}'."
                )));
            }
            Some(condition @ ("COMPLETE" | "SUCCESS")) if other.flag("essential").unwrap_or(true) => {
                return Err(refuse(format!(
                    "The {condition} condition can't be set on essential container '{name}'."
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

/// With awsvpc all containers share one interface, so a host port equals its container port and is used once.
fn check_ports(definition: Args<'_>) -> Verdict {
    let awsvpc = definition.text("networkMode") == Some("awsvpc");
    let (mut ports, mut names) = (BTreeSet::new(), BTreeSet::new());
    for port in definition
        .objects("containerDefinitions")
        .flat_map(|c| c.objects("portMappings"))
    {
        let number = port.int("containerPort");
        if awsvpc
            && port
                .int("hostPort")
                .is_some_and(|host| Some(host) != number && host != 0)
        {
            return Err(refuse(
                "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
            ));
        }
        let key = (number, port.text("protocol").unwrap_or("tcp"));
        if awsvpc && number.is_some() && !ports.insert(key) {
            return Err(refuse(format!("Port {} is mapped twice.", key.0.unwrap_or_default())));
        }
        if let Some(name) = port.named("name")
            && !names.insert(name)
        {
            return Err(refuse(format!("The port name '{name}' is used twice.")));
        }
    }
    Ok(())
}
