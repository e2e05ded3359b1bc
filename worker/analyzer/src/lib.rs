//! Eco-Coder's embedded analyser: source text and changed lines in, findings out. Pure: no files, no network, no clock
//! but the one that bounds its own time.
//!
//! [`analyze`] looks at one file; [`skip_path`] says beforehand that it won't; [`rules`] lists what it knows. A finding may
//! come with a [`Fix`]; [`apply_fixes`] applies them to a text.
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
//! rule:                        # ast-grep's rule language, which must name kinds; constraints and utils may follow
//!   pattern: sorted($XS)[0]
//! needs: [[sorted (]]          # rows of tokens, one of each list of which a text must have, where the rule doesn't tell by
//!                              # itself: NAME, NUMBER, STRING, `a|b`, `..`, `>>` and, first, `*end` of a name (src/rule/words.rs)
//! checks: [in-loop]            # Rust predicates of src/checks.rs, for scope, data flow and text inside strings
//! fix: min($XS)                # what the match becomes, if that is mechanical; or cases, see below
//! examples:
//!   bad: [two or more, on which exactly this rule of its file's rules speaks]
//!   good: [two or more, on which it is silent: what a careful author writes instead, and what only looks similar]
//!   fixed: [with a fix, for each of bad: what becomes of it, or ~]
//! ```
//!
//! # A rule's fix
//!
//! `fix:` is a text for the match, or cases, of which the first that applies is taken:
//!
//! ```yaml
//! fix:
//!   - rule:                            # what the match must be as well; its names are those that `replace` knows.
//!       pattern: sorted($XS)[0]        # Without it: the rule's own
//!       not: {inside: {kind: try_statement, stopBy: {kind: function_definition}}}
//!     constraints: {XS: {not: {kind: list_splat}}}
//!     languages: [Python]              # without it: all of the rule's
//!     replace: min($XS)                # a text for the match,
//!   - rule: {has: {field: arguments, has: {kind: list_comprehension, pattern: $LIST}}}
//!     replace: {LIST: '$<LIST>'}       # or a text for each of these pieces, wherever in the file they stand
//! ```
//!
//! In such a text `$NAME` is what the rule holds by that name, `$$$NAME` all of several, and `$<NAME>` what stands between
//! the first and the last character of it. All else is put down as it stands; a line break gets the file's own form and the
//! indentation of the line that is replaced. An empty text removes, with its line if nothing is left on it.
//!
//! The mend must be sure from this file alone: it compiles, and does what the code did but for the fault. Where that hangs on
//! something (an import, a type, who catches what), a case asks for it, and says in a comment why; no fix is better than a
//! wrong one. Nothing adds an import. A fix is offered only if the mended text parses as well as before, the finding is gone,
//! none as grave has come, no comment is lost, and all its lines are among those that were asked for.
//!
//! Match the smallest node that shows the fault, since its lines are where the finding stands and whether it is new.
//! Precision comes first: a rule that speaks of idiomatic code in a well-kept library is wrong. Run it over such code
//! before it ships (`cargo run --release -p eco-coder-analyzer --example scan -- DIRECTORY EC-PY-123`) and read what
//! it says. A measured effect has its script in `evidence/`.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking"))]

mod checks;
mod choice;
mod clones;
mod cost;
mod file;
mod finding;
mod fix;
mod inspect;
mod language;
mod lines;
mod markup;
mod notes;
mod open;
mod own;
mod parse;
mod rule;
mod scan;
mod shape;
mod skip;
mod stack;
mod suppress;
mod tree;

pub use choice::{Choice, NotASelector, Options, Selector};
pub use clones::{CloneIndex, CopyPlace, Duplicate, Duplicates, MAX_TOKENS, MIN_LINES, MIN_TOKENS};
#[cfg(feature = "cost")]
pub use cost::{Cost, costs};
pub use file::{FileAnalysis, Limits, Skipped};
pub use finding::{Category, Confidence, Finding, Severity, UnknownSeverity};
pub use fix::{Fix, apply_fixes};
pub use inspect::inspect;
pub use language::Language;
pub use lines::LineSet;
pub use notes::{
    Base, COGNITIVE_LIMIT, CYCLOMATIC_ADVICE, FunctionNote, GROWTH_SHARE, LENGTH_LIMIT, MAX_FUNCTION_NOTES,
    MAX_TODO_PLACES, Measures, NoteTaker, Notes, TodoPlace, wants_base,
};
pub use own::{Failure, MAX_OWN_FILE, MAX_OWN_RULES, OwnRules};
pub use rule::{RuleInfo, rules, rules_digest};
pub use scan::{STACK_BYTES, analyze};
pub use shape::{Function, MAX_NAME, Shape, shape};
pub use skip::skip_path;
