//! What a report may say beside findings, in passing: functions that this change made too long or too hard to read,
//! TODOs that it adds, code that it has twice. All of it is [`crate::Severity::Info`]: nothing here is a fault, so it is quiet: what
//! was so before is not told. Holds paths, lines, figures and names of functions; no other text of the source.

mod functions;

use serde::{Deserialize, Serialize};

pub use self::functions::{Base, wants_base};
use crate::clones::{CloneIndex, Duplicates};
use crate::lines::LineSet;
use crate::shape::Shape;

/// Cognitive complexity up to which a function goes unmentioned: SonarSource's default for most languages (rule S3776).
pub const COGNITIVE_LIMIT: u32 = 15;

/// Cyclomatic complexity that McCabe advises (1976), and NIST after him (Special Publication 500-235, 1996, section
/// 2.5). Told, and never a reason to speak: a long `switch` is above it, and easily read.
pub const CYCLOMATIC_ADVICE: u32 = 10;

/// Lines of code up to which a function goes unmentioned: the default of Sonar's rule S138 for Java and Python, and of
/// Clippy's `too_many_lines`.
pub const LENGTH_LIMIT: u32 = 100;

/// How much a function that was above a limit before must have grown, of that limit: a third. Ours: one more branch in
/// a function of sixty is not news.
pub const GROWTH_SHARE: u32 = 3;

/// Functions kept; the most complex.
pub const MAX_FUNCTION_NOTES: usize = 30;

/// Places of TODOs kept.
pub const MAX_TODO_PLACES: usize = 50;

/// A function above a limit that this change took it over, or well beyond.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionNote {
    /// As the caller named it.
    pub file_path: String,
    /// See [`crate::Function::name`]: untrusted, at most [`crate::MAX_NAME`] characters.
    pub name: String,
    /// From 1.
    pub first_line: u32,
    /// Inclusive.
    pub last_line: u32,
    /// What it is like now.
    pub now: Measures,
    /// What it was like before; `None` if it is new, or has a new name.
    pub before: Option<Measures>,
    /// Whether [`COGNITIVE_LIMIT`] is a reason for the note.
    pub is_complex: bool,
    /// Whether [`LENGTH_LIMIT`] is.
    pub is_long: bool,
}

/// A function's figures; see [`crate::shape`] for what they count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measures {
    pub code_lines: u32,
    pub cyclomatic: u32,
    pub cognitive: u32,
}

/// A line with a TODO that this change adds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TodoPlace {
    /// As the caller named it.
    pub file_path: String,
    /// From 1.
    pub line: u32,
    /// Whether the comment names an issue.
    pub is_tracked: bool,
}

/// What there is to say in passing about a pull request. Bounded, and without source text: it can be stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// The most complex first, at most [`MAX_FUNCTION_NOTES`].
    pub functions: Vec<FunctionNote>,
    /// Functions beyond those.
    pub more_functions: u32,
    /// TODO, FIXME, XXX and HACK added in comments that name no issue, all of them.
    pub todos: u32,
    /// Those that name one.
    pub tracked_todos: u32,
    /// Where they are: those without an issue first, then by path and line, at most [`MAX_TODO_PLACES`].
    pub todo_places: Vec<TodoPlace>,
    /// Code that is there twice.
    pub duplicates: Duplicates,
}

impl Notes {
    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty() && self.todos + self.tracked_todos == 0 && self.duplicates.found.is_empty()
    }
}

/// Takes notes of a pull request's files, one at a time; the text of a file is not needed after [`crate::inspect`].
#[derive(Debug, Default)]
pub struct NoteTaker {
    notes: Notes,
    clones: CloneIndex,
}

impl NoteTaker {
    /// One that compares at most so many tokens, of twelve bytes each, with each other.
    pub fn new(max_tokens: usize) -> Self {
        Self { notes: Notes::default(), clones: CloneIndex::new(max_tokens) }
    }

    /// Takes in a file at the head: its shape, its changed lines (`None`: all), and what it was like before.
    pub fn file(&mut self, path: &str, mut shape: Shape, base: Base<'_>, changed: Option<&LineSet>) {
        let notes = &mut self.notes;
        notes.functions.extend(functions::compare(path, shape.functions(), base, changed));
        notes.functions.sort_by(|a, b| {
            (b.now.cognitive, b.now.code_lines, &a.file_path, a.first_line).cmp(&(
                a.now.cognitive,
                a.now.code_lines,
                &b.file_path,
                b.first_line,
            ))
        });
        let more = notes.functions.len().saturating_sub(MAX_FUNCTION_NOTES);
        notes.functions.truncate(MAX_FUNCTION_NOTES);
        notes.more_functions += u32::try_from(more).unwrap_or(u32::MAX);
        for todo in shape.todos.iter().filter(|todo| changed.is_none_or(|lines| lines.contains(todo.line))) {
            *(if todo.tracked { &mut notes.tracked_todos } else { &mut notes.todos }) += 1;
            notes.todo_places.push(TodoPlace { file_path: path.to_owned(), line: todo.line, is_tracked: todo.tracked });
        }
        notes
            .todo_places
            .sort_by(|a, b| (a.is_tracked, &a.file_path, a.line).cmp(&(b.is_tracked, &b.file_path, b.line)));
        notes.todo_places.truncate(MAX_TODO_PLACES);
        self.clones.add(path, &mut shape, changed);
    }

    /// Compares the files with each other: seconds of work for two million tokens, so on a thread for it.
    pub fn finish(mut self) -> Notes {
        self.notes.duplicates = self.clones.finish();
        self.notes
    }
}

#[cfg(test)]
mod tests;
