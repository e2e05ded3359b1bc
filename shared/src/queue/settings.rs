//! The `[queue]` table: which engine, and where. Both halves and the operators' commands read it here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::sqlite::{DEAD_LETTER_DAYS, SqliteQueue};
use super::sqs::SqsQueue;
use super::{JobQueue, QueueError};
use crate::aws::AwsSettings;
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
    /// Amazon SQS.
    Sqs {
        /// The queue.
        url: String,
        /// Its dead letters.
        dead_letter_url: String,
        /// Where AWS is.
        aws: AwsSettings,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default = "sqlite")]
    kind: String,
    path: Option<PathBuf>,
    dead_letter_days: Option<u32>,
    url: Option<String>,
    dead_letter_url: Option<String>,
}

fn sqlite() -> String {
    "sqlite".to_owned()
}

impl QueueSettings {
    /// Reads and checks the table. A table that is half one engine's and half another's is refused: never a silent
    /// fall-back from the fleet's engine to this machine's.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let table: Table = settings.table("queue")?;
        match table.kind.as_str() {
            "sqlite" => Self::sqlite(table, settings),
            "sqs" => Self::sqs(table, settings),
            _ => Err(ConfigError::value("queue.kind", "it must be \"sqlite\" or \"sqs\"")),
        }
    }

    fn sqlite(table: Table, settings: &Settings) -> Result<Self, ConfigError> {
        for (key, given) in [("queue.url", table.url), ("queue.dead_letter_url", table.dead_letter_url)] {
            if given.is_some() {
                let problem = "it is for queue.kind = \"sqs\"; set that, or remove this";
                return Err(ConfigError::value(key, problem));
            }
        }
        let dead_letter_days = table.dead_letter_days.unwrap_or(DEAD_LETTER_DAYS);
        if !(1..=MAX_DEAD_LETTER_DAYS).contains(&dead_letter_days) {
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
        Ok(Self::Sqlite { path, dead_letter_days })
    }

    fn sqs(table: Table, settings: &Settings) -> Result<Self, ConfigError> {
        for (key, given) in
            [("queue.path", table.path.is_some()), ("queue.dead_letter_days", table.dead_letter_days.is_some())]
        {
            if given {
                let problem = "it is for queue.kind = \"sqlite\"; remove it, or set that";
                return Err(ConfigError::value(key, problem));
            }
        }
        let url = queue_url("queue.url", table.url)?;
        let dead_letter_url = queue_url("queue.dead_letter_url", table.dead_letter_url)?;
        if url == dead_letter_url {
            return Err(ConfigError::value("queue.dead_letter_url", "it is the same as queue.url"));
        }
        Ok(Self::Sqs { url, dead_letter_url, aws: AwsSettings::from_settings(settings)? })
    }

    /// Opens the queue; a file is made if need be. On SQS, what is wrong with the queues is said at once.
    pub async fn open(&self, env: SharedEnv) -> Result<Arc<dyn JobQueue>, QueueError> {
        match self {
            Self::Sqlite { path, dead_letter_days } => {
                Ok(Arc::new(SqliteQueue::open(path, env)?.keeping_dead_letters(*dead_letter_days)))
            }
            Self::Sqs { url, dead_letter_url, aws } => {
                let queue = sqs(url, dead_letter_url, aws, env).await;
                queue.check().await?;
                Ok(Arc::new(queue))
            }
        }
    }

    /// Opens the queue if it is on SQS.
    pub async fn open_sqs(&self, env: SharedEnv) -> Option<SqsQueue> {
        match self {
            Self::Sqlite { .. } => None,
            Self::Sqs { url, dead_letter_url, aws } => Some(sqs(url, dead_letter_url, aws, env).await),
        }
    }

    /// Is there a queue already, as far as this machine can tell?
    pub fn exists(&self) -> bool {
        self.file().is_none_or(Path::exists)
    }

    /// Its file, if it is in one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite { path, .. } => Some(path),
            Self::Sqs { .. } => None,
        }
    }
}

async fn sqs(url: &str, dead_letter_url: &str, aws: &AwsSettings, env: SharedEnv) -> SqsQueue {
    SqsQueue::new(&aws.load().await, url.to_owned(), dead_letter_url.to_owned(), env)
}

fn queue_url(key: &str, url: Option<String>) -> Result<String, ConfigError> {
    let wrong = |problem: &str| Err(ConfigError::value(key, problem));
    match url {
        None => wrong("queue.kind is \"sqs\", so it must be set: the URL that SQS shows for the queue"),
        Some(url) if !url.starts_with("https://") && !url.starts_with("http://") => {
            wrong("it must be a queue's URL, such as https://sqs.us-east-1.amazonaws.com/123456789012/eco-coder")
        }
        Some(url) if url.to_ascii_lowercase().ends_with(".fifo") => wrong(
            "it must be a standard queue: a FIFO queue holds a repository up for a whole review, and forgets repeated \
             hints",
        ),
        Some(url) => Ok(url),
    }
}

impl std::fmt::Display for QueueSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite { path, .. } => write!(f, "{}", path.display()),
            Self::Sqs { url, .. } => write!(f, "{url}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Result<QueueSettings, ConfigError> {
        QueueSettings::from_settings(&Settings::parse(text, [])?)
    }

    #[test]
    fn a_table_of_two_halves_is_refused_with_the_setting_s_name() {
        let url = "url = \"https://sqs.us-east-1.amazonaws.com/1/q\"";
        let dead = "dead_letter_url = \"https://sqs.us-east-1.amazonaws.com/1/d\"";
        assert!(matches!(settings("").unwrap(), QueueSettings::Sqlite { .. }));
        let whole = settings(&format!("[queue]\nkind = \"sqs\"\n{url}\n{dead}")).unwrap();
        assert!(matches!(whole, QueueSettings::Sqs { .. }));
        for (wrong, named) in [
            ("kind = \"sqs\"".to_owned(), "queue.url"),
            (format!("kind = \"sqs\"\n{url}"), "queue.dead_letter_url"),
            (format!("kind = \"sqs\"\n{url}\n{dead}\npath = \"q.db\""), "queue.path"),
            (format!("kind = \"sqs\"\n{url}\n{dead}\ndead_letter_days = 3"), "queue.dead_letter_days"),
            (
                format!("kind = \"sqs\"\n{url}\ndead_{url}").replace("dead_url", "dead_letter_url"),
                "queue.dead_letter_url",
            ),
            (format!("kind = \"sqs\"\nurl = \"q\"\n{dead}"), "queue.url"),
            (format!("kind = \"sqs\"\nurl = \"https://h/1/q.fifo\"\n{dead}"), "queue.url"),
            (url.to_owned(), "queue.url"),
            (dead.to_owned(), "queue.dead_letter_url"),
            ("kind = \"rabbit\"".to_owned(), "queue.kind"),
        ] {
            let error = settings(&format!("[queue]\n{wrong}")).unwrap_err().to_string();
            assert!(error.contains(&format!("setting {named}:")), "{wrong}: {error}");
        }
    }
}
