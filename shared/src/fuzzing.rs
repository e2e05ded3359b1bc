//! What fuzzing needs everywhere: the committed corpora, and the targets of this package. A target takes any bytes, runs
//! a reader of untrusted text over them and asserts what must hold of its answer. Never part of a release build.

use std::panic::AssertUnwindSafe;
use std::path::Path;

use crate::config::{ConfigError, Settings};
use crate::job::{Decoded, Job};
use crate::policy::{Policy, PolicyConfig};
use crate::queue::settings::QueueSettings;
use crate::telemetry::TelemetryConfig;

/// A corpus has at most so many files.
const MAX_FILES: usize = 80;

/// A corpus has at most so many bytes.
const MAX_BYTES: usize = 200_000;

/// Runs `target` over its corpus, for a test. Panics, naming the file, if the target does, if there is no corpus, and if
/// it has grown beyond what is committed.
pub fn over_corpus(name: &str, target: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus").join(name);
    let files = std::fs::read_dir(&directory).map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    assert!(!files.is_empty(), "there is no corpus in {}", directory.display());
    assert!(files.len() <= MAX_FILES, "{} files: minimise the corpus with tests/fuzz/shrink.sh", files.len());
    let mut total = 0;
    for path in files.into_iter().filter_map(|entry| Some(entry.ok()?.path())) {
        let bytes = std::fs::read(&path).unwrap_or_default();
        total += bytes.len();
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| target(&bytes)));
        assert!(outcome.is_ok(), "{} fails; the reason stands above", path.display());
    }
    assert!(total <= MAX_BYTES, "{total} bytes: minimise the corpus with tests/fuzz/shrink.sh");
}

/// Stands for a secret. In a settings file: one in the wrong place.
pub const CANARY: &str = "CANARY-5ecret";

/// The secrets' values, in the environment of every settings file that a target reads.
const SECRETS: [(&str, &str); 3] = [
    ("ECO_CODER_WEBHOOK_SECRET", "wh00k-CANARY-in-the-environment"),
    ("ECO_CODER_GITHUB_TOKEN", "t0ken-CANARY-in-the-environment"),
    ("ECO_CODER_SECRET_KEY", "k3y-CANARY-in-the-environment"),
];

/// A settings file as a target reads it: TOML, then (after a line `---`) variables of the environment, `NAME=VALUE`.
pub struct SettingsFile<'a> {
    text: &'a str,
    variables: Vec<(String, String)>,
}

impl<'a> SettingsFile<'a> {
    /// `None`: not text.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let all = std::str::from_utf8(bytes).ok()?;
        let (text, variables) = all.split_once("\n---\n").unwrap_or((all, ""));
        let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        let secrets = SECRETS.map(|(name, value)| (name.to_owned(), value.to_owned()));
        // No file is read: a target's outcome depends on its bytes alone. And a secret's value is nothing that a file
        // can know; where one is in it by mistake is the canary's part.
        let at_hand = !all.contains("file:") && !SECRETS.iter().any(|(_, value)| all.contains(value));
        at_hand.then(|| Self { text, variables: variables.lines().filter_map(pair).chain(secrets).collect() })
    }

    /// The settings, if they can be read at all.
    pub fn settings(&self) -> Option<Settings> {
        match Settings::parse(self.text, self.variables.clone()) {
            Ok(settings) => {
                self.says_no_secret(&settings);
                Some(settings)
            }
            Err(error) => {
                self.says_no_secret(&error);
                None
            }
        }
    }

    /// What a part made of the settings; asserts that neither it nor an error shows a secret.
    pub fn of<T: std::fmt::Debug>(&self, part: Result<T, ConfigError>) -> Option<T> {
        match part {
            Ok(part) => {
                // The tables are the operator's own words; the secrets in the environment are not shown even so.
                let shown = format!("{part:?}");
                assert!(!SECRETS.iter().any(|(_, value)| shown.contains(value)), "{shown}");
                Some(part)
            }
            Err(error) => {
                self.says_no_secret(&error);
                let said = error.to_string();
                assert!(said.len() > 10 && said.len() < 1_000, "an error without a word of help: {said}");
                None
            }
        }
    }

    fn says_no_secret(&self, seen: &dyn std::fmt::Debug) {
        let shown = format!("{seen:?}");
        assert!(!SECRETS.iter().any(|(_, value)| shown.contains(value)), "{shown}");
        assert!(self.names_the_canary() || !shown.contains(CANARY), "{shown}");
    }

    /// Is the canary a name in the file, and no value? Names of settings and of secrets are repeated, so that a reader
    /// finds them.
    fn names_the_canary(&self) -> bool {
        fn named(value: &toml::Value) -> bool {
            match value {
                toml::Value::String(text) => text.contains("env:"),
                toml::Value::Array(values) => values.iter().any(named),
                toml::Value::Table(table) => table.iter().any(|(key, value)| key.contains(CANARY) || named(value)),
                _ => false,
            }
        }
        let in_file = self.text.parse::<toml::Table>().is_ok_and(|table| named(&toml::Value::Table(table)));
        in_file || self.variables.iter().any(|(name, value)| name.contains(CANARY) || value.contains("env:"))
    }
}

/// A settings file, and the tables that both halves have. `ingress` and `worker` have targets for theirs.
pub fn config(bytes: &[u8]) {
    let Some(file) = SettingsFile::new(bytes) else { return };
    let Some(settings) = file.settings() else { return };
    file.of(settings.data_dir());
    file.of(settings.dry_run());
    file.of(settings.text("deployment"));
    if let Some(policy) = file.of(settings.table::<PolicyConfig>("policy")) {
        file.of(Policy::new(policy));
    }
    file.of(QueueSettings::from_settings(&settings));
    file.of(settings.table::<TelemetryConfig>("telemetry").and_then(TelemetryConfig::check));
}

/// A message of the queue: a job that is read is written as it was, and what isn't one is told apart.
pub fn job(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Job::decode(text) {
        Decoded::Job(job) => {
            let body = job.encode();
            assert_eq!(Job::decode(&body), Decoded::Job(job), "{body}");
        }
        Decoded::UnknownVersion(version) => assert!(!(1..=crate::job::VERSION).contains(&version)),
        Decoded::Garbage(why) => assert!(why.len() < 120, "{why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpora_of_settings_and_jobs_hold() {
        over_corpus("config", config);
        over_corpus("job", job);
    }
}
