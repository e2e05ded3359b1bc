//! Inline Markdown as the sanitiser knows it: text, code and allowed links, each plain, bold or italic. Reads it from the
//! parsed tree and writes it again, so that what the reader's renderer sees is what was decided here.

use comrak::arena_tree::NodeEdge;
use comrak::nodes::{Node, NodeValue};

use super::characters::{cut, without_hidden};
use super::{code_span, link};

/// Longest code span in prose, in characters.
const MAX_CODE: usize = 300;

/// How a run is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Bold,
    Italic,
}

impl Style {
    fn delimiter(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "**",
            Self::Italic => "*",
        }
    }
}

/// A piece that is written as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Atom {
    Text(String),
    Code(String),
    Link { label: String, code: bool, url: String },
}

/// A piece and its style.
pub(super) type Run = (Style, Atom);

/// Where a line is written: in a table's cell, pipes inside code are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Line,
    Cell,
}

/// All that can be shown below a node, without recursion: nesting may be as deep as the input is long. Blocks are
/// separated by a space, so that a whole document can be read as one line.
pub(super) fn collect(root: Node<'_>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let (mut bold, mut italic, mut dropped) = (0_u32, 0_u32, 0_u32);
    // An allowed link that is being read: where its label starts, and where it leads.
    let mut open_link: Option<(usize, String)> = None;
    for edge in root.traverse() {
        let (node, start) = match edge {
            NodeEdge::Start(node) => (node, true),
            NodeEdge::End(node) => (node, false),
        };
        let style = match (bold, italic) {
            (0, 0) => Style::Plain,
            (0, _) => Style::Italic,
            _ => Style::Bold,
        };
        let shown = start && dropped == 0;
        // Text before a link doesn't become part of its label.
        let barrier = open_link.as_ref().map_or(0, |(at, _)| *at);
        match &node.data().value {
            NodeValue::Image(_) | NodeValue::FootnoteDefinition(_) => step(&mut dropped, start),
            NodeValue::Strong => step(&mut bold, start),
            NodeValue::Emph => step(&mut italic, start),
            NodeValue::Text(text) if shown => push_text(&mut runs, barrier, style, &without_hidden(text)),
            NodeValue::Code(code) if shown => runs.push((style, Atom::Code(without_hidden(&code.literal)))),
            NodeValue::CodeBlock(block) if shown => {
                let literal = without_hidden(&block.literal).replace('\n', " ");
                runs.push((Style::Plain, Atom::Code(literal.trim().to_owned())));
            }
            NodeValue::SoftBreak | NodeValue::LineBreak if shown => push_text(&mut runs, barrier, style, " "),
            NodeValue::Link(target) => {
                if shown && open_link.is_none() {
                    open_link = link(&target.url).map(|url| (runs.len(), url));
                } else if !start && let Some((at, url)) = open_link.take_if(|(_, url)| *url == target.url) {
                    close_link(&mut runs, at, style, url);
                }
            }
            value if !start && value.block() => push_text(&mut runs, 0, Style::Plain, " "),
            _ => {}
        }
    }
    runs
}

fn step(count: &mut u32, start: bool) {
    *count = if start { count.saturating_add(1) } else { count.saturating_sub(1) };
}

/// Adds text, to the last run if that is text of the same style and not one of the first `barrier` runs.
fn push_text(runs: &mut Vec<Run>, barrier: usize, style: Style, text: &str) {
    let open = runs.len() > barrier;
    match runs.last_mut() {
        Some((last, Atom::Text(so_far))) if open && *last == style => so_far.push_str(text),
        _ => runs.push((style, Atom::Text(text.to_owned()))),
    }
}

/// What was read since `at` becomes the link's label: text, or code if it is code or would act.
fn close_link(runs: &mut Vec<Run>, at: usize, style: Style, url: String) {
    let (mut label, mut code) = (String::new(), true);
    for (_, atom) in runs.drain(at.min(runs.len())..) {
        code &= matches!(atom, Atom::Code(_));
        match atom {
            Atom::Text(text) | Atom::Code(text) | Atom::Link { label: text, .. } => label.push_str(&text),
        }
    }
    let label = cut(&words(&label), MAX_CODE);
    if !label.is_empty() {
        code |= label.split(' ').any(acts);
        runs.push((style, Atom::Link { label, code, url }));
    }
}

/// Single spaces, none at the ends.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Writes runs as one line of Markdown.
pub(super) fn write(runs: Vec<Run>, place: Place) -> String {
    let runs = settle(runs);
    let mut line = String::new();
    for (at, (style, atom)) in runs.iter().enumerate() {
        if at == 0 || runs[at - 1].0 != *style {
            line.push_str(style.delimiter());
        }
        match atom {
            Atom::Text(text) => push_inert(&mut line, text, at == 0, place),
            Atom::Code(code) => push_code(&mut line, code, place),
            Atom::Link { label, code, url } => {
                // An exclamation mark before it would make it an image.
                if line.ends_with('!') {
                    line.insert(line.len() - 1, '\\');
                }
                line.push('[');
                if *code {
                    push_code(&mut line, label, place);
                } else {
                    push_escaped(&mut line, label);
                }
                line.push_str("](");
                line.push_str(url);
                line.push(')');
            }
        }
        if runs.get(at + 1).is_none_or(|next| next.0 != *style) {
            line.push_str(style.delimiter());
        }
    }
    escape_line_start(line)
}

/// Runs in a form that is read back as it is written: white space single and outside of styles, styles only where their
/// delimiters can't be taken for anything else, neighbours of one style together.
fn settle(runs: Vec<Run>) -> Vec<Run> {
    let mut spaced = Vec::new();
    let mut space = true; // at the start, none is wanted
    for (style, atom) in runs {
        if matches!(&atom, Atom::Code(code) if code.trim().is_empty()) {
            continue;
        }
        let Atom::Text(text) = atom else {
            space = false;
            spaced.push((style, atom));
            continue;
        };
        let starts = text.starts_with(char::is_whitespace);
        let ends = text.ends_with(char::is_whitespace);
        if starts && !space {
            spaced.push((Style::Plain, Atom::Text(" ".to_owned())));
            space = true;
        }
        let inner = words(&text);
        if inner.is_empty() {
            continue;
        }
        spaced.push((style, Atom::Text(inner)));
        space = ends;
        if ends {
            spaced.push((Style::Plain, Atom::Text(" ".to_owned())));
        }
    }
    while spaced.last().is_some_and(|(_, atom)| *atom == Atom::Text(" ".to_owned())) {
        spaced.pop();
    }
    // A space between two pieces of one style belongs to it.
    for at in 1..spaced.len().saturating_sub(1) {
        if spaced[at].1 == Atom::Text(" ".to_owned()) && spaced[at - 1].0 == spaced[at + 1].0 {
            spaced[at].0 = spaced[at - 1].0;
        }
    }
    merged(unstyled_where_unsafe(spaced))
}

fn unstyled_where_unsafe(mut runs: Vec<Run>) -> Vec<Run> {
    let mut at = 0;
    while at < runs.len() {
        let style = runs[at].0;
        let mut end = at + 1;
        while end < runs.len() && runs[end].0 == style {
            end += 1;
        }
        let before = at == 0 || matches!(&runs[at - 1].1, Atom::Text(text) if text.ends_with([' ', '(']));
        let after = runs.get(end).is_none_or(
            |next| matches!(&next.1, Atom::Text(text) if text.starts_with([' ', '.', ',', ';', ':', '!', '?', ')'])),
        );
        // The neighbour is never styled here: two styled groups have a plain space between them, or they lose theirs.
        if style != Style::Plain && !(before && after) {
            for run in &mut runs[at..end] {
                run.0 = Style::Plain;
            }
        }
        at = end;
    }
    runs
}

fn merged(runs: Vec<Run>) -> Vec<Run> {
    let mut out: Vec<Run> = Vec::with_capacity(runs.len());
    for (style, atom) in runs {
        match atom {
            Atom::Text(text) => push_text(&mut out, 0, style, &text),
            atom => out.push((style, atom)),
        }
    }
    out
}

/// Two code spans that touch would be read as one.
fn push_code(line: &mut String, code: &str, place: Place) {
    if line.ends_with('`') {
        line.push(' ');
    }
    let span = code_span(code, MAX_CODE);
    line.push_str(&if place == Place::Cell { span.replace('|', "\\|") } else { span });
}

/// Writes text so that it is read as text: words that GitHub would act on as code, everything else escaped.
pub(super) fn push_inert(line: &mut String, text: &str, starts_line: bool, place: Place) {
    for (at, word) in text.split(' ').enumerate() {
        if at > 0 {
            line.push(' ');
        }
        let core = word.trim_matches(|c: char| "()[]{}<>\"'“”‘’,.;:!?*_~|".contains(c));
        let command = starts_line && at == 0 && core.starts_with('/') && core.len() > 1;
        if core.is_empty() || !(command || acts(word)) {
            push_escaped(line, word);
            continue;
        }
        // `core` is a piece of `word`: both halves exist.
        let (before, after) = word.split_once(core).unwrap_or_default();
        push_escaped(line, before);
        push_code(line, core, place);
        push_escaped(line, after);
    }
}

/// GitHub, or a robot that reads comments, would make something of this word: a mention, a reference to an issue, a
/// commit or another repository, an address.
fn acts(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let followed = |mark: &str, by: fn(char) -> bool| {
        lower.match_indices(mark).any(|(at, _)| lower[at + mark.len()..].starts_with(by))
    };
    let hex = || {
        lower
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|part| (7..=64).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    followed("@", |c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
        || followed("#", char::is_alphanumeric)
        || followed("gh-", char::is_numeric)
        || ["://", "www.", "mailto:", "xmpp:"].iter().any(|mark| lower.contains(mark))
        || hex()
}

fn push_escaped(line: &mut String, text: &str) {
    let mut before = line.chars().next_back();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '<' => line.push_str("&lt;"),
            '>' => line.push_str("&gt;"),
            '&' => line.push_str("&amp;"),
            // Inside a word it is only itself.
            '_' if before.is_some_and(char::is_alphanumeric) && chars.peek().is_some_and(|c| c.is_alphanumeric()) => {
                line.push('_');
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '|' | '$' => {
                line.push('\\');
                line.push(c);
            }
            c => line.push(c),
        }
        before = Some(c);
    }
}

/// What would make a line a heading, a list or a rule is escaped.
fn escape_line_start(line: String) -> String {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let mut rest = line[digits..].chars();
    let mark = rest.next();
    let special = if rest.next().is_some_and(char::is_alphanumeric) {
        false // a negative number, a decimal fraction
    } else if digits == 0 {
        matches!(mark, Some('#' | '+' | '-' | '='))
    } else {
        digits <= 9 && matches!(mark, Some('.' | ')'))
    };
    if special { format!("{}\\{}", &line[..digits], &line[digits..]) } else { line }
}
