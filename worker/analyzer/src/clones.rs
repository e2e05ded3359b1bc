//! Code that stands twice in the changed files, up to names and values. Takes the files' tokens one at a time, holds
//! twelve bytes for each and no text, and in the end says where copies lie. Never compares across languages, and not
//! with test code, which is alike on purpose.
//!
//! A copy is a run of tokens of the same kinds, the longest there is, cut down to whole statements (brackets in it
//! close, and a Python block ends). It counts if it is long enough ([`MIN_TOKENS`], [`MIN_LINES`]), if names were
//! changed one for one and most of them not at all, and if it decides something (a branch, a loop, a handler) and is more than a list of values or of like statements:
//! `judge.rs` has the figures. Only the bodies of functions are compared: signatures, types and tables are alike by their
//! nature. Imports, comments and attributes are no tokens.

mod index;
mod judge;

use serde::{Deserialize, Serialize};

use crate::language::Language;
use crate::lines::LineSet;
use crate::shape::Shape;
use crate::shape::tokens::Token;

/// Shortest copy, in tokens.
pub const MIN_TOKENS: usize = 70;

/// Shortest copy, in lines with code, on each side.
pub const MIN_LINES: usize = 6;

/// Tokens held by default: 24 MB of them, and 16 MB more while they are compared.
pub const MAX_TOKENS: usize = 2_000_000;

/// Copies reported; the longest.
const MAX_DUPLICATES: usize = 50;

/// Places named of one copy.
const MAX_PLACES: usize = 8;

/// Where a copy lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CopyPlace {
    /// As the caller named it.
    pub file_path: String,
    /// From 1.
    pub first_line: u32,
    /// Inclusive.
    pub last_line: u32,
    /// Whether at least half of it is on changed lines.
    pub is_changed: bool,
}

/// Code that stands in two places or more. At least one of them is on changed lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicate {
    /// By path and line: at least two, and at most eight of them.
    pub places: Vec<CopyPlace>,
    /// Places beyond those.
    pub more_places: u32,
    /// Length of the first, in lines with code.
    pub lines: u32,
    /// Length of each, in tokens.
    pub tokens: u32,
}

/// What [`CloneIndex::finish`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicates {
    /// The longest first, at most 50.
    pub found: Vec<Duplicate>,
    /// Copies beyond those.
    pub more: u32,
    /// Files whose code was not compared, because [`MAX_TOKENS`] was reached.
    pub left_out: u32,
    /// Whether the comparison was given up before its end: code that is alike everywhere.
    pub is_partial: bool,
}

/// The code of a file, as tokens.
#[derive(Debug)]
struct FileTokens {
    path: String,
    language: Language,
    tokens: Vec<Token>,
    changed: Option<LineSet>,
}

/// Files to be compared with each other and within themselves.
#[derive(Debug)]
pub struct CloneIndex {
    files: Vec<FileTokens>,
    held: usize,
    max_tokens: usize,
    left_out: u32,
}

impl Default for CloneIndex {
    fn default() -> Self {
        Self::new(MAX_TOKENS)
    }
}

impl CloneIndex {
    /// Empty, for at most so many tokens.
    pub fn new(max_tokens: usize) -> Self {
        Self { files: Vec::new(), held: 0, max_tokens, left_out: 0 }
    }

    /// Takes in a file's tokens, and leaves the shape without them. `changed` is as for [`crate::analyze`]. The order of
    /// files doesn't matter unless there are too many.
    pub fn add(&mut self, path: &str, shape: &mut Shape, changed: Option<&LineSet>) {
        let mut tokens = std::mem::take(&mut shape.tokens);
        let Some(language) = Language::of_path(path).filter(|_| tokens.len() >= MIN_TOKENS) else { return };
        if self.held + tokens.len() > self.max_tokens {
            self.left_out += 1;
            return;
        }
        tokens.shrink_to_fit();
        self.held += tokens.len();
        self.files.push(FileTokens { path: path.to_owned(), language, tokens, changed: changed.cloned() });
    }

    /// Compares what was added.
    pub fn finish(mut self) -> Duplicates {
        // Grammars of one language are compared; the order makes the outcome independent of that of adding.
        self.files.sort_by(|a, b| (a.language.name(), &a.path).cmp(&(b.language.name(), &b.path)));
        index::compare(self.files, self.left_out)
    }
}

#[cfg(test)]
mod tests;
