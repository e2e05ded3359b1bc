//! How deep a grammar's stack is while it parses, and when that is too deep. Reads the parser's own log, so that there
//! is no way to hide from it in a string or a comment.
//!
//! A stack whose tokens can be read in two ways (`a<a<a<`: compared, or type arguments) has more paths than it is deep,
//! and at the end of a broken file the library copies every path in one step that can't be stopped: 16,000 tokens are
//! 2 GB. So what stays open is bounded before the end is reached. Everyday code stays below 1,100 by this count.
//!
//! With the log, parsing takes three times as long. So it is kept only of texts that [`crate::open`] can't clear: it
//! counts what could stay open in the text, wherever it could be hidden.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tree_sitter::{LogType, Parser};

use crate::language::Language;
use crate::open::opens_more_than;

/// Tokens that may be open at once. The worst that is known, `a=>` in Java, takes 180 MB here, and 680 MB at twice as many.
pub(crate) const MAX_OPEN: u32 = 2_000;

/// What a text may open for the parser to keep no log of it, by the count of [`crate::open`]. Python's grammar reads a text
/// in one way, so that its memory grows by some 4 kB a token (75 MB here); others' by the square (120 MB here).
const fn harmless_open(language: Language) -> usize {
    match language {
        Language::Python => 16_000,
        _ => 1_500,
    }
}

/// Readings of the text that the parser follows at once; it drops the worst beyond six, and ten before it does.
const MAX_READINGS: usize = 32;

/// Says when the stack of a running parser has become too deep.
#[derive(Debug, Default)]
pub(crate) struct StackWatch {
    /// `None` for a text that can't open too much.
    too_deep: Option<Arc<AtomicBool>>,
}

impl StackWatch {
    /// Follows `parser`, which is to parse a text, from its first token.
    pub(crate) fn over(parser: &mut Parser, language: Language, text: &str) -> Self {
        if !opens_more_than(language, text, harmless_open(language)) {
            return Self::default();
        }
        let too_deep = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&too_deep);
        let mut readings = Readings::default();
        parser.set_logger(Some(Box::new(move |kind, message| {
            if matches!(kind, LogType::Parse) && readings.follow(message) > MAX_OPEN {
                seen.store(true, Ordering::Relaxed);
            }
        })));
        Self { too_deep: Some(too_deep) }
    }

    /// Whether the parser keeps a log at all.
    pub(crate) fn is_kept(&self) -> bool {
        self.too_deep.is_some()
    }

    pub(crate) fn is_too_deep(&self) -> bool {
        self.too_deep.as_ref().is_some_and(|seen| seen.load(Ordering::Relaxed))
    }
}

/// The depth of each reading. An estimate: the log doesn't say which readings were swapped or merged.
#[derive(Debug, Default)]
struct Readings {
    depths: [u32; MAX_READINGS],
    current: usize,
    count: usize,
}

impl Readings {
    /// Takes in one message; the depth that it leads to.
    fn follow(&mut self, message: &str) -> u32 {
        let depth = self.depths[self.current];
        if let Some(rest) = message.strip_prefix("process version:") {
            let (version, rest) = leading_number(rest);
            let version = (version as usize).min(MAX_READINGS - 1);
            if version >= self.count {
                self.depths[version] = depth;
            }
            self.current = version;
            self.count = rest.strip_prefix(", version_count:").map_or(1, |rest| leading_number(rest).0 as usize);
        } else if message.starts_with("shift state:") {
            self.depths[self.current] = depth.saturating_add(1);
        } else if message.starts_with("reduce sym:") {
            // The symbol is a token's own text and may hold anything; the count comes last.
            let children = message.rsplit_once("child_count:").map_or(0, |(_, rest)| leading_number(rest).0);
            self.depths[self.current] = depth.saturating_add(1).saturating_sub(children);
        }
        self.depths[self.current]
    }
}

/// The digits that a text starts with, and what follows them.
fn leading_number(text: &str) -> (u32, &str) {
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (digits.parse().unwrap_or(0), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_open_and_rules_close() {
        let mut readings = Readings::default();
        let mut depth = 0;
        for message in [
            "process version:0, version_count:1, state:1, row:0, col:0",
            "shift state:7",
            "shift state:8",
            "shift_extra",
            "reduce sym:child_count:, child_count:2",
            "shift state:9",
        ] {
            depth = readings.follow(message);
        }
        assert_eq!(depth, 2);
        assert_eq!(readings.follow("process version:1, version_count:2, state:9, row:0, col:3"), 2, "a fork");
        assert_eq!(readings.follow("process version:4000000000, version_count:2, state:9, row:0, col:3"), 2);
    }
}
