//! What a program that this one starts gets to see: where programs are, how the network is reached, and where scratch files
//! may stand. Never a secret of ours: a child's environment is empty but for these.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Variables that a child gets as they are.
const GIVEN: [&str; 11] = [
    "PATH",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];
/// Memory that looks like a directory.
const IN_MEMORY: &str = "/dev/shm";
/// Where scratch files stand if nothing says otherwise.
const USUAL: &str = "/tmp";

/// What is given, by name. Shown without values: a proxy's address may hold a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    variables: BTreeMap<String, String>,
    scratch: Vec<PathBuf>,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("variables", &self.variables.keys())
            .field("scratch", &self.scratch)
            .finish()
    }
}

impl Surroundings {
    pub(super) fn of(environment: &BTreeMap<String, String>) -> Self {
        let given = |name: &&str| Some(((*name).to_owned(), environment.get(*name)?.clone()));
        let usual = environment.get("TMPDIR").filter(|dir| !dir.is_empty()).map_or(USUAL, String::as_str);
        Self {
            variables: GIVEN.iter().filter_map(given).collect(),
            scratch: vec![PathBuf::from(IN_MEMORY), PathBuf::from(usual)],
        }
    }

    /// Name and value of each.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Directories for what must not last, best first: memory, then what the system has for it.
    pub fn scratch(&self) -> &[PathBuf] {
        &self.scratch
    }

    /// With this directory in the place of those for scratch files.
    #[must_use]
    pub fn with_scratch(mut self, dir: impl Into<PathBuf>) -> Self {
        self.scratch = vec![dir.into()];
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[test]
    fn a_child_sees_the_path_and_the_proxy_and_no_secret() {
        let environment =
            [("PATH", "/bin"), ("https_proxy", "http://me:pw@p"), ("AWS_SECRET_ACCESS_KEY", "s"), ("TMPDIR", "/t")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let given = Settings::parse("", environment).unwrap().surroundings();
        assert_eq!(given.variables().map(|(name, _)| name).collect::<Vec<_>>(), ["PATH", "https_proxy"]);
        assert_eq!(given.scratch().last(), Some(&PathBuf::from("/t")));
        assert!(!format!("{given:?}").contains("pw"), "{given:?}");
    }
}
