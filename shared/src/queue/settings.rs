//! The `[queue]` table: which engine, and where. Both halves and the operators' commands read it here.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use super::sqlite::SqliteQueue;
use super::{JobQueue, QueueError};
use crate::config::{ConfigError, Settings};
use crate::env::SharedEnv;

/// Which engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueSettings {
    /// SQLite, in this file.
    Sqlite {
        /// The file; made when it is opened.
        path: PathBuf,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default = "sqlite")]
    kind: String,
    path: Option<PathBuf>,
}

fn sqlite() -> String {
    "sqlite".to_owned()
}

impl QueueSettings {
    /// Reads and checks the table.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let table: Table = settings.table("queue")?;
        if table.kind != "sqlite" {
            // Never a silent fall-back from the fleet's engine to this machine's.
            return Err(ConfigError::value("queue.kind", "this build has no such engine; it has \"sqlite\""));
        }
        match table.path {
            Some(path) if path.as_os_str().is_empty() => {
                Err(ConfigError::value("queue.path", "it is empty; remove the setting, or name a file"))
            }
            Some(path) => Ok(Self::Sqlite { path }),
            None => Ok(Self::Sqlite { path: settings.data_dir()?.join("queue.db") }),
        }
    }

    /// Opens the queue, and makes it if need be.
    pub fn open(&self, env: SharedEnv) -> Result<Arc<dyn JobQueue>, QueueError> {
        let Self::Sqlite { path } = self;
        Ok(Arc::new(SqliteQueue::open(path, env)?))
    }

    /// Is there a queue already?
    pub fn exists(&self) -> bool {
        let Self::Sqlite { path } = self;
        path.exists()
    }
}

impl std::fmt::Display for QueueSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Sqlite { path } = self;
        write!(f, "{}", path.display())
    }
}
