//! File systems, as far as access points need them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{LifeCycle, list_tags, time};
use crate::names::Config;
use crate::tags::Tags;

/// One file system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FileSystem {
    pub(crate) token: String,
    pub(crate) state: LifeCycle,
    pub(crate) created: Timestamp,
    pub(crate) tags: Tags,
    /// The members of the request that come back as they were given.
    pub(crate) given: Map<String, Value>,
}

impl FileSystem {
    /// A `FileSystemDescription`.
    pub(crate) fn show(&self, id: &str, config: &Config) -> Value {
        let mut shown = self.given.clone();
        for (name, default) in [
            ("PerformanceMode", json!("generalPurpose")),
            ("Encrypted", json!(false)),
            ("ThroughputMode", json!("bursting")),
        ] {
            shown.entry(name).or_insert(default);
        }
        let members = json!({
            "OwnerId": config.account,
            "CreationToken": self.token,
            "FileSystemId": id,
            "FileSystemArn": config.efs_arn(&format!("file-system/{id}")),
            "CreationTime": time(self.created),
            "LifeCycleState": self.state,
            "NumberOfMountTargets": 0,
            "SizeInBytes": {"Value": 6144, "ValueInIA": 0, "ValueInStandard": 6144},
            "Tags": list_tags(&self.tags),
        });
        if let Value::Object(members) = members {
            shown.extend(members);
        }
        if let Some(name) = self.tags.get("Name") {
            shown.insert("Name".to_owned(), json!(name));
        }
        Value::Object(shown)
    }
}
