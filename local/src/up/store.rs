//! A data directory: the state of a cloud, on disk.
//!
//! Each save is a new snapshot in a directory of its own; the file `current` names the latest whole one and is replaced by a
//! rename, so that a crash at any moment leaves a state that was once true, of all services together.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::cloud::{Cloud, StoreError, Tables};

const CURRENT: &str = "current";
const TABLES: &str = "tables.sqlite";
const STATE: &str = "state.json";

/// A data directory, which only this process uses.
#[derive(Debug)]
pub(super) struct Store {
    root: PathBuf,
    _lock: File,
}

/// A data directory that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the data directory {directory} cannot be used: {why}")]
pub struct DataError {
    directory: PathBuf,
    why: String,
}

impl Store {
    /// Opens a data directory; makes it if it is not there.
    pub(super) fn open(root: &Path) -> Result<Self, DataError> {
        let failed = |why: String| DataError {
            directory: root.to_owned(),
            why,
        };
        fs::create_dir_all(root).map_err(|error| failed(error.to_string()))?;
        let lock = File::create(root.join("lock")).map_err(|error| failed(error.to_string()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                root: root.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(failed("another process uses it".to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(error.to_string())),
        }
    }

    /// The latest saved state, if there is one.
    pub(super) fn load(&self) -> Result<Option<Cloud>, DataError> {
        let name = match fs::read_to_string(self.root.join(CURRENT)) {
            Ok(name) => name,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.broken(error.to_string())),
        };
        let snapshot = self.root.join(name.trim());
        let broken = |why: String| {
            self.broken(format!(
                "its snapshot {} is broken: {why}; move the directory away to start anew",
                name.trim()
            ))
        };
        let state = fs::read(snapshot.join(STATE)).map_err(|error| broken(error.to_string()))?;
        let state = serde_json::from_slice(&state).map_err(|error| broken(error.to_string()))?;
        let cloud = Tables::load(&snapshot.join(TABLES)).and_then(|tables| Cloud::restore(state, tables));
        cloud.map(Some).map_err(|error| broken(error.to_string()))
    }

    /// Saves a state, whole or not at all.
    pub(super) fn save(&self, cloud: &Cloud) -> Result<(), DataError> {
        self.write(cloud).map_err(|error| self.broken(error.to_string()))
    }

    fn write(&self, cloud: &Cloud) -> Result<(), SaveError> {
        let name = format!("snapshot-{}", cloud.now().as_microsecond());
        let snapshot = self.root.join(&name);
        if snapshot.exists() {
            return Ok(());
        }
        let draft = self.root.join("draft");
        if draft.exists() {
            fs::remove_dir_all(&draft)?;
        }
        fs::create_dir(&draft)?;
        cloud.tables().save(&draft.join(TABLES))?;
        File::open(draft.join(TABLES))?.sync_all()?;
        write_through(&draft.join(STATE), &serde_json::to_vec(cloud.state())?)?;
        fs::rename(&draft, &snapshot)?;
        write_through(&self.root.join("next"), name.as_bytes())?;
        fs::rename(self.root.join("next"), self.root.join(CURRENT))?;
        self.remove_all_but(&name)
    }

    fn remove_all_but(&self, name: &str) -> Result<(), SaveError> {
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            let found = entry.file_name();
            if found.to_string_lossy().starts_with("snapshot-") && found.to_string_lossy() != name {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    fn broken(&self, why: String) -> DataError {
        DataError {
            directory: self.root.clone(),
            why,
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum SaveError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Tables(#[from] StoreError),
    #[error(transparent)]
    State(#[from] serde_json::Error),
}

fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
