//! `eco-coder doctor --storage`: are queue and store whole, do their tables agree, can what is sealed be opened? Reads
//! the files as a whole, and while others serve from them. Mends nothing.

use std::path::Path;

use eco_coder_shared::config::Settings;
use eco_coder_shared::queue::settings::QueueSettings;
use eco_coder_shared::queue::sqlite::{Check as QueueCheck, SCHEMA as QUEUE};
use eco_coder_shared::sqlite::{Look, Schema, SqliteError};
use eco_coder_worker::config::StoreSettings;
use eco_coder_worker::store::seal::SealKey;
use eco_coder_worker::store::sqlite::{Check as StoreCheck, SCHEMA as STORE};

use super::{Check, not_yet};
use crate::commands::system_env;

/// What every fault of a file ends with.
const MEND: &str = "stop eco-coder, keep a copy of the file, restore a backup (docs/operating.md), and check the disk";

type Checks = Vec<(&'static str, Check)>;

/// All checks, in order.
pub(super) fn checks(settings: &Settings) -> Checks {
    let mut checks = match QueueSettings::from_settings(settings) {
        Err(e) => vec![("queue", Err(e.to_string()))],
        Ok(config) => match config.file() {
            Some(file) => queue(file),
            None => vec![("queue", Ok(format!("{config}: AWS keeps it; there is no file to check")))],
        },
    };
    checks.extend(match StoreSettings::from_settings(settings) {
        Err(e) => vec![("store", Err(e.to_string()))],
        Ok(config) => store(&config),
    });
    checks
}

fn queue(path: &Path) -> Checks {
    if !path.exists() {
        return vec![("queue", Ok(not_yet(&path.display())))];
    }
    let look = match Look::at(path, &QUEUE) {
        Err(e) => return vec![("queue", Err(e.to_string()))],
        Ok(look) => look,
    };
    let tables = QueueCheck::of(&look).map_err(broken).and_then(|check| match check.faults.as_slice() {
        [] => Ok(format!(
            "{} messages in {} groups and {} dead letters, counted and compared",
            check.messages, check.groups, check.dead
        )),
        faults => Err(format!("{}; {MEND}", faults.join("; "))),
    });
    vec![("queue", describe(path, &look, &QUEUE)), ("queue.integrity", integrity(&look)), ("queue.tables", tables)]
}

fn store(config: &StoreSettings) -> Checks {
    let Some(path) = config.place.file() else {
        return vec![("store", Ok(format!("{}: AWS keeps it; there is no file to check", config.place)))];
    };
    let key = config.session_key.look(&*system_env()).map_err(|e| e.to_string());
    if !path.exists() {
        return vec![("store", Ok(not_yet(&path.display())))];
    }
    let look = match Look::at(path, &STORE) {
        Err(e) => return vec![("store", Err(e.to_string()))],
        Ok(look) => look,
    };
    let seal = key.as_ref().ok().copied().flatten().map(|key| SealKey::new(&key));
    let mut checks = vec![("store", describe(path, &look, &STORE)), ("store.integrity", integrity(&look))];
    match StoreCheck::of(&look, seal.as_ref()) {
        Err(e) => checks.push(("store.tables", Err(broken(e)))),
        Ok(check) => {
            checks.push(("store.tables", tables(&check)));
            checks.push(("store.sealed", key.and_then(|key| sealed(&check, key.is_some()))));
        }
    }
    checks
}

fn tables(check: &StoreCheck) -> Check {
    if check.unreadable > 0 {
        return Err(format!("{} of {} rows of pull requests can't be read; {MEND}", check.unreadable, check.pulls));
    }
    Ok(format!(
        "{} pull requests, {} results, {} session events, {} kept reports, {} reviews in the history",
        check.pulls, check.results, check.events, check.kept, check.reviews
    ))
}

fn sealed(check: &StoreCheck, has_key: bool) -> Check {
    let all = check.results + check.events + check.kept;
    if !has_key && all > 0 {
        return Err(format!(
            "{all} values are sealed, and the key that opens them is not there; put the file of store.session_key back, \
             or start without it: results are made again, kept reports are lost"
        ));
    }
    if check.sealed_otherwise > 0 {
        return Err(format!(
            "{} of {} sealed values can't be opened: they were sealed with another key, or changed; set store.session_key \
             to the key that this store was used with",
            check.sealed_otherwise, check.tried
        ));
    }
    Ok(format!("{} of {all} sealed values opened", check.tried))
}

fn describe(path: &Path, look: &Look, schema: &Schema) -> Check {
    let size = look.size().map_err(broken)?;
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let version = match look.version() {
        version if version == schema.version() => format!("schema {version}"),
        version => format!("schema {version}, migrated to {} at the next start", schema.version()),
    };
    Ok(format!(
        "{}, {version}, {:.1} MB, {:.1} MB of it free, log {:.1} MB",
        path.display(),
        megabytes(size.bytes),
        megabytes(size.free_bytes),
        megabytes(size.log_bytes)
    ))
}

fn integrity(look: &Look) -> Check {
    match look.faults().map_err(broken)?.as_slice() {
        [] => Ok("every page, index and constraint is sound".to_owned()),
        [first, more @ ..] => {
            let others = if more.is_empty() { String::new() } else { format!(" (and {} more)", more.len()) };
            // SQLite's words may span lines.
            let first = first.split_whitespace().collect::<Vec<_>>().join(" ");
            Err(format!("the file is damaged: {first}{others}; {MEND}"))
        }
    }
}

fn broken(error: SqliteError) -> String {
    match error {
        SqliteError::Corrupt(what) => format!("the file is damaged ({what}); {MEND}"),
        other => other.to_string(),
    }
}
