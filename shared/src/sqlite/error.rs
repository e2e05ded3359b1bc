//! What can go wrong with a database, sorted by what to do about it.

use rusqlite::ErrorCode;

/// Why a call on a database failed. Nothing of the call was kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqliteError {
    /// Another process, or too many callers, hold it. Worth trying again.
    #[error(
        "the database is busy ({0}); try again, and if it stays so, look for another process that holds the file open"
    )]
    Busy(String),
    /// No room.
    #[error("the disk is full ({0}); free some space, nothing else needs doing")]
    Full(String),
    /// The file or its directory can't be read or written.
    #[error("the database can't be read or written ({0}); check the path, its permissions and the disk")]
    Io(String),
    /// Not a database, or a damaged one.
    #[error(
        "the file is not a database or is damaged ({0}); restore it from a backup, or move it away to start with an \
         empty one"
    )]
    Corrupt(String),
    /// A later build has changed the schema.
    #[error(
        "{file} was written by a newer eco-coder (schema {found}, this build knows {known}); run that version, or \
         point this one at another data directory"
    )]
    Newer {
        /// The file's path.
        file: String,
        /// The file's schema version.
        found: i64,
        /// The newest version this build knows.
        known: i64,
    },
    /// A database, but not one of this program's, or of its other kind. Nothing was changed in it.
    #[error(
        "{file} is a database, but not eco-coder's {kind}; check the path in the settings, nothing was changed in the file"
    )]
    Foreign {
        /// The file's path.
        file: String,
        /// What it was opened as.
        kind: &'static str,
    },
    /// The statement itself failed: a defect of this program.
    #[error("the database refused a statement ({0}); this is a defect, please report it")]
    Other(String),
    /// The thread is gone: the program is shutting down.
    #[error("the database is closed; start the program again")]
    Closed,
}

impl SqliteError {
    /// Puts the place into the message.
    pub(super) fn at(self, place: &str) -> Self {
        match self {
            Self::Busy(e) => Self::Busy(format!("{place}: {e}")),
            Self::Full(e) => Self::Full(format!("{place}: {e}")),
            Self::Io(e) => Self::Io(format!("{place}: {e}")),
            Self::Corrupt(e) => Self::Corrupt(format!("{place}: {e}")),
            Self::Other(e) => Self::Other(format!("{place}: {e}")),
            Self::Newer { .. } | Self::Foreign { .. } | Self::Closed => self,
        }
    }
}

impl From<rusqlite::Error> for SqliteError {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(text),
            Some(ErrorCode::DiskFull) => Self::Full(text),
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::FileLockingProtocolFailed,
            ) => Self::Io(text),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(text),
            _ => Self::Other(text),
        }
    }
}
