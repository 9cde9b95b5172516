//! EFS: file systems and their access points.
//!
//! Source: the model of Amazon EFS; Amazon EFS User Guide, "Amazon EFS quotas and limits".

pub(crate) mod access_point;
pub(crate) mod actions;
pub(crate) mod file_system;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::tags::{self, Tags};
use crate::wire::args::Args;
use crate::wire::error::ApiError;

pub(crate) use access_point::AccessPoint;
pub(crate) use file_system::FileSystem;

/// How long something is `creating` or `deleting`.
pub(crate) const CHANGE: Duration = Duration::from_secs(2);

/// `LifeCycleState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LifeCycle {
    Creating,
    Available,
    Deleting,
}

/// All file systems and access points.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct FileSystems {
    systems: BTreeMap<String, FileSystem>,
    /// File systems by creation token.
    system_tokens: BTreeMap<String, String>,
    points: BTreeMap<String, AccessPoint>,
    /// Access points by client token.
    point_tokens: BTreeMap<String, String>,
    /// Access points by file system.
    points_of: BTreeMap<String, BTreeSet<String>>,
}

/// The end of a change: a file system is deleted, or an access point is made or deleted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum EfsStep {
    FileSystem(String),
    AccessPoint(String),
}

impl FileSystems {
    pub(crate) fn access_point_ids(&self) -> impl Iterator<Item = &str> {
        self.points.keys().map(String::as_str)
    }

    /// The access points that are not being deleted, with their ids.
    pub(crate) fn lasting_points(&self) -> impl Iterator<Item = (&str, &AccessPoint)> {
        let lasting = self
            .points
            .iter()
            .filter(|(_, point)| point.state != LifeCycle::Deleting);
        lasting.map(|(id, point)| (id.as_str(), point))
    }

    pub(crate) fn step(&mut self, step: &EfsStep) {
        match step {
            EfsStep::FileSystem(id) => {
                let Some(system) = self.systems.remove(id) else { return };
                self.system_tokens.remove(&system.token);
            }
            EfsStep::AccessPoint(id) => {
                let Some(point) = self.points.get_mut(id) else { return };
                if point.state == LifeCycle::Deleting {
                    self.point_tokens.remove(&point.token);
                    if let Some(points) = self.points_of.get_mut(&point.file_system) {
                        points.remove(id);
                    }
                    self.points.remove(id);
                } else {
                    point.state = LifeCycle::Available;
                }
            }
        }
    }

    /// The tags of a file system or access point.
    fn tags_of(&mut self, id: &str) -> Result<&mut Tags, ApiError> {
        let id = last(id);
        if id.starts_with("fsap-") {
            self.points
                .get_mut(id)
                .map(|point| &mut point.tags)
                .ok_or_else(|| no_access_point(id))
        } else {
            self.systems
                .get_mut(id)
                .map(|system| &mut system.tags)
                .ok_or_else(|| no_file_system(id))
        }
    }
}

/// The id at the end of an ARN; an id is its own end.
fn last(id: &str) -> &str {
    id.rsplit_once('/').map_or(id, |(_, id)| id)
}

fn no_file_system(id: &str) -> ApiError {
    ApiError::efs("FileSystemNotFound", format!("File system '{id}' does not exist."))
}

fn no_access_point(id: &str) -> ApiError {
    ApiError::efs("AccessPointNotFound", format!("Access point '{id}' does not exist."))
}

fn bad(message: impl Into<String>) -> ApiError {
    ApiError::efs("BadRequest", message)
}

/// Whether `text` is `prefix` and 8 to 40 hexadecimal digits, or an ARN that ends in that.
fn is_id(text: &str, prefix: &str) -> bool {
    let text = if text.starts_with("arn:aws") { last(text) } else { text };
    let digits = text.strip_prefix(prefix).unwrap_or_default();
    (8..=40).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Reads `Tags`, or the tags of `TagResource`.
fn read_tags(args: Args<'_>) -> Result<Tags, ApiError> {
    let mut read = Tags::new();
    for tag in args.objects("Tags") {
        let (key, value) = (
            tag.text("Key").unwrap_or_default(),
            tag.text("Value").unwrap_or_default(),
        );
        tags::check(key, value).map_err(bad)?;
        if read.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(bad(format!("The tag {key} is there twice.")));
        }
    }
    if read.len() > 50 {
        return Err(bad("A resource has at most 50 tags."));
    }
    Ok(read)
}

fn list_tags(tags: &Tags) -> Value {
    tags.iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect()
}

/// A token of 1 to 64 characters.
fn token<'a>(args: Args<'a>, member: &str) -> Result<&'a str, ApiError> {
    let token = args.text(member).unwrap_or_default();
    if token.is_empty() || token.chars().count() > 64 {
        return Err(bad(format!("{member} must have 1 to 64 characters.")));
    }
    Ok(token)
}

/// When something was made, as EFS writes it.
fn time(at: Timestamp) -> Value {
    crate::names::epoch(at)
}
