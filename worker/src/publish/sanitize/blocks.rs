//! Blocks of a model's Markdown: read from the parsed tree into what is allowed, bounded, and written anew.

use comrak::nodes::{ListType, Node, NodeValue};
use comrak::{Arena, parse_document};

use super::characters::without_hidden;
use super::inline::{Atom, Place, Run, Style, collect, write};
use super::{Limits, longest_backticks, options};

/// Stands for what was left out.
const MORE: &str = "…";

enum Block {
    Paragraph(String),
    Code { language: String, lines: Vec<String> },
    List { ordered: bool, items: Vec<Vec<Block>> },
    Quote(Vec<Block>),
    Table(Vec<Vec<String>>),
}

/// Markdown in, the allowed part of it out.
pub(super) fn rewrite(markdown: &str, limits: &Limits) -> String {
    let arena = Arena::new();
    let root = parse_document(&arena, markdown, &options());
    let mut lines = Vec::new();
    push_blocks(&mut lines, &read(root, limits.depth, limits));
    lines.join("\n")
}

fn read(parent: Node<'_>, depth: usize, limits: &Limits) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for node in parent.children() {
        let Some(block) = read_one(node, depth, limits) else { continue };
        match (blocks.last_mut(), block) {
            // Two lists in a row would be read back as one.
            (Some(Block::List { ordered: before, items }), Block::List { ordered, items: more })
                if *before == ordered =>
            {
                items.extend(more);
                bound(items, limits.items, || vec![Block::Paragraph(MORE.to_owned())]);
            }
            (_, block) => blocks.push(block),
        }
    }
    blocks
}

fn read_one<'a>(node: Node<'a>, depth: usize, limits: &Limits) -> Option<Block> {
    let filled = |line: String| (!line.is_empty()).then_some(Block::Paragraph(line));
    let container = matches!(node.data().value, NodeValue::List(_) | NodeValue::BlockQuote);
    if container && depth == 0 {
        return filled(write(collect(node), Place::Line));
    }
    match &node.data().value {
        NodeValue::Paragraph => filled(write(collect(node), Place::Line)),
        NodeValue::Heading(_) => filled(write(bold(collect(node)), Place::Line)),
        NodeValue::CodeBlock(block) => code(&block.info, &block.literal, limits),
        NodeValue::BlockQuote => {
            let inner = read(node, depth - 1, limits);
            (!inner.is_empty()).then_some(Block::Quote(inner))
        }
        NodeValue::List(list) => {
            let mut items: Vec<Vec<Block>> =
                node.children().map(|item| read(item, depth - 1, limits)).filter(|item| !item.is_empty()).collect();
            bound(&mut items, limits.items, || vec![Block::Paragraph(MORE.to_owned())]);
            (!items.is_empty()).then_some(Block::List { ordered: list.list_type == ListType::Ordered, items })
        }
        NodeValue::Table(_) => {
            let cells = |row: Node<'a>| -> Vec<String> {
                row.children().take(limits.columns).map(|cell| write(collect(cell), Place::Cell)).collect()
            };
            let mut rows: Vec<Vec<String>> = node.children().map(cells).collect();
            bound(&mut rows, limits.rows, || vec![MORE.to_owned()]);
            (!rows.is_empty()).then_some(Block::Table(rows))
        }
        // HTML, footnotes, rules and whatever a later parser may know.
        _ => None,
    }
}

fn bold(runs: Vec<Run>) -> Vec<Run> {
    runs.into_iter().map(|(_, atom): (Style, Atom)| (Style::Bold, atom)).collect()
}

fn code(info: &str, literal: &str, limits: &Limits) -> Option<Block> {
    let mut lines: Vec<String> = without_hidden(literal).lines().map(code_line).collect();
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    bound(&mut lines, limits.code_lines, || MORE.to_owned());
    (!lines.is_empty()).then(|| Block::Code { language: language(info), lines })
}

/// A line of code that no robot takes for a command, nor a search for the start of a comment.
fn code_line(line: &str) -> String {
    let line = line.replace("<!--", "< !--");
    let mut start = line.chars();
    let command = start.next() == Some('/') && start.next().is_some_and(char::is_alphabetic);
    if command { format!(" {line}") } else { line }
}

/// The language, unless GitHub would draw something from it.
fn language(info: &str) -> String {
    let word = info.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    let plain = word.len() <= 20 && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'#' | b'-'));
    let drawn = ["geojson", "math", "mermaid", "stl", "suggestion", "topojson"].contains(&word.as_str());
    if plain && !drawn { word } else { String::new() }
}

/// At most `max` entries; the last one says that there were more.
fn bound<T>(entries: &mut Vec<T>, max: usize, more: impl FnOnce() -> T) {
    if entries.len() > max {
        entries.truncate(max.saturating_sub(1));
        entries.push(more());
    }
}

fn push_blocks(lines: &mut Vec<String>, blocks: &[Block]) {
    for (at, block) in blocks.iter().enumerate() {
        if at > 0 {
            lines.push(String::new());
        }
        push_block(lines, block);
    }
}

fn push_block(lines: &mut Vec<String>, block: &Block) {
    match block {
        Block::Paragraph(line) => lines.push(line.clone()),
        Block::Code { language, lines: content } => {
            let longest = content.iter().map(|line| longest_backticks(line)).max().unwrap_or(0);
            let fence = "`".repeat(longest.max(2) + 1);
            lines.push(format!("{fence}{language}"));
            lines.extend(content.iter().cloned());
            lines.push(fence);
        }
        Block::Quote(inner) => {
            let mut content = Vec::new();
            push_blocks(&mut content, inner);
            lines.extend(content.iter().map(|line| if line.is_empty() { ">".to_owned() } else { format!("> {line}") }));
        }
        Block::List { ordered, items } => {
            for (number, item) in (1_usize..).zip(items) {
                push_item(lines, &if *ordered { format!("{number}. ") } else { "- ".to_owned() }, item);
            }
        }
        Block::Table(rows) => push_table(lines, rows),
    }
}

fn push_item(lines: &mut Vec<String>, mark: &str, item: &[Block]) {
    let mut content = Vec::new();
    push_blocks(&mut content, item);
    let indent = " ".repeat(mark.len());
    for (at, line) in content.iter().enumerate() {
        lines.push(match (at, line.is_empty()) {
            (0, _) => format!("{mark}{line}"),
            (_, true) => String::new(),
            (_, false) => format!("{indent}{line}"),
        });
    }
}

fn push_table(lines: &mut Vec<String>, rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    for (at, row) in rows.iter().enumerate() {
        let cells: Vec<&str> = (0..columns).map(|c| row.get(c).map_or("", String::as_str)).collect();
        lines.push(format!("| {} |", cells.join(" | ")));
        if at == 0 {
            lines.push(format!("|{}", "---|".repeat(columns)));
        }
    }
}
