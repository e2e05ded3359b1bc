//! One settings file for both halves: TOML, the environment over it, flags over that. This module reads and merges;
//! what a table means is known where it is used. Unknown keys, half-set tables and empty values refuse to start.

mod children;
mod keys;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

pub use children::Surroundings;
pub use keys::{KEYS, Key, Kind, reference_table};

use crate::aws::AwsSettings;
use crate::secrets::SecretRef;

/// The longest settings file, bytes.
const MAX_FILE: u64 = 1 << 20;

/// Why the settings can't be used. Each says which setting, and how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("the settings file {path} can't be read: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        cause: String,
    },
    /// The file isn't TOML. Where, and never what: a secret may stand there.
    #[error(
        "the settings file is not valid TOML at line {line}, column {column}: look for a missing quote, bracket or value, \
         or a setting that is there twice"
    )]
    Syntax {
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
    },
    /// A key nobody knows.
    #[error("unknown setting {key}{}", hint.as_deref().map(|h| format!("; did you mean {h}?")).unwrap_or_default())]
    Unknown {
        /// As it was written.
        key: String,
        /// The nearest known one.
        hint: Option<String>,
    },
    /// A value that can't be.
    #[error("setting {key}: {problem}")]
    Value {
        /// The setting.
        key: String,
        /// What is wrong and what would be right.
        problem: String,
    },
}

impl ConfigError {
    /// A wrong value.
    pub fn value(key: &str, problem: &str) -> Self {
        Self::Value { key: key.to_owned(), problem: problem.to_owned() }
    }
}

/// The settings as merged, before each part takes its tables.
#[derive(Clone)]
pub struct Settings {
    tables: Table,
    environment: BTreeMap<String, String>,
    /// Secrets that had to be asked for, by their names in the settings.
    fetched: BTreeMap<String, SecretString>,
}

/// Names only: the environment holds secrets, and a value in the file may be one in the wrong place.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.tables.iter().flat_map(|(name, value)| match value {
            Value::Table(table) => table.keys().map(|key| format!("{name}.{key}")).collect(),
            _ => vec![name.clone()],
        });
        f.debug_struct("Settings").field("set", &names.collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

impl Settings {
    /// Reads `file` (if any) and lays `environment` over it.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let text = match file {
            None => String::new(),
            Some(path) => {
                read(path).map_err(|e| ConfigError::Unreadable { path: path.to_owned(), cause: e.to_string() })?
            }
        };
        Self::parse(&text, environment)
    }

    /// The process's environment, UTF-8 values only. The one place that reads it.
    pub fn process_environment() -> BTreeMap<String, String> {
        std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect()
    }

    /// What programs that this one starts are given of the environment.
    pub fn surroundings(&self) -> Surroundings {
        Surroundings::of(&self.environment)
    }

    /// Merges TOML text with an environment.
    pub fn parse(text: &str, environment: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut tables: Table = text.parse().map_err(|e: toml::de::Error| not_toml(text, &e))?;
        refuse_unknown(&tables)?;
        let environment: BTreeMap<_, _> = environment.into_iter().collect();
        for (name, value) in &environment {
            if let Some(key) = keys::by_variable(name)? {
                lay_over(&mut tables, key, name, value)?;
            }
        }
        Ok(Self { tables, environment, fetched: BTreeMap::new() })
    }

    /// Lays a flag over file and environment. `path` is as in the documentation: `ingress.listen`.
    pub fn set(&mut self, path: &str, value: impl Into<Value>) {
        match path.split_once('.') {
            None => {
                self.tables.insert(path.to_owned(), value.into());
            }
            Some((table, key)) => {
                let entry = self.tables.entry(table).or_insert_with(|| Value::Table(Table::new()));
                if let Value::Table(entry) = entry {
                    entry.insert(key.to_owned(), value.into());
                }
            }
        }
    }

    /// Forgets a setting.
    pub fn unset(&mut self, path: &str) {
        if let Some((table, key)) = path.split_once('.')
            && let Some(Value::Table(table)) = self.tables.get_mut(table)
        {
            table.remove(key);
        }
    }

    /// One table, typed. An absent one is its default.
    pub fn table<T: DeserializeOwned>(&self, name: &str) -> Result<T, ConfigError> {
        let table = match self.tables.get(name) {
            None => Table::new(),
            Some(Value::Table(table)) => table.clone(),
            Some(_) => return Err(ConfigError::value(name, "it must be a table")),
        };
        for (key, value) in &table {
            let path = format!("{name}.{key}");
            if let Some(known) = keys::known(&path).filter(|known| !fits(known.kind, value)) {
                return Err(ConfigError::value(&path, &format!("it must be {}", words(known.kind))));
            }
        }
        table.clone().try_into().map_err(|e| impossible(name, &table, &e))
    }

    /// Where queue, store and keys live.
    pub fn data_dir(&self) -> Result<PathBuf, ConfigError> {
        match self.tables.get("data_dir") {
            None => Ok(PathBuf::from("eco-coder-data")),
            Some(Value::String(path)) if !path.is_empty() => Ok(PathBuf::from(path)),
            Some(_) => Err(ConfigError::value("data_dir", "it must be the path of a directory")),
        }
    }

    /// A text at the top.
    pub fn text(&self, key: &str) -> Result<Option<String>, ConfigError> {
        match self.tables.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(ConfigError::value(key, "it must be a text")),
        }
    }

    /// Do everything but write to GitHub.
    pub fn dry_run(&self) -> Result<bool, ConfigError> {
        match self.tables.get("dry_run") {
            None => Ok(false),
            Some(Value::Boolean(on)) => Ok(*on),
            Some(_) => Err(ConfigError::value("dry_run", "it must be true or false")),
        }
    }

    /// Resolves a secret; `key` is the setting that named it. One of AWS must have been [fetched](Self::fetching).
    pub fn secret(&self, key: &str, reference: &str) -> Result<SecretString, ConfigError> {
        let wrong = |e: crate::secrets::SecretError| ConfigError::value(key, &e.to_string());
        match self.fetched.get(reference) {
            Some(secret) => Ok(secret.clone()),
            None => reference.parse::<SecretRef>().map_err(wrong)?.read(&self.environment).map_err(wrong),
        }
    }

    /// With the secrets that these settings name, if they are in AWS Secrets Manager: only those that are needed, since a
    /// role may see no others.
    pub async fn fetching(mut self, keys: &[&str]) -> Result<Self, ConfigError> {
        for key in keys {
            for reference in self.references(key) {
                if matches!(reference.parse(), Ok(SecretRef::Aws { .. })) {
                    let secret = self.secret_now(key, &reference).await?.swap_remove(0);
                    self.fetched.insert(reference, secret);
                }
            }
        }
        Ok(self)
    }

    /// What a secret is now, which may not be what it was at the start; never empty, the current value first.
    pub async fn secret_now(&self, key: &str, reference: &str) -> Result<Vec<SecretString>, ConfigError> {
        let wrong = |e: crate::secrets::SecretError| ConfigError::value(key, &e.to_string());
        let aws = AwsSettings::from_settings(self)?;
        reference.parse::<SecretRef>().map_err(wrong)?.fetch(&self.environment, &aws).await.map_err(wrong)
    }

    /// The texts at a setting that is one or a list of them.
    fn references(&self, path: &str) -> Vec<String> {
        let value = path.split_once('.').and_then(|(table, key)| self.tables.get(table)?.get(key));
        match value {
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Array(list)) => list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        }
    }
}

/// All of a file that is no longer than a settings file is.
fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = Vec::new();
    std::fs::File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(std::io::Error::other(format!("it has more than {MAX_FILE} bytes; name a settings file")));
    }
    String::from_utf8(text).map_err(|_| std::io::Error::other("it is not UTF-8 text"))
}

fn refuse_unknown(tables: &Table) -> Result<(), ConfigError> {
    for (name, value) in tables {
        let is_table = KEYS.iter().any(|k| k.path.split_once('.').is_some_and(|(table, _)| table == name));
        if !is_table && keys::known(name).is_none() {
            return Err(keys::unknown(name));
        }
        let table = match value {
            Value::Table(table) if is_table => table,
            _ if is_table => return Err(ConfigError::value(name, "it must be a table")),
            _ => continue,
        };
        for key in table.keys() {
            let path = format!("{name}.{key}");
            if keys::known(&path).is_none() {
                return Err(keys::unknown(&path));
            }
        }
    }
    Ok(())
}

fn not_toml(text: &str, error: &toml::de::Error) -> ConfigError {
    let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    ConfigError::Syntax { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
}

/// A value of the right kind that its reader refused. Serde's messages begin with the value, which may be a secret in the
/// wrong place; only what was expected instead is the program's own.
fn impossible(name: &str, table: &Table, error: &toml::de::Error) -> ConfigError {
    // The error tells its key in its last line only.
    let shown = error.to_string();
    let place = shown.trim_end().rsplit('\n').next().unwrap_or_default();
    let key = table.keys().find(|key| {
        let inside = place.strip_prefix("in `").and_then(|rest| rest.strip_prefix(key.as_str()));
        inside.is_some_and(|rest| rest.starts_with(['`', '.']))
    });
    let path = key.map_or_else(|| name.to_owned(), |key| format!("{name}.{key}"));
    let of_serde = ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant "];
    let expected = match error.message() {
        message if of_serde.iter().any(|start| message.starts_with(start)) => message.rsplit_once(", expected "),
        _ => None,
    };
    let mut problem = "its value isn't one that it can have".to_owned();
    if let Some((_, expected)) = expected {
        problem = format!("{problem}; it must be {expected}");
    }
    ConfigError::value(&path, &problem)
}

fn fits(kind: Kind, value: &Value) -> bool {
    match kind {
        Kind::Text => value.is_str(),
        Kind::Integer => value.is_integer(),
        Kind::Number => value.is_float() || value.is_integer(),
        Kind::Flag => value.is_bool(),
        Kind::List => value.as_array().is_some_and(|parts| parts.iter().all(Value::is_str)),
    }
}

fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "a text",
        Kind::Integer => "a whole number",
        Kind::Number => "a number",
        Kind::Flag => "true or false",
        Kind::List => "a list of texts",
    }
}

fn lay_over(tables: &mut Table, key: &Key, variable: &str, text: &str) -> Result<(), ConfigError> {
    let wrong = || ConfigError::value(variable, &format!("it must be {}", words(key.kind)));
    if text.is_empty() {
        return Err(ConfigError::value(variable, "it is empty; unset it, or give it a value"));
    }
    let value = match key.kind {
        Kind::Text => Value::String(text.to_owned()),
        Kind::Integer => Value::Integer(text.parse().map_err(|_| wrong())?),
        Kind::Number => Value::Float(text.parse().map_err(|_| wrong())?),
        Kind::Flag => Value::Boolean(text.parse().map_err(|_| wrong())?),
        // As in the file, if it looks like that: else it would be a list of one odd text.
        Kind::List if text.trim_start().starts_with('[') => {
            let read = toml::from_str::<Table>(&format!("list = {text}")).ok().filter(|table| table.len() == 1);
            read.and_then(|mut table| table.remove("list")).filter(|list| fits(Kind::List, list)).ok_or_else(wrong)?
        }
        Kind::List => Value::Array(text.split(',').map(|part| Value::String(part.trim().to_owned())).collect()),
    };
    match key.path.split_once('.') {
        None => {
            tables.insert(key.path.to_owned(), value);
        }
        Some((table, name)) => {
            let entry = tables.entry(table).or_insert_with(|| Value::Table(Table::new()));
            let Value::Table(entry) = entry else {
                return Err(ConfigError::value(table, "it must be a table"));
            };
            entry.insert(name.to_owned(), value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
