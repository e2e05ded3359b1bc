//! The `git` command, as it fetches one commit of somebody else's repository: argument vectors, never a shell.
//!
//! What it fetches is hostile: no hook, filter or submodule is run or followed, no link is made, and no settings but these
//! hold. The token is in the environment of the fetch alone: not in its arguments, not in the address, and in no file.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use eco_coder_shared::config::Surroundings;
use eco_coder_shared::ids::CommitSha;
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::SourceError;

/// The subcommand that asks the network.
pub(super) const FETCH: &str = "fetch";
/// The most that is read of git's answer, and of its words, bytes.
const MAX_ANSWER: u64 = 64 << 20;
const MAX_WORDS: u64 = 64 << 10;
/// The first version that takes settings from the environment.
const OLDEST: (u32, u32) = (2, 31);
/// How much of its words gets into an error, characters.
const MAX_MESSAGE: usize = 200;
/// Between two looks at how much has come.
const LOOKS: Duration = Duration::from_millis(250);

/// Settings that hold whatever is fetched.
const SETTINGS: [(&str, &str); 14] = [
    ("core.hooksPath", "/dev/null"),
    ("core.symlinks", "false"),
    ("core.fsmonitor", "false"),
    ("core.autocrlf", "false"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("core.logAllRefUpdates", "false"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    // One pack, whose size can be watched.
    ("fetch.unpackLimit", "1"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("credential.helper", ""),
    // A redirect would get the token.
    ("http.followRedirects", "false"),
];

/// One clone.
pub(super) struct Git<'a> {
    dir: std::path::PathBuf,
    home: &'a Path,
    root: &'a str,
    surroundings: &'a Surroundings,
}

/// How it ended.
struct Output {
    code: Option<i32>,
    answer: Vec<u8>,
    words: Vec<u8>,
}

impl<'a> Git<'a> {
    /// Of the clone in `dir`, which need not be there. `home` is where git takes its user to live.
    pub(super) fn new(dir: &Path, home: &'a Path, root: &'a str, surroundings: &'a Surroundings) -> Self {
        Self { dir: dir.to_owned(), home, root, surroundings }
    }

    /// Is it there, and new enough to take its settings from the environment?
    pub(super) async fn check(&self) -> Result<(), SourceError> {
        let answer = self.run("version", self.command(None).arg("--version")).await?;
        let version = String::from_utf8_lossy(&answer).trim().chars().take(MAX_MESSAGE).collect::<String>();
        if is_new_enough(&version) { Ok(()) } else { Err(SourceError::OldGit { version }) }
    }

    /// An empty repository; its head will be `branch`.
    pub(super) async fn init(&self, branch: &str) -> Result<(), SourceError> {
        tokio::fs::create_dir(&self.dir).await.map_err(SourceError::Scratch)?;
        let mut git = self.command(None);
        git.args(["init", "--quiet", "--template=", &format!("--initial-branch={branch}")]);
        self.run("init", &mut git).await.map(drop)
    }

    /// Fetches these commits, each as this branch, with so much of what is before them.
    pub(super) async fn fetch(
        &self,
        url: &str,
        token: Option<&SecretString>,
        depth: u32,
        commits: [(&CommitSha, &str); 2],
        most: u64,
    ) -> Result<(), SourceError> {
        let mut git = self.command(token);
        git.args([FETCH, "--quiet", "--no-tags", "--no-write-fetch-head", "--update-head-ok"]);
        git.arg(format!("--depth={depth}")).arg("--").arg(url);
        git.args(commits.map(|(commit, branch)| format!("+{commit}:refs/heads/{branch}")));
        let packs = self.dir.join(".git/objects/pack");
        let too_much = async {
            loop {
                tokio::time::sleep(LOOKS).await;
                if size_of(&packs).await > most {
                    return;
                }
            }
        };
        let too_large = || SourceError::TooLarge { what: "the repository's history and files have", most };
        tokio::select! {
            fetched = self.run(FETCH, &mut git) => fetched.map(drop)?,
            () = too_much => return Err(too_large()),
        }
        // It may have been quicker than a look.
        if size_of(&packs).await > most { Err(too_large()) } else { Ok(()) }
    }

    /// Is one of them before the other, as far as the history is here?
    pub(super) async fn is_ancestor(&self, base: &CommitSha, head: &CommitSha) -> Result<bool, SourceError> {
        let mut git = self.command(None);
        git.args(["merge-base", "--is-ancestor", base.as_str(), head.as_str()]);
        let output = run(&mut git).await?;
        match output.code {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(failed("merge-base", &output.words)),
        }
    }

    /// Bytes of all files of a commit.
    pub(super) async fn size_of(&self, commit: &CommitSha) -> Result<u64, SourceError> {
        let mut git = self.command(None);
        git.args(["ls-tree", "-r", "-l", "-z", "--full-tree", commit.as_str()]);
        let listing = self.run("ls-tree", &mut git).await?;
        let size = |line: &[u8]| {
            let about = String::from_utf8_lossy(line.split(|b| *b == b'\t').next().unwrap_or_default()).into_owned();
            // Another repository's commit has none.
            about.split_whitespace().nth(3).and_then(|size| size.parse::<u64>().ok()).unwrap_or(0)
        };
        Ok(listing.split(|b| *b == 0).map(size).fold(0, u64::saturating_add))
    }

    /// Writes the files of the head.
    pub(super) async fn check_out(&self) -> Result<(), SourceError> {
        self.run("reset", self.command(None).args(["reset", "--quiet", "--hard"])).await.map(drop)
    }

    /// Runs it; an exit that isn't 0 is an error.
    async fn run(&self, name: &'static str, git: &mut Command) -> Result<Vec<u8>, SourceError> {
        let output = run(git).await?;
        match output.code {
            Some(0) => Ok(output.answer),
            _ => Err(failed(name, &output.words)),
        }
    }

    pub(super) fn command(&self, token: Option<&SecretString>) -> Command {
        let mut git = Command::new("git");
        git.arg("-C").arg(&self.dir).env_clear().envs(self.surroundings.variables());
        for (name, value) in [
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            // What the settings name, and nothing that an answer could lead to.
            ("GIT_ALLOW_PROTOCOL", self.root.split("://").next().unwrap_or_default()),
            ("LC_ALL", "C"),
        ] {
            git.env(name, value);
        }
        for name in ["HOME", "XDG_CONFIG_HOME", "TMPDIR"] {
            git.env(name, self.home);
        }
        let header = token.map(|token| {
            let pair = format!("x-access-token:{}", token.expose_secret());
            let header = format!("Authorization: Basic {}", aws_smithy_types::base64::encode(pair));
            (format!("http.{}/.extraHeader", self.root), header)
        });
        let settings = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings: Vec<(String, String)> = settings.into_iter().chain(header).collect();
        git.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (at, (name, value)) in settings.iter().enumerate() {
            git.env(format!("GIT_CONFIG_KEY_{at}"), name).env(format!("GIT_CONFIG_VALUE_{at}"), value);
        }
        git.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).process_group(0);
        git
    }
}

/// Ends git and what it started.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Nobody is there any more if it ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn run(git: &mut Command) -> Result<Output, SourceError> {
    let mut child = git.spawn().map_err(SourceError::NoGit)?;
    let mut group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    let (answer, words) = (child.stdout.take(), child.stderr.take());
    let (answer, words, status) = tokio::join!(read(answer, MAX_ANSWER), read(words, MAX_WORDS), child.wait());
    // Its number may be another's from now on.
    group.0 = None;
    let status = status.map_err(SourceError::Scratch)?;
    Ok(Output { code: status.code(), answer: answer?, words: words.unwrap_or_default() })
}

/// All of it, or an error if that is more than `most`. What is beyond is not read: git ends at the closed pipe.
async fn read(from: Option<impl AsyncRead + Unpin>, most: u64) -> Result<Vec<u8>, SourceError> {
    let mut bytes = Vec::new();
    let Some(from) = from else { return Ok(bytes) };
    from.take(most + 1).read_to_end(&mut bytes).await.map_err(SourceError::Scratch)?;
    if bytes.len() as u64 > most {
        return Err(SourceError::TooLarge { what: "the list of files at the head has", most });
    }
    Ok(bytes)
}

/// As in `git version 2.39.5 (Apple Git-154)`.
fn is_new_enough(version: &str) -> bool {
    let numbers = version.split_whitespace().nth(2).unwrap_or_default();
    let mut numbers = numbers.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= OLDEST
}

fn failed(command: &'static str, words: &[u8]) -> SourceError {
    let words = String::from_utf8_lossy(words);
    let line = words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
    let message = line.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE).collect();
    SourceError::Git { command, message }
}

/// Bytes of the files of a directory.
async fn size_of(dir: &Path) -> u64 {
    let Ok(mut entries) = tokio::fs::read_dir(dir).await else { return 0 };
    let mut sum = 0;
    while let Ok(Some(entry)) = entries.next_entry().await {
        sum += entry.metadata().await.map_or(0, |found| found.len());
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_git_that_does_not_read_its_settings_is_too_old() {
        for (version, is_good) in [
            ("git version 2.31.0", true),
            ("git version 2.47.3", true),
            ("git version 3.0", true),
            ("git version 2.39.5 (Apple Git-154)", true),
            ("git version 2.30.9", false),
            ("git version 1.99.0", false),
            ("", false),
        ] {
            assert_eq!(is_new_enough(version), is_good, "{version}");
        }
    }
}
