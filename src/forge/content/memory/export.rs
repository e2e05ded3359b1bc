//! A repository in memory as one that git itself reads: the same commits under the same names, in a bare repository.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use eco_coder_shared::ids::CommitSha;

use super::{Commit, History, Memory};
use crate::forge::content::ContentError;

impl Memory {
    /// Writes all commits to a new bare repository in `dir`, each with a branch of its own.
    pub(in crate::forge::content) fn write_to(&self, dir: &Path) -> Result<(), ContentError> {
        let stream = self.lock().stream();
        git(dir, &["init", "--quiet", "--bare"], &[])?;
        git(dir, &["fast-import", "--quiet"], &stream)
    }
}

impl History {
    /// What `git fast-import` reads, parents first.
    fn stream(&self) -> Vec<u8> {
        let mut ordered: Vec<&CommitSha> = Vec::new();
        let mut todo: Vec<&CommitSha> = self.commits.keys().collect();
        todo.sort();
        while let Some(sha) = todo.pop() {
            let Some(commit) = self.commits.get(sha).filter(|_| !ordered.contains(&sha)) else { continue };
            let missing: Vec<&CommitSha> =
                commit.info.parents.iter().filter(|parent| !ordered.contains(parent)).collect();
            if missing.is_empty() {
                ordered.push(sha);
            } else {
                todo.push(sha);
                todo.extend(missing);
            }
        }
        let mut stream = Vec::new();
        for (at, sha) in ordered.iter().enumerate() {
            let Some(commit) = self.commits.get(*sha) else { continue };
            let parent = commit.info.parents.first();
            let parent = parent.and_then(|parent| ordered.iter().position(|known| *known == parent));
            write_commit(&mut stream, at, parent, commit);
        }
        stream
    }
}

fn write_commit(stream: &mut Vec<u8>, at: usize, parent: Option<usize>, commit: &Commit) {
    let author = &commit.info.author;
    let who = format!("{author} <{author}@users.noreply.github.com> {} +0000", commit.info.at.0.div_euclid(1000));
    let message = format!("{}\n", commit.info.message);
    let mut head = format!("commit refs/heads/{at}\nmark :{}\nauthor {who}\ncommitter {who}\n", at + 1);
    let _ = write!(head, "data {}\n{message}\n", message.len());
    if let Some(parent) = parent {
        let _ = writeln!(head, "from :{}", parent + 1);
    }
    head.push_str("deleteall\n");
    stream.extend_from_slice(head.as_bytes());
    for (path, blob) in commit.files.iter() {
        let quoted = path.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        stream.extend_from_slice(format!("M 100644 inline \"{quoted}\"\ndata {}\n", blob.bytes.len()).as_bytes());
        stream.extend_from_slice(&blob.bytes);
        stream.push(b'\n');
    }
}

fn git(dir: &Path, arguments: &[&'static str], input: &[u8]) -> Result<(), ContentError> {
    let mut git = Command::new("git");
    git.arg("-C").arg(dir).args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = git.spawn().map_err(ContentError::NoGit)?;
    if let Some(mut stdin) = child.stdin.take() {
        // If git ends before it has read all, its exit says so.
        let _ = stdin.write_all(input);
    }
    let status = child.wait().map_err(ContentError::NoGit)?;
    let command = arguments.first().copied().unwrap_or_default();
    if status.success() { Ok(()) } else { Err(ContentError::Unreadable(command)) }
}

#[cfg(test)]
mod tests {
    use eco_coder_shared::env::Timestamp;

    use super::*;
    use crate::forge::content::Tree;

    #[test]
    fn git_gives_the_commits_the_names_that_they_have_here() {
        let tree = |text: &str| {
            let path = |path: &str| (path.to_owned(), text.as_bytes().to_vec());
            Tree::from([path("src/a.py"), path("src.txt"), path("odd \"name\"\\ü")])
        };
        let memory = Memory::new(tree("1"));
        let names = [
            memory.commit("main", tree("2\n"), "two", Timestamp(1_800_000_000_123)).unwrap(),
            memory.commit("feature", tree("3\n"), "three\n\nwith a body", Timestamp(0)).unwrap(),
            memory.resolve("main").unwrap(),
        ];
        let dir = tempfile::tempdir().unwrap();
        memory.write_to(dir.path()).unwrap();
        for sha in names {
            let mut git = Command::new("git");
            let found = git.arg("-C").arg(dir.path()).args(["cat-file", "-e", sha.as_str()]).status().unwrap();
            assert!(found.success(), "{sha}");
        }
    }
}
