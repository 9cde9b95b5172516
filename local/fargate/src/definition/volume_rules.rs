//! The rules of volumes and of what mounts them.
//!
//! Source: the model's Volume, `MountPoint`, `EFSVolumeConfiguration` and `EFSAuthorizationConfig`.

use std::collections::BTreeSet;

use super::rules::{Verdict, is_fargate, refuse};
use crate::wire::args::Args;

pub(crate) fn check(definition: Args<'_>) -> Verdict {
    let mut names = BTreeSet::new();
    for volume in definition.objects("volumes") {
        let name = volume.text("name").unwrap_or_default();
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 255 || !name.chars().all(legal) {
            return Err(refuse(format!(
                "Volume name '{name}' is invalid: up to 255 letters, numbers, underscores and hyphens."
            )));
        }
        if !names.insert(name) {
            return Err(refuse(format!("Volume names must be unique: {name} is there twice.")));
        }
        check_kind(volume, is_fargate(definition), name)?;
        if let Some(efs) = volume.object("efsVolumeConfiguration") {
            check_efs(efs, name)?;
        }
    }
    check_mounts(definition, &names)
}

fn check_kind(volume: Args<'_>, fargate: bool, name: &str) -> Verdict {
    let kinds = [
        "dockerVolumeConfiguration",
        "efsVolumeConfiguration",
        "s3filesVolumeConfiguration",
        "fsxWindowsFileServerVolumeConfiguration",
    ];
    let given = kinds.iter().filter(|kind| volume.get(kind).is_some()).count();
    let source = volume.object("host").and_then(|host| host.named("sourcePath"));
    if given + usize::from(source.is_some()) > 1 {
        return Err(refuse(format!(
            "Volume '{name}' has more than one kind of configuration."
        )));
    }
    if volume.flag("configuredAtLaunch") == Some(true) && given > 0 {
        return Err(refuse(format!(
            "Volume '{name}' is configured at launch, so it can't have a configuration here."
        )));
    }
    if fargate && source.is_some() {
        return Err(refuse(format!(
            "host.sourcePath should not be set for volumes in Fargate (volume '{name}')."
        )));
    }
    let other = ["dockerVolumeConfiguration", "fsxWindowsFileServerVolumeConfiguration"];
    if fargate && let Some(kind) = other.into_iter().find(|kind| volume.get(kind).is_some()) {
        return Err(refuse(format!(
            "Fargate compatible task definitions do not support {kind} (volume '{name}')."
        )));
    }
    Ok(())
}

fn check_efs(efs: Args<'_>, name: &str) -> Verdict {
    let encrypted = efs.text("transitEncryption") == Some("ENABLED");
    let authorization = efs.object("authorizationConfig");
    let point = authorization.and_then(|auth| auth.named("accessPointId"));
    if !efs.text("fileSystemId").is_some_and(|id| id.starts_with("fs-")) {
        return Err(refuse(format!(
            "The file system of volume '{name}' is not valid: its id begins with fs-."
        )));
    }
    if point.is_some() && efs.named("rootDirectory").is_some_and(|root| root != "/") {
        return Err(refuse(
            "If an access point is specified, the root directory must be omitted or set to /.",
        ));
    }
    if point.is_some_and(|point| !point.starts_with("fsap-")) {
        return Err(refuse(format!(
            "The access point of volume '{name}' is not valid: its id begins with fsap-."
        )));
    }
    if point.is_some() && !encrypted {
        return Err(refuse(
            "If an access point is specified, transit encryption must be enabled.",
        ));
    }
    if authorization.and_then(|auth| auth.text("iam")) == Some("ENABLED") && !encrypted {
        return Err(refuse(
            "If IAM authorization is enabled, transit encryption must be enabled.",
        ));
    }
    match efs.int("transitEncryptionPort") {
        Some(port) if !(1..=65_535).contains(&port) => {
            Err(refuse("transitEncryptionPort must be between 1 and 65535."))
        }
        Some(_) if !encrypted => Err(refuse(
            "A transitEncryptionPort needs transit encryption to be enabled.",
        )),
        _ => Ok(()),
    }
}

fn check_mounts(definition: Args<'_>, volumes: &BTreeSet<&str>) -> Verdict {
    for container in definition.objects("containerDefinitions") {
        let mut paths = BTreeSet::new();
        for mount in container.objects("mountPoints") {
            let name = mount.text("sourceVolume").unwrap_or_default();
            if !volumes.contains(name) {
                return Err(refuse(format!("Unknown volume '{name}'.")));
            }
            let path = mount
                .named("containerPath")
                .ok_or_else(|| refuse(format!("The mount of volume '{name}' needs a containerPath.")))?;
            if !paths.insert(path) {
                return Err(refuse(format!("Two volumes are mounted at '{path}'.")));
            }
        }
    }
    Ok(())
}
