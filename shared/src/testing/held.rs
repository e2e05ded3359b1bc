//! A database file that somebody else is writing, for as long as a test likes.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

/// The longest wait until it can be had.
const PATIENCE: Duration = Duration::from_mins(1);

/// As long as it lives nobody else writes the file; what it would have written is dropped with it.
#[derive(Debug)]
pub struct Held(Connection);

/// Holds the file as a process does that is in the middle of a transaction.
pub fn hold(file: &Path) -> Held {
    let held = Connection::open(file).expect("a database that can be opened");
    held.busy_timeout(PATIENCE).expect("a time-out that can be set");
    held.execute_batch("BEGIN EXCLUSIVE").expect("a database that can be held");
    Held(held)
}

impl Drop for Held {
    fn drop(&mut self) {
        // Closing would do the same; this says it.
        let _ = self.0.execute_batch("ROLLBACK");
    }
}
