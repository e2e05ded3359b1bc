//! Source text in hand, and the permit for the memory that it takes. They go together: whoever drops the text gives the
//! permit back, on whatever thread.

use std::time::Duration;

use eco_coder_analyzer::LineSet;

use crate::gate::Permit;

/// What is reserved for one file until its size is known: the text, and beside it the analyser's copy or the text that
/// it is compared with. The syntax tree isn't counted: there is one per thread, not per file that waits.
pub(super) fn reserved(max_file_bytes: usize) -> usize {
    max_file_bytes.saturating_mul(2)
}

/// A file's text at the head.
pub(super) struct Source {
    text: String,
    permit: Permit,
}

/// The same file where the branch began, or nothing.
pub(super) struct Base(pub(super) String);

impl Source {
    /// Takes the text with the permit reserved for it, and gives back what is more than the text, the analyser's copy
    /// of it, and a base of at most `base` bytes that is still to come. Copy and base are never held at once.
    pub(super) fn new(mut text: String, mut permit: Permit, base: usize) -> Self {
        text.shrink_to_fit();
        permit.shrink_to(text.len() + text.len().max(base));
        Self { text, permit }
    }

    /// The text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The lines that `base` doesn't have, in at most [`COMPARING`] and `left`; `None`: there are too many lines to
    /// compare. The base is dropped.
    pub(super) fn lines_not_in(&mut self, base: Base, left: Duration) -> Option<LineSet> {
        let few = |text: &str| text.bytes().filter(|byte| *byte == b'\n').nth(MAX_COMPARED).is_none();
        let lines = (few(&base.0) && few(&self.text)).then(|| added_lines(&base.0, &self.text, left.min(COMPARING)));
        drop(base);
        self.permit.shrink_to(2 * self.text.len());
        lines
    }
}

/// Lines of a file that is compared: each costs about a hundred bytes while it is. Source of 2 MB has some 60,000.
const MAX_COMPARED: usize = 100_000;

/// The longest that a comparison takes; then it is coarser, and finds more new lines than there are.
const COMPARING: Duration = Duration::from_secs(2);

/// The lines of `after` that `before` doesn't have.
fn added_lines(before: &str, after: &str, within: Duration) -> LineSet {
    let diff = similar::TextDiff::configure().timeout(within).diff_lines(before, after);
    diff.iter_all_changes()
        .filter(|change| change.tag() == similar::ChangeTag::Insert)
        .filter_map(|change| u32::try_from(change.new_index()? + 1).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use eco_coder_shared::ids::RepoId;
    use futures_util::FutureExt;

    use super::*;
    use crate::gate::Gate;

    #[test]
    fn added_lines_are_those_that_the_base_has_not() {
        let lines = added_lines("a\nb\nc\n", "a\nB\nc\nd\n", COMPARING);
        assert!(lines.contains(2) && lines.contains(4));
        assert!(!lines.contains(1) && !lines.contains(3));
        assert!(added_lines("", "x\ny", COMPARING).contains(2));
    }

    #[test]
    fn the_permit_is_of_the_size_that_is_held_and_goes_with_the_text() {
        let gate = Gate::new(1000);
        let reserve = || gate.acquire(RepoId(1), reserved(100)).now_or_never().unwrap();
        let text = || "abc\n".repeat(5);
        let source = Source::new(text(), reserve(), 0);
        assert_eq!(gate.in_use(), 40, "the text and a copy");
        std::thread::spawn(move || drop(source)).join().unwrap();
        assert_eq!(gate.in_use(), 0);

        let mut source = Source::new(text(), reserve(), 100);
        assert_eq!(gate.in_use(), 120, "the text, and a base of unknown size");
        assert_eq!(source.lines_not_in(Base("abc\n".into()), COMPARING).unwrap().len(), 4);
        assert_eq!(gate.in_use(), 40);
        drop(source);
        assert_eq!(gate.in_use(), 0);
    }

    #[test]
    fn a_file_of_very_many_lines_is_not_compared() {
        let gate = Gate::new(1 << 20);
        let lines = |count: usize| {
            let permit = gate.acquire(RepoId(1), 2 * count).now_or_never().unwrap();
            Source::new("\n".repeat(count), permit, count)
        };
        assert!(lines(MAX_COMPARED).lines_not_in(Base("\n".repeat(MAX_COMPARED)), COMPARING).is_some());
        assert!(lines(MAX_COMPARED + 1).lines_not_in(Base(String::new()), COMPARING).is_none());
        assert!(lines(1).lines_not_in(Base("\n".repeat(MAX_COMPARED + 1)), COMPARING).is_none());
    }
}
