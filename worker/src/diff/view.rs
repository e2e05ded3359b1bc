//! The diff as a model reads it: hunks with the line numbers of the head, the most relevant files first, as much as there
//! is room for, and what was left out by name.

use eco_coder_analyzer::{Language, Severity};
use eco_coder_github::patch::{self, Hunk};

use super::{Diff, Patch, Unshown};

/// Lines around a change that are shown.
const CONTEXT: usize = 2;
/// Lines that are shown of a run of removed ones.
const MAX_REMOVED: usize = 20;
/// The longest line that is shown whole, characters.
const MAX_LINE: usize = 300;
/// Files that are named in one list; the others are counted.
const MAX_NAMED: usize = 30;
/// The longest name in a list, characters.
const MAX_NAME: usize = 160;

/// A line of a hunk.
#[derive(Debug, Clone, Copy)]
pub struct HunkLine<'a> {
    /// ` `, `+` or `-`.
    pub sign: char,
    /// In the new file; of a removed line, the one that follows it there.
    pub number: u32,
    /// Without the sign.
    pub text: &'a str,
}

/// The lines of a hunk, in order.
pub fn lines<'a>(hunk: &Hunk<'a>) -> impl Iterator<Item = HunkLine<'a>> + use<'a> {
    let mut next = hunk.new.start.max(1) + u32::from(hunk.new.count == 0 && hunk.new.start > 0);
    hunk.text.split('\n').skip(1).filter(|line| !line.starts_with('\\')).map(move |line| {
        let (sign, text) = match line.chars().next() {
            Some(sign @ ('+' | '-' | ' ')) => (sign, &line[1..]),
            _ => (' ', line),
        };
        let number = next;
        next = next.saturating_add(u32::from(sign != '-'));
        HunkLine { sign, number, text }
    })
}

/// A rough count of the tokens of source text: three bytes each.
pub fn tokens(text: &str) -> u64 {
    text.len().div_ceil(3) as u64
}

/// A pull request's changes, for a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// The hunks.
    pub text: String,
    /// What isn't in it, in words: an empty text if nothing is left out.
    pub left_out: String,
    /// The patches that are in it, the last one maybe in part: path and digest.
    pub shown: Vec<(String, String)>,
}

/// What decides which files come first.
pub trait Relevance {
    /// The heaviest finding in the file.
    fn heaviest(&self, path: &str) -> Option<Severity>;
    /// Is there nothing new in it since the model looked last?
    fn is_known(&self, patch: &Patch) -> bool;
}

/// As much of the diff as `budget` tokens hold.
pub fn view(diff: &Diff, relevance: &impl Relevance, budget: u64) -> View {
    let (known, mut patches): (Vec<&Patch>, Vec<&Patch>) =
        diff.patches().iter().partition(|patch| relevance.is_known(patch));
    patches.sort_by_cached_key(|patch| (std::cmp::Reverse(relevance.heaviest(&patch.path)), kind(&patch.path)));
    let mut view = View::default();
    let mut no_room = Vec::new();
    for patch in patches {
        let Shown { text, next } = shown(patch, 1, budget.saturating_sub(tokens(&view.text)));
        if !text.is_empty() {
            view.shown.push((patch.path.clone(), patch.digest.clone()));
        }
        if next.is_some() {
            no_room.push(patch);
        }
        view.text.push_str(&text);
    }
    let counted = |patch: &&Patch| format!("{} (+{})", name(&patch.path), patch.added);
    for (why, names) in [
        ("No room for all of (read_changes shows it)", no_room.iter().map(counted).collect()),
        ("Unchanged since you reviewed it last", known.iter().map(counted).collect()),
        ("Too large to be shown", diff.unshown(Unshown::TooLarge).into_iter().map(name).collect()),
        (
            "Not shown: generated, vendored or a lock file",
            diff.unshown(Unshown::Program).into_iter().map(name).collect(),
        ),
    ] {
        view.left_out.push_str(&listed(why, names));
    }
    view
}

/// What a file is, the most relevant kind first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Code,
    Other,
    Test,
}

fn kind(path: &str) -> Kind {
    let lower = path.to_ascii_lowercase();
    let is_test = lower.split(['/', '.', '_', '-']).any(|part| matches!(part, "test" | "tests" | "spec" | "specs"));
    match Language::of_path(path) {
        _ if is_test => Kind::Test,
        Some(_) => Kind::Code,
        None => Kind::Other,
    }
}

/// A part of a file's changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The hunks.
    pub text: String,
    /// The line of the head at which there is more; `None`: this is all.
    pub next: Option<u32>,
}

/// The hunks of a file from line `from` of the head on, as many lines as `budget` tokens hold.
pub fn shown(patch: &Patch, from: u32, budget: u64) -> Shown {
    let text = patch.text();
    let hunks = patch::hunks(&text).unwrap_or_default();
    let mut out = format!("=== {} (+{})\n", quoted(&patch.path), patch.added);
    let empty = out.len();
    for hunk in &hunks {
        let mut begun = false;
        for (number, line) in written(hunk, from) {
            let mark = if begun { "" } else { "@\n" };
            if tokens(&out) + tokens(mark) + tokens(&line) > budget {
                let text = if out.len() == empty { String::new() } else { out };
                return Shown { text, next: Some(number) };
            }
            begun = true;
            out.push_str(mark);
            out.push_str(&line);
        }
    }
    Shown { text: if out.len() == empty { String::new() } else { out }, next: None }
}

/// The lines of a hunk that are shown, each with its number: `12+added`, `13 context`, `-removed`.
fn written(hunk: &Hunk<'_>, from: u32) -> Vec<(u32, String)> {
    let lines: Vec<HunkLine<'_>> = lines(hunk).filter(|line| line.number >= from).collect();
    let mut near = vec![false; lines.len()];
    for at in (0..lines.len()).filter(|at| lines[*at].sign != ' ') {
        let end = (at + CONTEXT + 1).min(lines.len());
        near[at.saturating_sub(CONTEXT)..end].fill(true);
    }
    let mut out = Vec::new();
    let mut removed = 0;
    for (line, _) in lines.iter().zip(near).filter(|(_, near)| *near) {
        if line.sign == '-' {
            removed += 1;
            if removed <= MAX_REMOVED {
                out.push((line.number, format!("-{}\n", cut(line.text))));
            }
            continue;
        }
        if removed > MAX_REMOVED {
            out.push((line.number, format!("-... {} more lines removed\n", removed - MAX_REMOVED)));
        }
        removed = 0;
        out.push((line.number, format!("{}{}{}\n", line.number, line.sign, cut(line.text))));
    }
    if removed > MAX_REMOVED {
        let number = lines.last().map_or(from, |line| line.number);
        out.push((number, format!("-... {} more lines removed\n", removed - MAX_REMOVED)));
    }
    out
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_LINE) {
        Some((end, _)) => format!("{}... (cut)", &text[..end]),
        None => text.to_owned(),
    }
}

fn listed(why: &str, mut names: Vec<String>) -> String {
    if names.is_empty() {
        return String::new();
    }
    if names.len() > MAX_NAMED {
        let more = format!("and {} more", names.len() - MAX_NAMED);
        names.truncate(MAX_NAMED);
        names.push(more);
    }
    format!("{why}: {}\n", names.join(", "))
}

/// A path in a list.
pub fn name(path: &str) -> String {
    let short: String = path.chars().take(MAX_NAME).collect();
    quoted(&short)
}

/// A path as it is, if there is nothing odd in it; otherwise as JSON writes it. A model names it without the quotes.
pub fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@[]() ".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { serde_json::Value::from(path).to_string() }
}
