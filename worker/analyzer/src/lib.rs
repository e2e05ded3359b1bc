//! Eco-Coder's embedded analyser: source text and changed lines in, findings out. Pure: no files, no network, no clock
//! but the one that bounds its own time.
//!
//! [`analyze`] looks at one file; [`skip_path`] says beforehand that it won't; [`rules`] lists what it knows.
//!
//! # Adding a rule
//!
//! A rule is one YAML document in `rules/<language>/`, in the file of its subject; `build.rs` finds new files by
//! itself. JavaScript and TypeScript share a folder.
//!
//! ```yaml
//! id: EC-PY-123                # EC-<PY|JS|JV|GO|RS|CS|PHP>-<nnn>; 0xx as in creedengo's GCI list, 1xx performance,
//!                              # 2xx quality, 3xx security, 4xx energy; never reused
//! aliases: [FURB192]           # what others call it: GCI..., CWE-..., a linter's code
//! title: Sorted to take one    # a few words, for a heading
//! severity: Low                # Critical, High, Medium, Low, Info
//! category: Performance        # CodeQuality, Security, Performance, BestPractices, Energy
//! confidence: High             # Low is off unless asked for
//! languages: [Python]
//! description: What it is and why it matters, in a sentence or two. No source text ever gets in.
//! recommendation: What to do instead, in one sentence.
//! evidence: The effect as published or measured, and by whom. Leave it out rather than guess.
//! link: https://...
//! in_tests: false              # whether it speaks in test code; false unless said
//! rule:                        # ast-grep's rule language, which must name kinds; constraints and utils may follow,
//!   pattern: sorted($XS)[0]    # and `matches: name` reaches the shared matchers of the folder's utils.yml
//! checks: [in-loop]            # Rust predicates of src/checks.rs, for scope, data flow and text inside strings
//! examples:
//!   bad: [two or more, on which exactly this rule of its file's rules speaks]
//!   good: [two or more, on which it is silent: what a careful author writes instead, and what only looks similar]
//! ```
//!
//! Match the smallest node that shows the fault, since its lines are where the finding stands and whether it is new.
//! Precision comes first: a rule that speaks of idiomatic code in a well-kept library is wrong. Run it over such code
//! before it ships (`cargo run --release -p eco-coder-analyzer --example scan -- DIRECTORY EC-PY-123`) and read what
//! it says. A measured effect has its script in `evidence/`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking"))]

mod checks;
mod cost;
mod file;
mod finding;
mod language;
mod lines;
mod markup;
mod open;
mod parse;
mod rule;
mod scan;
mod skip;
mod stack;
mod suppress;
mod tree;

#[cfg(feature = "cost")]
pub use cost::{Cost, costs};
pub use file::{FileAnalysis, Limits, Options, Skipped};
pub use finding::{Category, Confidence, Finding, Severity, UnknownSeverity};
pub use language::Language;
pub use lines::LineSet;
pub use rule::{RuleInfo, rules, rules_digest};
pub use scan::{STACK_BYTES, analyze};
pub use skip::skip_path;
