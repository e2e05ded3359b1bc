//! Git's names for objects: SHA-1 over a typed, length-prefixed body. The same bytes get the name that git gives them,
//! so that a repository in memory can't be told from a real one.

use std::collections::BTreeMap;

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::CommitSha;
use sha1::{Digest, Sha1};

/// The name of a blob with these bytes.
pub fn blob_id(bytes: &[u8]) -> String {
    hex::encode(object(b"blob", bytes))
}

/// The name of the tree with these blobs (raw names by path); all are plain files.
pub fn tree_id<'a>(blobs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut root = Folder::default();
    for (path, blob) in blobs {
        let (folders, name) = path.rsplit_once('/').map_or((None, path), |(folders, name)| (Some(folders), name));
        let mut at = &mut root;
        for folder in folders.into_iter().flat_map(|folders| folders.split('/')) {
            at = at.folders.entry(folder).or_default();
        }
        at.files.insert(name, blob);
    }
    hex::encode(root.id())
}

/// The name of a commit.
pub fn commit_id(tree: &str, parents: &[CommitSha], author: &str, at: Timestamp, message: &str) -> String {
    use std::fmt::Write as _;
    let mut body = format!("tree {tree}\n");
    for parent in parents {
        let _ = writeln!(body, "parent {parent}");
    }
    let who = format!("{author} <{author}@users.noreply.github.com> {} +0000", at.0.div_euclid(1000));
    let _ = write!(body, "author {who}\ncommitter {who}\n\n{message}\n");
    hex::encode(object(b"commit", body.as_bytes()))
}

fn object(kind: &[u8], body: &[u8]) -> [u8; 20] {
    let mut hash = Sha1::new();
    hash.update(kind);
    hash.update(format!(" {}\0", body.len()).as_bytes());
    hash.update(body);
    hash.finalize().into()
}

#[derive(Default)]
struct Folder<'a> {
    files: BTreeMap<&'a str, &'a str>,
    folders: BTreeMap<&'a str, Folder<'a>>,
}

impl Folder<'_> {
    fn id(&self) -> [u8; 20] {
        // Git orders a folder as if its name ended in a slash.
        let mut entries: BTreeMap<String, (&str, &str, Vec<u8>)> = BTreeMap::new();
        for (name, blob) in &self.files {
            entries.insert((*name).to_owned(), ("100644", name, hex::decode(blob).unwrap_or_default()));
        }
        for (name, folder) in &self.folders {
            entries.insert(format!("{name}/"), ("40000", name, folder.id().to_vec()));
        }
        let mut body = Vec::new();
        for (mode, name, id) in entries.values() {
            body.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            body.extend_from_slice(id);
        }
        object(b"tree", &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_git_gives() {
        // `git hash-object`, and the empty tree that git knows without being told
        assert_eq!(blob_id(b""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(blob_id(b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
        assert_eq!(tree_id(std::iter::empty()), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    }
}
