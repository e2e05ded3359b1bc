//! What the analyser says: a finding, how bad it is, of what kind, and how sure the rule is. Plain data; a finding
//! carries words from its rule only, never a piece of the source.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::fix::Fix;

/// How much a finding matters, least first, so that `>=` reads as "at least".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// As it is serialised and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "Info",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
            Self::Critical => "Critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no severity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a severity: use Info, Low, Medium, High or Critical")]
pub struct UnknownSeverity;

impl FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, UnknownSeverity> {
        Self::ALL.into_iter().find(|s| s.as_str().eq_ignore_ascii_case(text.trim())).ok_or(UnknownSeverity)
    }
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Category {
    CodeQuality,
    Security,
    Performance,
    BestPractices,
    Energy,
}

impl Category {
    /// Each of them.
    pub const ALL: [Self; 5] =
        [Self::CodeQuality, Self::Security, Self::Performance, Self::BestPractices, Self::Energy];

    /// As it is serialised and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CodeQuality => "CodeQuality",
            Self::Security => "Security",
            Self::Performance => "Performance",
            Self::BestPractices => "BestPractices",
            Self::Energy => "Energy",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How often the rule is right when it speaks. Low-confidence rules are off unless asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Confidence {
    Low,
    Medium,
    High,
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
        })
    }
}

/// One thing to mend, where and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// As the caller named it.
    pub file_path: String,
    /// First line, counted from 1.
    pub start_line: u32,
    /// Last line, inclusive; not before `start_line`, not beyond the end of the file.
    pub end_line: u32,
    /// Such as `EC-PY-072`.
    pub rule_id: String,
    /// Names of the same thing elsewhere: `GCI72`, `CWE-89`.
    pub aliases: Vec<String>,
    /// A few words, for a heading.
    pub title: String,
    pub severity: Severity,
    pub category: Category,
    pub confidence: Confidence,
    /// What it is and why it matters.
    pub description: String,
    /// What to do instead.
    pub recommendation: String,
    /// Where to read more.
    pub link: Option<String>,
    /// The effect as published or measured, with its source.
    pub evidence: Option<String>,
    /// 16 hex digits that survive the code's moving to other lines.
    pub fingerprint: String,
    /// Whether there is a mechanical fix for it on the lines that were asked for.
    #[serde(default)]
    pub fixable: bool,
    /// The fix itself. It is source, so it is never stored: whoever needs it later analyses the file again.
    #[serde(skip)]
    pub fix: Option<Fix>,
}

/// The identity of a finding: rule, file, enclosing function, matched text without regard to white space, and which
/// of several equal ones it is. Line numbers don't enter, so edits above a finding leave it the same finding.
pub(crate) fn fingerprint(rule_id: &str, path: &str, function: &str, text: &str, ordinal: u32) -> String {
    let mut hash = Fnv::new();
    hash.field(rule_id.as_bytes());
    hash.field(path.as_bytes());
    hash.field(function.as_bytes());
    for word in text.split_whitespace() {
        hash.bytes(word.as_bytes());
    }
    hash.field(&ordinal.to_le_bytes());
    format!("{:016x}", hash.0)
}

/// FNV-1a, 64 bits: fixed for all time, unlike the standard library's hasher. A change detector, not a defence.
#[derive(Clone, Copy)]
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn field(&mut self, bytes: &[u8]) {
        self.bytes(&[0]);
        self.bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_read_in_any_case_and_ordered() {
        assert_eq!("critical".parse(), Ok(Severity::Critical));
        assert_eq!(" HIGH ".parse(), Ok(Severity::High));
        assert_eq!("urgent".parse::<Severity>(), Err(UnknownSeverity));
        assert!(Severity::Critical > Severity::High && Severity::Low > Severity::Info);
        assert_eq!(serde_json::to_string(&Severity::Critical).unwrap(), "\"Critical\"");
    }

    #[test]
    fn a_fingerprint_forgets_white_space_and_nothing_else() {
        let one = fingerprint("R", "a.py", "f", "x = g( 1 )", 0);
        assert_eq!(one, fingerprint("R", "a.py", "f", "x  =\n g( 1 )", 0));
        for other in [
            fingerprint("S", "a.py", "f", "x = g( 1 )", 0),
            fingerprint("R", "b.py", "f", "x = g( 1 )", 0),
            fingerprint("R", "a.py", "h", "x = g( 1 )", 0),
            fingerprint("R", "a.py", "f", "x = g( 2 )", 0),
            fingerprint("R", "a.py", "f", "x = g( 1 )", 1),
        ] {
            assert_ne!(one, other);
        }
        assert_eq!(one.len(), 16);
    }

    #[test]
    fn a_fingerprint_is_the_same_in_every_release() {
        assert_eq!(fingerprint("EC-PY-072", "app/orders.py", "load", "execute(q)", 0), PINNED);
    }

    const PINNED: &str = "b6d798fd759de53e";
}
