//! The fuzz targets of the comment's body: what is cut is short enough, and its end is seen; a marker is ours or none.

use comrak::{Arena, parse_document};

use super::{MAX_BODY_CHARS, Marker, compose, fit, length, options};

const NOTE: &str = "*cut*";

/// Any Markdown after two bytes, the lower and the higher one of the limit: cut to it, and composed. If both are 255,
/// the Markdown is repeated until GitHub's own limit is passed.
pub fn body(bytes: &[u8]) {
    let Some((choice, markdown)) = bytes.split_first_chunk::<2>() else { return };
    let markdown = String::from_utf8_lossy(markdown);
    let max = usize::from(u16::from_le_bytes([choice[0], choice[1] & 3])) + NOTE.len();
    let fitted = fit(&markdown, max, NOTE);
    assert!(length(&fitted) <= max, "{fitted}");
    if length(&markdown) <= max {
        assert_eq!(fitted, markdown);
    } else if fitted != NOTE {
        note_is_seen(&fitted, NOTE);
    }

    let markdown = if *choice == [255; 2] && !markdown.is_empty() {
        markdown.repeat(MAX_BODY_CHARS / length(&markdown) + 1)
    } else {
        markdown.into_owned()
    };
    let Ok(head) = "0123456789".repeat(4).parse() else { return };
    let marker = Marker::new(markdown.chars().take(40).collect::<String>(), 7, head);
    let body = compose(&marker, &markdown);
    assert!(length(&body) <= MAX_BODY_CHARS && body.chars().count() <= MAX_BODY_CHARS);
    assert_eq!(Marker::parse(&body), Some(marker), "{body}");
    assert!(body.ends_with(&markdown) || body.ends_with(super::CUT_NOTE), "{body}");
}

/// A comment on GitHub: its marker is read if it stands at the very start, as it is written there and in no other form.
pub fn marker(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Some(marker) = Marker::parse(&text) else { return };
    let line = text.split(['\n', '\r']).next().unwrap_or_default();
    assert!(marker.render() == line && line.len() <= 1_024, "{marker:?}");
    for before in [" ", "\n", "\u{feff}", ">", "<!-- -->"] {
        assert_eq!(Marker::parse(&format!("{before}{text}")), None, "{before:?}");
    }
    assert_eq!(Marker::parse(&compose(&marker, "words")).as_ref(), Some(&marker));
}

/// Rendered, the note is the last paragraph, and nothing of ours is open before it.
fn note_is_seen(markdown: &str, note: &str) {
    let arena = Arena::new();
    let mut options = options();
    options.render.r#unsafe = true;
    let mut html = String::new();
    let written = comrak::format_html(parse_document(&arena, markdown, &options), &options, &mut html);
    assert!(written.is_ok());
    let words = note.trim_matches('*');
    let before = html.trim_end().strip_suffix(&format!("<p><em>{words}</em></p>"));
    assert!(before.is_some(), "{markdown}\n\nis\n\n{html}");
}
