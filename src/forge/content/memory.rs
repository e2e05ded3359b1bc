//! A repository made up in memory: snapshots with known parents, under the names that git would give them.
//! Branches only move forward, and history is linear on each.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::CommitSha;

use super::diff::{compare, similarity};
use super::objects::{blob_id, commit_id, tree_id};
use super::{
    ChangeStatus, CommitInfo, ContentError, DEFAULT_BRANCH, DirectoryEntry, Entry, FileChange, Relation, Tree,
};

mod export;

/// Who makes the commits.
const AUTHOR: &str = "octocat";
/// A file that keeps this share of its bytes under another path was renamed: git's default.
const RENAME_THRESHOLD: f64 = 0.5;
/// Pairs of a removed and an added file that are compared at most, so that huge changes stay quick.
const MAX_RENAME_PAIRS: usize = 2_500;
/// Commits that a comparison lists at most. Source: <https://docs.github.com/en/rest/commits/commits#compare-two-commits>
pub(crate) const MAX_COMMITS: usize = 250;

/// Commits, branches and blobs.
#[derive(Debug)]
pub struct Memory(Mutex<History>);

#[derive(Debug, Default)]
struct History {
    commits: HashMap<CommitSha, Commit>,
    branches: BTreeMap<String, CommitSha>,
}

#[derive(Debug, Clone)]
struct Commit {
    info: CommitInfo,
    files: Arc<Files>,
}

type Files = BTreeMap<String, Blob>;

#[derive(Debug, Clone)]
struct Blob {
    sha: String,
    bytes: Arc<[u8]>,
}

impl Memory {
    /// One commit on the default branch, made in 2026.
    pub fn new(tree: Tree) -> Self {
        let memory = Self(Mutex::default());
        // An orphan commit can't fail: it needs no parent.
        memory.lock().add(DEFAULT_BRANCH, Vec::new(), tree, "Initial commit", Timestamp::from_seconds(1_767_225_600));
        memory
    }

    pub(super) fn resolve(&self, revision: &str) -> Result<CommitSha, ContentError> {
        self.lock().resolve(revision)
    }

    pub(super) fn commit(
        &self,
        branch: &str,
        tree: Tree,
        message: &str,
        at: Timestamp,
    ) -> Result<CommitSha, ContentError> {
        let mut history = self.lock();
        let parent = match history.branches.get(branch) {
            Some(tip) => tip.clone(),
            None => history.resolve(DEFAULT_BRANCH)?,
        };
        Ok(history.add(branch, vec![parent], tree, message, at))
    }

    pub(super) fn commit_info(&self, sha: &CommitSha) -> Result<CommitInfo, ContentError> {
        self.lock().commit(sha).map(|commit| commit.info.clone())
    }

    pub(super) fn relation(&self, base: &CommitSha, head: &CommitSha) -> Option<Relation> {
        let history = self.lock();
        let behind = history.ancestors(base);
        let ahead = history.ancestors(head);
        let known: BTreeSet<&CommitSha> = behind.iter().map(|info| &info.sha).collect();
        let ahead_by = ahead.iter().position(|info| known.contains(&info.sha))?;
        let merge_base = ahead[ahead_by].sha.clone();
        let behind_by = behind.iter().position(|info| info.sha == merge_base)?;
        let commits = ahead[..ahead_by].iter().rev().take(MAX_COMMITS).cloned().collect();
        Some(Relation { merge_base, commits, ahead_by, behind_by })
    }

    pub(super) fn changes(&self, from: &CommitSha, to: &CommitSha) -> Result<Vec<FileChange>, ContentError> {
        let (old, new) = {
            let history = self.lock();
            (Arc::clone(&history.commit(from)?.files), Arc::clone(&history.commit(to)?.files))
        };
        Ok(changes(&old, &new))
    }

    pub(super) fn entry(&self, commit: &CommitSha, path: &str) -> Result<Option<Entry>, ContentError> {
        let files = Arc::clone(&self.lock().commit(commit)?.files);
        if let Some(blob) = files.get(path) {
            return Ok(Some(Entry::File { sha: blob.sha.clone(), bytes: blob.bytes.to_vec() }));
        }
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut entries = BTreeMap::<String, DirectoryEntry>::new();
        for (full, blob) in files.range(prefix.clone()..).take_while(|(full, _)| full.starts_with(&prefix)) {
            let rest = &full[prefix.len()..];
            let entry = match rest.split_once('/') {
                None => DirectoryEntry {
                    name: rest.to_owned(),
                    kind: "file",
                    sha: blob.sha.clone(),
                    size: blob.bytes.len(),
                },
                Some((folder, _)) => {
                    let below = format!("{prefix}{folder}/");
                    let inside = files.iter().filter_map(|(p, b)| Some((p.strip_prefix(&below)?, b.sha.as_str())));
                    DirectoryEntry { name: folder.to_owned(), kind: "dir", sha: tree_id(inside), size: 0 }
                }
            };
            entries.entry(entry.name.clone()).or_insert(entry);
        }
        Ok((!entries.is_empty()).then(|| Entry::Directory(entries.into_values().collect())))
    }

    pub(super) fn blob(&self, sha: &CommitSha) -> Option<Vec<u8>> {
        let history = self.lock();
        let mut blobs = history.commits.values().flat_map(|commit| commit.files.values());
        blobs.find(|blob| blob.sha == sha.as_str()).map(|blob| blob.bytes.to_vec())
    }

    fn lock(&self) -> MutexGuard<'_, History> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl History {
    fn resolve(&self, revision: &str) -> Result<CommitSha, ContentError> {
        if let Some(tip) = self.branches.get(revision.strip_prefix("refs/heads/").unwrap_or(revision)) {
            return Ok(tip.clone());
        }
        let sha = revision.parse().ok().filter(|sha| self.commits.contains_key(sha));
        sha.ok_or_else(|| ContentError::UnknownRevision(revision.to_owned()))
    }

    fn commit(&self, sha: &CommitSha) -> Result<&Commit, ContentError> {
        self.commits.get(sha).ok_or_else(|| ContentError::UnknownRevision(sha.to_string()))
    }

    fn add(&mut self, branch: &str, parents: Vec<CommitSha>, tree: Tree, message: &str, at: Timestamp) -> CommitSha {
        let blob = |bytes: Vec<u8>| Blob { sha: blob_id(&bytes), bytes: bytes.into() };
        let files: Files = tree.into_iter().map(|(path, bytes)| (path, blob(bytes))).collect();
        let tree = tree_id(files.iter().map(|(path, blob)| (path.as_str(), blob.sha.as_str())));
        let Ok(sha) = commit_id(&tree, &parents, AUTHOR, at, message).parse::<CommitSha>() else {
            unreachable!("SHA-1 in hex is a commit's name")
        };
        let info = CommitInfo { sha: sha.clone(), parents, author: AUTHOR.to_owned(), at, message: message.to_owned() };
        self.commits.insert(sha.clone(), Commit { info, files: Arc::new(files) });
        self.branches.insert(branch.to_owned(), sha.clone());
        sha
    }

    /// The commit and those before it, newest first.
    fn ancestors(&self, sha: &CommitSha) -> Vec<CommitInfo> {
        let mut found = Vec::new();
        let mut next = self.commits.get(sha);
        while let Some(commit) = next {
            found.push(commit.info.clone());
            next = commit.info.parents.first().and_then(|parent| self.commits.get(parent));
        }
        found
    }
}

fn changes(old: &Files, new: &Files) -> Vec<FileChange> {
    let mut removed: BTreeMap<&String, &Blob> = old.iter().filter(|(path, _)| !new.contains_key(*path)).collect();
    let mut added: BTreeMap<&String, &Blob> = new.iter().filter(|(path, _)| !old.contains_key(*path)).collect();
    let mut found = Vec::new();
    for (from, to) in renames(&removed, &added) {
        if let (Some(before), Some(after)) = (removed.remove(from), added.remove(to)) {
            found.push(change(to, Some(from), ChangeStatus::Renamed, &before.bytes, &after.bytes, &after.sha));
        }
    }
    for (path, blob) in removed {
        found.push(change(path, None, ChangeStatus::Removed, &blob.bytes, b"", &blob.sha));
    }
    for (path, blob) in added {
        found.push(change(path, None, ChangeStatus::Added, b"", &blob.bytes, &blob.sha));
    }
    for (path, after) in new {
        if let Some(before) = old.get(path).filter(|before| before.sha != after.sha) {
            found.push(change(path, None, ChangeStatus::Modified, &before.bytes, &after.bytes, &after.sha));
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Pairs of old and new paths: those with the same bytes first, then the most similar ones.
fn renames<'a>(
    removed: &BTreeMap<&'a String, &Blob>,
    added: &BTreeMap<&'a String, &Blob>,
) -> Vec<(&'a String, &'a String)> {
    let compare_contents = removed.len().saturating_mul(added.len()) <= MAX_RENAME_PAIRS;
    let mut candidates = Vec::new();
    for (from, before) in removed {
        for (to, after) in added {
            let score = if before.sha == after.sha {
                1.0
            } else if compare_contents {
                // Below an exact match, whatever the order of lines is.
                similarity(&before.bytes, &after.bytes).min(0.99)
            } else {
                0.0
            };
            if score >= RENAME_THRESHOLD && !before.bytes.is_empty() {
                candidates.push((score, *from, *to));
            }
        }
    }
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));
    let (mut gone, mut come) = (BTreeSet::new(), BTreeSet::new());
    let mut pairs = Vec::new();
    for (_, from, to) in candidates {
        if !gone.contains(from) && !come.contains(to) {
            gone.insert(from);
            come.insert(to);
            pairs.push((from, to));
        }
    }
    pairs
}

fn change(
    path: &str,
    previous: Option<&String>,
    status: ChangeStatus,
    old: &[u8],
    new: &[u8],
    blob: &str,
) -> FileChange {
    let difference = compare(old, new);
    FileChange {
        path: path.to_owned(),
        previous_path: previous.cloned(),
        status,
        additions: difference.additions,
        deletions: difference.deletions,
        patch: difference.patch,
        blob: blob.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn the_merge_base_is_where_the_branch_left() {
        let memory = Memory::new(tree(&[("a", "1\n")]));
        let start = memory.resolve("main").unwrap();
        let head = memory.commit("topic", tree(&[("a", "2\n")]), "two", Timestamp(0)).unwrap();
        let base = memory.commit("main", tree(&[("a", "3\n")]), "three", Timestamp(0)).unwrap();
        let relation = memory.relation(&base, &head).unwrap();
        assert_eq!((relation.merge_base, relation.ahead_by, relation.behind_by), (start, 1, 1));
        assert_eq!(relation.commits[0].sha, head);
    }

    #[test]
    fn changes_have_githubs_words_and_find_renames() {
        let long = "line one\nline two\nline three\n";
        let memory = Memory::new(tree(&[("gone", "x\n"), ("old name", long), ("same", "s\n"), ("edited", "1\n")]));
        let base = memory.resolve("main").unwrap();
        let renamed = format!("{long}line four\n");
        let after = tree(&[("new/name", &renamed), ("same", "s\n"), ("edited", "2\n"), ("fresh", "f\n")]);
        let head = memory.commit("topic", after, "c", Timestamp(0)).unwrap();
        let changes = memory.changes(&base, &head).unwrap();
        let words: Vec<_> =
            changes.iter().map(|c| (c.path.as_str(), c.status.as_str(), c.additions, c.deletions)).collect();
        assert_eq!(
            words,
            [
                ("edited", "modified", 1, 1),
                ("fresh", "added", 1, 0),
                ("gone", "removed", 0, 1),
                ("new/name", "renamed", 1, 0)
            ]
        );
        assert_eq!(changes[3].previous_path.as_deref(), Some("old name"));
    }

    #[test]
    fn directories_are_listed_one_level_deep() {
        let memory = Memory::new(tree(&[("src/a.py", "1"), ("src/lib/b.py", "2"), ("src.txt", "3")]));
        let head = memory.resolve("main").unwrap();
        let Some(Entry::Directory(entries)) = memory.entry(&head, "src").unwrap() else { panic!("a directory") };
        let names: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.kind)).collect();
        assert_eq!(names, [("a.py", "file"), ("lib", "dir")]);
        assert_eq!(memory.entry(&head, "nothing").unwrap(), None);
    }
}
