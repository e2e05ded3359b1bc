//! The changed text of a pull request: what a model reads of it ([`view`]), and what it may quote ([`Diff::stands`]). In
//! memory only, packed, and never stored: a review that waits in the queue reads it again.
//!
//! Untrusted text from beginning to end.

pub mod view;

#[cfg(test)]
mod tests;

use std::io::{Read, Write};

use eco_coder_github::patch;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use sha2::{Digest, Sha256};

/// The largest patch of one file that is kept, bytes. One that is larger is a program's, not a person's.
const MAX_PATCH: usize = 256 << 10;
/// What is kept of one pull request, bytes before packing: a tenth of it fits a model's view.
const MAX_DIFF: usize = 1 << 20;
/// How far from the line that a model names its quotation may stand, lines.
const NEAR: u32 = 5;
/// The shortest quotation that shows anything, characters without white space.
const MIN_QUOTE: usize = 4;

/// A file's patch, packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// The file at the head.
    pub path: String,
    /// Lines that it adds or changes.
    pub added: u64,
    /// Names what the patch says, 16 hex digits: the same patch has the same.
    pub digest: String,
    bytes: usize,
    packed: Vec<u8>,
}

impl Patch {
    /// Packs a patch; none of one that can't be read, adds nothing, or is too large.
    pub fn pack(path: &str, text: &str) -> Option<Self> {
        let added =
            patch::changed_lines(text).ok()?.into_iter().map(|lines| u64::from(lines.end() - lines.start()) + 1);
        let added: u64 = added.sum();
        if added == 0 || text.len() > MAX_PATCH {
            return None;
        }
        let mut packer = DeflateEncoder::new(Vec::new(), Compression::fast());
        let packed = packer.write_all(text.as_bytes()).and_then(|()| packer.finish()).ok()?;
        let digest = hex::encode(&Sha256::digest(text)[..8]);
        Some(Self { path: path.to_owned(), added, digest, bytes: text.len(), packed })
    }

    fn text(&self) -> String {
        let mut text = String::with_capacity(self.bytes);
        // What was packed here unpacks.
        let _ = DeflateDecoder::new(self.packed.as_slice()).take(MAX_PATCH as u64).read_to_string(&mut text);
        text
    }
}

/// The patches of a pull request that can be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    patches: Vec<Patch>,
}

impl Diff {
    /// Of these files, as many as there is room for.
    pub fn new(patches: impl IntoIterator<Item = Patch>) -> Self {
        let mut bytes = 0;
        let fits = |patch: &Patch| {
            bytes += patch.bytes;
            bytes <= MAX_DIFF
        };
        Self { patches: patches.into_iter().filter(fits).collect() }
    }

    /// All patches, in GitHub's order.
    pub fn patches(&self) -> &[Patch] {
        &self.patches
    }

    /// The patch of the file at this path.
    pub fn patch(&self, path: &str) -> Option<&Patch> {
        self.patches.iter().find(|patch| patch.path == path)
    }

    /// Where a quotation stands in the changed part of the file, at the line that was named or near it; `None`: nowhere. White
    /// space is no difference.
    pub fn stands(&self, path: &str, line: u32, quote: &str) -> Option<u32> {
        let quote: String = quote.chars().filter(|c| !c.is_whitespace()).collect();
        if quote.chars().count() < MIN_QUOTE {
            return None;
        }
        let text = self.patch(path)?.text();
        let hunks = patch::hunks(&text).ok()?;
        let near = line.saturating_sub(NEAR)..=line.saturating_add(NEAR);
        let found = hunks.iter().flat_map(|hunk| places(hunk, &quote)).filter(|at| near.contains(at));
        found.min_by_key(|at| at.abs_diff(line))
    }
}

/// The lines of the new file at which the quotation begins.
fn places(hunk: &patch::Hunk<'_>, quote: &str) -> Vec<u32> {
    let mut all = String::new();
    let mut begins = Vec::new();
    for line in view::lines(hunk).filter(|line| line.sign != '-') {
        begins.push((all.len(), line.number));
        all.extend(line.text.chars().filter(|c| !c.is_whitespace()));
    }
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = all.get(from..).and_then(|rest| rest.find(quote)) {
        let at = from + at;
        let line = begins.partition_point(|(begin, _)| *begin <= at);
        found.extend(line.checked_sub(1).and_then(|line| begins.get(line)).map(|(_, number)| *number));
        from = at + quote.chars().next().map_or(1, char::len_utf8);
    }
    found
}
