//! The shape of a file: its functions with how long and how branched they are, the work that comments say is left, and
//! its code as tokens to compare with other files'. One walk over the tree that [`crate::analyze`] parses anyway. Keeps
//! no source text but the names of functions; judges nothing.
//!
//! # Cyclomatic complexity
//!
//! McCabe, "A Complexity Measure", 1976: decisions plus one. A decision is: `if`, `elif`, a loop with or without a
//! condition in its head (`for`, `while`, `do`; Rust's `loop` has no head and is none), a case (each label; not
//! `default`, `_` or a discard), an arm of Rust's `match` but for one, `catch` and `except`, `a ? b : c`, `&&`, `||`,
//! `and`, `or`, `??` and the assignments of these, Rust's `let ... else`, the `for` and `if` of a comprehension,
//! and a guard (`when`, `if` in a pattern). No decision: `else`, `finally`, `assert`, `?.`, Rust's `?`, what is inside a
//! macro's brackets.
//!
//! # Cognitive complexity
//!
//! G. Ann Campbell, "Cognitive Complexity", SonarSource, version 1.7, 2023. One for each: `if`, `elif` and `else`
//! (whatever it belongs to but `try`), a conditional expression, `switch`, `match` and `select` as a whole, a loop, a `catch`, a jump to a label or over several levels, a
//! run of like logical operators in reading order (brackets don't end it; a negation begins another), and recursion by
//! a direct call. One more for each level of nesting: at `if`, the conditional expression, `switch`, loops and `catch`.
//! Branches of these and the bodies of lambdas nest. `??` and `?.` are shorthand and free.
//!
//! # Functions within functions
//!
//! A lambda belongs to the function around it, in both measures; outside of all functions, and in JavaScript wherever a
//! name is bound to it, it is a function of its own. A named function is listed for itself. Its decisions are its own;
//! its cognitive complexity counts for the function around it too, a level deeper, unless that has none of its own: a
//! function that only declares others (a decorator, a module's wrapper) is no harder to read than they are.

mod calls;
mod frame;
mod grammar;
mod lines;
mod name;
mod remarks;
pub(crate) mod tokens;
mod walk;

use self::grammar::Grammar;
pub(crate) use self::remarks::Todo;
use self::tokens::Token;
use crate::file::{Limits, Skipped};
use crate::language::Language;
use crate::parse::{Deadline, parse};
use crate::skip::{is_test_path, skip_path, skip_text};
use crate::tree::{Tree, depth_exceeds, mostly_errors};

/// Functions kept of a file; no file that people write has as many.
const MAX_FUNCTIONS: usize = 10_000;

/// A function, and how long and how branched it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// With the classes, modules and functions around it, as in `Cart.total`; `Cart::total` in Rust and PHP. Untrusted
    /// text of at most [`MAX_NAME`] characters: letters, digits and what operators are written with.
    pub name: String,
    /// From 1.
    pub first_line: u32,
    /// Inclusive.
    pub last_line: u32,
    /// Lines with code, neither blank nor mere comment, without those of named functions within. At least 1.
    pub code_lines: u32,
    /// Without `self`, `this` and the like.
    pub parameters: u32,
    /// At least 1.
    pub cyclomatic: u32,
    /// 0 and up.
    pub cognitive: u32,
    /// The part of [`Function::cognitive`] that isn't in named functions within this one.
    pub own_cognitive: u32,
    /// Whether it is test code.
    pub is_test: bool,
    /// Whether the grammar made no sense of a part of it, so that the figures are a guess.
    pub is_guess: bool,
    /// The function around it, as an index of [`Shape::functions`].
    pub within: Option<usize>,
}

/// Longest name of a function, in characters.
pub const MAX_NAME: usize = 120;

/// What one walk over a file tells beside findings. Holds names of functions and no other text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    functions: Vec<Function>,
    pub(crate) todos: Vec<Todo>,
    pub(crate) tokens: Vec<Token>,
    is_partial: bool,
}

impl Shape {
    /// In the order in which they begin.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// How many tokens of code it has: twelve bytes each, until [`crate::CloneIndex::add`] takes them.
    pub fn tokens(&self) -> usize {
        self.tokens.len()
    }

    /// Whether the time was over, or the bound on functions reached, before the end of the file: what isn't here may
    /// still be there.
    pub fn is_partial(&self) -> bool {
        self.is_partial
    }
}

/// The shape of one file, without looking for findings: for the version of a file before a change.
///
/// The same refusals and limits as [`crate::analyze`], and the same need of stack.
pub fn shape(path: &str, text: &str, limits: &Limits) -> Result<Shape, Skipped> {
    if let Some(skipped) = skip_path(path) {
        return Err(skipped);
    }
    let language = Language::of_path(path).ok_or(Skipped::UnsupportedLanguage)?;
    if let Some(skipped) = skip_text(language, text, limits) {
        return Err(skipped);
    }
    let deadline = Deadline::after(limits.time);
    let tree = parse(language, text, &deadline)?;
    if depth_exceeds(&tree, limits.max_depth) {
        return Err(Skipped::TooDeep { limit: u32::try_from(limits.max_depth).unwrap_or(u32::MAX) });
    }
    Ok(of_tree(path, text, language, &tree, &deadline))
}

/// The shape of a file that is parsed, no deeper than the limits allow. Nothing of one that doesn't parse as what its
/// name says.
pub(crate) fn of_tree(path: &str, text: &str, language: Language, tree: &Tree, deadline: &Deadline) -> Shape {
    if mostly_errors(tree) {
        return Shape { is_partial: true, ..Shape::default() };
    }
    walk::walk(
        &walk::File { text, language, grammar: Grammar::of(language), is_test: is_test_path(path) },
        tree,
        deadline,
    )
}

#[cfg(test)]
mod tests;
