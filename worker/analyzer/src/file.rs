//! What goes with one file's analysis: the limits it runs under, what comes out, and the
//! reasons for which a file is not looked at. Plain data.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::finding::Finding;

/// What one file may cost. Source is hostile: each of these ends in a [`Skipped`] or a partial result, never in a
/// panic or an overflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, in bytes.
    pub max_bytes: usize,
    /// Longest line, in bytes. Longer ones are minified code or data.
    pub max_line_bytes: usize,
    /// Deepest syntax tree, in nodes from the root. Matching recurses: see [`crate::STACK_BYTES`].
    pub max_depth: usize,
    /// Findings kept for a file; beyond it the result is partial.
    pub max_findings_per_file: usize,
    /// Fixes that are tried for a file, each at the cost of parsing it once more; 0 tries none. Findings beyond it have no
    /// fix.
    pub max_fixes_per_file: usize,
    /// Largest file, in bytes, that fixes are tried for.
    pub max_fixable_bytes: usize,
    /// Time for one file. Over before it is parsed: [`Skipped::TimedOut`]; while matching: the result is partial.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 2 << 20,
            max_line_bytes: 64 << 10,
            max_depth: 1_000,
            max_findings_per_file: 200,
            max_fixes_per_file: 20,
            max_fixable_bytes: 256 << 10,
            time: Duration::from_secs(10),
        }
    }
}

/// Why a file was not looked at. Displays as the few words that a report puts in parentheses behind the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Skipped {
    /// Larger than [`Limits::max_bytes`].
    TooLarge { bytes: u64, limit: u64 },
    /// A line longer than [`Limits::max_line_bytes`].
    LineTooLong { line: u32, limit: u64 },
    /// Nested deeper than [`Limits::max_depth`].
    TooDeep { limit: u32 },
    /// [`Limits::time`] was over before the file was parsed.
    TimedOut,
    /// Written by a program; what by, or what as.
    Generated(Cow<'static, str>),
    /// Somebody else's code, kept in the repository.
    Vendored,
    /// No rules for files of this name.
    UnsupportedLanguage,
    /// Not text.
    Binary,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit, .. } => write!(f, "over {}", Bytes(*limit)),
            Self::LineTooLong { line, limit } => write!(f, "line {line} is over {} long", Bytes(*limit)),
            Self::TooDeep { limit } => write!(f, "nested deeper than {limit} levels"),
            Self::TimedOut => f.write_str("took too long"),
            Self::Generated(what) => f.write_str(what),
            Self::Vendored => f.write_str("third-party code"),
            Self::UnsupportedLanguage => f.write_str("no rules for this kind of file"),
            Self::Binary => f.write_str("not text"),
        }
    }
}

/// A size as a reader would say it: "2 MB", "64 kB".
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n >= 1 << 20 => write!(f, "{} MB", n >> 20),
            n if n >= 1 << 10 => write!(f, "{} kB", n >> 10),
            n => write!(f, "{n} bytes"),
        }
    }
}

/// What came out of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileAnalysis {
    /// By line, then by rule.
    pub findings: Vec<Finding>,
    /// Findings on the wanted lines that an `eco-coder-ignore` comment muted.
    pub suppressed: u32,
    /// Why the findings may not be all there are, in words for the report.
    pub partial: Option<String>,
    /// Fixes that were not offered because the mended text didn't parse, or still had the fault or one as grave.
    #[serde(skip)]
    pub refused_fixes: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_survive_storage_and_read_as_words() {
        let cases = [
            (Skipped::TooLarge { bytes: 3 << 20, limit: 2 << 20 }, "over 2 MB"),
            (Skipped::LineTooLong { line: 7, limit: 64 << 10 }, "line 7 is over 64 kB long"),
            (Skipped::TooDeep { limit: 1_000 }, "nested deeper than 1000 levels"),
            (Skipped::TimedOut, "took too long"),
            (Skipped::Generated(Cow::Borrowed("minified")), "minified"),
            (Skipped::Vendored, "third-party code"),
            (Skipped::UnsupportedLanguage, "no rules for this kind of file"),
            (Skipped::Binary, "not text"),
        ];
        for (skipped, words) in cases {
            assert_eq!(skipped.to_string(), words);
            let stored = serde_json::to_string(&skipped).unwrap();
            assert_eq!(serde_json::from_str::<Skipped>(&stored).unwrap(), skipped);
        }
    }
}
