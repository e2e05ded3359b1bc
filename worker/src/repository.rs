//! What a repository says of its own reviews: `.eco-coder.toml` and its own rules, from the base branch, so that a pull request
//! can't silence what is said of it. Data only, bounded. What can't be used is said in the report, and the rest is used.

mod file;

use std::sync::{Arc, LazyLock};

use eco_coder_analyzer::{Choice, MAX_OWN_FILE, Options, OwnRules, RuleInfo, Selector};
use eco_coder_github::{ApiError, Content, GitHub};
use eco_coder_shared::ids::{CommitSha, RepoName};
use sha2::{Digest, Sha256};

use crate::backends::embedded::Exclude;

/// Where it stands.
pub const PATH: &str = ".eco-coder.toml";
/// The longest file of settings, bytes.
pub const MAX_FILE: usize = 64 << 10;
/// The most files of own rules.
pub const MAX_RULE_FILES: usize = 20;

/// A repository's settings at one commit, read and not compiled.
#[derive(Debug, Clone, Default)]
pub struct RepositorySettings {
    said: file::Said,
    own: Vec<(String, String)>,
    problems: Vec<String>,
    digest: String,
}

impl PartialEq for RepositorySettings {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for RepositorySettings {}

impl RepositorySettings {
    /// As they stand at this commit. Without the file: none, for one request.
    pub async fn read(github: &GitHub, repository: &RepoName, sha: &CommitSha) -> Result<Self, ApiError> {
        let text = match text_at(github, repository, PATH, sha, MAX_FILE).await? {
            Text::None => return Ok(Self::default()),
            Text::Found(text) => text,
            Text::Unusable(why) => return Ok(Self::unusable(why)),
        };
        let mut settings = Self::of(&text);
        for path in settings.said.own_files().to_vec() {
            match text_at(github, repository, &path, sha, MAX_OWN_FILE).await? {
                Text::Found(text) => settings.add_rules(path, text),
                Text::None => settings.problems.push(format!("{}: there is no such file", file::shown(&path))),
                Text::Unusable(why) => settings.problems.push(format!("{}: {why}", file::shown(&path))),
            }
        }
        Ok(settings)
    }

    /// Of the file's text; [`add_rules`](Self::add_rules) gives the files that [`rule_files`](Self::rule_files) names.
    pub fn of(text: &str) -> Self {
        match file::Said::read(text) {
            Ok(said) => Self { said, digest: hex::encode(Sha256::digest(text)), ..Self::default() },
            Err(why) => Self { digest: hex::encode(Sha256::digest(text)), ..Self::unusable(why) },
        }
    }

    fn unusable(why: impl std::fmt::Display) -> Self {
        let problem = format!("{why}; none of its settings are used");
        Self { digest: problem.clone(), problems: vec![problem], ..Self::default() }
    }

    /// Paths of the files of own rules.
    pub fn rule_files(&self) -> &[String] {
        self.said.own_files()
    }

    /// The text of one of them.
    pub fn add_rules(&mut self, path: String, text: String) {
        let mut hash = Sha256::new();
        for part in [&self.digest, &path, &text] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        self.digest = hex::encode(hash.finalize());
        self.own.push((path, text));
    }

    /// The options for a linter's finding in this file: the operator's, and on them the repository's.
    pub fn options(&self, path: &str, operator: &Options) -> Options {
        Options { choices: self.said.choices(path).cloned().collect(), ..operator.clone() }
    }

    /// What results depend on; empty without a file.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Compiles what there is: some milliseconds of CPU time.
    pub fn compile(&self) -> Compiled {
        let (own, problems) = OwnRules::read(&self.own);
        let mut all: Vec<String> = self.problems.clone();
        all.extend(problems);
        all.extend(self.said.selectors().filter(|selector| !is_known(selector, &own)).map(unknown));
        let problems = all.into_iter().map(|problem| format!("{PATH}: {problem}")).collect();
        let own = (!own.is_empty()).then(|| Arc::new(own));
        Compiled { said: self.said.clone(), own, problems }
    }
}

/// A repository's settings, ready to be asked of each file.
#[derive(Debug, Clone, Default)]
pub struct Compiled {
    said: file::Said,
    own: Option<Arc<OwnRules>>,
    /// What could not be used, in words for the author.
    pub problems: Vec<String>,
}

impl Compiled {
    /// Paths that are not analysed.
    pub fn exclude(&self) -> &Exclude {
        self.said.exclude()
    }

    /// The options for a file: the operator's, and on them the repository's.
    pub fn options(&self, path: &str, operator: &Options) -> Options {
        let choices: Vec<Choice> = self.said.choices(path).cloned().collect();
        Options { choices, own_rules: self.own.clone(), ..operator.clone() }
    }
}

fn is_known(selector: &Selector, own: &OwnRules) -> bool {
    static OURS: LazyLock<Vec<RuleInfo>> = LazyLock::new(eco_coder_analyzer::rules);
    // A linter's rules (`ruff/PERF401`) are the linter's to know.
    matches!(selector, Selector::Category(_))
        || selector.to_string().contains('/')
        || OURS.iter().chain(own.infos()).any(|rule| selector.selects(rule))
}

fn unknown(selector: &Selector) -> String {
    format!("there is no rule {selector}; eco-coder rules lists them")
}

enum Text {
    Found(String),
    None,
    Unusable(String),
}

async fn text_at(
    github: &GitHub,
    repository: &RepoName,
    path: &str,
    sha: &CommitSha,
    limit: usize,
) -> Result<Text, ApiError> {
    Ok(match github.content(repository, path, sha, limit).await? {
        Content::Found(bytes) => match String::from_utf8(bytes.into()) {
            Ok(text) => Text::Found(text),
            Err(_) => Text::Unusable("it is not UTF-8 text".to_owned()),
        },
        Content::TooLarge => Text::Unusable(format!("it is over {} kB long", limit >> 10)),
        Content::NotAFile => Text::Unusable("it is not a file".to_owned()),
        Content::NotFound => Text::None,
    })
}

#[cfg(test)]
mod tests;
