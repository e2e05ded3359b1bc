//! Names from outside, made fit to be shown: short, valid, and without characters that don't show or that turn text
//! round.

mod demangle;

/// The longest name, in characters.
pub(crate) const MAX_NAME: usize = 500;

/// Bytes of a name that are looked at: enough for `MAX_NAME` characters. Bounds the work of comparing names, too.
const MAX_BYTES: usize = 4 * MAX_NAME;

/// The part of a name that is looked at.
pub(crate) fn head(name: &[u8]) -> &[u8] {
    name.get(..MAX_BYTES).unwrap_or(name)
}

/// The name to show; empty if nothing of it shows.
pub fn shown(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(head(name));
    let mut before = None;
    // Bytes that are no text are one mark together: each would take three bytes.
    let is_new =
        |c: &char| before.replace(*c) != Some(char::REPLACEMENT_CHARACTER) || *c != char::REPLACEMENT_CHARACTER;
    let shown: String = text.chars().filter(|c| !is_hidden(*c)).filter(is_new).take(MAX_NAME).collect();
    shown.trim().to_owned()
}

/// The name of a function to show: demangled, if it is mangled as Rust or C++ do.
pub(crate) fn of_function(name: &[u8]) -> String {
    demangle::demangled(head(name)).map_or_else(|| shown(name), |name| shown(name.as_bytes()))
}

/// Control characters, marks of direction, characters without width, tags.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_show() {
        assert_eq!(shown("a\u{202e}b\n\u{200b}c\u{1b}[31m\u{e0041}".as_bytes()), "abc[31m");
        assert_eq!(shown("größe::<Vec<u8>>".as_bytes()), "größe::<Vec<u8>>");
        assert_eq!(shown(b"a\xff\xfeb\xff"), "a\u{fffd}b\u{fffd}");
        assert_eq!(shown("é".repeat(10_000).as_bytes()).chars().count(), MAX_NAME);
        assert_eq!(shown("\u{1f600}".repeat(10_000).as_bytes()).chars().count(), MAX_NAME);
        assert_eq!(shown("\u{200b} ".as_bytes()), "");
    }
}
