//! What a `RunTask` request changes of its definition.
//!
//! Source: `TaskOverride` and `ContainerOverride`.

use serde_json::{Map, Value, json};

use crate::definition::container::ContainerSpec;
use crate::definition::size::Size;
use crate::wire::args::Args;
use crate::wire::error::ApiError;

/// A task's overrides, checked against its definition.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Overrides {
    /// As `DescribeTasks` shows them: with an entry for each container.
    pub(crate) shown: Value,
    pub(crate) size: Option<Size>,
    pub(crate) storage: Option<i64>,
}

/// The overrides of a task that has none.
pub(crate) fn none(containers: &[ContainerSpec]) -> Value {
    let names: Vec<_> = containers
        .iter()
        .map(|container| json!({"name": container.name}))
        .collect();
    json!({"containerOverrides": names, "inferenceAcceleratorOverrides": []})
}

/// Reads and checks `overrides` of a request.
pub(crate) fn read(
    given: Option<Args<'_>>,
    definition: &Map<String, Value>,
    containers: &[ContainerSpec],
) -> Result<Overrides, ApiError> {
    let Some(given) = given else {
        return Ok(Overrides {
            shown: none(containers),
            size: None,
            storage: None,
        });
    };
    for one in given.objects("containerOverrides") {
        let name = one.text("name").unwrap_or_default();
        if !containers.iter().any(|container| container.name == name) {
            let message = format!("Override for container named {name} is not a container in the TaskDefinition.");
            return Err(ApiError::parameter(message));
        }
    }
    let definition = Args(definition);
    let size = if given.get("cpu").is_some() || given.get("memory").is_some() {
        let pick = |member| given.named(member).or(definition.named(member));
        let size = Size::fargate(pick("cpu"), pick("memory")).map_err(|error| ApiError::client(error.message))?;
        Some(size)
    } else {
        None
    };
    let storage = given
        .object("ephemeralStorage")
        .and_then(|storage| storage.int("sizeInGiB"));
    if storage.is_some_and(|size| !(21..=200).contains(&size)) {
        return Err(ApiError::parameter(
            "EphemeralStorage sizeInGiB must be between 21 and 200.",
        ));
    }
    Ok(Overrides {
        shown: show(given, containers, size),
        size,
        storage,
    })
}

fn show(given: Args<'_>, containers: &[ContainerSpec], size: Option<Size>) -> Value {
    let mut shown = given.0.clone();
    shown.retain(|_, value| !value.is_null());
    let per_container = containers.iter().map(|container| {
        let mut found = given
            .objects("containerOverrides")
            .filter(|one| one.text("name") == Some(&container.name));
        found
            .next()
            .map_or_else(|| json!({"name": container.name}), |one| Value::Object(one.0.clone()))
    });
    shown.insert("containerOverrides".to_owned(), per_container.collect());
    shown
        .entry("inferenceAcceleratorOverrides")
        .or_insert_with(|| json!([]));
    if let Some(size) = size {
        for (name, value) in [("cpu", size.cpu), ("memory", size.memory)] {
            if given.get(name).is_some() {
                shown.insert(name.to_owned(), json!(value.to_string()));
            }
        }
    }
    Value::Object(shown)
}
