//! The actions of EFS.

use serde_json::{Value, json};

use super::{
    AccessPoint, CHANGE, EfsStep, FileSystem, LifeCycle, bad, is_id, last, list_tags, no_access_point, no_file_system,
    read_tags, token,
};
use crate::page::{open, take};
use crate::wire::args::Args;
use crate::wire::error::{Answer, ApiError};
use crate::world::{Due, World};

/// Source: "Amazon EFS quotas and limits": access points per file system, and file systems per account.
const MOST_POINTS: usize = 10_000;
const MOST_SYSTEMS: usize = 1000;

impl World {
    pub(crate) fn create_file_system(&mut self, args: Args<'_>) -> Answer {
        let token = token(args, "CreationToken")?;
        if let Some(known) = self.file_systems.system_tokens.get(token) {
            let message = format!("File system '{known}' already exists with creation token '{token}'");
            return Err(ApiError::efs("FileSystemAlreadyExists", message).with("FileSystemId", known.as_str()));
        }
        for (member, values) in [
            ("PerformanceMode", &["generalPurpose", "maxIO"][..]),
            ("ThroughputMode", &["bursting", "provisioned", "elastic"]),
        ] {
            if args.text(member).is_some_and(|value| !values.contains(&value)) {
                return Err(bad(format!("{member} must be one of {}.", values.join(", "))));
            }
        }
        if self.file_systems.systems.len() >= MOST_SYSTEMS {
            return Err(ApiError::efs(
                "FileSystemLimitExceeded",
                "The account has its maximum number of file systems.",
            ));
        }
        let kept = [
            "PerformanceMode",
            "Encrypted",
            "KmsKeyId",
            "ThroughputMode",
            "ProvisionedThroughputInMibps",
            "AvailabilityZoneName",
        ];
        let system = FileSystem {
            token: token.to_owned(),
            state: LifeCycle::Available,
            created: self.now,
            tags: read_tags(args)?,
            given: kept
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), args.get(name)?.clone())))
                .collect(),
        };
        let id = format!("fs-0{}", self.dice.hex(16));
        // The reply says `creating`, but nothing can be asked before the file system is available.
        let mut shown = system.show(&id, &self.config);
        if let Value::Object(members) = &mut shown {
            members.insert("LifeCycleState".to_owned(), json!(LifeCycle::Creating));
        }
        self.file_systems.system_tokens.insert(token.to_owned(), id.clone());
        self.file_systems.systems.insert(id, system);
        Ok(shown)
    }

    pub(crate) fn describe_file_systems(&mut self, args: Args<'_>) -> Answer {
        let systems = &self.file_systems.systems;
        let token = args.named("CreationToken");
        let ids: Vec<&String> = match args.named("FileSystemId").map(last) {
            Some(id) => vec![systems.get_key_value(id).ok_or_else(|| no_file_system(id))?.0],
            None => systems
                .iter()
                .filter(|(_, system)| token.is_none_or(|token| token == system.token))
                .map(|(id, _)| id)
                .collect(),
        };
        let page = efs_page(ids.into_iter().cloned(), args, "MaxItems", "Marker")?;
        let shown: Vec<_> = page
            .keys
            .iter()
            .filter_map(|id| Some(systems.get(id)?.show(id, &self.config)))
            .collect();
        Ok(json!({"FileSystems": shown, "NextMarker": page.next}))
    }

    pub(crate) fn delete_file_system(&mut self, id: &str) -> Answer {
        let id = last(id);
        let system = self
            .file_systems
            .systems
            .get_mut(id)
            .ok_or_else(|| no_file_system(id))?;
        system.state = LifeCycle::Deleting;
        let points = self.file_systems.points_of.remove(id).unwrap_or_default();
        for point in points {
            if let Some(point) = self.file_systems.points.remove(&point) {
                self.file_systems.point_tokens.remove(&point.token);
            }
        }
        self.agenda
            .plan(self.now + CHANGE, Due::FileSystems(EfsStep::FileSystem(id.to_owned())));
        Ok(Value::Null)
    }

    pub(crate) fn create_access_point(&mut self, args: Args<'_>) -> Answer {
        let token = token(args, "ClientToken")?;
        let given = args.text("FileSystemId").unwrap_or_default();
        if !is_id(given, "fs-") {
            return Err(bad(format!("'{given}' is not the id of a file system.")));
        }
        let id = last(given);
        let system = self.file_systems.systems.get(id).ok_or_else(|| no_file_system(id))?;
        if let Some(known) = self.file_systems.point_tokens.get(token) {
            let message = format!("Access point '{known}' already exists with client token '{token}'");
            return Err(ApiError::efs("AccessPointAlreadyExists", message).with("AccessPointId", known.as_str()));
        }
        if system.state != LifeCycle::Available {
            let message = format!("File system '{id}' is not available.");
            return Err(ApiError::efs("IncorrectFileSystemLifeCycleState", message));
        }
        let point = AccessPoint::read(args, token, id, read_tags(args)?)?;
        if self
            .file_systems
            .points_of
            .get(id)
            .is_some_and(|points| points.len() >= MOST_POINTS)
        {
            let message = format!("File system '{id}' has its maximum number of access points, {MOST_POINTS}.");
            return Err(ApiError::efs("AccessPointLimitExceeded", message));
        }
        let point_id = format!("fsap-0{}", self.dice.hex(16));
        let shown = point.show(&point_id, &self.config);
        self.file_systems
            .point_tokens
            .insert(token.to_owned(), point_id.clone());
        self.file_systems
            .points_of
            .entry(id.to_owned())
            .or_default()
            .insert(point_id.clone());
        self.file_systems.points.insert(point_id.clone(), point);
        self.agenda
            .plan(self.now + CHANGE, Due::FileSystems(EfsStep::AccessPoint(point_id)));
        Ok(shown)
    }

    pub(crate) fn describe_access_points(&mut self, args: Args<'_>) -> Answer {
        let systems = &self.file_systems;
        let ids: Vec<&String> = match (
            args.named("AccessPointId").map(last),
            args.named("FileSystemId").map(last),
        ) {
            (Some(_), Some(_)) => return Err(bad("Give either an access point or a file system, not both.")),
            (Some(id), None) => vec![systems.points.get_key_value(id).ok_or_else(|| no_access_point(id))?.0],
            (None, Some(id)) if systems.systems.contains_key(id) => {
                systems.points_of.get(id).into_iter().flatten().collect()
            }
            (None, Some(id)) => return Err(no_file_system(id)),
            (None, None) => systems.points.keys().collect(),
        };
        let page = efs_page(ids.into_iter().cloned(), args, "MaxResults", "NextToken")?;
        let shown: Vec<_> = page
            .keys
            .iter()
            .filter_map(|id| Some(systems.points.get(id)?.show(id, &self.config)))
            .collect();
        Ok(json!({"AccessPoints": shown, "NextToken": page.next}))
    }

    pub(crate) fn delete_access_point(&mut self, given: &str) -> Answer {
        let id = last(given);
        let point = self
            .file_systems
            .points
            .get_mut(id)
            .ok_or_else(|| no_access_point(id))?;
        point.state = LifeCycle::Deleting;
        self.agenda
            .plan(self.now + CHANGE, Due::FileSystems(EfsStep::AccessPoint(id.to_owned())));
        Ok(Value::Null)
    }

    pub(crate) fn tag_efs(&mut self, id: &str, args: Args<'_>) -> Answer {
        let more = read_tags(args)?;
        let tags = self.file_systems.tags_of(id)?;
        crate::tags::merge(tags, more).map_err(|error| bad(error.message))?;
        Ok(Value::Null)
    }

    pub(crate) fn untag_efs<'a>(&mut self, id: &str, keys: impl Iterator<Item = &'a str>) -> Answer {
        let tags = self.file_systems.tags_of(id)?;
        for key in keys {
            tags.remove(key);
        }
        Ok(Value::Null)
    }

    pub(crate) fn list_efs_tags(&mut self, id: &str) -> Answer {
        Ok(json!({"Tags": list_tags(self.file_systems.tags_of(id)?)}))
    }
}

/// Source: DescribeAccessPointsRequest.MaxResults and DescribeFileSystemsRequest.MaxItems: 100 by default and at most.
fn efs_page(
    ids: impl Iterator<Item = String>,
    args: Args<'_>,
    size: &str,
    token: &str,
) -> Result<crate::page::Page<String>, ApiError> {
    let size = match args.text(size).map(str::parse::<usize>) {
        None => 100,
        Some(Ok(size)) if size >= 1 => size.min(100),
        Some(_) => return Err(bad(format!("{size} must be a number from 1 on."))),
    };
    let after = match args.named(token) {
        None => None,
        Some(token) => Some(open::<String>(token).ok_or_else(|| bad("The token is not one of this list's."))?),
    };
    Ok(take(ids, after.as_ref(), size))
}
