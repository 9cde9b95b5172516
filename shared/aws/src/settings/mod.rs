//! Settings: environment variables `BERTH_*`, read once at init into typed values.
//!
//! A missing, empty or nonsensical value refuses to start with a message that names the variable. No ARN of a task
//! definition revision is ever a setting: a revision that is copied somewhere goes stale there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;
use std::time::Duration;

use berth_core::definition::{DeliveryContainer, FileSystemId, Layout, Main, Workspace};
use berth_core::rollout::{Policy, PolicyChange};
use berth_core::tenant::InvalidId;

/// The environment, and which names of it were asked for.
///
/// Remembering what was asked makes the promise testable that the template sets exactly what each function reads.
#[derive(Debug, Default)]
pub struct Variables {
    values: BTreeMap<String, String>,
    asked: Mutex<BTreeSet<String>>,
}

/// A variable that keeps a function from starting.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// It is not set, or empty.
    #[error("{0} is not set; the function cannot start without it")]
    Missing(String),
    /// It is set to something that makes no sense.
    #[error("{name} is not valid: {why}")]
    Invalid {
        /// The variable.
        name: String,
        /// What is wrong with its value, and what it may be.
        why: String,
    },
}

/// A `main` that returns an error is shown by its `Debug`, and whoever reads that log should read the message.
impl fmt::Debug for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Variables {
    /// The variables of this process.
    pub fn from_environment() -> Self {
        Self::from_map(std::env::vars().filter(|(name, _)| name.starts_with("BERTH_")))
    }

    /// These variables.
    pub fn from_map(values: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            values: values.into_iter().collect(),
            asked: Mutex::default(),
        }
    }

    /// The names that were asked for so far, whether set or not.
    pub fn asked(&self) -> BTreeSet<String> {
        self.asked.lock().map(|asked| asked.clone()).unwrap_or_default()
    }

    /// The value, unless it is missing or empty.
    pub fn optional(&self, name: &str) -> Option<&str> {
        if let Ok(mut asked) = self.asked.lock() {
            asked.insert(name.to_owned());
        }
        self.values
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The value, which must be there.
    pub fn required(&self, name: &str) -> Result<&str, SettingsError> {
        self.optional(name)
            .ok_or_else(|| SettingsError::Missing(name.to_owned()))
    }

    /// The value parsed, or `default` where there is none.
    pub fn parsed<T>(&self, name: &str, default: T) -> Result<T, SettingsError>
    where
        T: FromStr<Err: fmt::Display>,
    {
        match self.optional(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .map_err(|error| invalid(name, format!("{text:?}: {error}"))),
        }
    }

    /// A span in whole seconds between `least` and `most`.
    pub fn seconds(
        &self,
        name: &str,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<Duration, SettingsError> {
        let seconds = self.parsed(name, default)?;
        if range.contains(&seconds) {
            Ok(Duration::from_secs(seconds))
        } else {
            Err(invalid(
                name,
                format!("{seconds} is not within {} to {} seconds", range.start(), range.end()),
            ))
        }
    }

    /// A comma-separated list with at least one entry.
    pub fn list(&self, name: &str) -> Result<Vec<String>, SettingsError> {
        let entries: Vec<String> = self
            .required(name)?
            .split(',')
            .map(|entry| entry.trim().to_owned())
            .filter(|entry| !entry.is_empty())
            .collect();
        if entries.is_empty() {
            Err(SettingsError::Missing(name.to_owned()))
        } else {
            Ok(entries)
        }
    }
}

/// How to find the tenant's parts in a base; `BERTH_WORKSPACE_VOLUME=none` says that tenants keep no files.
pub fn layout(variables: &Variables) -> Layout {
    let main = variables
        .optional("BERTH_MAIN_CONTAINER")
        .map_or(Main::OnlyEssential, |name| Main::Named(name.to_owned()));
    let workspace = match variables.optional("BERTH_WORKSPACE_VOLUME") {
        None => Workspace::OnlyPlain,
        Some("none") => Workspace::Absent,
        Some(name) => Workspace::Named(name.to_owned()),
    };
    let delivery = variables
        .optional("BERTH_DELIVERY_CONTAINER")
        .map_or_else(DeliveryContainer::default, |name| DeliveryContainer(name.to_owned()));
    Layout {
        main,
        workspace,
        delivery,
    }
}

/// The file system that tenants' directories are made on.
pub fn file_system(variables: &Variables) -> Result<Option<FileSystemId>, SettingsError> {
    const NAME: &str = "BERTH_FILE_SYSTEM";
    let parse = |text: &str| {
        text.parse()
            .map_err(|error: InvalidId| invalid(NAME, error.to_string()))
    };
    variables.optional(NAME).map(parse).transpose()
}

/// The policy of rollouts that nobody gave another: the defaults with what `BERTH_ROLLOUT_POLICY` changes, as JSON.
pub fn rollout_policy(variables: &Variables) -> Result<Policy, SettingsError> {
    const NAME: &str = "BERTH_ROLLOUT_POLICY";
    let Some(json) = variables.optional(NAME) else {
        return Ok(Policy::default());
    };
    let change: PolicyChange = serde_json::from_str(json).map_err(|error| invalid(NAME, error.to_string()))?;
    Policy::default()
        .with(change)
        .map_err(|error| invalid(NAME, error.to_string()))
}

/// An error about a variable whose value makes no sense.
pub fn invalid(name: &str, why: impl Into<String>) -> SettingsError {
    SettingsError::Invalid {
        name: name.to_owned(),
        why: why.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(values: &[(&str, &str)]) -> Variables {
        Variables::from_map(
            values
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    #[test]
    fn s5_a_missing_or_empty_variable_is_named() {
        let error = variables(&[("BERTH_A", "")]).required("BERTH_A").unwrap_err();
        assert_eq!(error, SettingsError::Missing("BERTH_A".to_owned()));
        assert!(error.to_string().contains("BERTH_A"));
    }

    #[test]
    fn s5_nonsense_is_named() {
        let error = variables(&[("BERTH_N", "soon")])
            .seconds("BERTH_N", 1, 1..=5)
            .unwrap_err()
            .to_string();
        assert!(error.contains("BERTH_N") && error.contains("soon"), "{error}");
    }

    #[test]
    fn s5_a_span_outside_its_range_is_refused_on_both_sides() {
        for (text, legal) in [("0", false), ("1", true), ("5", true), ("6", false)] {
            assert_eq!(
                variables(&[("BERTH_N", text)]).seconds("BERTH_N", 1, 1..=5).is_ok(),
                legal,
                "{text}"
            );
        }
    }

    #[test]
    fn what_was_asked_is_remembered() {
        let variables = variables(&[]);
        let _ = variables.optional("BERTH_B");
        assert_eq!(variables.asked().into_iter().collect::<Vec<_>>(), ["BERTH_B"]);
    }
}
