//! Tags: of clusters, services, tasks, definitions, file systems and access points.
//!
//! Source: Amazon ECS API Reference, Tag: at most 50 per resource, keys of 1 to 128 characters, values of up to 256,
//! and the prefix `aws:` is reserved.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::wire::args::Args;
use crate::wire::error::ApiError;

/// A resource's tags by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// What a describe call asks for besides the resource itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Include {
    Nothing,
    Tags,
}

impl Include {
    /// Reads `include`.
    pub(crate) fn read(args: Args<'_>) -> Self {
        if args.includes("include", "TAGS") {
            Self::Tags
        } else {
            Self::Nothing
        }
    }
}

/// The most tags that a resource can have.
const MOST: usize = 50;

/// Reads `tags` of an ECS request.
pub(crate) fn read(args: Args<'_>) -> Result<Tags, ApiError> {
    let mut tags = Tags::new();
    for tag in args.objects("tags") {
        let key = tag.text("key").unwrap_or_default();
        let value = tag.text("value").unwrap_or_default();
        check(key, value).map_err(ApiError::parameter)?;
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(ApiError::parameter(format!(
                "Duplicate tag keys found: {key}. Please note that tag keys are case insensitive."
            )));
        }
    }
    Ok(tags)
}

/// Adds `more` to `tags`, unless there would be too many.
pub(crate) fn merge(tags: &mut Tags, more: Tags) -> Result<(), ApiError> {
    let added = more.keys().filter(|key| !tags.contains_key(*key)).count();
    if tags.len() + added > MOST {
        return Err(ApiError::parameter(format!(
            "The maximum number of tags of a resource is {MOST}"
        )));
    }
    tags.extend(more);
    Ok(())
}

/// What is wrong with a tag, if anything.
pub(crate) fn check(key: &str, value: &str) -> Result<(), String> {
    let legal = |text: &str| {
        text.chars()
            .all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c))
    };
    if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
        return Err(format!(
            "Tag {key:?}: a key has 1 to 128 characters and a value up to 256"
        ));
    }
    if !legal(key) || !legal(value) {
        return Err(format!(
            "Tag {key:?}: only letters, digits, spaces and _.:/=+-@ are allowed"
        ));
    }
    if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
        return Err(format!("Tag {key:?}: keys that begin with aws: are reserved"));
    }
    Ok(())
}

/// Tags as ECS lists them.
pub(crate) fn list(tags: &Tags) -> Value {
    tags.iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_have_limits_and_an_alphabet() {
        assert!(check(&"k".repeat(128), &"v".repeat(256)).is_ok());
        assert!(check(&"k".repeat(129), "").is_err());
        assert!(check("k", &"v".repeat(257)).is_err());
        assert!(check("", "v").is_err());
        assert!(check("team name", "a.b:c/d=e+f-g@h_i").is_ok());
        assert!(check("k", "ü ist ein Buchstabe").is_ok());
        assert!(check("k!", "v").is_err());
        assert!(check("AWS:x", "v").is_err());
    }

    #[test]
    fn a_resource_has_at_most_fifty() {
        let numbered = |range: std::ops::Range<u32>| range.map(|n| (n.to_string(), String::new())).collect::<Tags>();
        let mut tags = numbered(0..49);
        assert!(merge(&mut tags, numbered(48..50)).is_ok());
        assert!(merge(&mut tags, numbered(50..51)).is_err());
        assert!(merge(&mut tags, numbered(0..50)).is_ok());
    }
}
