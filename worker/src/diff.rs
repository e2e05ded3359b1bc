//! The changed text of a pull request: what a model reads of it ([`view`]), and what it may quote ([`Diff::stands`]). In
//! memory only, packed, and never stored: a review that waits in the queue reads it again.
//!
//! Untrusted text from beginning to end.

pub mod view;

#[cfg(test)]
mod tests;

use std::io::{Read, Write};

use eco_coder_analyzer::{Skipped, skip_path};
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
/// The shortest quotation that shows anything if it isn't of whole lines, characters without white space.
const MIN_QUOTE: usize = 12;

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

/// Why a file's changes can't be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unshown {
    /// A program wrote it, or others did: not for a reviewer.
    Program,
    /// It is too large, or can't be read.
    TooLarge,
}

impl Patch {
    /// Packs a patch.
    pub fn pack(path: &str, text: &str) -> Result<Self, Unshown> {
        if matches!(skip_path(path), Some(Skipped::Generated(_) | Skipped::Vendored | Skipped::Binary)) {
            return Err(Unshown::Program);
        }
        let hunks = patch::hunks(text).map_err(|_| Unshown::TooLarge)?;
        if hunks.is_empty() || text.len() > MAX_PATCH {
            return Err(Unshown::TooLarge);
        }
        let added = hunks.iter().flat_map(|hunk| &hunk.added).map(|lines| u64::from(lines.end() - lines.start()) + 1);
        let added = added.sum();
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
        let packed =
            deflate.write_all(text.as_bytes()).and_then(|()| deflate.finish()).map_err(|_| Unshown::TooLarge)?;
        let digest = hex::encode(&Sha256::digest(text)[..8]);
        Ok(Self { path: path.to_owned(), added, digest, bytes: text.len(), packed })
    }

    fn text(&self) -> String {
        let mut text = String::with_capacity(self.bytes);
        // What was packed here unpacks.
        let _ = DeflateDecoder::new(self.packed.as_slice()).take(MAX_PATCH as u64).read_to_string(&mut text);
        text
    }
}

/// The changes of a pull request that can be shown, and the names of the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    patches: Vec<Patch>,
    unshown: Vec<(Unshown, String)>,
}

impl Diff {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file's changes, if there is room for them; `None`: GitHub has no patch.
    pub fn add(&mut self, path: &str, text: Option<&str>) {
        let held: usize = self.patches.iter().map(|known| known.bytes).sum();
        match text.ok_or(Unshown::TooLarge).and_then(|text| Patch::pack(path, text)) {
            Ok(packed) if held + packed.bytes <= MAX_DIFF => self.patches.push(packed),
            Ok(_) => self.unshown.push((Unshown::TooLarge, path.to_owned())),
            Err(why) => self.unshown.push((why, path.to_owned())),
        }
    }

    /// All patches, in GitHub's order.
    pub fn patches(&self) -> &[Patch] {
        &self.patches
    }

    /// The patch of the file at this path.
    pub fn patch(&self, path: &str) -> Option<&Patch> {
        self.patches.iter().find(|patch| patch.path == path)
    }

    /// Files whose changes can't be shown for this reason.
    pub fn unshown(&self, why: Unshown) -> Vec<&str> {
        self.unshown.iter().filter(|(other, _)| *other == why).map(|(_, path)| path.as_str()).collect()
    }

    /// Where a quotation stands in the changed part of the file, at the line that was named or near it; `None`: nowhere. White
    /// space is no difference. It is a whole line, or long enough to be no accident.
    pub fn stands(&self, path: &str, line: u32, quote: &str) -> Option<u32> {
        let quote = dense(quote);
        if quote.is_empty() {
            return None;
        }
        let text = self.patch(path)?.text();
        let hunks = patch::hunks(&text).ok()?;
        let near = line.saturating_sub(NEAR)..=line.saturating_add(NEAR);
        let found = hunks.iter().flat_map(|hunk| places(hunk, &quote, &near));
        found.min_by_key(|at| at.abs_diff(line))
    }
}

/// Without white space.
fn dense(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// The changed lines of the new file, of these, at which the quotation begins. Where lines were removed, those around them are
/// changed.
fn places(hunk: &patch::Hunk<'_>, quote: &str, near: &std::ops::RangeInclusive<u32>) -> Vec<u32> {
    let mut lines: Vec<(view::HunkLine<'_>, bool)> = Vec::new();
    let mut after_removed = false;
    for line in view::lines(hunk) {
        if line.sign == '-' {
            after_removed = true;
            if let Some((_, is_changed)) = lines.last_mut() {
                *is_changed = true;
            }
        } else {
            let is_changed = line.sign == '+' || after_removed;
            after_removed = false;
            lines.push((line, is_changed));
        }
    }
    let long = quote.chars().count() >= MIN_QUOTE;
    let begins = |at: usize| {
        let own = dense(lines[at].0.text);
        // The quotation begins in this line, and may go on in those below.
        let (mut all, mut whole_lines) = (own.clone(), own == quote);
        for (line, _) in &lines[at + 1..] {
            if all.len() >= own.len() + quote.len() {
                break;
            }
            all.push_str(&dense(line.text));
            whole_lines |= all == quote;
        }
        whole_lines || long && all.find(quote).is_some_and(|place| place < own.len())
    };
    let candidates = (0..lines.len()).filter(|at| lines[*at].1 && near.contains(&lines[*at].0.number));
    candidates.filter(|at| begins(*at)).map(|at| lines[at].0.number).collect()
}
