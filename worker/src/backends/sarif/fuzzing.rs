//! The fuzz target of linters' results.

use super::{MAX_NAME, MAX_RESULTS, MAX_TEXT, read};

/// A log: what is read of it names a place in a file, in short and plain words.
pub fn sarif(bytes: &[u8]) {
    let Ok((found, _)) = read(bytes) else { return };
    assert!(found.len() <= MAX_RESULTS);
    for one in found {
        assert!(one.start_line >= 1 && one.end_line >= one.start_line, "{one:?}");
        assert!(!one.path.is_empty() && !one.path.split('/').any(|part| part == ".."), "{one:?}");
        assert!(!one.rule.is_empty(), "{one:?}");
        assert!(!one.message.is_empty() || !one.title.is_empty(), "{one:?}");
        for (text, most) in
            [(&one.tool, MAX_NAME), (&one.rule, MAX_NAME), (&one.title, MAX_TEXT), (&one.message, MAX_TEXT)]
        {
            assert!(text.chars().count() <= most && !text.chars().any(char::is_control), "{one:?}");
        }
        assert!(!one.path.chars().any(char::is_control), "{one:?}");
        assert!(one.link.is_none_or(|link| link.starts_with("https://")));
    }
}
