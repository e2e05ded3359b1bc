//! The comment's body as GitHub takes it: the hidden marker that names it as ours, and a length that is not exceeded.
//! Decides nothing about what a comment says.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
#[cfg(test)]
mod tests;

use comrak::nodes::{Node, NodeValue};
use comrak::{Arena, Options, parse_document};
use eco_coder_shared::ids::CommitSha;

/// The longest body of a comment. GitHub answers 422 "body is too long (maximum is 65536 characters)" beyond it.
pub const MAX_BODY_CHARS: usize = 65_536;

/// Says that a comment was cut.
const CUT_NOTE: &str = "*The rest was cut: a comment on GitHub has at most 65,536 characters.*";

/// Times a cut is moved up before the note stands alone.
const MAX_TRIES: usize = 64;

/// The length as GitHub may count it: UTF-16 units, which are never fewer than characters.
pub fn length(body: &str) -> usize {
    body.chars().map(char::len_utf16).sum()
}

/// The body if it is at most `max_chars` long; else its beginning, what is open there closed, and the note as a
/// paragraph of its own.
pub fn fit(body: &str, max_chars: usize, note: &str) -> String {
    if length(body) <= max_chars {
        return body.to_owned();
    }
    let mut kept = cut(body, max_chars.saturating_sub(length(note) + 2));
    for _ in 0..MAX_TRIES {
        if kept.trim().is_empty() {
            break;
        }
        let open = Open::at_the_end_of(kept);
        let whole = format!("{}{}\n\n{note}", kept.trim_end(), open.closing());
        let excess = length(&whole).saturating_sub(max_chars);
        if excess > 0 {
            kept = cut(kept, length(kept) - excess.min(length(kept)));
        } else if stands_alone(&whole, note) && Open::at_the_end_of(&whole).is_nothing() {
            return whole;
        } else {
            // Something that nothing closes, such as an HTML comment: without the block that it is in.
            kept = kept.get(..open.last_block).unwrap_or_default();
        }
    }
    prefix(note, max_chars).to_owned()
}

/// The final body: the marker's line, then the Markdown, cut if it is too long.
pub fn compose(marker: &Marker, markdown: &str) -> String {
    let first = marker.render();
    let rest = MAX_BODY_CHARS.saturating_sub(length(&first) + 1);
    format!("{first}\n{}", fit(markdown, rest, CUT_NOTE))
}

/// The longest beginning of at most so many units that splits no character.
fn prefix(text: &str, max_units: usize) -> &str {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        units += c.len_utf16();
        if units > max_units {
            return &text[..at];
        }
    }
    text
}

/// A beginning that ends with a line if one ends nearby, else with a word, else between two characters that a reader sees as two.
fn cut(text: &str, max_units: usize) -> &str {
    const NEARBY: usize = 2_000;
    const NEAR_WORD: usize = 40;
    let mut kept = prefix(text, max_units);
    if kept.len() == text.len() {
        return kept;
    }
    if let Some(end) = kept.rfind('\n').filter(|end| kept.len() - end <= NEARBY) {
        return &kept[..end];
    }
    if let Some(end) = kept.rfind(' ').filter(|end| kept.len() - end <= NEAR_WORD) {
        return &kept[..end];
    }
    // An emoji of several characters is kept whole or not at all.
    while let Some(last) = kept.chars().next_back() {
        let joined = text[kept.len()..].chars().next().is_some_and(continues_a_character);
        if last != '\u{200d}' && !joined {
            break;
        }
        kept = &kept[..kept.len() - last.len_utf8()];
    }
    kept
}

fn continues_a_character(c: char) -> bool {
    matches!(c, '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20ff}'
        | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}')
}

/// What is still open where a body was cut.
struct Open {
    /// The fence of a code block of the document's own; fences inside lists and quotes end with them.
    fence: Option<String>,
    /// HTML elements, outermost first.
    elements: Vec<&'static str>,
    /// Where the last block of the document starts, in bytes.
    last_block: usize,
}

impl Open {
    fn at_the_end_of(body: &str) -> Self {
        let arena = Arena::new();
        let root = parse_document(&arena, body, &options());
        let mut elements = Vec::new();
        for node in root.descendants() {
            match &node.data().value {
                NodeValue::HtmlBlock(html) => track(&mut elements, &html.literal),
                NodeValue::HtmlInline(html) => track(&mut elements, html),
                _ => {}
            }
        }
        let last = root.last_child();
        Self {
            fence: last.and_then(|node| match &node.data().value {
                NodeValue::CodeBlock(block) if block.fenced && !block.closed => {
                    Some(char::from(block.fence_char).to_string().repeat(block.fence_length))
                }
                _ => None,
            }),
            elements,
            last_block: last.map_or(0, |node| line_start(body, node.data().sourcepos.start.line)),
        }
    }

    fn is_nothing(&self) -> bool {
        self.fence.is_none() && self.elements.is_empty()
    }

    fn closing(&self) -> String {
        let mut closing = String::new();
        if let Some(fence) = &self.fence {
            closing.push('\n');
            closing.push_str(fence);
        }
        let mut inline = true;
        for element in self.elements.iter().rev() {
            if *element == "details" {
                closing.push_str("\n\n");
                inline = false;
            } else if !inline || self.fence.is_some() {
                closing.push('\n');
            }
            closing.push_str("</");
            closing.push_str(element);
            closing.push('>');
        }
        closing
    }
}

/// Follows the elements that a comment of ours uses through a piece of HTML.
fn track(open: &mut Vec<&'static str>, html: &str) {
    const ELEMENTS: [&str; 3] = ["details", "summary", "sub"];
    for (at, _) in html.match_indices('<') {
        let rest = &html[at + 1..];
        let (closes, rest) = rest.strip_prefix('/').map_or((false, rest), |rest| (true, rest));
        let name = rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let Some(element) = ELEMENTS.into_iter().find(|element| element.eq_ignore_ascii_case(name)) else { continue };
        if !closes {
            open.push(element);
        } else if let Some(at) = open.iter().rposition(|other| *other == element) {
            open.truncate(at);
        }
    }
}

/// Is the note read as a paragraph of the document, not as a part of code, HTML, a list or a quote?
fn stands_alone(body: &str, note: &str) -> bool {
    let arena = Arena::new();
    let root = parse_document(&arena, body, &options());
    let Some(last) = root.last_child() else { return false };
    let start = line_start(body, last.data().sourcepos.start.line);
    let paragraph = matches!(last.data().value, NodeValue::Paragraph);
    let alone = paragraph && body.get(start..).is_some_and(|end| end.trim() == note.trim());
    alone && no_html_swallows_it(root)
}

/// A comment or a tag that is still open makes browsers drop what follows, whatever the Markdown says.
fn no_html_swallows_it(root: Node<'_>) -> bool {
    root.descendants().all(|node| match &node.data().value {
        NodeValue::HtmlBlock(html) => {
            let comments = html.literal.matches("<!--").count() <= html.literal.matches("-->").count();
            comments && html.literal.rfind('<') <= html.literal.rfind('>')
        }
        _ => true,
    })
}

/// Byte offset of a line, counted from 1, ended as Markdown ends lines.
fn line_start(body: &str, line: usize) -> usize {
    let mut number = 1;
    let bytes = body.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        if number >= line {
            return at;
        }
        if *byte == b'\n' || *byte == b'\r' && bytes.get(at + 1) != Some(&b'\n') {
            number += 1;
        }
    }
    body.len()
}

fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options
}

/// The first line of every comment of ours: who keeps it, under which epoch it was written, and for which head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The installation that keeps the comment. Any text: what could end the comment is encoded.
    pub deployment: String,
    /// The row's epoch under which it was written.
    pub epoch: u64,
    /// The commit that it speaks of.
    pub head: CommitSha,
    /// Version of the marker.
    pub schema: u32,
}

/// Longest marker that is read, in bytes.
const MAX_MARKER: usize = 1_024;

impl Marker {
    /// The version that is written now.
    pub const SCHEMA: u32 = 1;

    /// A marker of the current version.
    pub fn new(deployment: impl Into<String>, epoch: u64, head: CommitSha) -> Self {
        Self { deployment: deployment.into(), epoch, head, schema: Self::SCHEMA }
    }

    /// One line, invisible to readers.
    pub fn render(&self) -> String {
        let Self { deployment, epoch, head, schema } = self;
        let deployment = encoded(deployment);
        format!("<!-- eco-coder:comment v={schema} deployment={deployment} epoch={epoch} head={head} -->")
    }

    /// The marker at the very start of a body; nothing that isn't exactly what [`Marker::render`] writes.
    pub fn parse(body: &str) -> Option<Self> {
        let line = body.split(['\n', '\r']).next().filter(|line| line.len() <= MAX_MARKER)?;
        let fields = line.strip_prefix("<!-- eco-coder:comment ")?.strip_suffix(" -->")?;
        let mut fields = fields.split(' ');
        let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=');
        let marker = Self {
            schema: field("v")?.parse().ok()?,
            deployment: decoded(field("deployment")?)?,
            epoch: field("epoch")?.parse().ok()?,
            head: field("head")?.parse().ok()?,
        };
        (marker.render() == line).then_some(marker)
    }
}

/// Letters, digits, '.', '_' and single '-' stay; other bytes become `%` and two hex digits.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'-' if !out.ends_with('-') => out.push('-'),
            b if b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_') => out.push(char::from(b)),
            b => {
                out.push('%');
                out.push_str(&hex::encode([b]));
            }
        }
    }
    out
}

fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.extend(hex::decode(digits).ok()?);
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}
