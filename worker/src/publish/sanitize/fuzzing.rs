//! The fuzz target of cleaned text, and the search for harm in it that the tests make, too.

use comrak::arena_tree::NodeEdge;
use comrak::nodes::{Node, NodeValue};
use comrak::{Arena, parse_document};

use super::characters::is_hidden;
use super::{Limits, code, line, link, options, prose, text};

/// Reaches every bound with a short text.
const TIGHT: Limits = Limits { max_chars: 60, depth: 1, items: 2, rows: 2, columns: 2, code_lines: 2 };

/// Any text, cleaned in every way there is.
pub fn sanitize(bytes: &[u8]) {
    let input = String::from_utf8_lossy(bytes);
    for limits in [Limits::default(), TIGHT] {
        let output = prose(&input, &limits);
        inert(&output);
        assert!(output.chars().count() <= limits.max_chars, "{output}");
    }
    let once = prose(&input, &Limits::default());
    assert_eq!(prose(&once, &Limits::default()), once, "cleaning twice changes something");
    for output in [text(&input), line(&input, 300), code(&input, 80)] {
        assert!(!output.contains(['\n', '\r']), "{output}");
        inert(&output);
    }
}

fn inert(output: &str) {
    let harm = harm(output);
    assert!(harm.is_empty(), "{harm:?} in\n{output}");
}

/// What GitHub's renderer, or a robot that reads comments, would make of a text, as far as it could do harm.
pub(crate) fn harm(markdown: &str) -> Vec<String> {
    let arena = Arena::new();
    let mut options = options();
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.alerts = true;
    options.extension.math_code = true;
    options.extension.math_dollars = true;
    let root: Node<'_> = parse_document(&arena, markdown, &options);
    let mut found = Vec::new();
    // The text that is neither code nor a link, blocks and other pieces between line breaks.
    let mut words = String::new();
    for edge in root.traverse() {
        let NodeEdge::Start(node) = edge else {
            if let NodeEdge::End(node) = edge
                && !matches!(node.data().value, NodeValue::Text(_))
            {
                words.push('\n');
            }
            continue;
        };
        match &node.data().value {
            NodeValue::Image(image) => found.push(format!("image {}", image.url)),
            NodeValue::HtmlInline(html) => found.push(format!("html {html}")),
            NodeValue::HtmlBlock(html) => found.push(format!("html {}", html.literal)),
            NodeValue::Link(target) if link(&target.url).is_none() => found.push(format!("link {}", target.url)),
            NodeValue::FootnoteDefinition(_) | NodeValue::FootnoteReference(_) => found.push("footnote".to_owned()),
            NodeValue::Heading(_) => found.push("heading".to_owned()),
            NodeValue::Alert(_) | NodeValue::TaskItem(_) | NodeValue::Math(_) => found.push("widget".to_owned()),
            NodeValue::Text(text) => words.push_str(text),
            _ => words.push('\n'),
        }
    }
    found.extend(references(&words));
    if markdown.contains("<!--") {
        found.push("a comment's start".to_owned());
    }
    if markdown.lines().any(|line| line.strip_prefix('/').is_some_and(|word| word.starts_with(char::is_alphabetic))) {
        found.push("a command".to_owned());
    }
    found.extend(markdown.chars().filter(|c| is_hidden(*c)).map(|c| format!("hidden {}", c.escape_unicode())));
    found
}

/// Mentions, and references to issues and commits.
fn references(words: &str) -> Vec<String> {
    let chars: Vec<char> = words.chars().collect();
    let mut found: Vec<String> = chars
        .windows(2)
        .filter(|pair| pair[0] == '@' && pair[1].is_alphanumeric() || pair[0] == '#' && pair[1].is_ascii_digit())
        .map(|pair| format!("{}{} in {words:?}", pair[0], pair[1]))
        .collect();
    let lower = words.to_ascii_lowercase();
    if lower.match_indices("gh-").any(|(at, _)| lower[at + 3..].starts_with(|c: char| c.is_ascii_digit())) {
        found.push(format!("GH- in {words:?}"));
    }
    let commit = |word: &&str| (7..=40).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_hexdigit());
    found.extend(lower.split(|c: char| !c.is_alphanumeric()).find(commit).map(|sha| format!("commit {sha}")));
    found
}
