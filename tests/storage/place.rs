//! Where tests keep states.

use std::path::Path;
use std::sync::Arc;

use automation_kv::database::Database;
use automation_kv::storage::{Storage, StorageOptions};
use tempfile::TempDir;

pub type Opened = Arc<dyn Storage>;

/// A database for one test. Opening it more than once gives several hosts of the same states, except in memory.
pub struct Place {
    pub database: Database,
    _folder: TempDir,
}

impl Place {
    pub fn new(url: impl FnOnce(&Path) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            database: Database::parse(&url(folder.path())).unwrap(),
            _folder: folder,
        }
    }

    pub fn memory() -> Self {
        Self::new(|_| "memory:".to_owned())
    }

    pub fn sqlite() -> Self {
        Self::new(|folder| format!("sqlite://{}/state.db", folder.display()))
    }

    pub fn postgres() -> Self {
        Self::new(|_| crate::support::postgres::SHARED.database())
    }

    pub async fn open(&self) -> Opened {
        self.database.open(&StorageOptions::default()).await.unwrap()
    }
}
