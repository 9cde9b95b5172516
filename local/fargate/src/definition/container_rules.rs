//! The rules of one container definition.
//!
//! Source: the model's `ContainerDefinition` and its members; Amazon ECS Developer Guide, "Amazon ECS task definition
//! differences for Fargate".

use std::collections::BTreeSet;

use super::rules::{Verdict, refuse};
use crate::wire::args::Args;

/// Checks what holds for every container.
pub(crate) fn check(container: Args<'_>) -> Verdict {
    let name = container.text("name").unwrap_or_default();
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 255 || !name.chars().all(legal) {
        return Err(refuse(format!(
            "Container name '{name}' is invalid: up to 255 letters, numbers, underscores and hyphens."
        )));
    }
    if container.named("image").is_none() {
        return Err(refuse(format!(
            "Container.image should not be null or empty (container '{name}')."
        )));
    }
    check_memory(container, name)?;
    check_environment(container, name)?;
    check_mappings(container, name)?;
    check_times(container, name)?;
    check_limits(container, name)
}

fn check_memory(container: Args<'_>, name: &str) -> Verdict {
    let (hard, soft) = (container.int("memory"), container.int("memoryReservation"));
    if container.int("cpu").is_some_and(i64::is_negative) {
        return Err(refuse(format!("Invalid 'cpu' setting for container '{name}'.")));
    }
    // Source: ContainerDefinition.memory: do not specify less than 6 MiB (4 MiB with older Docker).
    if hard.is_some_and(|memory| memory < 4) || soft.is_some_and(|memory| memory < 4) {
        return Err(refuse(format!(
            "Invalid 'memory' setting for container '{name}': at least 4 MiB."
        )));
    }
    if let (Some(hard), Some(soft)) = (hard, soft)
        && hard < soft
    {
        return Err(refuse(format!(
            "Invalid setting for container '{name}': 'memory' must be greater than 'memoryReservation'."
        )));
    }
    Ok(())
}

/// Without a task-level memory each container needs its own.
pub(crate) fn check_memory_is_given(container: Args<'_>, task: Option<&str>) -> Verdict {
    let given = container.int("memory").is_some() || container.int("memoryReservation").is_some();
    if task.is_none() && !given {
        let name = container.text("name").unwrap_or_default();
        return Err(refuse(format!(
            "Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be specified."
        )));
    }
    Ok(())
}

fn check_environment(container: Args<'_>, name: &str) -> Verdict {
    let plain: BTreeSet<_> = container
        .objects("environment")
        .filter_map(|pair| pair.text("name"))
        .collect();
    let mut secrets = BTreeSet::new();
    for secret in container.objects("secrets") {
        let key = secret.text("name").unwrap_or_default();
        if plain.contains(key) || !secrets.insert(key) {
            let rule = "The secret name must be unique and not shared with any new or existing environment variables set on the container";
            return Err(refuse(format!("{rule}, such as '{key}' (container '{name}').")));
        }
    }
    // Source: EnvironmentFile: at most 10 files, each an S3 object's ARN whose name ends in .env.
    let files = container.list("environmentFiles").len();
    if files > 10 {
        return Err(refuse(format!(
            "Container '{name}' has more than 10 environment files."
        )));
    }
    let end = |file: Args<'_>| {
        file.text("value")
            .and_then(|arn| arn.rsplit_once('.'))
            .map(|(_, end)| end.to_owned())
    };
    let odd = container
        .objects("environmentFiles")
        .any(|file| end(file).as_deref() != Some("env"));
    if odd {
        return Err(refuse(format!(
            "The environment files of container '{name}' must have the extension .env."
        )));
    }
    Ok(())
}

fn check_mappings(container: Args<'_>, name: &str) -> Verdict {
    for port in container.objects("portMappings") {
        let out_of_range = |number: i64| !(0..=65_535).contains(&number);
        if port.int("containerPort").is_some_and(out_of_range) || port.int("hostPort").is_some_and(out_of_range) {
            return Err(refuse(format!(
                "A port of container '{name}' is not between 0 and 65535."
            )));
        }
        if port.get("containerPort").is_some() == port.named("containerPortRange").is_some() {
            return Err(refuse(format!(
                "A port mapping of container '{name}' needs either a containerPort or a containerPortRange."
            )));
        }
    }
    Ok(())
}

/// Source: `HealthCheck`, ContainerDefinition.startTimeout and .stopTimeout, `ContainerRestartPolicy`.
fn check_times(container: Args<'_>, name: &str) -> Verdict {
    if let Some(check) = container.object("healthCheck") {
        if check.list("command").is_empty() {
            return Err(refuse(format!(
                "The health check of container '{name}' needs a command."
            )));
        }
        for (member, least, most) in [
            ("interval", 5, 300),
            ("timeout", 2, 60),
            ("retries", 1, 10),
            ("startPeriod", 0, 300),
        ] {
            in_range(
                check,
                member,
                least,
                most,
                &format!("health check of container '{name}'"),
            )?;
        }
    }
    let Some(policy) = container.object("restartPolicy") else {
        return Ok(());
    };
    let place = format!("restart policy of container '{name}'");
    if policy.list("ignoredExitCodes").len() > 50 {
        return Err(refuse(format!("The {place} has more than 50 ignored exit codes.")));
    }
    in_range(policy, "restartAttemptPeriod", 60, 1800, &place)
}

fn in_range(args: Args<'_>, member: &str, least: i64, most: i64, place: &str) -> Verdict {
    match args.int(member) {
        Some(value) if !(least..=most).contains(&value) => Err(refuse(format!(
            "Invalid {member} {value} in the {place}: it must be between {least} and {most}."
        ))),
        _ => Ok(()),
    }
}

fn check_limits(container: Args<'_>, name: &str) -> Verdict {
    let mut seen = BTreeSet::new();
    for limit in container.objects("ulimits") {
        let kind = limit.text("name").unwrap_or_default();
        if !seen.insert(kind) {
            return Err(refuse(format!(
                "The ulimit {kind} of container '{name}' is there twice."
            )));
        }
        let (soft, hard) = (limit.int("softLimit").unwrap_or(0), limit.int("hardLimit").unwrap_or(0));
        if soft > hard && hard >= 0 {
            return Err(refuse(format!(
                "The ulimit {kind} of container '{name}' has a soft limit above its hard limit."
            )));
        }
    }
    Ok(())
}

/// The members that Fargate does not support, wherever they have a value.
const NOT_ON_FARGATE: [&str; 9] = [
    "links",
    "hostname",
    "dnsServers",
    "dnsSearchDomains",
    "extraHosts",
    "dockerSecurityOptions",
    "disableNetworking",
    "privileged",
    "resourceRequirements",
];

/// Checks what holds only for containers on Fargate.
pub(crate) fn check_on_fargate(container: Args<'_>, definition: Args<'_>) -> Verdict {
    let name = container.text("name").unwrap_or_default();
    for member in NOT_ON_FARGATE {
        let used = container.get(member).is_some_and(|value| match value {
            serde_json::Value::Array(items) => !items.is_empty(),
            serde_json::Value::Bool(on) => *on,
            serde_json::Value::String(text) => !text.is_empty(),
            _ => true,
        });
        if used {
            return Err(refuse(format!(
                "Fargate compatible task definitions do not support {member} (container '{name}')."
            )));
        }
    }
    for member in ["startTimeout", "stopTimeout"] {
        in_range(container, member, 2, 120, &format!("container '{name}' on Fargate"))?;
    }
    check_linux_parameters(container, name)?;
    check_logging(container, definition, name)?;
    let needs_execution_role =
        !container.list("secrets").is_empty() || container.object("repositoryCredentials").is_some();
    if needs_execution_role && definition.named("executionRoleArn").is_none() {
        return Err(refuse(
            "When you are specifying container secrets or registry credentials, you must also specify a value for 'executionRoleArn'.",
        ));
    }
    Ok(())
}

/// Source: `LinuxParameters` and `KernelCapabilities`: on Fargate no devices, shared memory or swap, and `SYS_PTRACE` is
/// the only capability that can be added.
fn check_linux_parameters(container: Args<'_>, name: &str) -> Verdict {
    let Some(linux) = container.object("linuxParameters") else {
        return Ok(());
    };
    for member in ["sharedMemorySize", "maxSwap", "swappiness"] {
        if linux.get(member).is_some() {
            return Err(refuse(format!(
                "Fargate compatible task definitions do not support {member} (container '{name}')."
            )));
        }
    }
    if !linux.list("devices").is_empty() {
        return Err(refuse(format!(
            "Fargate compatible task definitions do not support devices (container '{name}')."
        )));
    }
    let added = linux
        .object("capabilities")
        .and_then(|capabilities| capabilities.texts("add").find(|c| *c != "SYS_PTRACE"));
    match added {
        Some(capability) => Err(refuse(format!(
            "Fargate does not allow adding the capability {capability} (container '{name}')."
        ))),
        None => Ok(()),
    }
}

/// Source: LogConfiguration.logDriver: on Fargate awslogs, splunk and awsfirelens; awslogs needs an execution role.
fn check_logging(container: Args<'_>, definition: Args<'_>, name: &str) -> Verdict {
    let Some(driver) = container
        .object("logConfiguration")
        .and_then(|log| log.text("logDriver"))
    else {
        return Ok(());
    };
    if !["awslogs", "splunk", "awsfirelens"].contains(&driver) {
        return Err(refuse(format!(
            "Fargate does not support the log driver {driver} (container '{name}')."
        )));
    }
    if driver == "awslogs" && definition.named("executionRoleArn").is_none() {
        return Err(refuse(
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
        ));
    }
    Ok(())
}
