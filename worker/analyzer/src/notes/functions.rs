//! Which functions a change made worse: the head's compared with those of the same name at the base. Pure; looks at
//! figures only.

use std::collections::{HashMap, HashSet};

use super::{COGNITIVE_LIMIT, FunctionNote, GROWTH_SHARE, LENGTH_LIMIT, Measures};
use crate::lines::LineSet;
use crate::shape::{Function, Shape};

/// What is known of a file before the change.
#[derive(Debug, Clone, Copy)]
pub enum Base<'s> {
    /// There was none: every function is new.
    Absent,
    /// There was one, that isn't known: only functions that are changed from their first line to their last are judged,
    /// as new ones.
    Unknown,
    /// It had these functions.
    Known(&'s Shape),
}

/// Whether the file's state before the change is worth fetching: some function of the head that has changed lines is
/// above a limit.
pub fn wants_base(head: &Shape, changed: Option<&LineSet>) -> bool {
    head.functions().iter().any(|f| is_judged(f, changed) && (is_complex(f) || is_long(f)))
}

/// The functions of one file that are worth a note.
pub(super) fn compare(path: &str, head: &[Function], base: Base<'_>, changed: Option<&LineSet>) -> Vec<FunctionNote> {
    let counterparts = match base {
        Base::Known(shape) => counterparts(head, shape.functions()),
        Base::Absent | Base::Unknown => vec![None; head.len()],
    };
    let mut notes: Vec<(usize, FunctionNote)> = Vec::new();
    for (index, (now, before)) in head.iter().zip(counterparts).enumerate() {
        if !is_judged(now, changed) || before.is_some_and(|before| before.is_guess) {
            continue;
        }
        if matches!(base, Base::Unknown) && !is_all_changed(now, changed) {
            continue;
        }
        let grew = |limit: u32, figure: fn(&Function) -> u32| match before.map(figure) {
            Some(before) if before > limit => figure(now).saturating_sub(before) * GROWTH_SHARE >= limit,
            _ => true,
        };
        let complex = is_complex(now) && grew(COGNITIVE_LIMIT, |f| f.cognitive);
        let long = is_long(now) && grew(LENGTH_LIMIT, |f| f.code_lines);
        if complex || long {
            let note = FunctionNote {
                file_path: path.to_owned(),
                name: now.name.clone(),
                first_line: now.first_line,
                last_line: now.last_line,
                now: measures(now),
                before: before.map(measures),
                is_complex: complex,
                is_long: long,
            };
            notes.push((index, note));
        }
    }
    // What is hard to read within another function is told there, not of both.
    let mut around = HashSet::new();
    for (index, _) in notes.iter().filter(|(_, note)| note.is_complex) {
        let mut at = head[*index].within;
        while let Some(outer) = at.filter(|outer| around.insert(*outer)) {
            at = head[outer].within;
        }
    }
    notes.retain_mut(|(index, note)| {
        note.is_complex &= head[*index].own_cognitive > COGNITIVE_LIMIT || !around.contains(index);
        note.is_complex || note.is_long
    });
    notes.into_iter().map(|(_, note)| note).collect()
}

fn is_complex(function: &Function) -> bool {
    function.cognitive > COGNITIVE_LIMIT
}

fn is_long(function: &Function) -> bool {
    function.code_lines > LENGTH_LIMIT
}

fn is_judged(function: &Function, changed: Option<&LineSet>) -> bool {
    let lines = function.first_line..=function.last_line;
    !function.is_test && !function.is_guess && changed.is_none_or(|changed| changed.intersects(lines))
}

fn is_all_changed(function: &Function, changed: Option<&LineSet>) -> bool {
    changed.is_none_or(|changed| {
        changed.ranges().any(|range| range.contains(&function.first_line) && range.contains(&function.last_line))
    })
}

fn measures(function: &Function) -> Measures {
    Measures { code_lines: function.code_lines, cyclomatic: function.cyclomatic, cognitive: function.cognitive }
}

/// For each function of the head the one of the base that it was: of the same name and as many parameters, else of the
/// same name alone; among several, in their order.
fn counterparts<'b>(head: &[Function], base: &'b [Function]) -> Vec<Option<&'b Function>> {
    let mut found: Vec<Option<&Function>> = vec![None; head.len()];
    let mut taken = vec![false; base.len()];
    let exact = |f: &Function| Some(f.parameters);
    let alike = |_: &Function| None;
    for key in [exact as fn(&Function) -> Option<u32>, alike] {
        let mut waiting: HashMap<(&str, Option<u32>), Vec<usize>> = HashMap::new();
        for (index, function) in base.iter().enumerate().rev().filter(|(index, _)| !taken[*index]) {
            waiting.entry((&function.name, key(function))).or_default().push(index);
        }
        for (slot, function) in found.iter_mut().zip(head).filter(|(slot, _)| slot.is_none()) {
            if let Some(index) = waiting.get_mut(&(function.name.as_str(), key(function))).and_then(Vec::pop) {
                taken[index] = true;
                *slot = base.get(index);
            }
        }
    }
    found
}
