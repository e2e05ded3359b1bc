//! Text to syntax tree, within a time. Errors in the code are no errors here: the grammars recover and go on.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use ast_grep_core::tree_sitter::{LanguageExt, StrDoc};
use tree_sitter::{ParseOptions, Parser};

use crate::cost;
use crate::file::Skipped;
use crate::language::Language;
use crate::markup::without_markup;
use crate::stack::{MAX_OPEN, StackWatch};
use crate::tree::Tree;

/// When one file's time is over.
pub(crate) struct Deadline {
    /// `None` if the allowance is longer than the clock can count.
    at: Option<Instant>,
}

impl Deadline {
    pub(crate) fn after(allowance: Duration) -> Self {
        Self { at: Instant::now().checked_add(allowance) }
    }

    pub(crate) fn has_passed(&self) -> bool {
        self.at.is_some_and(|at| Instant::now() >= at)
    }
}

/// Parses a text, and gives up at the deadline, or when too much stays open.
///
/// The engine's own constructor can't be stopped and panics where it can't parse; recovering from megabytes of nonsense
/// can take a grammar many seconds.
pub(crate) fn parse(language: Language, text: &str, deadline: &Deadline) -> Result<Tree, Skipped> {
    let grammar = language.grammar();
    let mut parser = Parser::new();
    // The grammars are pinned to versions this library reads; a mismatch shows in every test.
    parser.set_language(&grammar.get_ts_language()).map_err(|_| Skipped::UnsupportedLanguage)?;
    let source = if language == Language::Php { Cow::Owned(without_markup(text)) } else { Cow::Borrowed(text) };
    let bytes = source.as_bytes();
    let watch = StackWatch::over(&mut parser, language, &source);
    let mut give_up = |_: &_| {
        if watch.is_too_deep() || deadline.has_passed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut read = |offset: usize, _| bytes.get(offset..).unwrap_or_default();
    let options = ParseOptions::new().progress_callback(&mut give_up);
    let step = if watch.is_kept() { "step parse, with a log" } else { "step parse" };
    let tree = cost::of(step, || parser.parse_with_options(&mut read, None, Some(options)))
        .ok_or_else(|| if watch.is_too_deep() { Skipped::TooDeep { limit: MAX_OPEN } } else { Skipped::TimedOut })?;
    Ok(Tree::doc(StrDoc { src: source.into_owned(), lang: grammar, tree }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_given_up_in_time() {
        let nonsense = "f<a,\n%$ (".repeat(100_000);
        let deadline = Deadline::after(Duration::ZERO);
        assert_eq!(parse(Language::TypeScript, &nonsense, &deadline).err(), Some(Skipped::TimedOut));
    }

    #[test]
    fn endless_allowances_are_no_overflow() {
        let deadline = Deadline::after(Duration::MAX);
        assert!(!deadline.has_passed());
        assert!(parse(Language::Python, "x = 1\n", &deadline).is_ok());
    }
}
