//! The `[queue]` table: which engine, and where. Both halves and the operators' commands read it here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::sqlite::{DEAD_LETTER_DAYS, SqliteQueue};
use super::{JobQueue, QueueError};
use crate::config::{ConfigError, Settings};
use crate::env::SharedEnv;

/// The longest that dead letters can be kept.
const MAX_DEAD_LETTER_DAYS: u32 = 365;

/// Which engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueSettings {
    /// SQLite, in this file.
    Sqlite {
        /// The file; made when it is opened.
        path: PathBuf,
        /// How long dead letters are kept.
        dead_letter_days: u32,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default = "sqlite")]
    kind: String,
    path: Option<PathBuf>,
    #[serde(default = "dead_letter_days")]
    dead_letter_days: u32,
}

fn dead_letter_days() -> u32 {
    DEAD_LETTER_DAYS
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
        if !(1..=MAX_DEAD_LETTER_DAYS).contains(&table.dead_letter_days) {
            return Err(ConfigError::value(
                "queue.dead_letter_days",
                &format!("it must be from 1 to {MAX_DEAD_LETTER_DAYS}"),
            ));
        }
        let path = match table.path {
            Some(path) if path.as_os_str().is_empty() => {
                return Err(ConfigError::value("queue.path", "it is empty; remove the setting, or name a file"));
            }
            Some(path) => path,
            None => settings.data_dir()?.join("queue.db"),
        };
        Ok(Self::Sqlite { path, dead_letter_days: table.dead_letter_days })
    }

    /// Opens the queue, and makes it if need be.
    pub fn open(&self, env: SharedEnv) -> Result<Arc<dyn JobQueue>, QueueError> {
        let Self::Sqlite { path, dead_letter_days } = self;
        Ok(Arc::new(SqliteQueue::open(path, env)?.keeping_dead_letters(*dead_letter_days)))
    }

    /// Is there a queue already?
    pub fn exists(&self) -> bool {
        self.file().exists()
    }

    /// Its file.
    pub fn file(&self) -> &Path {
        let Self::Sqlite { path, .. } = self;
        path
    }
}

impl std::fmt::Display for QueueSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.file().display())
    }
}
