//! A PHP file is a page with code in it; the grammar reads the code alone. Blanks the page out, byte for byte, so that
//! every line and column stays where it is. Never looks into the markup.

/// The text with spaces for everything outside `<?php ... ?>`. A closing tag ends a statement, so it becomes `;`; what
/// `<?=` prints is left as a statement that is a mere expression, which rules take for an `echo`.
pub(crate) fn without_markup(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let tag = tag_at(bytes, at);
        if tag > 0 {
            blank(&mut out, at..at + tag);
            at = code(bytes, at + tag, &mut out);
        } else {
            blank(&mut out, at..at + 1);
            at += 1;
        }
    }
    // Only whole characters were blanked.
    String::from_utf8(out).unwrap_or_default()
}

/// The length of the tag that opens code here, or 0. `<?xml` opens none.
fn tag_at(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let space = |at: usize| rest.get(at).is_none_or(u8::is_ascii_whitespace);
    if rest.len() >= 5 && rest[..5].eq_ignore_ascii_case(b"<?php") && space(5) {
        5
    } else if rest.starts_with(b"<?=") {
        3
    } else if rest.starts_with(b"<?") && space(2) {
        2
    } else {
        0
    }
}

/// Reads code from `at` to behind its closing tag, or to the end of the file. Tags in strings and block comments don't
/// count; in a line comment they do.
fn code(bytes: &[u8], mut at: usize, out: &mut [u8]) -> usize {
    while at < bytes.len() {
        let rest = &bytes[at..];
        match rest[0] {
            b'?' if rest.starts_with(b"?>") => {
                out[at..at + 2].copy_from_slice(b"; ");
                return at + 2;
            }
            quote @ (b'\'' | b'"' | b'`') => at = past_string(bytes, at + 1, quote),
            b'/' if rest.starts_with(b"/*") => at = past(bytes, at + 2, b"*/"),
            b'/' if rest.starts_with(b"//") => at = past_line_comment(bytes, at, out),
            b'#' if !rest.starts_with(b"#[") => at = past_line_comment(bytes, at, out),
            b'<' if rest.starts_with(b"<<<") => at = past_heredoc(bytes, at),
            b'_' if rest.starts_with(b"__halt_compiler") => {
                blank(out, at..bytes.len());
                return bytes.len();
            }
            _ => at += 1,
        }
    }
    at
}

fn past_string(bytes: &[u8], mut at: usize, quote: u8) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Behind the next `end`, or at the end of the file.
fn past(bytes: &[u8], at: usize, end: &[u8]) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.windows(end.len()).position(|w| w == end).map_or(bytes.len(), |found| at + found + end.len())
}

/// To the end of a line comment: its line's, or a closing tag. Where code goes on in the same line the comment is
/// blanked, or it would reach over that code.
fn past_line_comment(bytes: &[u8], start: usize, out: &mut [u8]) -> usize {
    let line = bytes[start..].iter().position(|&b| b == b'\n').map_or(bytes.len(), |length| start + length);
    let Some(tag) = bytes[start..line].windows(2).position(|w| w == b"?>") else { return line };
    let end = start + tag;
    if bytes[end..line].windows(2).any(|w| w == b"<?") {
        blank(out, start..end);
    }
    end
}

/// Behind a here document: the first later line that starts, after blanks, with its name.
fn past_heredoc(bytes: &[u8], at: usize) -> usize {
    let quoted = bytes[at + 3..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\'' | b'"')).count();
    let start = at + 3 + quoted;
    let length = bytes[start..].iter().take_while(|&&b| is_word(b)).count();
    let name = &bytes[start..start + length];
    if name.is_empty() {
        return at + 3;
    }
    let mut line = past(bytes, start, b"\n");
    while line < bytes.len() {
        let indent = bytes[line..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let rest = &bytes[line + indent..];
        if rest.starts_with(name) && !rest.get(length).is_some_and(|&b| is_word(b)) {
            return line + indent + length;
        }
        line = past(bytes, line, b"\n");
    }
    bytes.len()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn blank(out: &mut [u8], range: std::ops::Range<usize>) {
    for byte in out.iter_mut().take(range.end).skip(range.start) {
        if !matches!(*byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_stays_and_markup_goes() {
        for (page, code) in [
            ("<?php f();\n", "      f();\n"),
            ("<b>é</b>\n<?= $x ?>\n", "         \n    $x ; \n"),
            ("<?php if ($a): ?><i><?PHP endif ?>\r\n", "      if ($a): ;          endif ; \r\n"),
            ("<?xml version='1.0'?><? f() ?>", "                        f() ; "),
            ("no code at all", "              "),
            ("<?php", "     "),
        ] {
            assert_eq!(without_markup(page), code, "{page}");
        }
    }

    #[test]
    fn only_real_closing_tags_close() {
        for (page, code) in [
            ("<?php f('?>'); /* ?> */ g(\"\\\"?>\");", "      f('?>'); /* ?> */ g(\"\\\"?>\");"),
            ("<?php $a = <<<X\n?>\n X2\n X; ?>b", "      $a = <<<X\n?>\n X2\n X; ;  "),
            ("<?php // a ?>b\n", "      // a ;  \n"),
            ("<?php # a ?><?= $b ?>\n", "          ;     $b ; \n"),
            ("<?php #[A] f() ?>b", "      #[A] f() ;  "),
            ("<?php __halt_compiler();\u{1}\n", "                         \n"),
        ] {
            assert_eq!(without_markup(page), code, "{page}");
        }
    }

    #[test]
    fn whatever_is_left_open_ends_with_the_file() {
        for open in ["<?php '", "<?php '\\", "<?php /*", "<?php <<<A\n", "<?php <<<", "<?php #", "<?php `é", "<?php ?"]
        {
            assert_eq!(without_markup(open).len(), open.len(), "{open}");
        }
    }
}
