//! What is said in passing, folded: functions that became too long or too hard to read, copies, TODOs. No severity and no title,
//! because none of it is a fault.

use eco_coder_analyzer::{COGNITIVE_LIMIT, CopyPlace, FunctionNote, LENGTH_LIMIT, Notes};

use super::findings::place_of;
use super::{MAX_NAME, fold, numbers};
use crate::publish::sanitize;
use crate::report::Report;

/// Lines of each kind.
const MAX_LINES: usize = 10;

/// The folded part; none if there is nothing to say.
pub(super) fn section(report: &Report) -> Option<String> {
    let notes = &report.quality.present()?.notes;
    if notes.is_empty() {
        return None;
    }
    let functions = notes.functions.len() + notes.more_functions as usize;
    let copies = notes.duplicates.found.len() + notes.duplicates.more as usize;
    let todos = (notes.todos + notes.tracked_todos) as usize;
    let parts = [
        (functions, "long or tangled function", "long or tangled functions"),
        (copies, "copy", "copies"),
        (todos, "TODO", "TODOs"),
    ];
    let told =
        parts.iter().filter(|(count, ..)| *count > 0).map(|(count, one, many)| numbers::count(*count, one, many));
    let summary = format!("In passing: {}", told.collect::<Vec<_>>().join(", "));
    let mut lines: Vec<String> = notes.functions.iter().take(MAX_LINES).map(function).collect();
    lines.extend(more(functions, "function", "functions"));
    lines.extend(notes.duplicates.found.iter().take(MAX_LINES).map(|copy| {
        let places: Vec<String> = copy.places.iter().take(3).map(place).collect();
        let others = copy.places.len().saturating_sub(3) + copy.more_places as usize;
        let others = if others > 0 { format!(" and {others} more") } else { String::new() };
        format!("- The same {} lines: {}{others}", copy.lines, places.join(", "))
    }));
    lines.extend(more(copies, "copy", "copies"));
    lines.extend(marks(notes));
    Some(fold(&summary, &lines.join("\n")))
}

fn more(all: usize, one: &str, many: &str) -> Option<String> {
    let left = all.saturating_sub(MAX_LINES);
    (left > 0).then(|| format!("- and {} more", numbers::count(left, one, many)))
}

/// `` `shop/orders.py` lines 3-90, `total()`: cognitive complexity 24 (was 11; 15 is much), 70 lines of code ``
fn function(note: &FunctionNote) -> String {
    let mut said = Vec::new();
    let before = |figure: Option<u32>| figure.map(|was| format!("was {was}; ")).unwrap_or_default();
    if note.is_complex {
        let was = before(note.before.map(|before| before.cognitive));
        said.push(format!(
            "cognitive complexity {} ({was}{COGNITIVE_LIMIT} is much), cyclomatic {}",
            note.now.cognitive, note.now.cyclomatic
        ));
    }
    if note.is_long {
        let was = before(note.before.map(|before| before.code_lines));
        said.push(format!("{} lines of code ({was}{LENGTH_LIMIT} is much)", note.now.code_lines));
    }
    let name = sanitize::code(&note.name, MAX_NAME);
    format!("- {}, {name}: {}", place_of(&note.file_path, note.first_line, note.last_line), said.join(", "))
}

fn place(place: &CopyPlace) -> String {
    place_of(&place.file_path, place.first_line, place.last_line)
}

fn marks(notes: &Notes) -> Option<String> {
    let all = (notes.todos + notes.tracked_todos) as usize;
    if all == 0 {
        return None;
    }
    let shown = notes.todo_places.iter().take(5).map(|todo| place_of(&todo.file_path, todo.line, todo.line));
    let mut line = format!("- {} added", numbers::count(all, "TODO or the like", "TODOs or the like"));
    if notes.todos > 0 {
        line = format!("{line}, {} without an issue", numbers::grouped(notes.todos.into()));
    }
    line = format!("{line}: {}", shown.collect::<Vec<_>>().join(", "));
    if all > 5 {
        line.push_str(" and others");
    }
    Some(line)
}
