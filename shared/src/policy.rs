//! Which pull requests are reviewed at all. Pure; asked twice: by the ingress of the webhook, to spare the queue, and by
//! the worker of GitHub's own answer, which decides.

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::Deserialize;

use crate::config::ConfigError;
use crate::ids::RepoName;

/// The `[policy]` table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyConfig {
    /// Globs over `owner/name`; only these are reviewed.
    pub repositories: Vec<String>,
    /// Globs over `owner/name`; these are not, for now (the kill switch per repository).
    pub paused_repositories: Vec<String>,
    /// Nothing is reviewed, for now (the kill switch for all).
    pub paused: bool,
    /// Review drafts too.
    pub review_drafts: bool,
    /// Review pull requests that bots opened.
    pub review_bots: bool,
    /// A pull request with this label is not reviewed.
    pub skip_label: String,
}

impl Default for PolicyConfig {
    fn default() -> Self {
        Self {
            repositories: vec!["*/*".to_owned()],
            paused_repositories: Vec::new(),
            paused: false,
            review_drafts: false,
            review_bots: false,
            skip_label: "eco-coder-skip".to_owned(),
        }
    }
}

/// What the policy looks at.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The repository.
    pub repo: &'a RepoName,
    /// The pull request is a draft.
    pub draft: bool,
    /// Its author is a bot.
    pub author_is_bot: bool,
    /// It carries the skip label.
    pub has_skip_label: bool,
}

/// Why a pull request is not reviewed. The words are shown on GitHub's delivery page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The kill switch for all.
    Paused,
    /// Not in `policy.repositories`.
    NotAllowed,
    /// In `policy.paused_repositories`.
    RepositoryPaused,
    /// A draft.
    Draft,
    /// A bot's.
    Bot,
    /// Carries the skip label.
    SkipLabel,
}

impl Refusal {
    /// For people and as a metric label.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Paused => "reviews are paused (policy.paused)",
            Self::NotAllowed => "the repository is not in policy.repositories",
            Self::RepositoryPaused => "the repository is in policy.paused_repositories",
            Self::Draft => "the pull request is a draft (policy.review_drafts is off)",
            Self::Bot => "the author is a bot (policy.review_bots is off)",
            Self::SkipLabel => "the pull request carries the skip label (policy.skip_label)",
        }
    }
}

/// The policy, compiled.
#[derive(Debug, Clone)]
pub struct Policy {
    config: PolicyConfig,
    allowed: GlobSet,
    paused: GlobSet,
}

impl Policy {
    /// Compiles the globs.
    pub fn new(config: PolicyConfig) -> Result<Self, ConfigError> {
        let allowed = globs("policy.repositories", &config.repositories)?;
        let paused = globs("policy.paused_repositories", &config.paused_repositories)?;
        if config.repositories.is_empty() {
            return Err(ConfigError::value(
                "policy.repositories",
                "it is empty, so that nothing would be reviewed; use [\"*/*\"] for all, or policy.paused = true",
            ));
        }
        Ok(Self { config, allowed, paused })
    }

    /// The label that keeps a pull request from being reviewed; compared without case, as GitHub does.
    pub fn is_skip_label(&self, label: &str) -> bool {
        !self.config.skip_label.is_empty() && label.eq_ignore_ascii_case(&self.config.skip_label)
    }

    /// Is the kill switch for all on?
    pub fn is_paused(&self) -> bool {
        self.config.paused
    }

    /// The repositories that are allowed by their whole name: those that can be looked at without asking who is there.
    pub fn named(&self) -> Vec<RepoName> {
        let is_whole = |pattern: &&String| !pattern.contains(['*', '?', '[', ']', '{', '}', '!', '\\']);
        self.config.repositories.iter().filter(is_whole).filter_map(|name| name.parse().ok()).collect()
    }

    /// Is this repository to be looked at?
    pub fn admits(&self, repo: &RepoName) -> Result<(), Refusal> {
        let name = repo.as_str().to_ascii_lowercase();
        if self.config.paused {
            Err(Refusal::Paused)
        } else if !self.allowed.is_match(&name) {
            Err(Refusal::NotAllowed)
        } else if self.paused.is_match(&name) {
            Err(Refusal::RepositoryPaused)
        } else {
            Ok(())
        }
    }

    /// Is this pull request to be reviewed?
    pub fn accepts(&self, candidate: Candidate<'_>) -> Result<(), Refusal> {
        self.admits(candidate.repo)?;
        if candidate.draft && !self.config.review_drafts {
            Err(Refusal::Draft)
        } else if candidate.author_is_bot && !self.config.review_bots {
            Err(Refusal::Bot)
        } else if candidate.has_skip_label {
            Err(Refusal::SkipLabel)
        } else {
            Ok(())
        }
    }
}

fn globs(key: &str, patterns: &[String]) -> Result<GlobSet, ConfigError> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = Glob::new(&pattern.to_ascii_lowercase())
            .map_err(|e| ConfigError::value(key, &format!("a pattern is not a glob: {}", e.kind())))?;
        if !pattern.contains('/') {
            return Err(ConfigError::value(
                key,
                "a pattern is matched against owner/name, so it needs a '/' (all: \"*/*\")",
            ));
        }
        set.add(glob);
    }
    set.build().map_err(|e| ConfigError::value(key, &e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(config: PolicyConfig) -> Policy {
        Policy::new(config).unwrap()
    }

    fn candidate(repo: &RepoName) -> Candidate<'_> {
        Candidate { repo, draft: false, author_is_bot: false, has_skip_label: false }
    }

    #[test]
    fn globs_choose_repositories_without_case() {
        let policy = policy(PolicyConfig {
            repositories: vec!["Acme/*".into(), "other/one".into()],
            paused_repositories: vec!["acme/old-*".into()],
            ..PolicyConfig::default()
        });
        let name = |s: &str| s.parse::<RepoName>().unwrap();
        assert_eq!(policy.admits(&name("acme/shop")), Ok(()));
        assert_eq!(policy.admits(&name("ACME/Shop")), Ok(()));
        assert_eq!(policy.admits(&name("acme/old-shop")), Err(Refusal::RepositoryPaused));
        assert_eq!(policy.admits(&name("other/two")), Err(Refusal::NotAllowed));
        assert_eq!(policy.admits(&name("evil-acme/shop")), Err(Refusal::NotAllowed));
        assert_eq!(policy.named(), [name("other/one")]);
    }

    #[test]
    fn drafts_bots_and_labels() {
        let repo = "a/b".parse().unwrap();
        let strict = policy(PolicyConfig::default());
        assert_eq!(strict.accepts(candidate(&repo)), Ok(()));
        assert_eq!(strict.accepts(Candidate { draft: true, ..candidate(&repo) }), Err(Refusal::Draft));
        assert_eq!(strict.accepts(Candidate { author_is_bot: true, ..candidate(&repo) }), Err(Refusal::Bot));
        assert_eq!(strict.accepts(Candidate { has_skip_label: true, ..candidate(&repo) }), Err(Refusal::SkipLabel));
        let paused = policy(PolicyConfig { paused: true, ..PolicyConfig::default() });
        assert_eq!(paused.accepts(candidate(&repo)), Err(Refusal::Paused));
        assert!(strict.is_skip_label("Eco-Coder-Skip"));
    }

    #[test]
    fn a_pattern_that_could_match_nothing_is_refused() {
        for bad in [vec!["acme".to_owned()], vec!["acme/[".to_owned()], vec![]] {
            let config = PolicyConfig { repositories: bad, ..PolicyConfig::default() };
            assert!(Policy::new(config).is_err());
        }
    }
}
