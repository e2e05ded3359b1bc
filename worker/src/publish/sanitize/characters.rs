//! Characters that show nothing, turn text around or steer a terminal: found here, and taken out or made visible.

/// What stands for a character that may not be shown.
const REPLACEMENT: char = '\u{fffd}';

/// Takes no visible place, or changes how its neighbours are shown. Line feed, tab and carriage return are not among
/// them: whoever calls decides about white space.
pub(super) fn is_hidden(c: char) -> bool {
    if matches!(c, '\n' | '\r' | '\t') {
        return false;
    }
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// The text without hidden characters and terminal sequences, its lines ended by line feeds.
pub(super) fn without_hidden(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut chars),
            '\u{9b}' => skip_control_sequence(&mut chars),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => out.push('\n'),
            c if is_hidden(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// The text on one line, hidden characters shown as replacement characters: for names, where a reader should see that
/// there was something.
pub(super) fn made_visible(text: &str) -> String {
    let show = |c: char| match c {
        '\t' => ' ',
        '\n' | '\r' => REPLACEMENT,
        c if is_hidden(c) => REPLACEMENT,
        c => c,
    };
    text.chars().map(show).collect()
}

/// At most so many characters: the middle goes, for the end of a path says most.
pub(super) fn shortened(text: &str, max_chars: usize) -> String {
    let length = text.chars().count();
    if length <= max_chars {
        return text.to_owned();
    }
    let head = max_chars.saturating_sub(1) / 3;
    let tail = max_chars.saturating_sub(1) - head;
    text.chars().take(head).chain(['…']).chain(text.chars().skip(length - tail)).take(max_chars).collect()
}

/// At most so many characters from the start; the last one says that there was more.
pub(super) fn cut(text: &str, max_chars: usize) -> String {
    if text.chars().nth(max_chars).is_none() {
        return text.to_owned();
    }
    text.chars().take(max_chars.saturating_sub(1)).chain(['…']).take(max_chars).collect()
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// After an escape character.
fn skip_sequence(chars: &mut Characters<'_>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_control_sequence(chars);
        }
        // A title or a hyperlink of a terminal: it ends with a bell or the next escape character, on its line.
        Some(']' | 'P' | '_' | '^' | 'X') => {
            while chars.next_if(|&c| !matches!(c, '\u{7}' | '\u{1b}' | '\n')).is_some() {}
        }
        Some('\\' | '(' | ')' | 'c' | '7' | '8' | '=' | '>') => {
            chars.next();
        }
        _ => {}
    }
}

/// Parameters, then one final letter.
fn skip_control_sequence(chars: &mut Characters<'_>) {
    while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    chars.next_if(|c| matches!(c, '@'..='~'));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_sequences_and_hidden_characters_go() {
        let text = "a\u{1b}[31;1mred\u{1b}[0m \u{1b}]0;title\u{7}b\u{202e}c\u{200b}d\u{feff}\u{e0041}\0";
        assert_eq!(without_hidden(text), "ared bcd");
    }

    #[test]
    fn names_show_that_there_was_something() {
        assert_eq!(made_visible("a\u{202e}b\nc"), "a\u{fffd}b\u{fffd}c");
    }

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(shortened("0123456789", 10), "0123456789");
        assert_eq!(shortened("src/some/where/file.rs", 10), "src…ile.rs");
        for max in 0..12 {
            assert!(shortened("0123456789", max).chars().count() <= max);
            assert!(cut("0123456789", max).chars().count() <= max);
        }
    }
}
