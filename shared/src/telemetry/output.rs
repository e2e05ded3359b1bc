//! Where log lines go: standard error, a write for each line, or one for all that is said [`together`].

use std::cell::RefCell;
use std::io::{self, Write};

thread_local! {
    /// The lines of a [`together`] that is under way on this thread.
    static HELD: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Standard error.
pub(super) struct Lines;

impl Write for Lines {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let held = HELD.with_borrow_mut(|held| held.as_mut().map(|lines| lines.extend_from_slice(text)));
        match held {
            Some(()) => Ok(text.len()),
            None => io::stderr().write(text),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Holds the lines that `says` logs on this thread, and writes them in one piece when it is done or has panicked.
pub(super) fn together(says: impl FnOnce()) {
    /// Writes what was held.
    struct Held;
    impl Drop for Held {
        fn drop(&mut self) {
            if let Some(lines) = HELD.take().filter(|lines| !lines.is_empty()) {
                // A log that can't be written must not stop the work.
                let _ = io::stderr().write_all(&lines);
            }
        }
    }
    // Within another, that one writes.
    let _held = HELD.with_borrow_mut(|held| {
        held.is_none().then(|| {
            *held = Some(Vec::with_capacity(8192));
            Held
        })
    });
    says();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> Option<String> {
        HELD.with_borrow(|held| held.as_ref().map(|lines| String::from_utf8_lossy(lines).into_owned()))
    }

    #[test]
    fn lines_are_held_while_they_are_said_together_and_gone_after() {
        together(|| {
            Lines.write_all(b"one\n").unwrap();
            together(|| Lines.write_all(b"two\n").unwrap());
            assert_eq!(held().unwrap(), "one\ntwo\n");
        });
        assert_eq!(held(), None);
    }

    #[test]
    fn a_panic_holds_nothing_back() {
        std::panic::catch_unwind(|| together(|| panic!("on purpose"))).unwrap_err();
        assert_eq!(held(), None);
    }
}
