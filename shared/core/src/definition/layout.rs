//! Which parts of a base are the tenant's: the main container and the workspace volume.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::base::Base;
use crate::tenant::InvalidId;

/// How to find the tenant's parts in a base. The default finds both by the rules of [`Main`] and [`Workspace`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The container that takes image, env and secrets.
    pub main: Main,
    /// The volume that takes the tenant's access point.
    pub workspace: Workspace,
    /// The container that delivers the tenant's bundle.
    pub delivery: DeliveryContainer,
}

/// How to find the main container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Main {
    /// The only essential one. A container that does not say is essential (model, `ContainerDefinition.essential`).
    #[default]
    OnlyEssential,
    /// The one of this name.
    Named(String),
}

/// How to find the workspace volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Workspace {
    /// The only EFS volume that has no access point of its own; if there is none, there is no workspace.
    #[default]
    OnlyPlain,
    /// The one of this name, whose access point, if it has one, gives way to the tenant's.
    Named(String),
    /// There is none: tenants keep no files.
    Absent,
}

/// The name of the init container that delivers bundles, in bases that have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryContainer(pub String);

impl Default for DeliveryContainer {
    fn default() -> Self {
        Self("berth-config".to_owned())
    }
}

/// Why a base delivers no bundles.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDelivery {
    /// None of its containers has the name.
    #[error("the base has no container {name:?} to deliver it; it has {}", listed(containers))]
    Unknown {
        /// The name in the setting.
        name: String,
        /// What there is.
        containers: Vec<String>,
    },
    /// The main container would start without it.
    #[error(
        "container {main:?} of the base does not wait for it to be delivered: its dependsOn needs {name:?} with the \
         condition SUCCESS"
    )]
    NotAwaited {
        /// The main container.
        main: String,
        /// The one that delivers.
        name: String,
    },
}

/// Why a base has no main container.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMain {
    /// None has the name.
    #[error("the base has no container {name:?}; it has {}", listed(containers))]
    Unknown {
        /// The name in the setting.
        name: String,
        /// What there is.
        containers: Vec<String>,
    },
    /// More than one is essential.
    #[error(
        "the base has several essential containers ({}): set which one is the main container",
        listed(containers)
    )]
    Several {
        /// The essential ones.
        containers: Vec<String>,
    },
    /// None is essential.
    #[error("the base has no essential container: set which one is the main container")]
    None,
}

/// Why a base's workspace volume cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoWorkspace {
    /// None has the name.
    #[error("the base has no volume {name:?}; it has {}", listed(volumes))]
    Unknown {
        /// The name in the setting.
        name: String,
        /// What there is.
        volumes: Vec<String>,
    },
    /// More than one could be it.
    #[error(
        "the base has several EFS volumes without an access point ({}): set which one is the workspace",
        listed(volumes)
    )]
    Several {
        /// Those without an access point.
        volumes: Vec<String>,
    },
    /// The volume of that name is of another kind.
    #[error("volume {name:?} is not an EFS volume, so no tenant can have its own access point in it")]
    NotEfs {
        /// The name in the setting.
        name: String,
    },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// A tenant's own place on a file system.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessPoint {
    /// Where it is; the tenant's cell decides.
    pub file_system_id: FileSystemId,
    /// What it is.
    pub access_point_id: AccessPointId,
}

macro_rules! efs_id {
    ($name:ident, $what:literal, $prefix:literal, $rule:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
                text.strip_prefix($prefix)
                    .filter(|digits| (8..=40).contains(&digits.len()) && digits.bytes().all(hex))
                    .map(|_| Self(text.to_owned()))
                    .ok_or_else(|| InvalidId::new($what, text, $rule))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

efs_id!(
    FileSystemId,
    "file system id",
    "fs-",
    "fs- and 8 to 40 of 0-9 a-f",
    "The id of an EFS file system (EFS model, `FileSystemId`)."
);
efs_id!(
    AccessPointId,
    "access point id",
    "fsap-",
    "fsap- and 8 to 40 of 0-9 a-f",
    "The id of an EFS access point (EFS model, `AccessPointId`)."
);

/// The place of the main container among the base's containers.
pub(super) fn main_index(base: &Base, main: &Main) -> Result<usize, NoMain> {
    let containers = base.containers();
    match main {
        Main::Named(name) => containers
            .iter()
            .position(|one| text(one, "name") == name)
            .ok_or_else(|| {
                let (name, containers) = (name.clone(), names(containers));
                NoMain::Unknown { name, containers }
            }),
        Main::OnlyEssential => {
            let essential = |one: &Value| one.get("essential").and_then(Value::as_bool).unwrap_or(true);
            only(containers, essential).map_err(|several| match several.as_slice() {
                [] => NoMain::None,
                _ => NoMain::Several { containers: several },
            })
        }
    }
}

/// The place of the container that delivers bundles. The main container must start only after it has exited with 0:
/// "SUCCESS: This condition is the same as COMPLETE, but it also requires that the container exits with a zero status" (API
/// Reference, `ContainerDependency`). ECS refuses the condition for an essential container.
pub(super) fn delivery_index(base: &Base, main: usize, delivery: &DeliveryContainer) -> Result<usize, NoDelivery> {
    let containers = base.containers();
    let DeliveryContainer(name) = delivery;
    let found = containers.iter().position(|one| text(one, "name") == name);
    let found = found.ok_or_else(|| NoDelivery::Unknown {
        name: name.clone(),
        containers: names(containers),
    })?;
    let main = containers.get(main);
    let waits = main.and_then(|main| main.get("dependsOn")).and_then(Value::as_array);
    let awaited = waits
        .into_iter()
        .flatten()
        .any(|wait| text(wait, "containerName") == name && text(wait, "condition") == "SUCCESS");
    if awaited {
        return Ok(found);
    }
    Err(NoDelivery::NotAwaited {
        main: main.map(|main| text(main, "name").to_owned()).unwrap_or_default(),
        name: name.clone(),
    })
}

/// The place of the workspace volume among the base's volumes, if it has one.
pub(super) fn workspace_index(base: &Base, workspace: &Workspace) -> Result<Option<usize>, NoWorkspace> {
    let volumes = base.volumes();
    match workspace {
        Workspace::Absent => Ok(None),
        Workspace::Named(name) => {
            let found = volumes.iter().enumerate().find(|(_, one)| text(one, "name") == name);
            match found {
                Some((index, volume)) if volume.get(EFS).is_some() => Ok(Some(index)),
                Some(_) => Err(NoWorkspace::NotEfs { name: name.clone() }),
                None => Err(NoWorkspace::Unknown {
                    name: name.clone(),
                    volumes: names(volumes),
                }),
            }
        }
        Workspace::OnlyPlain => match only(volumes, is_plain_efs) {
            Ok(index) => Ok(Some(index)),
            Err(several) if several.is_empty() => Ok(None),
            Err(volumes) => Err(NoWorkspace::Several { volumes }),
        },
    }
}

/// The member of a volume that makes it an EFS volume.
pub(super) const EFS: &str = "efsVolumeConfiguration";

fn is_plain_efs(volume: &Value) -> bool {
    let access_point = |efs: &Value| {
        efs.pointer("/authorizationConfig/accessPointId")
            .is_some_and(Value::is_string)
    };
    volume.get(EFS).is_some_and(|efs| !access_point(efs))
}

/// The only item that is `wanted`, else the names of all that are.
fn only(items: &[Value], wanted: impl Fn(&Value) -> bool) -> Result<usize, Vec<String>> {
    let mut found = items.iter().enumerate().filter(|(_, item)| wanted(item));
    match (found.next(), found.next()) {
        (Some((index, _)), None) => Ok(index),
        _ => Err(items
            .iter()
            .filter(|item| wanted(item))
            .map(|item| text(item, "name").to_owned())
            .collect()),
    }
}

fn names(items: &[Value]) -> Vec<String> {
    items.iter().map(|item| text(item, "name").to_owned()).collect()
}

/// A member that is text, else nothing.
pub(super) fn text<'a>(item: &'a Value, member: &str) -> &'a str {
    item.get(member).and_then(Value::as_str).unwrap_or_default()
}

impl AccessPoint {
    /// No access point makes a definition longer than this one.
    pub(super) fn longest() -> Self {
        let digits = "f".repeat(40);
        let file_system_id = FileSystemId(format!("fs-{digits}"));
        let access_point_id = AccessPointId(format!("fsap-{digits}"));
        Self {
            file_system_id,
            access_point_id,
        }
    }
}
