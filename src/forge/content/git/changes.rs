//! What changed between two commits, from git's plumbing: the list of files, and the patch cut into one piece a file.
//! Both list the files in the same order; paths come from the first, since the second's headers can't be trusted.

use eco_coder_shared::ids::CommitSha;

use super::{GitCopy, text};
use crate::forge::content::diff::showable;
use crate::forge::content::{ChangeStatus, ContentError, FileChange};

/// A changed file without its patch.
struct Raw {
    status: u8,
    old_blob: String,
    new_blob: String,
    previous: Option<String>,
    path: String,
}

impl GitCopy {
    pub(in crate::forge::content) fn changes(
        &self,
        from: &CommitSha,
        to: &CommitSha,
    ) -> Result<Vec<FileChange>, ContentError> {
        let two = [from.as_str(), to.as_str(), "--"];
        let list = ["-r", "-z", "--raw", "--no-abbrev", "-M", "--no-relative"];
        let out = self.run("diff-tree", list.iter().chain(&two))?;
        let raws = parse_raw(&out).ok_or(ContentError::Unreadable("diff-tree --raw"))?;
        let patch = [
            "-r",
            "-p",
            "-M",
            "--no-relative",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            "--unified=3",
            "--inter-hunk-context=0",
            "--submodule=short",
            "--full-index",
        ];
        let out = self.output("diff-tree", patch.iter().chain(&two))?;
        if out.code != Some(0) {
            return Err(self.failed("diff-tree", &out.stderr));
        }
        let mut pieces = pieces(&out.stdout);
        if !out.whole {
            // It ends anywhere.
            pieces.pop();
        }
        let mut pieces = pieces.into_iter();
        let mut changes = Vec::new();
        for raw in raws {
            let piece = match pieces.next() {
                Some(piece) => piece,
                // As on GitHub: what is beyond the limit of the whole is listed without a patch.
                None if !out.whole => &[],
                None => return Err(ContentError::Unreadable("diff-tree -p")),
            };
            // A change of type (a file that became a link) is shown as a removal and an addition.
            let second = if raw.status == b'T' { pieces.next() } else { None };
            changes.push(change(raw, piece, second));
        }
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(changes)
    }
}

/// `:mode mode sha sha status NUL path NUL [path NUL]`, again and again.
fn parse_raw(out: &[u8]) -> Option<Vec<Raw>> {
    let mut fields = out.split(|b| *b == 0);
    let mut raws = Vec::new();
    while let Some(about) = fields.next().filter(|about| !about.is_empty()) {
        let about = text(about);
        let about: Vec<&str> = about.strip_prefix(':')?.split(' ').collect();
        let &[_, _, old_blob, new_blob, status] = &about[..] else { return None };
        let status = status.bytes().next()?;
        let first = text(fields.next()?).into_owned();
        let (previous, path) = match status {
            b'R' | b'C' => (Some(first), text(fields.next()?).into_owned()),
            _ => (None, first),
        };
        raws.push(Raw { status, old_blob: old_blob.to_owned(), new_blob: new_blob.to_owned(), previous, path });
    }
    Some(raws)
}

/// Cuts a patch at its file headers. A line of content starts with a sign, so none is mistaken for a header.
fn pieces(out: &[u8]) -> Vec<&[u8]> {
    const HEADER: &[u8] = b"diff --git ";
    let mut starts = Vec::new();
    let mut at = 0;
    for line in out.split_inclusive(|b| *b == b'\n') {
        if line.starts_with(HEADER) {
            starts.push(at);
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([out.len()]);
    starts.iter().zip(ends).map(|(start, end)| &out[*start..end]).collect()
}

fn change(raw: Raw, piece: &[u8], second: Option<&[u8]>) -> FileChange {
    let status = match raw.status {
        b'A' | b'C' => ChangeStatus::Added,
        b'D' => ChangeStatus::Removed,
        b'R' => ChangeStatus::Renamed,
        b'T' => ChangeStatus::Changed,
        _ if raw.old_blob == raw.new_blob => ChangeStatus::Changed,
        _ => ChangeStatus::Modified,
    };
    let hunks = hunks(piece);
    let (mut additions, mut deletions) = count(hunks);
    let second = second.map(self::hunks);
    if let Some((more, fewer)) = second.map(count) {
        additions += more;
        deletions += fewer;
    }
    let patch = if second.is_some() { None } else { showable(text(hunks).into_owned()) };
    let blob = if status == ChangeStatus::Removed { raw.old_blob } else { raw.new_blob };
    FileChange { path: raw.path, previous_path: raw.previous, status, additions, deletions, patch, blob }
}

/// From the first hunk on; nothing for what has none.
fn hunks(piece: &[u8]) -> &[u8] {
    let mut at = 0;
    for line in piece.split_inclusive(|b| *b == b'\n') {
        if line.starts_with(b"@@ ") {
            return &piece[at..];
        }
        at += line.len();
    }
    &[]
}

fn count(hunks: &[u8]) -> (usize, usize) {
    let lines = || hunks.split(|b| *b == b'\n').filter_map(|line| line.first());
    (lines().filter(|sign| **sign == b'+').count(), lines().filter(|sign| **sign == b'-').count())
}
