//! Names as compilers mangle them, in words. What a hostile name unfolds to is cut where nobody would look at it.

use std::fmt::{self, Write};

use cpp_demangle::{DemangleOptions, ParseOptions, Symbol};

/// Bytes that a name may unfold to; the rest is cut. More than is ever shown.
const MAX_BYTES: usize = 4 * super::MAX_NAME;

/// How deep a mangled name may nest.
const MAX_DEPTH: u32 = 64;

/// The name in words; `None`: it isn't mangled.
pub(super) fn demangled(name: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(name).ok()?;
    if ["_R", "_Z", "__Z", "__R"].iter().any(|mark| text.starts_with(mark)) {
        return rust(text).or_else(|| cpp(text));
    }
    without_hash(text).map(str::to_owned)
}

fn rust(name: &str) -> Option<String> {
    let name = rustc_demangle::try_demangle(name).ok()?;
    let mut words = Bounded::default();
    // An error is the bound: what was written till then is the name's beginning.
    let _ = write!(words, "{name:#}");
    words.some()
}

fn cpp(name: &str) -> Option<String> {
    let parse = ParseOptions::default().recursion_limit(MAX_DEPTH);
    let symbol =
        Symbol::new_with_options(name.strip_prefix('_').filter(|n| n.starts_with("_Z")).unwrap_or(name), &parse);
    let mut words = Bounded::default();
    let _ = symbol.ok()?.structured_demangle(&mut words, &DemangleOptions::default().recursion_limit(MAX_DEPTH));
    words.some()
}

/// A Rust path that another tool demangled, which left the hash: `f::h0123456789abcdef`.
fn without_hash(name: &str) -> Option<&str> {
    let (path, hash) = name.rsplit_once("::h")?;
    let is_hash = hash.len() == 16 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    is_hash.then_some(path)
}

#[derive(Default)]
struct Bounded(String);

impl Bounded {
    fn some(self) -> Option<String> {
        Some(self.0).filter(|words| !words.is_empty())
    }
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_BYTES.saturating_sub(self.0.len());
        let fits = text.floor_char_boundary(room);
        self.0.push_str(&text[..fits]);
        if fits < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rust_and_cpp_are_in_words_and_others_as_they_are() {
        let words = |name: &str| demangled(name.as_bytes());
        assert_eq!(words("_ZN4core3fmt5write17h0123456789abcdefE").as_deref(), Some("core::fmt::write"));
        assert_eq!(words("_RNvCs1234_7mycrate3foo").as_deref(), Some("mycrate::foo"));
        assert_eq!(words("_ZN3foo3barEi").as_deref(), Some("foo::bar(int)"));
        assert_eq!(words("alloc::vec::Vec<T>::push::h0123456789abcdef").as_deref(), Some("alloc::vec::Vec<T>::push"));
        for other in ["main", "_Zebra", "app.orders.search", "f::h0123", "_private", ""] {
            assert_eq!(words(other), None, "{other}");
        }
        assert_eq!(demangled(b"_Z\xff"), None);
    }

    #[test]
    fn what_unfolds_without_end_is_cut() {
        // Each substitution names the one before it twice.
        let mut pairs = "St4pairIiiE".to_owned();
        for back in 0..40 {
            let last = if back == 0 {
                "S_".to_owned()
            } else {
                format!("S{}_", char::from_digit(back - 1, 36).unwrap_or('0'))
            };
            pairs = format!("St4pairI{pairs}{last}E");
        }
        let name = format!("_Z1f{pairs}");
        let words = demangled(name.as_bytes()).unwrap_or_default();
        assert!(words.len() <= MAX_BYTES, "{}", words.len());
        let deep = format!("_Z1f{}i", "P".repeat(1_900));
        assert!(demangled(deep.as_bytes()).unwrap_or_default().len() <= MAX_BYTES);
    }
}
