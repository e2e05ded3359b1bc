//! Text forms of bytes that GitHub's JSON uses: base64 as RFC 4648 has it, and percent-encoded paths.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Characters per line in GitHub's contents.
const LINE: usize = 60;
/// What stays as it is in a path: RFC 3986's unreserved characters, and the slashes.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// One line, padded.
pub(crate) fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for i in 0..4 {
            let digit = (bits >> (18 - 6 * i) & 63) as usize;
            text.push(if i <= chunk.len() { char::from(ALPHABET[digit]) } else { '=' });
        }
    }
    text
}

/// Lines of 60 characters, each ended.
pub(super) fn base64_lines(bytes: &[u8]) -> String {
    let text = base64(bytes);
    let mut lines = String::with_capacity(text.len() + text.len() / LINE + 1);
    for (i, digit) in text.chars().enumerate() {
        if i > 0 && i % LINE == 0 {
            lines.push('\n');
        }
        lines.push(digit);
    }
    if !lines.is_empty() {
        lines.push('\n');
    }
    lines
}

/// A path for a URL.
pub(crate) fn encode_path(path: &str) -> String {
    utf8_percent_encode(path, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_4648() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64_lines(&[0xff; 46]).lines().map(str::len).collect::<Vec<_>>(), [60, 4]);
    }
}
