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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::cloud::{Config, StackStatus};

    /// A directory that is gone when the test is.
    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("berth-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            Self(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn cloud() -> Cloud {
        let mut cloud = Cloud::new(Config::new(1, Timestamp::UNIX_EPOCH)).expect("a cloud");
        cloud.set_stack("base", StackStatus::CreateComplete);
        cloud
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let directory = Directory::new("saved");
        let store = Store::open(&directory.0).expect("a store");
        assert!(store.load().expect("nothing yet").is_none());
        let mut cloud = cloud();
        store.save(&cloud).expect("saved");
        cloud
            .advance_to(Timestamp::from_second(60).expect("a time"))
            .expect("time passes");
        store.save(&cloud).expect("saved again");
        let loaded = store.load().expect("readable").expect("a cloud");
        assert_eq!((loaded.now(), loaded.events_after(0).count()), (cloud.now(), 1));
    }

    #[test]
    fn a_crash_while_saving_leaves_the_state_before() {
        let directory = Directory::new("crash");
        let store = Store::open(&directory.0).expect("a store");
        store.save(&cloud()).expect("saved");
        fs::create_dir(directory.0.join("draft")).expect("a draft");
        fs::write(directory.0.join("draft").join(STATE), "half").expect("half a state");
        assert!(store.load().expect("readable").is_some());
        let mut later = cloud();
        later
            .advance_to(Timestamp::from_second(1).expect("a time"))
            .expect("time passes");
        store.save(&later).expect("the draft is no obstacle");
        assert_eq!(store.load().expect("readable").expect("a cloud").now(), later.now());
    }

    #[test]
    fn a_broken_directory_is_named() {
        let directory = Directory::new("broken");
        let store = Store::open(&directory.0).expect("a store");
        store.save(&cloud()).expect("saved");
        let current = fs::read_to_string(directory.0.join(CURRENT)).expect("a name");
        fs::write(directory.0.join(current.trim()).join(STATE), "{").expect("broken");
        let error = store.load().expect_err("it is broken").to_string();
        assert!(error.contains("broken") && error.contains(current.trim()), "{error}");
        let taken = Store::open(&directory.0).expect_err("it is in use").to_string();
        assert!(taken.contains("another process"), "{taken}");
    }
}
