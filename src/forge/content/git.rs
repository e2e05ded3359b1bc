//! A git working copy, read through the `git` command: argument vectors, never a shell.
//!
//! The repository is its owner's, but its configuration and its files may be hostile: no hook, pager, external diff,
//! text conversion, signature check or file system monitor is run, nothing is fetched, nothing is written, and a name
//! that git could take for an option is refused. What it packs into a few bytes may be huge: git is asked for sizes
//! first, and no answer is read further than its limit.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::CommitSha;

use super::memory::MAX_COMMITS;
use super::{CommitInfo, ContentError, DirectoryEntry, Entry, Relation};

mod changes;
#[cfg(test)]
mod tests;

/// Settings that override what a repository's own configuration could do.
const SAFE: &[&str] = &[
    // Larger files count as binary, so that none is held to be compared. GitHub shows nothing near that size either.
    "core.bigFileThreshold=4m",
    "core.quotepath=off",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "diff.suppressBlankEmpty=false",
    "log.showSignature=false",
    "protocol.allow=never",
];
/// The largest blob that is read, in bytes. GitHub gives out 100 MB; nobody reviews a file half as large, and several may
/// be held at once.
pub const MAX_BLOB: usize = 32 << 20;
/// The longest target of a link in bytes, as in Linux.
const MAX_TARGET: usize = 4096;
/// The most that is read of any answer, in bytes.
const MAX_OUTPUT: usize = 64 << 20;
/// How many links are followed from a path before it counts as going nowhere, as in Linux.
const MAX_LINKS: usize = 40;
/// How much of git's own words gets into an error.
const MAX_MESSAGE: usize = 200;
/// How much of git's own words is read, in bytes. Beyond it git writes into a closed pipe, and ends.
const MAX_WORDS: usize = 64 * 1024;

/// A working copy or bare repository on this machine.
#[derive(Debug, Clone)]
pub struct GitCopy {
    path: PathBuf,
}

/// What git knows about a path in a tree.
struct TreeEntry {
    mode: String,
    sha: String,
    size: usize,
    name: String,
}

impl GitCopy {
    /// Nothing is read yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn resolve(&self, revision: &str) -> Result<CommitSha, ContentError> {
        let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, ':' | '?' | '*' | '[' | '\\');
        if revision.is_empty() || revision.starts_with('-') || revision.contains("..") || revision.contains(odd) {
            return Err(ContentError::BadRevision(revision.to_owned()));
        }
        let commit = format!("{revision}^{{commit}}");
        let out = self.ask("rev-parse", ["--verify", "--quiet", "--end-of-options", &commit])?;
        let sha =
            out.filter(|out| !out.is_empty()).ok_or_else(|| ContentError::UnknownRevision(revision.to_owned()))?;
        text(&sha).trim().parse().map_err(|_| ContentError::Unreadable("rev-parse"))
    }

    pub(super) fn relation(&self, base: &CommitSha, head: &CommitSha) -> Result<Option<Relation>, ContentError> {
        let Some(out) = self.ask("merge-base", [base.as_str(), head.as_str()])? else {
            return Ok(None);
        };
        let merge_base = text(&out).trim().parse().map_err(|_| ContentError::Unreadable("merge-base"))?;
        let range = format!("{base}...{head}");
        let counts = self.run("rev-list", ["--left-right", "--count", &range, "--"])?;
        let counts: Vec<usize> = text(&counts).split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let &[behind_by, ahead_by] = &counts[..] else { return Err(ContentError::Unreadable("rev-list")) };
        let mut commits = self.log(&format!("{base}..{head}"), MAX_COMMITS)?;
        commits.reverse();
        Ok(Some(Relation { merge_base, commits, ahead_by, behind_by }))
    }

    pub(super) fn commit_info(&self, sha: &CommitSha) -> Result<CommitInfo, ContentError> {
        let commit = self.log(sha.as_str(), 1)?.into_iter().next();
        commit.ok_or_else(|| ContentError::UnknownRevision(sha.to_string()))
    }

    pub(super) fn entry(&self, commit: &CommitSha, path: &str) -> Result<Option<Entry>, ContentError> {
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            if path.is_empty() {
                return Ok(Some(Entry::Directory(self.directory(commit, "")?)));
            }
            let Some(found) = self.tree(commit, &path)?.into_iter().find(|entry| entry.name == path) else {
                return Ok(None);
            };
            match found.mode.as_str() {
                "040000" => return Ok(Some(Entry::Directory(self.directory(commit, &format!("{path}/"))?))),
                "160000" => return Ok(Some(Entry::Submodule { sha: found.sha })),
                "120000" => {
                    if found.size > MAX_TARGET {
                        return Err(ContentError::TooLarge);
                    }
                    let target = text(&self.run("cat-file", ["blob", &found.sha])?).into_owned();
                    match follow(&path, &target) {
                        Some(next) if !self.tree(commit, &next)?.is_empty() => path = next,
                        _ => return Ok(Some(Entry::Symlink { sha: found.sha, target })),
                    }
                }
                _ => {
                    if found.size > MAX_BLOB {
                        return Err(ContentError::TooLarge);
                    }
                    let bytes = self.run("cat-file", ["blob", &found.sha])?;
                    return Ok(Some(Entry::File { sha: found.sha, bytes }));
                }
            }
        }
        Ok(None)
    }

    pub(super) fn blob(&self, sha: &CommitSha) -> Result<Option<Vec<u8>>, ContentError> {
        match self.ask("cat-file", ["-e", sha.as_str()])? {
            Some(_) if text(&self.run("cat-file", ["-t", sha.as_str()])?).trim() == "blob" => {
                let size = self.run("cat-file", ["-s", sha.as_str()])?;
                let size: usize = text(&size).trim().parse().map_err(|_| ContentError::Unreadable("cat-file -s"))?;
                if size > MAX_BLOB {
                    return Err(ContentError::TooLarge);
                }
                self.run("cat-file", ["blob", sha.as_str()]).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn directory(&self, commit: &CommitSha, prefix: &str) -> Result<Vec<DirectoryEntry>, ContentError> {
        let entries = self.tree(commit, prefix)?.into_iter().map(|entry| DirectoryEntry {
            name: entry.name.rsplit('/').next().unwrap_or_default().to_owned(),
            kind: match entry.mode.as_str() {
                "040000" => "dir",
                "120000" => "symlink",
                "160000" => "submodule",
                _ => "file",
            },
            sha: entry.sha,
            size: entry.size,
        });
        Ok(entries.collect())
    }

    /// The entry at a path, or those below it if it ends in a slash; of the root if it is empty.
    fn tree(&self, commit: &CommitSha, path: &str) -> Result<Vec<TreeEntry>, ContentError> {
        let mut arguments = vec!["-z", "-l", "--full-tree", commit.as_str(), "--"];
        if !path.is_empty() {
            arguments.push(path);
        }
        let out = self.run("ls-tree", arguments)?;
        let entry = |line: &[u8]| {
            let line = text(line).into_owned();
            let (about, name) = line.split_once('\t')?;
            let mut about = about.split_whitespace();
            let (mode, _kind, sha, size) = (about.next()?, about.next()?, about.next()?, about.next()?);
            let size = size.parse().unwrap_or(0);
            Some(TreeEntry { mode: mode.to_owned(), sha: sha.to_owned(), size, name: name.to_owned() })
        };
        let lines = out.split(|b| *b == 0).filter(|line| !line.is_empty());
        lines.map(|line| entry(line).ok_or(ContentError::Unreadable("ls-tree"))).collect()
    }

    /// Newest first.
    fn log(&self, range: &str, max: usize) -> Result<Vec<CommitInfo>, ContentError> {
        let count = format!("--max-count={max}");
        let format = "--format=tformat:%H%n%P%n%an%n%cI%n%B";
        let out = self.run("log", ["-z", "--no-show-signature", "--no-color", &count, format, range, "--"])?;
        let commit = |record: &[u8]| {
            let record = text(record).into_owned();
            let mut lines = record.splitn(5, '\n');
            let (sha, parents, author, at) = (lines.next()?, lines.next()?, lines.next()?, lines.next()?);
            Some(CommitInfo {
                sha: sha.parse().ok()?,
                parents: parents.split(' ').filter_map(|parent| parent.parse().ok()).collect(),
                author: author.to_owned(),
                at: Timestamp::parse_rfc3339(at)?,
                message: lines.next().unwrap_or_default().trim_end().to_owned(),
            })
        };
        let records = out.split(|b| *b == 0).filter(|record| !record.is_empty());
        records.map(|record| commit(record).ok_or(ContentError::Unreadable("log"))).collect()
    }

    /// Runs git; an exit that isn't 0 is an error.
    fn run<A: AsRef<OsStr>>(
        &self,
        command: &'static str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Vec<u8>, ContentError> {
        let output = self.output(command, arguments)?;
        match output.code {
            Some(0) => output.all().ok_or(ContentError::TooLarge),
            _ => Err(self.failed(command, &output.stderr)),
        }
    }

    /// Runs git; exit 1 means no.
    fn ask<A: AsRef<OsStr>>(
        &self,
        command: &'static str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Option<Vec<u8>>, ContentError> {
        let output = self.output(command, arguments)?;
        match output.code {
            Some(0) => output.all().ok_or(ContentError::TooLarge).map(Some),
            Some(1) => Ok(None),
            _ => Err(self.failed(command, &output.stderr)),
        }
    }

    /// Runs git until it ends, or until it has said as much as is read of it.
    fn output<A: AsRef<OsStr>>(
        &self,
        command: &'static str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Output, ContentError> {
        let mut git = self.command(command, arguments);
        git.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = git.spawn().map_err(ContentError::NoGit)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let read = std::thread::scope(|scope| {
            let words = scope.spawn(move || stderr.map(|from| read_up_to(from, MAX_WORDS)));
            let mut read = stdout.map_or_else(|| Ok(Vec::new()), |from| read_up_to(from, MAX_OUTPUT + 1))?;
            let whole = read.len() <= MAX_OUTPUT;
            read.truncate(MAX_OUTPUT);
            // The pipe is closed by now, so that a git with more to say ends by itself, or here.
            if !whole {
                child.kill()?;
            }
            let words = words.join().ok().flatten().and_then(Result::ok).unwrap_or_default();
            Ok((read, whole, words))
        });
        let ended = child.wait();
        let (stdout, whole, stderr) = read.map_err(ContentError::NoGit)?;
        let code = if whole { ended.map_err(ContentError::NoGit)?.code() } else { Some(0) };
        Ok(Output { stdout, whole, stderr, code })
    }

    /// The command, ready to run, with every barrier up.
    fn command<A: AsRef<OsStr>>(&self, command: &str, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut git = Command::new("git");
        git.arg("--no-pager").arg("--literal-pathspecs").arg("-C").arg(&self.path);
        for setting in SAFE {
            git.arg("-c").arg(setting);
        }
        git.arg(command).args(arguments);
        // Variables of a caller that is git itself (a hook) would lead to another repository.
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_EXTERNAL_DIFF"] {
            git.env_remove(name);
        }
        git.env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            // Known since git 2.44 only; the list of protocols (none has that name) holds for older ones too, and over
            // the repository's own `protocol.*`, of which the settings above only override the general one.
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_ALLOW_PROTOCOL", "none")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        git
    }

    fn failed(&self, command: &'static str, stderr: &[u8]) -> ContentError {
        let words = text(stderr);
        let line = words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given");
        let message = line.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE).collect();
        ContentError::Git { command, path: self.path.display().to_string(), message }
    }
}

/// What git said.
struct Output {
    stdout: Vec<u8>,
    /// Is that all of it?
    whole: bool,
    stderr: Vec<u8>,
    /// Its exit code; 0 for a git that was stopped because it said too much.
    code: Option<i32>,
}

impl Output {
    fn all(self) -> Option<Vec<u8>> {
        self.whole.then_some(self.stdout)
    }
}

/// Reads at most `limit` bytes, and closes the pipe.
fn read_up_to(from: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    from.take(limit as u64).read_to_end(&mut read)?;
    Ok(read)
}

/// Where a link at `path` leads within the repository. `None` if it leads out of it.
fn follow(path: &str, target: &str) -> Option<String> {
    if target.starts_with('/') || target.is_empty() {
        return None;
    }
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
