//! Access points: one directory and one user of a file system.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{LifeCycle, bad, list_tags};
use crate::names::Config;
use crate::tags::Tags;
use crate::wire::args::Args;
use crate::wire::error::ApiError;

/// One access point.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AccessPoint {
    pub(crate) token: String,
    pub(crate) file_system: String,
    pub(crate) state: LifeCycle,
    pub(crate) tags: Tags,
    pub(crate) user: Option<Value>,
    pub(crate) root: Value,
}

impl AccessPoint {
    /// Reads a `CreateAccessPoint` request whose token and file system are known to be good.
    pub(crate) fn read(args: Args<'_>, token: &str, file_system: &str, tags: Tags) -> Result<Self, ApiError> {
        if let Some(user) = args.object("PosixUser") {
            check_user(user)?;
        }
        let root = match args.get("RootDirectory") {
            Some(root) => root.clone(),
            None => json!({"Path": "/"}),
        };
        check_root(Args::of(&root).ok_or_else(|| bad("RootDirectory must be an object."))?)?;
        let mut root = root;
        if let Value::Object(members) = &mut root {
            members.entry("Path").or_insert_with(|| json!("/"));
        }
        Ok(Self {
            token: token.to_owned(),
            file_system: file_system.to_owned(),
            state: LifeCycle::Creating,
            tags,
            user: args.get("PosixUser").cloned(),
            root,
        })
    }

    /// An `AccessPointDescription`.
    pub(crate) fn show(&self, id: &str, config: &Config) -> Value {
        let mut shown = json!({
            "ClientToken": self.token,
            "Tags": list_tags(&self.tags),
            "AccessPointId": id,
            "AccessPointArn": config.efs_arn(&format!("access-point/{id}")),
            "FileSystemId": self.file_system,
            "RootDirectory": self.root,
            "OwnerId": config.account,
            "LifeCycleState": self.state,
        });
        if let Value::Object(members) = &mut shown {
            if let Some(user) = &self.user {
                members.insert("PosixUser".to_owned(), user.clone());
            }
            // Source: AccessPointDescription.Name: the value of the Name tag.
            if let Some(name) = self.tags.get("Name") {
                members.insert("Name".to_owned(), json!(name));
            }
        }
        shown
    }
}

fn check_number(args: Args<'_>, member: &str) -> Result<(), ApiError> {
    match args
        .get(member)
        .map(|value| value.as_u64().filter(|id| u32::try_from(*id).is_ok()))
    {
        Some(Some(_)) => Ok(()),
        _ => Err(bad(format!("{member} must be a number from 0 to 4294967295."))),
    }
}

fn check_user(user: Args<'_>) -> Result<(), ApiError> {
    check_number(user, "Uid")?;
    check_number(user, "Gid")?;
    let secondary = user.list("SecondaryGids");
    if secondary.len() > 16
        || !secondary
            .iter()
            .all(|gid| gid.as_u64().is_some_and(|gid| u32::try_from(gid).is_ok()))
    {
        return Err(bad("SecondaryGids must be at most 16 numbers from 0 to 4294967295."));
    }
    Ok(())
}

/// Source: RootDirectory.Path: up to 100 characters, up to four directories deep; `CreationInfo` is needed in full.
fn check_root(root: Args<'_>) -> Result<(), ApiError> {
    check_path(root.text("Path").unwrap_or("/"))?;
    let Some(creation) = root.object("CreationInfo") else {
        return Ok(());
    };
    check_number(creation, "OwnerUid")?;
    check_number(creation, "OwnerGid")?;
    let permissions = creation.text("Permissions").unwrap_or_default();
    let octal = permissions.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    if !octal || !(3..=4).contains(&permissions.len()) {
        return Err(bad("Permissions must be three or four octal digits."));
    }
    Ok(())
}

fn check_path(path: &str) -> Result<(), ApiError> {
    if path == "/" {
        return Ok(());
    }
    let levels: Vec<_> = path
        .strip_prefix('/')
        .ok_or_else(|| bad("The root path must begin with a slash."))?
        .split('/')
        .collect();
    if path.chars().count() > 100 {
        return Err(bad("The root path must have at most 100 characters."));
    }
    if levels.len() > 4 {
        return Err(bad("The root path must have at most four levels."));
    }
    let illegal = |c: char| "$#<>;`|&?{}^*\n".contains(c);
    if levels
        .iter()
        .any(|level| level.is_empty() || level.starts_with('.') || level.contains(illegal))
    {
        return Err(bad(
            "The root path has an empty level, one that begins with a dot, or a character that is not allowed.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_path_has_at_most_a_hundred_characters_and_four_levels() {
        for good in ["/", "/a", "/a/b/c/d", "/tenants/t-1.x", &format!("/{}", "p".repeat(99))] {
            assert!(check_path(good).is_ok(), "{good}");
        }
        for wrong in [
            "",
            "a",
            "/a/b/c/d/e",
            "//",
            "/a/",
            "/.a",
            "/a/..",
            "/a$",
            &format!("/{}", "p".repeat(100)),
        ] {
            assert!(check_path(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn permissions_are_three_or_four_octal_digits_and_owners_are_needed() {
        let check = |permissions: &str| {
            let root =
                json!({"Path": "/a", "CreationInfo": {"OwnerUid": 1, "OwnerGid": 2, "Permissions": permissions}});
            check_root(Args(root.as_object().unwrap())).is_ok()
        };
        assert!(check("750") && check("0750"));
        assert!(!check("75") && !check("00750") && !check("0850"));
        let partial = json!({"Path": "/a", "CreationInfo": {"OwnerUid": 1, "Permissions": "750"}});
        assert!(check_root(Args(partial.as_object().unwrap())).is_err());
    }
}
