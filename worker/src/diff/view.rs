//! The diff as a model reads it: hunks with the line numbers of the head, the most relevant files first, as much as there
//! is room for, and what was left out by name.

use eco_coder_analyzer::{Language, Severity, Skipped, skip_path};
use eco_coder_github::patch::{self, Hunk};

use super::{Diff, Patch};

/// Lines around a change that are shown.
const CONTEXT: usize = 2;
/// The longest line that is shown whole, characters.
const MAX_LINE: usize = 300;
/// Files that are named among those left out; the others are counted.
const MAX_NAMED: usize = 100;

/// A line of a hunk.
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

/// A rough count of the tokens of source text, on the high side: three bytes each.
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
    /// The patches that are in it whole: path and digest.
    pub whole: Vec<(String, String)>,
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
    let mut patches: Vec<&Patch> = diff.patches().iter().collect();
    patches.sort_by_cached_key(|patch| (std::cmp::Reverse(relevance.heaviest(&patch.path)), kind(&patch.path)));
    let mut view = View::default();
    let (mut known, mut programs, mut no_room) = (Vec::new(), Vec::new(), Vec::new());
    for patch in patches {
        if relevance.is_known(patch) {
            known.push(patch);
        } else if kind(&patch.path) == Kind::Program {
            programs.push(patch);
        } else {
            let left = budget.saturating_sub(tokens(&view.text));
            let (text, whole) = shown(patch, 1, left);
            view.text.push_str(&text);
            if whole {
                view.whole.push((patch.path.clone(), patch.digest.clone()));
            } else {
                no_room.push(patch);
            }
        }
    }
    for (why, patches) in [
        ("No room for all of (read_changes shows it)", no_room),
        ("Unchanged since you reviewed it last", known),
        ("Not shown: generated, vendored or a lock file", programs),
    ] {
        view.left_out.push_str(&named(why, &patches));
    }
    view
}

/// What a file is, the most relevant kind first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Code,
    Other,
    Test,
    Program,
}

fn kind(path: &str) -> Kind {
    match skip_path(path) {
        Some(Skipped::Generated(_) | Skipped::Vendored | Skipped::Binary) => return Kind::Program,
        _ => {}
    }
    let lower = path.to_ascii_lowercase();
    let is_test = lower.split(['/', '.', '_', '-']).any(|part| matches!(part, "test" | "tests" | "spec" | "specs"));
    match Language::of_path(path) {
        _ if is_test => Kind::Test,
        Some(_) => Kind::Code,
        None => Kind::Other,
    }
}

/// The hunks of a file from line `from` of the head on, as many as `budget` tokens hold; and whether these are all.
pub fn shown(patch: &Patch, from: u32, budget: u64) -> (String, bool) {
    let text = patch.text();
    let hunks = patch::hunks(&text).unwrap_or_default();
    let mut out = format!("=== {} (+{})\n", quoted(&patch.path), patch.added);
    let empty = out.len();
    let mut whole = true;
    for hunk in &hunks {
        let mut part = String::new();
        write_hunk(hunk, from, &mut part);
        if tokens(&out) + tokens(&part) <= budget {
            out.push_str(&part);
            continue;
        }
        whole = false;
        // As many lines of it as there is room for.
        let room = usize::try_from(budget.saturating_sub(tokens(&out)).saturating_mul(3)).unwrap_or(usize::MAX);
        let end = part.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= room).last();
        let end = end.and_then(|end| part[..end].rfind('\n')).map_or(0, |at| at + 1);
        out.push_str(&part[..end]);
        break;
    }
    if out.len() == empty {
        return (String::new(), whole && from > 1);
    }
    (out, whole)
}

/// `12+added`, `13 context`, `-removed`; between parts that don't follow each other, a line `@`.
fn write_hunk(hunk: &Hunk<'_>, from: u32, out: &mut String) {
    let lines: Vec<HunkLine<'_>> = lines(hunk).filter(|line| line.number >= from).collect();
    let mut near = vec![false; lines.len()];
    for at in (0..lines.len()).filter(|at| lines[*at].sign != ' ') {
        let end = (at + CONTEXT + 1).min(lines.len());
        near[at.saturating_sub(CONTEXT)..end].fill(true);
    }
    if !near.contains(&true) {
        return;
    }
    out.push_str("@\n");
    for (line, _) in lines.iter().zip(near).filter(|(_, near)| *near) {
        let mut text: String = line.text.chars().take(MAX_LINE).collect();
        if text.len() < line.text.len() {
            text.push_str("... (cut)");
        }
        match line.sign {
            '-' => out.push_str(&format!("-{text}\n")),
            sign => out.push_str(&format!("{}{sign}{text}\n", line.number)),
        }
    }
}

fn named(why: &str, patches: &[&Patch]) -> String {
    if patches.is_empty() {
        return String::new();
    }
    let name = |patch: &&Patch| format!("{} (+{})", quoted(&patch.path), patch.added);
    let mut names: Vec<String> = patches.iter().take(MAX_NAMED).map(name).collect();
    if patches.len() > MAX_NAMED {
        names.push(format!("and {} more", patches.len() - MAX_NAMED));
    }
    format!("{why}: {}\n", names.join(", "))
}

/// A path as it is, if there is nothing odd in it; otherwise as JSON writes it. A model names it without the quotes.
pub fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@[]() ".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { serde_json::Value::from(path).to_string() }
}
