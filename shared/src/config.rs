//! One settings file for both halves: TOML, the environment over it, flags over that. This module reads and merges;
//! what a table means is known where it is used. Unknown keys, half-set tables and empty values refuse to start.

mod keys;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

pub use keys::{KEYS, Key, Kind, reference_table};

use crate::secrets::SecretRef;

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
    /// The file isn't TOML.
    #[error("the settings file is not valid TOML: {0}")]
    Syntax(String),
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
#[derive(Debug, Clone)]
pub struct Settings {
    tables: Table,
    environment: BTreeMap<String, String>,
}

impl Settings {
    /// Reads `file` (if any) and lays `environment` over it.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let text = match file {
            None => String::new(),
            Some(path) => std::fs::read_to_string(path)
                .map_err(|e| ConfigError::Unreadable { path: path.to_owned(), cause: e.to_string() })?,
        };
        Self::parse(&text, environment)
    }

    /// The process's environment, UTF-8 values only. The one place that reads it.
    pub fn process_environment() -> BTreeMap<String, String> {
        std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect()
    }

    /// Merges TOML text with an environment.
    pub fn parse(text: &str, environment: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut tables: Table = text.parse().map_err(|e: toml::de::Error| ConfigError::Syntax(e.to_string()))?;
        refuse_unknown(&tables)?;
        let environment: BTreeMap<_, _> = environment.into_iter().collect();
        for (name, value) in &environment {
            if let Some(key) = keys::by_variable(name)? {
                lay_over(&mut tables, key, name, value)?;
            }
        }
        Ok(Self { tables, environment })
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

    /// One table, typed. An absent one is its default.
    pub fn table<T: DeserializeOwned>(&self, name: &str) -> Result<T, ConfigError> {
        let value = self.tables.get(name).cloned().unwrap_or_else(|| Value::Table(Table::new()));
        value.try_into().map_err(|e: toml::de::Error| ConfigError::value(name, e.message()))
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

    /// Resolves a secret; `key` is the setting that named it.
    pub fn secret(&self, key: &str, reference: &str) -> Result<secrecy::SecretString, ConfigError> {
        let wrong = |e: crate::secrets::SecretError| ConfigError::value(key, &e.to_string());
        reference.parse::<SecretRef>().map_err(wrong)?.read(&self.environment).map_err(wrong)
    }
}

fn refuse_unknown(tables: &Table) -> Result<(), ConfigError> {
    for (name, value) in tables {
        let Value::Table(table) = value else {
            if keys::known(name).is_none() {
                return Err(keys::unknown(name));
            }
            continue;
        };
        if !KEYS.iter().any(|k| k.path.starts_with(&format!("{name}."))) {
            return Err(keys::unknown(name));
        }
        for key in table.keys() {
            let path = format!("{name}.{key}");
            if keys::known(&path).is_none() {
                return Err(keys::unknown(&path));
            }
        }
    }
    Ok(())
}

fn lay_over(tables: &mut Table, key: &Key, variable: &str, text: &str) -> Result<(), ConfigError> {
    let wrong = |expected: &str| ConfigError::value(variable, &format!("it must be {expected}"));
    if text.is_empty() {
        return Err(ConfigError::value(variable, "it is empty; unset it, or give it a value"));
    }
    let value = match key.kind {
        Kind::Text => Value::String(text.to_owned()),
        Kind::Integer => Value::Integer(text.parse().map_err(|_| wrong("a whole number"))?),
        Kind::Number => Value::Float(text.parse().map_err(|_| wrong("a number"))?),
        Kind::Flag => Value::Boolean(text.parse().map_err(|_| wrong("true or false"))?),
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
