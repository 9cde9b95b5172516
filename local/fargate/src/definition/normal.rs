//! The normal form in which ECS stores a definition: what was given, with the defaults that ECS fills in.
//!
//! Source: `RegisterTaskDefinition`'s examples in the Amazon ECS API Reference, and the defaults named in the model's
//! `ContainerDefinition`, `PortMapping`, `HealthCheck` and `EFSVolumeConfiguration`.

use serde_json::{Map, Value, json};

use super::size::Size;

/// The normal form of a valid request, less its tags. No member is lost, known or not.
pub(crate) fn normalise(given: &Map<String, Value>, size: Option<Size>) -> Map<String, Value> {
    let mut body: Map<String, Value> = given
        .iter()
        .filter(|(name, value)| *name != "tags" && !value.is_null())
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect();
    if let Some(size) = size {
        body.insert("cpu".to_owned(), json!(size.cpu.to_string()));
        body.insert("memory".to_owned(), json!(size.memory.to_string()));
    }
    for list in ["volumes", "placementConstraints"] {
        body.entry(list).or_insert_with(|| json!([]));
    }
    let awsvpc = body.get("networkMode").and_then(Value::as_str) == Some("awsvpc");
    for container in objects(&mut body, "containerDefinitions") {
        complete_container(container, awsvpc);
    }
    for volume in objects(&mut body, "volumes") {
        if let Some(Value::Object(efs)) = volume.get_mut("efsVolumeConfiguration") {
            efs.entry("rootDirectory").or_insert_with(|| json!("/"));
        }
    }
    body
}

fn complete_container(container: &mut Map<String, Value>, awsvpc: bool) {
    container.retain(|_, value| !value.is_null());
    container.entry("cpu").or_insert_with(|| json!(0));
    container.entry("essential").or_insert_with(|| json!(true));
    for list in [
        "environment",
        "mountPoints",
        "portMappings",
        "volumesFrom",
        "systemControls",
    ] {
        container.entry(list).or_insert_with(|| json!([]));
    }
    for port in objects(container, "portMappings") {
        port.entry("protocol").or_insert_with(|| json!("tcp"));
        if let (true, Some(number)) = (awsvpc, port.get("containerPort").cloned()) {
            port.entry("hostPort").or_insert(number);
        }
    }
    if let Some(Value::Object(check)) = container.get_mut("healthCheck") {
        for (name, default) in [("interval", 30), ("timeout", 5), ("retries", 3)] {
            check.entry(name).or_insert_with(|| json!(default));
        }
    }
}

fn objects<'a>(body: &'a mut Map<String, Value>, list: &str) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    body.get_mut(list)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
}

/// The capabilities that a container instance would need: the part of `requiresAttributes` that follows from the
/// definition's own members.
pub(crate) fn required_attributes(body: &Map<String, Value>) -> Value {
    let mut names = vec![
        "com.amazonaws.ecs.capability.docker-remote-api.1.18",
        "ecs.capability.task-eni",
    ];
    if body.contains_key("taskRoleArn") {
        names.push("com.amazonaws.ecs.capability.task-iam-role");
    }
    if body.contains_key("executionRoleArn") {
        names.push("ecs.capability.execution-role-ecr-pull");
    }
    let containers = body.get("containerDefinitions").and_then(Value::as_array);
    let any =
        |member: &str| containers.is_some_and(|all| all.iter().any(|c| c.get(member).is_some_and(|v| !v.is_null())));
    for (member, name) in [
        ("healthCheck", "ecs.capability.container-health-check"),
        ("dependsOn", "ecs.capability.container-ordering"),
        ("secrets", "ecs.capability.secrets.ssm.environment-variables"),
        ("firelensConfiguration", "ecs.capability.firelens.fluentbit"),
    ] {
        if any(member) {
            names.push(name);
        }
    }
    names.into_iter().map(|name| json!({"name": name})).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_nobody_knows_are_kept_at_every_level() {
        let given = json!({
            "family": "a", "networkMode": "awsvpc", "novelty": {"x": 1}, "tags": [{"key": "k", "value": "v"}],
            "containerDefinitions": [{"name": "main", "image": "i", "oddity": [1, 2], "portMappings": [{"containerPort": 80}]}],
        });
        let body = normalise(given.as_object().unwrap(), Some(Size { cpu: 256, memory: 512 }));
        assert_eq!(body["novelty"], json!({"x": 1}));
        assert_eq!(body["containerDefinitions"][0]["oddity"], json!([1, 2]));
        assert_eq!(
            body["containerDefinitions"][0]["portMappings"][0],
            json!({"containerPort": 80, "hostPort": 80, "protocol": "tcp"})
        );
        assert!(!body.contains_key("tags"));
        let again = normalise(&body, Some(Size { cpu: 256, memory: 512 }));
        assert_eq!(again, body, "a normal form is its own normal form");
    }
}
