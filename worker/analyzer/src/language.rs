//! The languages the analyser reads, told from a file's name. Never looks at content.

use std::fmt;

use ast_grep_language::SupportLang;
use serde::{Deserialize, Serialize};

/// A language with rules of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Language {
    Python,
    Java,
    JavaScript,
    TypeScript,
    /// TypeScript with JSX: a grammar of its own, the rules of TypeScript.
    Tsx,
    Go,
    Rust,
    CSharp,
    Php,
}

impl Language {
    /// Every language, in the order of the rule folders.
    pub const ALL: [Self; 9] = [
        Self::Python,
        Self::Java,
        Self::JavaScript,
        Self::TypeScript,
        Self::Tsx,
        Self::Go,
        Self::Rust,
        Self::CSharp,
        Self::Php,
    ];

    /// The language of a file by its extension, or `None` when there are no rules for it.
    pub fn of_path(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let (_, extension) = name.rsplit_once('.')?;
        Some(match extension.to_ascii_lowercase().as_str() {
            "py" | "pyw" => Self::Python,
            "java" => Self::Java,
            "js" | "mjs" | "cjs" | "jsx" => Self::JavaScript,
            "ts" | "mts" | "cts" => Self::TypeScript,
            "tsx" => Self::Tsx,
            "go" => Self::Go,
            "rs" => Self::Rust,
            "cs" => Self::CSharp,
            "php" => Self::Php,
            _ => return None,
        })
    }

    /// The name a reader knows, as in "TypeScript".
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "Python",
            Self::Java => "Java",
            Self::JavaScript => "JavaScript",
            Self::TypeScript | Self::Tsx => "TypeScript",
            Self::Go => "Go",
            Self::Rust => "Rust",
            Self::CSharp => "C#",
            Self::Php => "PHP",
        }
    }

    /// The extension of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Python => "py",
            Self::Java => "java",
            Self::JavaScript => "js",
            Self::TypeScript => "ts",
            Self::Tsx => "tsx",
            Self::Go => "go",
            Self::Rust => "rs",
            Self::CSharp => "cs",
            Self::Php => "php",
        }
    }

    pub(crate) fn grammar(self) -> SupportLang {
        match self {
            Self::Python => SupportLang::Python,
            Self::Java => SupportLang::Java,
            Self::JavaScript => SupportLang::JavaScript,
            Self::TypeScript => SupportLang::TypeScript,
            Self::Tsx => SupportLang::Tsx,
            Self::Go => SupportLang::Go,
            Self::Rust => SupportLang::Rust,
            Self::CSharp => SupportLang::CSharp,
            Self::Php => SupportLang::Php,
        }
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
